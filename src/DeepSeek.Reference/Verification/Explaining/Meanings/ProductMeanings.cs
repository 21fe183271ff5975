using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Verification.Explaining;

/// <summary>What a matrix product may have computed instead: scales, weight layout, the end of K, C, groups.</summary>
internal static class ProductMeanings
{
    /// <summary>Hypotheses about block scales.</summary>
    public static IReadOnlyList<Meaning> Scales { get; } =
    [
        .. Side("weight-scale", "weight_scale", "the weight's"),
        .. Side("x-scale", "x_scale", "x's"),
        Both("scales-ignored", "no scale is applied", _ => 1f),
        Both("scales-inverted", "both scales are applied as their reciprocals", s => 1f / s),
        Both("scales-in-bf16", "scales are rounded to bfloat16", BFloat16.RoundToFloat),
        Both("scales-floor-ue8m0", "scales are cut to powers of two", s => BitConverter.UInt32BitsToSingle(BitConverter.SingleToUInt32Bits(s) & 0x7F800000)),
        Both("scales-ceil-ue8m0", "scales are rounded up to powers of two", TileScale.PowerOfTwoNotBelow),
        Meaning.Of<ScaledLinearCall>("weight-scale-twice", "the weight's scale is applied twice and x's not at all",
            c => c with { XScale = Values.Map(c.XScale, (_, _) => 1f), WeightScale = Values.Map(c.WeightScale, (_, s) => s * s) }),
        Meaning.Of<ScaledLinearCall>("x-scale-twice", "x's scale is applied twice and the weight's not at all",
            c => c with { WeightScale = Values.Map(c.WeightScale, (_, _) => 1f), XScale = Values.Map(c.XScale, (_, s) => s * s) }),
    ];

    /// <summary>Hypotheses about C.</summary>
    public static IReadOnlyList<Meaning> Additions { get; } =
    [
        Meaning.Of<ScaledLinearCall>("c-missing", "C is not added", c => c.C is null ? null : c with { C = null }),
        Meaning.Of("c-doubled", "C is added twice", "c", t => Values.Map(t, (_, x) => 2 * x)),
        Meaning.Of("c-subtracted", "C is subtracted", "c", t => Values.Map(t, (_, x) => -x)),
        Meaning.Of("c-in-bf16", "C is rounded to bfloat16 before it is added", "c", t => Values.Map(t, (_, x) => BFloat16.RoundToFloat(x))),
    ];

    /// <summary>Hypotheses about the operands.</summary>
    public static IReadOnlyList<Meaning> Operands { get; } =
    [
        Meaning.Of("weight-transposed", "the weight's memory is read by columns", "weight", t => t.Shape.Rank == 2 ? Values.Transposed(t) : null),
        Meaning.Of("weight-block-transposed", "each 128 x 128 block of the weight is read transposed", "weight", TransposedBlocks),
        Meaning.Of("weight-row-late", "row n of the weight is taken for row n + 1", "weight", t => Values.ShiftRows(t, 1)),
        Meaning.Of("weight-row-early", "row n of the weight is taken for row n - 1", "weight", t => Values.ShiftRows(t, -1)),
        Meaning.Of("x-row-late", "row t of x is taken for row t + 1", "x", t => Values.ShiftRows(t, 1)),
        .. ((int[])[1, 8, 16, 32, 64, 128]).Select(n => Meaning.Of($"last-{n}-of-k-dropped", $"the last {n} elements of K are left out", "x", t => Values.DropLast(t, n))),
        Meaning.Of("first-128-of-k-dropped", "the first 128 elements of K are left out", "x", t => t.Shape[^1] > 128 ? Values.Map(t, (i, x) => i % t.Shape[^1] < 128 ? 0f : x) : null),
        Meaning.Of("operands-reversed-in-k", "the weight is read in descending k", "weight", t => Values.Gather(t, i => i / t.Shape[^1] * t.Shape[^1] + t.Shape[^1] - 1 - i % t.Shape[^1])),
        Converted("operands-in-bf16", "operands are rounded to bfloat16 first", BFloat16.RoundToFloat),
        Converted("operands-cut-to-bf16", "operands are cut to bfloat16 first", x => FractionCut.Truncate(x, 16)),
        Converted("operands-cut-to-tf32", "operands are cut to TF32 first", x => FractionCut.Truncate(x, 13)),
        Converted("operands-in-tf32", "operands are rounded to TF32 first", x => FractionCut.ToNearestEven(x, 13)),
        Converted("operands-in-tf32-away", "operands are rounded to TF32 first, ties away from zero", x => FractionCut.ToNearestAway(x, 13)),
        Meaning.Of<GroupedScaledLinearCall>("group-late", "the next group's weight is taken", c => c.Weights.Count < 2 ? null : c with { Weights = Rotated(c.Weights), WeightScales = Rotated(c.WeightScales) }),
        Meaning.Of<GroupedScaledLinearCall>("group-scale-late", "the next group's scales are taken", c => c.Weights.Count < 2 ? null : c with { WeightScales = Rotated(c.WeightScales) }),
        Meaning.Of<IndexedScaledLinearCall>("group-late", "the next group's weight is taken", c => c.Weights.Count < 2 ? null : c with { Weights = Rotated(c.Weights), WeightScales = Rotated(c.WeightScales) }),
        Meaning.Of<MaskedScaledLinearCall>("group-late", "the next group's weight is taken", c => c.Weights.Count < 2 ? null : c with { Weights = Rotated(c.Weights), WeightScales = Rotated(c.WeightScales) }),
        Meaning.Of<GroupedLinearCall>("group-late", "the next group's weight is taken", c => c.Weights.Count < 2 ? null : c with { Weights = Rotated(c.Weights) }),
        Meaning.Of<GroupedLinearCall>("offsets-early", "groups begin one row early", c => c with { Offsets = Early(c.Offsets) }),
        Meaning.Of<GroupedScaledLinearCall>("offsets-early", "groups begin one row early", c => c with { Offsets = Early(c.Offsets) }),
    ];

