using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.TensorCores;

namespace DeepSeek.Reference.Ops;

/// <summary>Hopper's wgmma on E4M3 (rule N20: 32 products, 13 fraction bits, E8M13 out), for columns of outputs at once.</summary>
/// <remarks>
/// <code>
/// E = max(max_k (ea_k + eb_k), exponent of d, -13)        bytes, then integers
/// S = trunc(d · 2^(13-E)) + Σ_k trunc(a_k · (b_k · 2^(13-E)))
/// d = S · 2^(E-13), its last ten bits cleared
/// </code>
/// Every step is exact, or cuts exactly where the unit cuts. A product of two E4M3 values has at most 8 significant bits and stays one in binary32 after
/// scaling by a power of two, since |13 - E| is small: -13 ≤ E, and E ≤ 48 for any chain of fewer than 2^31 elements. The conversion to an integer cuts towards zero, which is the unit's
/// alignment. |S| ≤ 32 · 225 · 2^7 + 2^14 &lt; 2^20 fits an integer and binary32. Clearing ten bits cuts d to 13 fraction bits. -13 stands for the unit's
/// lowest exponent: products that are not zero have exponents of -12 and more, and d is a multiple of 2^-25, so that nothing is cut at E = -13.
/// b's scaling adds to its exponent field, which a zero (held as 2^-60) survives.
/// </remarks>
internal static unsafe class HopperSum
{
    private const int Fraction = 13;
    private const int Bias = 127;
    private const int Instruction = 32;
    private const int LeastExponent = -13;
    private const int Columns = ScaledPanel.Columns;

    /// <summary>Rows of x that are worked on together.</summary>
    public const int Rows = 4;

    /// <summary>Whether a unit has the constants above; Hopper's has, and whatever else is described by the same data.</summary>
    public static bool Fits(TensorCore unit) =>
        UnitSum.Fits(unit) && unit.WidensTo is null && unit.Order == FusedOrder.Consecutive && unit.FractionBits == Fraction && unit.OutputFractionBits == Fraction && unit.FusedLength == Instruction && unit.ScaleBlock == 0;

    /// <summary>d [4, 32] after elements 0 ... count - 1 of four rows and a panel; count is a multiple of 32. Rows lie a panel's depth apart.</summary>
    public static void Four<V>(float* a, sbyte* ea, float* b, sbyte* eb, int count, float* d) where V : struct, IColumnLanes<V>
    {
        sbyte* largest = stackalloc sbyte[Rows * Columns];
        for (int k = 0; k < count; k += Instruction)
        {
            Largest(ea + k, eb + k * Columns, largest);
            for (int n = 0; n < Columns; n += V.Count)
                Instructions<V>(a + k, b + k * Columns + n, largest + n, d + n);
        }
    }

    /// <summary>As <see cref="Four"/>, for one row.</summary>
    public static void One<V>(float* a, sbyte* ea, float* b, sbyte* eb, int count, float* d) where V : struct, IColumnLanes<V>
    {
        sbyte* largest = stackalloc sbyte[Columns];
        for (int k = 0; k < count; k += Instruction)
        {
            Vector256<sbyte> m = Vector256<sbyte>.Zero + Vector256.Create(sbyte.MinValue);
            for (int j = 0; j < Instruction; j++)
                m = Vector256.Max(m, Vector256.Load(eb + (k + j) * Columns) + Vector256.Create(ea[k + j]));
            m.Store(largest);
            for (int n = 0; n < Columns; n += V.Count)
            {
                V exponent = Exponent<V>(largest + n, V.Load(d + n));
                V scaling = V.ShiftLeft(V.SubtractIntegers(V.OfInteger(Fraction), exponent), 23);
                V S = V.Truncate(V.Load(d + n) * V.AddIntegers(scaling, V.Of(1f)));
                float* bn = b + k * Columns + n;
                for (nint j = 0; j < Instruction; j++)
                    S = V.AddIntegers(S, V.Truncate(V.AddIntegers(V.Load(bn + j * Columns), scaling) * V.Of(a[k + j])));
                Finish(S, exponent, d + n);
            }
        }
    }

