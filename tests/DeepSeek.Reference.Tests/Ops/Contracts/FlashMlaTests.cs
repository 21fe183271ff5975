using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Ops;
using FsCheck.Xunit;
using Xunit;

namespace DeepSeek.Reference.Tests.Ops.Contracts;

/// <summary>Rule N23: FlashMLA's online softmax, its masks, its scheduler and its combination.</summary>
public class FlashMlaTests
{
    private static readonly ScalarBackend scalar = new();
    private static readonly AttentionContract[] decoders = [AttentionContract.FlashMlaDense, AttentionContract.FlashMlaSm90];

    [Fact]
    public void Rule_N23_two_keys_of_FlashMlaDense_by_hand()
    {
        // a = float(0.5 log2 e) = 3F38AA3B; m = 3a = 400A7FAC; w = 2^fma((1, 3), a, -m) = (3EBC5AB3, 1), rounded (3EBC0000, 1).
        // O = 0.3671875·1 + 1·4 = 408BC000; L = 3FAF16AD; y = 404C54B3; lse = ln(L) + m / log2 e = 3EA063D8 + 3FC00000 = 3FE818F6.
        Tensor q = Tensor.From([1f], 1, 1, 1).As(DType.BF16);
        Tensor keys = Tensor.From([1f, 3f], 2, 1, 1).As(DType.BF16), values = Tensor.From([1f, 4f], 2, 1, 1).As(DType.BF16);
        foreach (AttentionContract contract in decoders)
        {
            Tensor y = new(DType.F32, 1, 1, 1), lse = new(DType.F32, 1, 1);
            scalar.Attention(q, keys, values, new AttentionAttributes(0.5f, 1, contract), y, lse);
            Assert.Equal([0x404C54B3u], y.Bits());
            Assert.Equal([0x3FE818F6u], lse.Bits());
        }
    }

    [Fact]
    public void Rule_N23_two_splits_are_combined_by_hand()
    {
        // M = 3, S = 2^-2 + 1 = 3FA00000, G = log2(S) + 3 = 40549A78, weights (3E4CCCCD, 3F4CCCCD), y = fma(w1, 4, w0·1) = 4059999A, lse = G / log2 e = 40135D8E.
        float[] y = new float[1];
        float lse = CombineSplits.Define([1f, 4f], [1f, 3f], AttentionFunctions.Correct, null, y);
        Assert.Equal((0x4059999Au, 0x40135D8Eu), (BitConverter.SingleToUInt32Bits(y[0]), BitConverter.SingleToUInt32Bits(lse)));

        // A sink of 1: G = G + log2(1 + 2^fma(1, log2 e, -G)) = 406ACE24 for the weights alone.
        float withSink = CombineSplits.Define([1f, 4f], [1f, 3f], AttentionFunctions.Correct, 1f, y);
        Assert.Equal((0x402B17A1u, 0x40135D8Eu), (BitConverter.SingleToUInt32Bits(y[0]), BitConverter.SingleToUInt32Bits(withSink)));
    }

    [Fact]
    public void Rule_N23_sinks_without_end_and_splits_without_keys()
    {
        float[] y = new float[1];
        Assert.Equal(float.PositiveInfinity, CombineSplits.Define([7f, 7f], [float.NegativeInfinity, float.NegativeInfinity], AttentionFunctions.Correct, null, y));
        Assert.Equal(0u, BitConverter.SingleToUInt32Bits(y[0]));
        CombineSplits.Define([1f, 4f], [1f, 3f], AttentionFunctions.Correct, float.NegativeInfinity, y);
        Assert.Equal(0x4059999Au, BitConverter.SingleToUInt32Bits(y[0]));
        CombineSplits.Define([1f, 4f], [1f, 3f], AttentionFunctions.Correct, float.PositiveInfinity, y);
        Assert.Equal(0u, BitConverter.SingleToUInt32Bits(y[0]));

        // An empty split beside a full one has weight 0.
        CombineSplits.Define([7f, 4f], [float.NegativeInfinity, 0f], AttentionFunctions.Correct, null, y);
        Assert.Equal(4f, y[0]);
    }

    [Fact]
    public void Rule_N23_forty_splits_are_summed_by_lanes_and_a_butterfly()
    {
        // Lanes 0 to 7 hold two terms, the others one; terms are 1 but for 2^-24 at 0 and at 32, which only a lane of their own keeps.
        float[] lse2 = new float[40];
        (lse2[0], lse2[32]) = (-24f, -24f);
        float lse = CombineSplits.Define(new float[40], lse2, AttentionFunctions.Correct, null, new float[1]);
        var lanes = new float[32];
        for (int i = 0; i < 40; i++)
            lanes[i % 32] += i % 32 == 0 ? MathF.ScaleB(1f, -24) : 1f;
        for (int h = 16; h >= 1; h /= 2)
        {
            for (int j = 0; j < h; j++)
                lanes[j] += lanes[j + h];
        }

        Assert.Equal(Correct.Log2(lanes[0]) / 1.44269504f, lse);
    }

