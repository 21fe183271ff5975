using System.Runtime.CompilerServices;
using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Ops;

/// <summary>Decoded operands of one block: rows of x [rows, 128] in binary32, binary64 and as exponents; a panel of the weight [128, 32] and its exponents.</summary>
internal readonly unsafe struct BlockOperands(float* a, double* wide, sbyte* exponentsOfA, float* b, sbyte* exponentsOfB, int* scalesOfA, int* scalesOfB)
{
    public readonly float* A = a;
    public readonly double* Wide = wide;
    public readonly sbyte* ExponentsOfA = exponentsOfA;
    public readonly float* B = b;
    public readonly sbyte* ExponentsOfB = exponentsOfB;

    /// <summary>Exponents of the scales that enter a unit's sum: one a row, and one a column. 0 where none do.</summary>
    public readonly int* ScalesOfA = scalesOfA;
    public readonly int* ScalesOfB = scalesOfB;
}

/// <summary>Sums of products of one block for rows of x and the 32 columns of a panel, each accumulation on its own terms. All of them equal <see cref="DotProduct"/> or the unit in every bit.</summary>
internal static unsafe class BlockSums
{
    private const int Depth = ScaledPanel.Depth;
    private const int Columns = ScaledPanel.Columns;

    /// <summary>d [rows, 32] after elements k ... k + count - 1 of the block; d is +0, or for chains what came before. Rows up to the next multiple of four may be written.</summary>
    /// <param name="kind">The accumulation.</param>
    /// <param name="unit">The unit's sum, where the accumulation is a unit's; none for Hopper's, which has its own.</param>
    /// <param name="o">The operands.</param>
    /// <param name="k">The first element of the block.</param>
    /// <param name="count">Elements of k.</param>
    /// <param name="rows">Rows of x.</param>
    /// <param name="d">The sums.</param>
    public static void Add<V>(AccumulationKind kind, UnitSum? unit, BlockOperands o, int k, int count, int rows, float* d) where V : struct, IColumnLanes<V>
    {
        float* a = o.A + k;
        float* b = o.B + k * Columns;
        switch (kind)
        {
            case AccumulationKind.TensorCore when unit is not null:
                unit.Add<V>(a, o.ExponentsOfA + k, o.ScalesOfA, b, o.ExponentsOfB + k * Columns, o.ScalesOfB, count, rows, d);
                break;
            case AccumulationKind.TensorCore:
                // The panel is padded with zeros, of which an instruction makes nothing.
                int whole = (count + 31) & ~31, t = 0;
                for (; t + HopperSum.Rows <= rows; t += HopperSum.Rows)
                    HopperSum.Four<V>(a + t * Depth, o.ExponentsOfA + k + t * Depth, b, o.ExponentsOfB + k * Columns, whole, d + t * Columns);
                for (; t < rows; t++)
                    HopperSum.One<V>(a + t * Depth, o.ExponentsOfA + k + t * Depth, b, o.ExponentsOfB + k * Columns, whole, d + t * Columns);
                break;
            case AccumulationKind.Lanes16:
                for (int row = 0; row < rows; row++)
                    Lanes16<V>(a + row * Depth, b, count, d + row * Columns);
                break;
            case AccumulationKind.Sequential:
                for (int row = 0; row < rows; row++)
                    Sequential<V>(a + row * Depth, b, count, d + row * Columns);
                break;
            default:
                // Exact, and Float64, which is exact for so few products of E4M3: multiples of 2^-18 of at most 2^17.7, so that 2^17 of them stay below 2^53 units.
                for (int row = 0; row < rows; row += 2)
                    Exact<V>(o.Wide + k + row * Depth, b, count, d + row * Columns);
                break;
        }
    }

    private static void Exact<V>(double* a, float* b, int count, float* d) where V : struct, IColumnLanes<V>
    {
        for (int n = 0; n < Columns; n += V.Count)
        {
            (V first, V second) = V.ExactDots(a, a + Depth, b + n, Columns, count);
            V.Store(first, d + n);
            V.Store(second, d + Columns + n);
        }
    }

    private static void Sequential<V>(float* a, float* b, int count, float* d) where V : struct, IColumnLanes<V>
    {
        for (int n = 0; n < Columns; n += V.Count)
        {
            V sum = V.Load(d + n);
            for (nint k = 0; k < count; k++)
                sum = V.Fma(V.Of(a[k]), V.Load(b + k * Columns + n), sum);
            V.Store(sum, d + n);
        }
    }

    /// <summary>The fold of rule N6 taken depth first: lanes j and j + 8, then 4, 2 and 1 apart.</summary>
    private static void Lanes16<V>(float* a, float* b, int count, float* d) where V : struct, IColumnLanes<V>
    {
        for (int n = 0; n < Columns; n += V.Count)
        {
            V even = Quad<V>(a, b + n, count, 0) + Quad<V>(a, b + n, count, 2);
            V odd = Quad<V>(a, b + n, count, 1) + Quad<V>(a, b + n, count, 3);
            V.Store(even + odd + V.Of(0f), d + n);
        }
    }

    /// <summary>(lane r + lane r+8) + (lane r+4 + lane r+12).</summary>
    private static V Quad<V>(float* a, float* b, int count, nint r) where V : struct, IColumnLanes<V>
    {
        V lane0 = V.Of(0f), lane4 = lane0, lane8 = lane0, lane12 = lane0;
        for (nint k = r; k < count; k += 16)
        {
            lane0 = V.Fma(V.Of(a[k]), V.Load(b + k * Columns), lane0);
            lane4 = V.Fma(V.Of(a[k + 4]), V.Load(b + (k + 4) * Columns), lane4);
            lane8 = V.Fma(V.Of(a[k + 8]), V.Load(b + (k + 8) * Columns), lane8);
            lane12 = V.Fma(V.Of(a[k + 12]), V.Load(b + (k + 12) * Columns), lane12);
        }

        return (lane0 + lane8) + (lane4 + lane12);
    }
}