    /// <summary>The largest exponent of the products of 32 elements, for four rows and 32 columns.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Largest(sbyte* ea, sbyte* eb, sbyte* largest)
    {
        Vector256<sbyte> m0 = Vector256.Create(sbyte.MinValue), m1 = m0, m2 = m0, m3 = m0;
        for (nint j = 0; j < Instruction; j++)
        {
            Vector256<sbyte> e = Vector256.Load(eb + j * Columns);
            m0 = Vector256.Max(m0, e + Vector256.Create(ea[j]));
            m1 = Vector256.Max(m1, e + Vector256.Create(ea[j + ScaledPanel.Depth]));
            m2 = Vector256.Max(m2, e + Vector256.Create(ea[j + 2 * ScaledPanel.Depth]));
            m3 = Vector256.Max(m3, e + Vector256.Create(ea[j + 3 * ScaledPanel.Depth]));
        }

        m0.Store(largest);
        m1.Store(largest + Columns);
        m2.Store(largest + 2 * Columns);
        m3.Store(largest + 3 * Columns);
    }

    /// <summary>One instruction for four rows and one register of columns.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Instructions<V>(float* a, float* b, sbyte* largest, float* d) where V : struct, IColumnLanes<V>
    {
        float* d1 = d + Columns, d2 = d1 + Columns, d3 = d2 + Columns;
        V e0 = Exponent<V>(largest, V.Load(d)), e1 = Exponent<V>(largest + Columns, V.Load(d1));
        V e2 = Exponent<V>(largest + 2 * Columns, V.Load(d2)), e3 = Exponent<V>(largest + 3 * Columns, V.Load(d3));
        V s0 = Scaling(e0), s1 = Scaling(e1), s2 = Scaling(e2), s3 = Scaling(e3);
        V one = V.Of(1f);
        V S0 = V.Truncate(V.Load(d) * V.AddIntegers(s0, one)), S1 = V.Truncate(V.Load(d1) * V.AddIntegers(s1, one));
        V S2 = V.Truncate(V.Load(d2) * V.AddIntegers(s2, one)), S3 = V.Truncate(V.Load(d3) * V.AddIntegers(s3, one));
        for (nint j = 0; j < Instruction; j++)
        {
            V bj = V.Load(b + j * Columns);
            S0 = V.AddIntegers(S0, V.Truncate(V.AddIntegers(bj, s0) * V.Of(a[j])));
            S1 = V.AddIntegers(S1, V.Truncate(V.AddIntegers(bj, s1) * V.Of(a[j + ScaledPanel.Depth])));
            S2 = V.AddIntegers(S2, V.Truncate(V.AddIntegers(bj, s2) * V.Of(a[j + 2 * ScaledPanel.Depth])));
            S3 = V.AddIntegers(S3, V.Truncate(V.AddIntegers(bj, s3) * V.Of(a[j + 3 * ScaledPanel.Depth])));
        }

        Finish(S0, e0, d);
        Finish(S1, e1, d1);
        Finish(S2, e2, d2);
        Finish(S3, e3, d3);
    }

    /// <summary>E. The exponent field of d = 0 gives -127, which never wins.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Exponent<V>(sbyte* largest, V d) where V : struct, IColumnLanes<V>
    {
        V field = V.And(V.ShiftRight(d, 23), V.OfInteger(0xFF));
        return V.MaxIntegers(V.MaxIntegers(V.WidenBytes(largest), V.SubtractIntegers(field, V.OfInteger(Bias))), V.OfInteger(LeastExponent));
    }

    /// <summary>13 - E in the exponent field.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Scaling<V>(V exponent) where V : struct, IColumnLanes<V> => V.ShiftLeft(V.SubtractIntegers(V.OfInteger(Fraction), exponent), 23);

    /// <summary>S · 2^(E-13), cut to 13 fraction bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Finish<V>(V S, V exponent, float* d) where V : struct, IColumnLanes<V>
    {
        V unit = V.ShiftLeft(V.AddIntegers(exponent, V.OfInteger(Bias - Fraction)), 23);
        V.Store(V.And(V.FromIntegers(S) * unit, V.OfInteger(~0x3FF)), d);
    }
}
