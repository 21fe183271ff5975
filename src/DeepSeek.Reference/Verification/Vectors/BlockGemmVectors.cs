using DeepSeek.Reference.Ops;
using DeepSeek.Reference.TensorCores;

namespace DeepSeek.Reference.Verification;

/// <summary>Output elements of block-scaled FP8 products: a, b of k codes, scales sa, sb of each 128, and what each published kernel makes of them.</summary>
/// <remarks>
/// <code>
/// c_i       = the unit's sum over block i of 128, from +0
/// deepgemm  acc = fma(sa_i · sb_i, c_i, acc)
/// triton    acc = fma(c_i · sa_i, sb_i, acc)        triton_nofma: acc + (c_i · sa_i) · sb_i
/// tc        c_0, or every c_i                        unscaled_nopromote: the unit's sum over all of k
/// </code>
/// _f32 is the accumulator, _bf16 its one rounding to bfloat16.
/// </remarks>
internal sealed class BlockGemmVectors(TensorCore unit) : IVectorKind
{
    private const int Block = TileGrid.Side;

    public static IReadOnlyList<string> Columns { get; } =
        ["tc", "deepgemm_f32", "deepgemm_bf16", "triton_f32", "triton_bf16", "triton_nofma_f32", "triton_nofma_bf16", "unscaled_nopromote_f32", "unscaled_nopromote_bf16"];

    public string Name => $"block-scaled product, {unit.Name}";

    public bool Knows(string field) => field is "id" or "cat" or "amb" or "k" or "a" or "b" or "sa" or "sb" || Columns.Contains(field);

    public VectorDifference? Check(VectorLine line)
    {
        uint[] a = line.Codes("a", unit.A.Digits);
        uint[] b = line.Codes("b", unit.B.Digits, a.Length);
        if (a.Length == 0 || (line.Has("k") && line.Whole("k") != a.Length))
            throw line.Bad($"'a' has {a.Length} elements, 'k' says otherwise", "give k elements of a and of b");
        int blocks = (a.Length + Block - 1) / Block;
        float[] sa = [.. line.Codes("sa", 8, blocks).Select(BitConverter.UInt32BitsToSingle)];
        float[] sb = [.. line.Codes("sb", 8, blocks).Select(BitConverter.UInt32BitsToSingle)];

        uint[] c = new uint[blocks];
        for (int i = 0; i < blocks; i++)
            c[i] = unit.Define(Padded(a, i), Padded(b, i), 0);

        if (line.Has("tc") && Partials(line, c) is { } partial)
            return partial;
        foreach (string column in Columns.Skip(1))
        {
            if (!line.Has(column))
                continue;
            float value = column switch
            {
                "deepgemm_f32" or "deepgemm_bf16" => Promoted(c, (acc, d, i) => MathF.FusedMultiplyAdd(sa[i] * sb[i], d, acc)),
                "triton_f32" or "triton_bf16" => Promoted(c, (acc, d, i) => MathF.FusedMultiplyAdd(d * sa[i], sb[i], acc)),
                "triton_nofma_f32" or "triton_nofma_bf16" => Promoted(c, (acc, d, i) => acc + d * sa[i] * sb[i]),
                _ => BitConverter.UInt32BitsToSingle(Unpromoted(a, b, blocks)),
            };
            VectorDifference? difference = column.EndsWith("_bf16", StringComparison.Ordinal)
                ? VectorDifference.Of(line, column, BFloat16.Round(value).Bits, 4)
                : VectorDifference.Of(line, column, BitConverter.SingleToUInt32Bits(value), 8);
            if (difference is not null)
                return difference;
        }

        return null;
    }

    /// <summary>The sums of the first block, or of all.</summary>
    private static VectorDifference? Partials(VectorLine line, uint[] c)
    {
        uint[] want = line.Codes("tc", 8);
        if (want.Length != 1 && want.Length != c.Length)
            throw line.Bad($"'tc' has {want.Length} codes", c.Length == 1 ? "give 1" : $"give 1, or {c.Length} for all blocks");
        for (int i = 0; i < want.Length; i++)
        {
            if (c[i] != want[i])
                return new VectorDifference(line.Number, $"tc[{i}]", VectorDifference.Hex(c[i], 8), VectorDifference.Hex(want[i], 8));
        }

        return null;
    }

    private static float Promoted(uint[] c, Func<float, float, int, float> add)
    {
        float acc = 0f;
        for (int i = 0; i < c.Length; i++)
            acc = add(acc, BitConverter.UInt32BitsToSingle(c[i]), i);
        return acc;
    }

    private uint Unpromoted(uint[] a, uint[] b, int blocks)
    {
        uint d = 0;
        for (int i = 0; i < blocks; i++)
            d = unit.Define(Padded(a, i), Padded(b, i), d);
        return d;
    }

    /// <summary>Block i, filled up with +0 as the kernels' loads do.</summary>
    private static uint[] Padded(uint[] codes, int i)
    {
        uint[] block = new uint[Block];
        codes.AsSpan(i * Block, Math.Min(Block, codes.Length - i * Block)).CopyTo(block);
        return block;
    }
}
