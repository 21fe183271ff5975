using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.TensorCores;

namespace DeepSeek.Reference.Ops;

/// <summary>Any matrix unit's chain on E4M3 (rule N20) whose constants fit, with scales inside the sum or without, for columns of outputs at once.</summary>
/// <remarks>
/// <code>
/// E = max(max_k (ea_k + eb_k) + s, exponent of c)          s: the exponents of both scales, the same for all products of a sum
/// H = trunc(c · 2^(F-E)) + Σ_(first half) trunc(a_k · (b_k · 2^(F+s-E)))
/// S = Σ_(second half) trunc(a_k · (b_k · 2^(F+s-E)))
/// d = trunc_24(H + S) · 2^(E-F), cut to the output's bits
/// </code>
/// A product has 8 significant bits at most and is below 225/64 of its exponent's power, so that every step is exact or cuts where the unit cuts, as long as half a sum
/// stays inside 32 bits; H + S is added in binary64. A scale never meets a value: it moves F - E, which zeros, held as 2^-60, survive at any of its clamped values.
/// F - 126 ≤ E ≤ 127 keeps both powers of two and every result normal, and zeros, counted as EZ below that, without effect.
/// Operands that the unit widens, and elements whose order is not that of k, come from the panel so (<see cref="ScaledPanel"/>).
/// A lane whose E lies elsewhere (scales near 2^±127; infinities) has that one sum done by the definition, unless all its terms are +0 or products of zeros: that is +0.
/// </remarks>
internal sealed unsafe class UnitSum
{
    private const int Bias = 127;
    private const int Columns = ScaledPanel.Columns;
    private const int Depth = ScaledPanel.Depth;
    private const int Rows = 4;

    /// <summary>Any E above is an infinity's, or leads to sums that may not be finite.</summary>
    private const int Highest = 127;

    // Below any exponent, so that a sum without products takes that of c.
    private const int Absent = -1000;

    // A product scaled by this much is cut to nothing.
    private const int LeastScaling = -32;

    private readonly int K;
    private readonly int L;
    private readonly int F;
    private readonly int lowest;

    // Least exponent of a product of E4M3 numbers that is not zero.
    private readonly int leastProduct;
    private readonly int outputMask;
    private readonly TensorCore sum;

    /// <param name="unit">A unit that <see cref="Fits"/>.</param>
    public UnitSum(TensorCore unit)
    {
        (K, L, F) = (unit.K, unit.FusedLength, unit.FractionBits);
        lowest = Lowest(F);
        outputMask = -1 << (ElementFormat.F32.FractionBits - unit.OutputFractionBits);
        leastProduct = unit.WidensTo is null ? -12 : -18;
        sum = unit with { K = L, ScaleBlock = L, Order = FusedOrder.Consecutive };
    }

    /// <summary>Whether the twin is the unit's.</summary>
    public static bool Fits(TensorCore unit) =>
        ScaledProduct.Takes(unit) && unit.Alignment == AlignmentRounding.TowardZero && unit.Rounding == OutputRounding.TowardZero
        && unit.Entry == AccumulatorEntry.InTheSum && (unit.Order == FusedOrder.Consecutive || unit.K == ScaledPanel.Pairs) && !unit.NormalisesProducts && !unit.FlushesSubnormals && (unit.WidensTo is null || unit.WidensTo.MinExponent <= -9)
        && unit.FusedLength is 2 or 4 or 8 or 16 or 32 or 64 or 128 && unit.K is > 0 and <= Depth && unit.K % unit.FusedLength == 0
        && unit.FractionBits is >= 6 and <= 28 && (unit.FusedLength / 2 * 225L + 2 * 64) << unit.FractionBits < 64L << 31
        && unit.OutputFractionBits is >= 0 and <= 23 && unit.ZeroExponent < Lowest(unit.FractionBits)
        && unit.ScaleBlock >= 0 && (unit.ScaleBlock == 0 || unit.K % unit.ScaleBlock == 0);

    // F - E then is the exponent of a normal number, and 2^(E - F) the least of them.
    private static int Lowest(int fractionBits) => fractionBits + 1 - Bias;

