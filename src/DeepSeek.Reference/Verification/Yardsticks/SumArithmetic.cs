using System.Runtime.Intrinsics;
using DeepSeek.Reference.Ops;
using DeepSeek.Reference.TensorCores;

namespace DeepSeek.Reference.Verification;

/// <summary>The declared arithmetic of one sum of products: how far from the exact sum it may end, for eight columns at once.</summary>
/// <remarks>
/// docs/spec/bounds.md 3 (binary32 and binary64), 4 (matrix units). Whoever adds the same products in binary32, in any order and split anywhere, stays inside
/// the bound of a declaration by lanes, in sequence, or by a matrix unit; for the last so does any order of the declared fused sums, one of more bits, and any
/// cut of k between them with binary32 additions of the parts. A declaration of binary64 or of exact sums binds to that.
/// </remarks>
internal sealed partial class SumArithmetic
{
    private readonly AccumulationKind kind;
    private readonly TensorCore? unit;
    private readonly double align;
    private readonly double store;
    private readonly double add;
    private readonly double floor;

    public SumArithmetic(Accumulation accumulation)
    {
        kind = accumulation.Kind;
        unit = accumulation.Unit;
        if (unit is null)
            return;
        Fused = unit.FusedLength;
        // Every term, the accumulator included, is cut by less than a unit of 2^(E-F).
        align = (unit.FusedLength + 1) * Math.ScaleB(1, -unit.FractionBits);
        store = Math.ScaleB(1, -unit.OutputFractionBits);
        // A cut of k adds one binary32 addition a fused sum at most, and a late accumulator another.
        add = (unit.Entry == AccumulatorEntry.AddedAfter ? 2 : 1) * Roundoff.Single;
        floor = (unit.FusedLength + 1) * Math.ScaleB(1, Math.Max(unit.ZeroExponent, -1000) - unit.FractionBits);
    }

    /// <summary>L, or 0 where products are not fused.</summary>
    public int Fused { get; }

    /// <summary>Products of an instruction, or 0 where there are none.</summary>
    public int Instruction => unit?.K ?? 0;

    /// <summary>The exponent by which the unit aligns subnormal operands.</summary>
    public int LeastExponent => unit?.A.MinExponent ?? -126;

    /// <summary>Whether the unit's alignment matters.</summary>
    public bool Aligned => unit is not null;

    /// <summary>Whether the sum ends in more than binary32, and is rounded to its output once.</summary>
    public bool RoundsOnce => kind is AccumulationKind.Exact or AccumulationKind.Float64;

    /// <summary>Whether only the exact sum will do.</summary>
    public bool IsExact => kind == AccumulationKind.Exact;

    /// <summary>Bound on the error of a sum of n products from +0 that ends in binary32, or that is still to be rounded where it <see cref="RoundsOnce"/>.</summary>
    public Vector512<double> Error(in ChainSums chain, int n)
    {
        Vector512<double> own = chain.Magnitude * (n * Roundoff.Double);
        if (kind == AccumulationKind.Exact)
            return own;
        if (kind == AccumulationKind.Float64)
            return own * 2;
        Vector512<double> products = chain.Magnitude * Roundoff.Single + Vector512.Create(n * Roundoff.SingleUnderflow);
        Vector512<double> partial = (chain.Magnitude + Vector512.Abs(chain.Sum)) * 0.5;
        Vector512<double> single = products + (partial + products) * Roundoff.Growth(n - 1, Roundoff.Single);
        return own + (unit is null ? single : Vector512.Max(single, UnitError(chain, partial, n)));
    }

    private Vector512<double> UnitError(in ChainSums chain, Vector512<double> partial, int n)
    {
        int sums = (n + unit!.K - 1) / unit.K * (unit.K / unit.FusedLength);
        bool cuts = unit.Alignment == AlignmentRounding.TowardZero && unit.Rounding == OutputRounding.TowardZero;
        Vector512<double> reach = unit.Order == FusedOrder.Consecutive ? Vector512.Max(chain.Up, chain.Down) : partial;

        // |accumulator| ≤ what some of the fused sums add up to, plus the error so far; and never more than all magnitudes where everything is cut.
        Vector512<double> all = cuts ? chain.Magnitude * (1 + sums * 2 * add) : Vector512.Create(double.PositiveInfinity);
        double each = align + store + add;
        Vector512<double> accumulator = sums * each < 0.5
            ? Vector512.Min(all, (reach + chain.Largest * (sums * align)) * (1 / (1 - sums * each)))
            : all;
        Vector512<double> power = Vector512.Max(FloorPower(accumulator), Vector512.Create(LeastNormal));
        Vector512<double> error = (Vector512.Max(chain.Largest, power) * align + power * store + accumulator * add + Vector512.Create(floor)) * sums;
        return Vector512.Min(error, all + Vector512.Abs(chain.Sum));
    }

    private const double LeastNormal = 1.1754943508222875e-38;

    /// <summary>The largest power of two that is not above x.</summary>
    private static Vector512<double> FloorPower(Vector512<double> x) => (x.AsUInt64() & Vector512.Create(0x7FF0000000000000UL)).AsDouble();
}
