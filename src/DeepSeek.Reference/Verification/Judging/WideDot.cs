using System.Numerics;

namespace DeepSeek.Reference.Verification;

/// <summary>Sums in binary64 whose order has no meaning: what statistics need, never a result.</summary>
internal static class WideDot
{
    /// <summary>Σ a b.</summary>
    public static double Of(ReadOnlySpan<float> a, ReadOnlySpan<double> b)
    {
        int width = Vector<double>.Count;
        Vector<double> low = Vector<double>.Zero, high = low;
        int k = 0;
        for (; k <= a.Length - 2 * width; k += 2 * width)
        {
            Vector.Widen(new Vector<float>(a[k..]), out Vector<double> x, out Vector<double> y);
            low += x * new Vector<double>(b[k..]);
            high += y * new Vector<double>(b[(k + width)..]);
        }

        double sum = Vector.Sum(low + high);
        for (; k < a.Length; k++)
            sum += a[k] * b[k];
        return sum;
    }

    /// <summary>sum_k = sum_k + factor · a_k.</summary>
    public static void Add(ReadOnlySpan<float> a, double factor, Span<double> sum)
    {
        int width = Vector<double>.Count;
        int k = 0;
        for (; k <= a.Length - 2 * width; k += 2 * width)
        {
            Vector.Widen(new Vector<float>(a[k..]), out Vector<double> x, out Vector<double> y);
            (new Vector<double>(sum[k..]) + x * factor).CopyTo(sum[k..]);
            (new Vector<double>(sum[(k + width)..]) + y * factor).CopyTo(sum[(k + width)..]);
        }

        for (; k < a.Length; k++)
            sum[k] += factor * a[k];
    }

    /// <summary>Σ a².</summary>
    public static double Squares(ReadOnlySpan<float> a)
    {
        int width = Vector<double>.Count;
        Vector<double> low = Vector<double>.Zero, high = low;
        int k = 0;
        for (; k <= a.Length - 2 * width; k += 2 * width)
        {
            Vector.Widen(new Vector<float>(a[k..]), out Vector<double> x, out Vector<double> y);
            low += x * x;
            high += y * y;
        }

        double sum = Vector.Sum(low + high);
        for (; k < a.Length; k++)
            sum += (double)a[k] * a[k];
        return sum;
    }
}