    /// <summary>d [rows, 32] after elements 0 ... count - 1 of rows of x and a panel, both padded with zeros to whole instructions. Scales are exponents, one a row and one a column.</summary>
    public void Add<V>(float* a, sbyte* ea, int* scalesOfA, float* b, sbyte* eb, int* scalesOfB, int count, int rows, float* d) where V : struct, IColumnLanes<V>
    {
        sbyte* largest = stackalloc sbyte[Rows * Columns];
        int whole = (count + K - 1) / K * K;
        for (int t = 0; t < rows;)
        {
            int together = rows - t >= Rows ? Rows : 1;
            for (int k = 0; k < whole; k += L)
            {
                Largest(ea + t * Depth + k, eb + k * Columns, together, largest);
                for (int n = 0; n < Columns; n += V.Count)
                {
                    float* at = a + t * Depth + k, bn = b + k * Columns + n, dn = d + t * Columns + n;
                    if (together == Rows && Four<V>(at, scalesOfA + t, bn, scalesOfB + n, largest + n, dn))
                        continue;
                    for (int i = 0; i < together; i++)
                        One<V>(at + i * Depth, scalesOfA[t + i], bn, scalesOfB + n, largest + i * Columns + n, dn + i * Columns);
                }
            }

            t += together;
        }
    }

    /// <summary>The largest exponent of the products of a sum, before scales.</summary>
    private void Largest(sbyte* ea, sbyte* eb, int rows, sbyte* largest)
    {
        for (int i = 0; i < rows; i++, ea += Depth)
        {
            Vector256<sbyte> m = Vector256.Create(sbyte.MinValue);
            for (nint j = 0; j < L; j++)
                m = Vector256.Max(m, Vector256.Load(eb + j * Columns) + Vector256.Create(ea[j]));
            m.Store(largest + i * Columns);
        }
    }

    /// <summary>One sum of four rows and a register of columns; false, and nothing done, where a lane needs the definition.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool Four<V>(float* a, int* scalesOfA, float* b, int* scalesOfB, sbyte* largest, float* d) where V : struct, IColumnLanes<V>
    {
        float* d1 = d + Columns, d2 = d1 + Columns, d3 = d2 + Columns;
        V sb = V.Load((float*)scalesOfB);
        (V E0, V q0, V f0) = Exponents<V>(largest, scalesOfA[0], sb, V.Load(d));
        (V E1, V q1, V f1) = Exponents<V>(largest + Columns, scalesOfA[1], sb, V.Load(d1));
        (V E2, V q2, V f2) = Exponents<V>(largest + 2 * Columns, scalesOfA[2], sb, V.Load(d2));
        (V E3, V q3, V f3) = Exponents<V>(largest + 3 * Columns, scalesOfA[3], sb, V.Load(d3));
        if (!V.All(V.And(V.And(f0, f1), V.And(f2, f3))))
            return false;

        V S0 = Accumulator(V.Load(d), E0), S1 = Accumulator(V.Load(d1), E1), S2 = Accumulator(V.Load(d2), E2), S3 = Accumulator(V.Load(d3), E3);
        V H0 = S0, H1 = S1, H2 = S2, H3 = S3;
        int half = L / 2;
        for (int part = 0; part < 2; part++)
        {
            for (nint j = part * half; j < (part + 1) * half; j++)
            {
                V bj = V.Load(b + j * Columns);
                S0 = V.AddIntegers(S0, V.Truncate(V.AddIntegers(bj, q0) * V.Of(a[j])));
                S1 = V.AddIntegers(S1, V.Truncate(V.AddIntegers(bj, q1) * V.Of(a[j + Depth])));
                S2 = V.AddIntegers(S2, V.Truncate(V.AddIntegers(bj, q2) * V.Of(a[j + 2 * Depth])));
                S3 = V.AddIntegers(S3, V.Truncate(V.AddIntegers(bj, q3) * V.Of(a[j + 3 * Depth])));
            }

            if (part == 0)
            {
                (H0, H1, H2, H3) = (S0, S1, S2, S3);
                S0 = S1 = S2 = S3 = V.OfInteger(0);
            }
        }

        V.Store(Output(H0, S0, E0), d);
        V.Store(Output(H1, S1, E1), d1);
        V.Store(Output(H2, S2, E2), d2);
        V.Store(Output(H3, S3, E3), d3);
        return true;
    }