    private static IEnumerable<Meaning> Side(string name, string operand, string whose) =>
    [
        Meaning.Of($"{name}-transposed", $"{whose} scales are read transposed", operand, Values.Transposed),
        Meaning.Of($"{name}-k-block-late", $"{whose} scale of the next block of K is taken", operand, t => Values.ShiftColumns(t, 1)),
        Meaning.Of($"{name}-k-block-early", $"{whose} scale of the block of K before is taken", operand, t => Values.ShiftColumns(t, -1)),
        Meaning.Of($"{name}-k-block-late-around", $"{whose} scale of the next block of K is taken, for the last that of the first", operand, t => t.Shape[^1] > 2 ? Values.RotateColumns(t, 1) : null),
        Meaning.Of($"{name}-k-block-early-around", $"{whose} scale of the block of K before is taken, for the first that of the last", operand, t => t.Shape[^1] > 2 ? Values.RotateColumns(t, -1) : null),
        Meaning.Of($"{name}-row-late", $"{whose} scale of the next row or row block is taken", operand, t => Values.ShiftRows(t, 1)),
        Meaning.Of($"{name}-row-early", $"{whose} scale of the row or row block before is taken", operand, t => Values.ShiftRows(t, -1)),
        Meaning.Of($"{name}-first-everywhere", $"{whose} first scale of a row is taken for all of K", operand, t => Values.Gather(t, i => i / t.Shape[^1] * t.Shape[^1])),
        Meaning.Of($"{name}-first-row-everywhere", $"{whose} first row of scales is taken for all rows", operand, t => Values.Gather(t, i => i % t.Shape[^1])),
        Meaning.Of($"{name}-ignored", $"{whose} scales are not applied", operand, t => Values.Map(t, (_, _) => 1f)),
        Meaning.Of($"{name}-inverted", $"{whose} scales are applied as their reciprocals", operand, t => Values.Map(t, (_, s) => 1f / s)),
        Meaning.Of($"{name}-squared", $"{whose} scales are applied twice", operand, t => Values.Map(t, (_, s) => s * s)),
        Meaning.Of($"{name}-last-missing", $"{whose} scale of the last block of K is not applied", operand, t => t.Shape[^1] < 2 ? null : Values.Map(t, (i, s) => i % t.Shape[^1] == t.Shape[^1] - 1 ? 1f : s)),
    ];

    private static Meaning Both(string name, string sentence, Func<float, float> map) => new(name, sentence, call =>
    {
        bool IsScale(string operand) => operand.StartsWith("x_scale", StringComparison.Ordinal) || operand.StartsWith("weight_scale", StringComparison.Ordinal);
        return call.Inputs.Any(o => IsScale(o.Name)) ? call.Replace(o => IsScale(o.Name) ? Values.Map(o.Tensor, (_, s) => map(s)) : o.Tensor) : null;
    });

    /// <summary>Both operands of a binary32 product go through another format.</summary>
    private static Meaning Converted(string name, string sentence, Func<float, float> map) => new(name, sentence, call => call is LinearCall { X.DType: DType.F32 } or GroupedLinearCall { X.DType: DType.F32 }
        ? call.Replace(o => o.Role == OperandRole.Input && o.Tensor.DType == DType.F32 ? Values.Map(o.Tensor, (_, x) => map(x)) : o.Tensor)
        : null);

    private static Tensor? TransposedBlocks(Tensor t)
    {
        if (t.Shape.Rank != 2 || t.Shape[0] % 128 != 0 || t.Shape[1] % 128 != 0)
            return null;
        long columns = t.Shape[1];
        return Values.Gather(t, i =>
        {
            long n = i / columns, k = i % columns;
            return (n / 128 * 128 + k % 128) * columns + k / 128 * 128 + n % 128;
        });
    }

    private static Tensor[] Rotated(IReadOnlyList<Tensor> list) => [.. list.Skip(1), list[0]];

    private static int[] Early(IReadOnlyList<int> offsets) => [.. offsets.Select((o, g) => g > 0 && g < offsets.Count - 1 ? Math.Max(offsets[0], o - 1) : o)];
}
