using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace DeepSeek.Reference.Verification;

/// <summary>Sums of binary32 values in binary64, eight at a time.</summary>
internal static class WideSums
{
    /// <summary>Σ a b and Σ |a b|.</summary>
    public static (double Sum, double Magnitude) Dot(ReadOnlySpan<double> a, ReadOnlySpan<float> b)
    {
        ref double ra = ref MemoryMarshal.GetReference(a);
        ref float rb = ref MemoryMarshal.GetReference(b);
        Vector512<double> sum = Vector512<double>.Zero, magnitude = sum;
        int k = 0;
        for (; k + 8 <= b.Length; k += 8)
        {
            Vector512<double> p = Vector512.LoadUnsafe(ref ra, (nuint)k) * Wide(ref rb, k);
            sum += p;
            magnitude += Vector512.Abs(p);
        }

        (double s, double m) = (Vector512.Sum(sum), Vector512.Sum(magnitude));
        for (; k < b.Length; k++)
        {
            s += a[k] * b[k];
            m += Math.Abs(a[k] * b[k]);
        }

        return (s, m);
    }

    /// <summary>Adds p v to sums, p |v| to magnitudes, off |v| to errors and |v| to sizes, element by element.</summary>
    public static void Add(double p, double off, ReadOnlySpan<float> v, Span<double> sums, Span<double> magnitudes, Span<double> errors, Span<double> sizes)
    {
        ref float rv = ref MemoryMarshal.GetReference(v);
        int k = 0;
        for (; k + 8 <= v.Length; k += 8)
        {
            Vector512<double> x = Wide(ref rv, k), size = Vector512.Abs(x);
            Accumulate(sums, k, x * p);
            Accumulate(magnitudes, k, size * p);
            Accumulate(errors, k, size * off);
            Accumulate(sizes, k, size);
        }

        for (; k < v.Length; k++)
        {
            double size = Math.Abs((double)v[k]);
            sums[k] += v[k] * p;
            magnitudes[k] += size * p;
            errors[k] += size * off;
            sizes[k] += size;
        }
    }

    private static void Accumulate(Span<double> to, int k, Vector512<double> x)
    {
        ref double at = ref MemoryMarshal.GetReference(to);
        (Vector512.LoadUnsafe(ref at, (nuint)k) + x).StoreUnsafe(ref at, (nuint)k);
    }

    private static Vector512<double> Wide(ref float from, int k)
    {
        Vector256<float> x = Vector256.LoadUnsafe(ref from, (nuint)k);
        return Vector512.Create(Vector256.WidenLower(x), Vector256.WidenUpper(x));
    }
}