    /// <summary>One sum of one row and a register of columns.</summary>
    private void One<V>(float* a, int scaleOfA, float* b, int* scalesOfB, sbyte* largest, float* d) where V : struct, IColumnLanes<V>
    {
        V c = V.Load(d);
        (V E, V q, V fast) = Exponents(largest, scaleOfA, V.Load((float*)scalesOfB), c);
        V H = Accumulator(c, E), S = V.OfInteger(0);
        nint half = L / 2;
        for (nint j = 0; j < half; j++)
        {
            H = V.AddIntegers(H, V.Truncate(V.AddIntegers(V.Load(b + j * Columns), q) * V.Of(a[j])));
            S = V.AddIntegers(S, V.Truncate(V.AddIntegers(V.Load(b + (j + half) * Columns), q) * V.Of(a[j + half])));
        }

        V.Store(Output(H, S, E), d);
        if (!V.All(fast))
            ByDefinition(a, scaleOfA, b, scalesOfB, c, fast, d);
    }

    /// <summary>E, F + s - E in the exponent field, and where the fast path holds; both exponents inside their bounds everywhere.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private (V E, V Scaling, V Fast) Exponents<V>(sbyte* largest, int scaleOfA, V scalesOfB, V c) where V : struct, IColumnLanes<V>
    {
        V m = V.WidenBytes(largest);
        V s = V.AddIntegers(scalesOfB, V.OfInteger(scaleOfA));
        V none = V.Greater(V.OfInteger(leastProduct), m);
        V E = V.Select(none, V.OfInteger(Absent), V.AddIntegers(m, s));
        E = V.MaxIntegers(E, V.SubtractIntegers(V.And(V.ShiftRight(c, 23), V.OfInteger(0xFF)), V.OfInteger(Bias)));
        V inside = V.And(V.Greater(E, V.OfInteger(lowest - 1)), V.Greater(V.OfInteger(Highest + 1), E));
        V nothing = V.And(none, V.Equal(c, V.OfInteger(0)));
        E = V.MinIntegers(V.MaxIntegers(E, V.OfInteger(lowest)), V.OfInteger(Highest));
        V q = V.SubtractIntegers(V.AddIntegers(s, V.OfInteger(F)), E);
        q = V.MinIntegers(V.MaxIntegers(q, V.OfInteger(LeastScaling)), V.OfInteger(F - leastProduct));
        return (E, V.ShiftLeft(q, 23), V.Or(inside, nothing));
    }

    /// <summary>c as a multiple of 2^(E - F).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private V Accumulator<V>(V c, V E) where V : struct, IColumnLanes<V> =>
        V.Truncate(c * V.ShiftLeft(V.SubtractIntegers(V.OfInteger(F + Bias), E), 23));

    /// <summary>(H + S) · 2^(E - F), cut to the output's bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private V Output<V>(V H, V S, V E) where V : struct, IColumnLanes<V> =>
        V.And(V.SumTowardZero(H, S) * V.ShiftLeft(V.AddIntegers(E, V.OfInteger(Bias - F)), 23), V.OfInteger(outputMask));

    /// <summary>The sum by its definition, from c, in the lanes that are not fast.</summary>
    private void ByDefinition<V>(float* a, int scaleOfA, float* b, int* scalesOfB, V c, V fast, float* d) where V : struct, IColumnLanes<V>
    {
        float* start = stackalloc float[V.Count];
        int* isFast = stackalloc int[V.Count];
        V.Store(c, start);
        V.Store(fast, (float*)isFast);
        Span<uint> x = stackalloc uint[L];
        Span<uint> w = stackalloc uint[L];
        for (int j = 0; j < L; j++)
            x[j] = Code(a[j]);
        for (int lane = 0; lane < V.Count; lane++)
        {
            if (isFast[lane] != 0)
                continue;
            for (int j = 0; j < L; j++)
                w[j] = Code(b[j * Columns + lane]);
            uint result = sum.Define(x, w, [(byte)(scaleOfA + Bias)], [(byte)(scalesOfB[lane] + Bias)], BitConverter.SingleToUInt32Bits(start[lane]));
            d[lane] = BitConverter.UInt32BitsToSingle(result);
        }
    }

    /// <summary>The code of a decoded value. A NaN's, whose results are replaced later, comes back as the largest number's.</summary>
    private static uint Code(float value)
    {
        float magnitude = MathF.Abs(value);
        if (magnitude < 1f / 512)
            return float.IsNegative(value) ? 0x80u : 0u;
        return ElementFormat.E4M3.Encode(MathF.CopySign(MathF.Min(magnitude, 448f), value));
    }
}
