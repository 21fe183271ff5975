using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace DeepSeek.Reference.Verification;

/// <summary>What a bound needs to know of a chain of fused sums, for eight columns at once.</summary>
/// <remarks>
/// <code>
/// Sum        Σ a b                                  binary64; a product of two binary32 numbers is exact there
/// Magnitude  Σ |a b|
/// Up, Down   Σ of the fused sums above zero, and of those below with their sign changed
/// Largest    the largest power of two by which a product is aligned
/// </code>
/// </remarks>
internal struct ChainSums
{
    public Vector512<double> Sum;
    public Vector512<double> Magnitude;
    public Vector512<double> Up;
    public Vector512<double> Down;
    public Vector512<double> Largest;
}

/// <summary>Eight columns of the right operand side by side, so that one load serves a register of outputs.</summary>
internal sealed class ProductPanel
{
    /// <summary>Columns of a panel.</summary>
    public const int Columns = 8;

    private readonly int leastExponent;
    private readonly double[] values;
    private readonly double[] powers;

    public ProductPanel(int K, bool aligned, int leastExponent)
    {
        this.leastExponent = leastExponent;
        values = new double[(long)K * Columns];
        powers = aligned ? new double[(long)K * Columns] : [];
    }

    /// <summary>Puts a column in its lane.</summary>
    public void Fill(ReadOnlySpan<float> column, int lane)
    {
        for (int k = 0; k < column.Length; k++)
            values[k * Columns + lane] = column[k];
        for (int k = 0; powers.Length > 0 && k < column.Length; k++)
            powers[k * Columns + lane] = ProductOperands.PowerOf(column[k], leastExponent);
    }

    /// <summary>Adds the sums and magnitudes of elements from ... to - 1 of a row.</summary>
    public void Add(ReadOnlySpan<double> row, int from, int to, ref ChainSums chain)
    {
        ref double b = ref MemoryMarshal.GetArrayDataReference(values);
        Vector512<double> sum = chain.Sum, magnitude = chain.Magnitude;
        for (int k = from; k < to; k++)
        {
            Vector512<double> p = Vector512.Create(row[k]) * Vector512.LoadUnsafe(ref b, (nuint)(k * Columns));
            sum += p;
            magnitude += Vector512.Abs(p);
        }

        (chain.Sum, chain.Magnitude) = (sum, magnitude);
    }

    /// <summary>Adds elements from ... to - 1 of a row in fused sums of <paramref name="length"/>, all times the scale.</summary>
    public void AddFused(ReadOnlySpan<double> row, ReadOnlySpan<double> rowPowers, int from, int to, int length, Vector512<double> scale, ref ChainSums chain)
    {
        ref double b = ref MemoryMarshal.GetArrayDataReference(values);
        ref double e = ref MemoryMarshal.GetArrayDataReference(powers);
        Vector512<double> magnitude = Vector512<double>.Zero, largest = Vector512<double>.Zero, absolute = Vector512.Abs(scale);
        for (int k = from; k < to;)
        {
            int end = Math.Min(k + length, to);
            Vector512<double> sum = Vector512<double>.Zero;
            for (; k < end; k++)
            {
                nuint at = (nuint)(k * Columns);
                Vector512<double> p = Vector512.Create(row[k]) * Vector512.LoadUnsafe(ref b, at);
                sum += p;
                magnitude += Vector512.Abs(p);
                largest = Vector512.MaxNative(largest, Vector512.Create(rowPowers[k]) * Vector512.LoadUnsafe(ref e, at));
            }

            sum *= scale;
            chain.Sum += sum;
            chain.Up += Vector512.Max(sum, Vector512<double>.Zero);
            chain.Down += Vector512.Max(-sum, Vector512<double>.Zero);
        }

        chain.Magnitude += magnitude * absolute;
        chain.Largest = Vector512.MaxNative(chain.Largest, largest * absolute);
    }
}