    [Fact]
    public void Rule_N23_a_row_that_sees_no_key_is_zero_and_its_log_sum_exp_infinite()
    {
        foreach (int T in new[] { 0, 3, 70, 833 })
        {
            Tensor q = Filled(1, 1, 2), keys = Filled(T, 1, 2);
            void Gives(AttentionContract contract, float expected)
            {
                Tensor y = new(DType.F32, 1, 1, 2), lse = new(DType.F32, 1, 1);
                scalar.Attention(q, keys, null, new AttentionAttributes(1f, -1, contract), y, lse);
                Assert.Equal([0u, 0u], y.Bits());
                Assert.Equal([BitConverter.SingleToUInt32Bits(expected)], lse.Bits());
            }

            foreach (AttentionContract contract in decoders)
            {
                Gives(contract, float.PositiveInfinity);
                Gives(contract with { Parts = 3 }, float.PositiveInfinity);
            }

            Gives(AttentionContract.Canonical, float.NegativeInfinity);
            Gives(AttentionContract.DeepSeekInference, float.NegativeInfinity);
            Gives(AttentionContract.FlashMlaDense with { Empty = EmptyRow.NegativeInfinity, Parts = 3 }, float.NegativeInfinity);
        }
    }

    [Property(MaxTest = 40)]
    public void Rule_N23_what_masked_keys_hold_never_matters(int seed)
    {
        var data = new ContractCase(seed, specials: false);
        AttentionContract contract = data.Any([.. AttentionContract.Presets, AttentionContract.FlashMlaDense with { Block = 16, MaskValue = null, Parts = 3 }]);
        data.FirstPosition = data.Shape.T / 2 - data.Shape.S;
        uint[] expected = data.Run(scalar, contract);
        int seen = Math.Clamp(data.FirstPosition + data.Shape.S, 0, data.Shape.T);
        data.Keys = Spoiled(data.Keys, seen);
        data.OwnValues = data.OwnValues is null ? null : Spoiled(data.OwnValues, seen);
        Assert.Equal(expected, data.Run(scalar, contract));
    }

    [Property(MaxTest = 30)]
    public void Rule_N23_only_the_logical_order_of_pages_matters(int seed)
    {
        // A paged cache of blocks of 64 rows: unused rows are NaN, unused entries of the table name no page.
        var data = new ContractCase(seed, specials: false);
        AttentionContract contract = data.Any(decoders);
        uint[] expected = data.Run(scalar, contract);
        (int T, int width) = (data.Shape.T, data.Shape.Hk * data.Shape.D);
        int pages = (T + 63) / 64;
        var random = new Random(seed);
        for (int round = 0; round < 2; round++)
        {
            int[] table = [.. Enumerable.Range(0, 12).OrderBy(_ => random.Next()).Take(pages), 2147480000];
            float[] cache = new float[12 * 64 * width];
            cache.AsSpan().Fill(float.NaN);
            float[] logical = Operands.Widen(data.Keys).ToArray();
            for (int j = 0; j < T; j++)
                logical.AsSpan(j * width, width).CopyTo(cache.AsSpan((table[j / 64] * 64 + j % 64) * width));
            float[] gathered = new float[T * width];
            for (int j = 0; j < T; j++)
                cache.AsSpan((table[j / 64] * 64 + j % 64) * width, width).CopyTo(gathered.AsSpan(j * width));
            data.Keys = Tensor.From(gathered, T, data.Shape.Hk, data.Shape.D).As(DType.BF16);
            Assert.Equal(expected, data.Run(scalar, contract));
        }
    }

    [Property(MaxTest = 30)]
    public void Rule_N23_within_one_block_both_decoders_agree(int seed)
    {
        var data = new ContractCase(seed);
        if (data.Shape.T <= 64)
            Assert.Equal(data.Run(scalar, AttentionContract.FlashMlaDense), data.Run(scalar, AttentionContract.FlashMlaSm90));
    }

    [Fact]
    public void Rule_N23_the_upper_half_of_the_channels_rounds_rescaled_weights()
    {
        // 128 keys: the second block's maximum is 1 above the first's, so that corr_B = 2^-1 for the upper channel; equal values in both channels stay equal only if nothing rounds.
        float[] keys = new float[128];
        keys.AsSpan(0, 64).Fill(1f);
        keys.AsSpan(64).Fill(1.34375f);
        keys[7] = 0.6f;
        Tensor k = Tensor.From(keys, 128, 1, 1).As(DType.BF16);
        Tensor v = Tensor.From([.. Enumerable.Range(0, 256).Select(i => 1f + i / 2 % 7)], 128, 1, 2).As(DType.BF16);
        Tensor dense = new(DType.F32, 1, 1, 2), pairs = new(DType.F32, 1, 1, 2);
        scalar.Attention(Tensor.From([1f], 1, 1, 1).As(DType.BF16), k, v, new AttentionAttributes(0.9f, 127, AttentionContract.FlashMlaDense), dense);
        scalar.Attention(Tensor.From([1f], 1, 1, 1).As(DType.BF16), k, v, new AttentionAttributes(0.9f, 127, AttentionContract.FlashMlaSm90), pairs);
        Assert.Equal(dense.Bits()[0], dense.Bits()[1]);
        Assert.Equal(dense.Bits()[0], pairs.Bits()[0]);
        Assert.NotEqual(pairs.Bits()[0], pairs.Bits()[1]);
    }

    private static Tensor Filled(params ReadOnlySpan<long> shape)
    {
        var t = new Tensor(DType.F32, shape);
        t.AsSpan<float>().Fill(1f);
        return t.As(DType.BF16);
    }

    private static Tensor Spoiled(Tensor t, int seen)
    {
        Tensor copy = Tensor.From(Operands.Widen(t).ToArray(), [.. t.Shape.Dimensions]).As(DType.F32);
        int width = (int)(t.Shape[1] * t.Shape[2]);
        for (int i = seen * width; i < copy.ElementCount; i++)
            copy.AsSpan<float>()[i] = i % 2 == 0 ? float.NaN : float.PositiveInfinity;
        return copy.As(DType.BF16);
    }
}
