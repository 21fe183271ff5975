using System.Runtime.InteropServices;
using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Model;
using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Ops;
using DeepSeek.Reference.Tests.Checkpoints;
using FsCheck.Xunit;
using Xunit;

namespace DeepSeek.Reference.Tests.Model;

/// <summary>Pages of a pool hold what a cache of one piece holds (rule N1).</summary>
public class PagedCacheTests
{
    private static readonly SimdBackend Backend = new(1);

    [Property(MaxTest = 15)]
    public bool Rule_N1_sequences_on_the_pages_of_one_pool_give_the_bits_of_caches_of_their_own(int seed)
    {
        var random = new Random(seed);
        NumericContract contract = NumericContract.Presets[random.Next(NumericContract.Presets.Count)] with { Cache = (CacheFormat)random.Next(4) };
        using DeepSeekModel model = SyntheticModel.Make(SyntheticModel.V3, contract, Backend, contract.Activations);
        LatentPagePool pool = model.NewPagePool(9 * model.NewPagePool(1 << 20).BytesPerPage);
        int[][] ids = [.. Enumerable.Range(0, 3).Select(b => SyntheticModel.Ids(1 + random.Next(130), seed + b))];
        LatentCache[] paged = [.. ids.Select(_ => pool.NewCache())], whole = [.. ids.Select(_ => model.NewCache())];
        while (Enumerable.Range(0, 3).Where(b => paged[b].Length < ids[b].Length).ToArray() is { Length: > 0 } open)
        {
            int b = open[random.Next(open.Length)];
            int at = paged[b].Length;
            int[] part = ids[b][at..(at + 1 + random.Next(Math.Min(70, ids[b].Length - at)))];
            if (!AnyTensor.SameBytes(model.Forward(part, [whole[b]]), model.Forward(part, [paged[b]])))
                return false;
            if (random.Next(4) == 0)
            {
                int kept = random.Next(paged[b].Length + 1);
                whole[b].Truncate(kept);
                paged[b].Truncate(kept);
            }
        }

        return paged.Sum(c => c.Pages.Count) == pool.PageCount - pool.FreePages;
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(1, 1)]
    [InlineData(64, 1)]
    [InlineData(65, 2)]
    [InlineData(128, 2)]
    public void A_sequence_takes_a_page_for_each_64_tokens_and_gives_them_back(int tokens, int pages)
    {
        using DeepSeekModel model = Make(NumericContract.Canonical);
        LatentPagePool pool = model.NewPagePool(1 << 20);
        LatentCache cache = pool.NewCache();
        if (tokens > 0)
            model.Forward(SyntheticModel.Ids(tokens, 1), [cache]);
        Assert.Equal(pages, cache.Pages.Count);
        Assert.Equal(pool.PageCount - pages, pool.FreePages);

        cache.Truncate(0);
        Assert.Equal(pool.PageCount, pool.FreePages);
    }

    [Fact]
    public void A_page_that_came_back_is_used_again_and_what_it_held_is_never_read()
    {
        using DeepSeekModel model = Make(NumericContract.Canonical);
        LatentPagePool pool = model.NewPagePool(3 * model.NewPagePool(1 << 20).BytesPerPage);
        int[] ids = SyntheticModel.Ids(70, 4);
        Tensor expected = model.Forward([ids]);
        LatentCache a = pool.NewCache(), b = pool.NewCache(), c = pool.NewCache();
        model.Forward(SyntheticModel.Ids(64, 1), [a]);
        model.Forward(SyntheticModel.Ids(64, 2), [b]);
        model.Forward(SyntheticModel.Ids(64, 3), [c]);
        pool.Layer(1).View(1, Backend, new Workspace());
        a.Truncate(0);
        c.Truncate(0);

        LatentCache again = pool.NewCache();
        Assert.True(AnyTensor.SameBytes(expected, model.Forward(ids, [again])));
        Assert.Equal([0, 2], again.Pages);
    }

    [Fact]
    public void A_pool_without_a_free_page_refuses_and_the_cache_stands_where_it_stood()
    {
        using DeepSeekModel model = Make(NumericContract.Canonical);
        LatentPagePool pool = model.NewPagePool(2 * model.NewPagePool(1 << 20).BytesPerPage);
        LatentCache cache = pool.NewCache();
        model.Forward(SyntheticModel.Ids(100, 1), [cache]);

        Assert.Contains("2 pages", Assert.Throws<ContractException>(() => model.Forward(SyntheticModel.Ids(40, 2), [cache])).Message);
        Assert.Equal(100, cache.Length);
        int[] all = [.. SyntheticModel.Ids(100, 1), 7];
        Assert.True(AnyTensor.SameBytes(model.Forward([all], new ForwardOptions { LastLogitsOnly = true }), model.Forward([7], [cache])));
    }

    [Fact]
    public void A_shared_page_is_copied_before_it_is_written()
    {
        using DeepSeekModel model = Make(NumericContract.Canonical with { Cache = CacheFormat.Fp8 });
        LatentPagePool pool = model.NewPagePool(1 << 20);
        int[] ids = SyntheticModel.Ids(128, 1);
        LatentCache first = pool.NewCache(), second = pool.NewCache();
        model.Forward(ids, [first]);
        second.Adopt([.. first.Pages]);
        second.Truncate(100);
        int[] other = [.. ids[..100], .. SyntheticModel.Ids(20, 9)];
        Tensor made = model.Forward(other.AsSpan(100), [second]);

        Assert.True(AnyTensor.SameBytes(model.Forward([other]).Reshape(120, 50).Rows(100, 20), made.Reshape(20, 50)));
        Assert.True(AnyTensor.SameBytes(model.Forward([[.. ids, 3]], new ForwardOptions { LastLogitsOnly = true }), model.Forward([3], [first])));
    }

    [Fact]
    public void A_pool_too_small_for_a_page_says_what_a_page_takes()
    {
        using DeepSeekModel model = Make(NumericContract.Canonical);

        // 64 tokens of 18 + 6 values of four bytes in three layers.
        Assert.Contains("18432", Assert.Throws<ContractException>(() => model.NewPagePool(18431)).Message);
        Assert.Equal(1, model.NewPagePool(18432).PageCount);
    }

    [Theory]
    [InlineData(CacheFormat.Activations, 2304)]
    [InlineData(CacheFormat.BFloat16, 1152)]
    [InlineData(CacheFormat.Fp8, 656)]
    [InlineData(CacheFormat.Float32, 2304)]
    public void A_row_has_V3_s_bytes(CacheFormat format, int bytes)
    {
        DeepSeekConfig config = DeepSeekConfig.Load(Golden.Path("configs", "deepseek-v3", "config.json"));
        var pool = new LatentPagePool(config, NumericContract.Canonical with { Cache = format }, 1L << 32);

        Assert.Equal(61L * 64 * bytes, pool.BytesPerPage);
    }

    [Fact]
    public void Rule_N22_a_page_has_FlashMla_s_rows_of_656_bytes()
    {
        DeepSeekConfig config = SyntheticModel.V3 with { KvLoraRank = 512, QkRopeHeadDim = 64, HiddenSize = 32, NumHiddenLayers = 1, FirstKDenseReplace = 1 };
        using DeepSeekModel model = SyntheticModel.Make(config, NumericContract.Canonical with { Cache = CacheFormat.Fp8 }, Backend);
        using DeepSeekModel wide = SyntheticModel.Make(config, NumericContract.Canonical, Backend);
        LatentPagePool pool = model.NewPagePool(3 * 64 * 656);
        LatentCache cache = pool.NewCache(), exact = wide.NewCache();
        int[] ids = SyntheticModel.Ids(70, 1);
        model.Forward(ids, [cache]);
        wide.Forward(ids, [exact]);
        ReadOnlySpan<float> values = exact.View(0, 70, Backend, new Workspace()).AsReadOnlySpan<float>();

        var page = new byte[64 * Fp8CacheRow.Bytes];
        var row = new byte[Fp8CacheRow.Bytes];
        for (int t = 0; t < 70; t++)
        {
            pool.CopyPage(0, cache.Pages[t / 64], page);
            Fp8CacheRow.Define(values.Slice(t * 576, 576), row);
            Assert.Equal(row, page.AsSpan(t % 64 * row.Length, row.Length));
        }
    }

    [Fact]
    public void Rule_N22_a_bfloat16_cache_holds_each_value_rounded_once()
    {
        using DeepSeekModel model = Make(NumericContract.Canonical with { Cache = CacheFormat.BFloat16 }), wide = Make(NumericContract.Canonical);
        LatentCache cache = model.NewCache(), exact = wide.NewCache();
        model.Forward(SyntheticModel.Ids(5, 1), [cache]);
        wide.Forward(SyntheticModel.Ids(5, 1), [exact]);

        // The first layer's input does not depend on a cache.
        float[] values = exact.View(0, 5, Backend, new Workspace()).AsReadOnlySpan<float>().ToArray();
        Assert.Equal(values.Select(BFloat16.RoundToFloat), cache.View(0, 5, Backend, new Workspace()).AsReadOnlySpan<float>().ToArray());
        Assert.Equal(2 * 24 * 3, cache.BytesPerToken);
    }

    [Theory]
    [InlineData("Canonical")]
    [InlineData("DeepSeekInference")]
    [InlineData("HopperFp8")]
    [InlineData("HuggingFace")]
    [InlineData("Ideal")]
    public void Rule_N22_a_binary32_cache_gives_the_bits_of_the_activations_in_one_piece_and_on_pages(string name)
    {
        NumericContract contract = NumericContract.Parse(name);
        using DeepSeekModel wide = SyntheticModel.Make(SyntheticModel.V3, contract with { Cache = CacheFormat.Float32 }, Backend, contract.Activations);
        using DeepSeekModel plain = SyntheticModel.Make(SyntheticModel.V3, contract, Backend, contract.Activations);
        LatentPagePool pool = wide.NewPagePool(3 * wide.NewPagePool(1 << 20).BytesPerPage);
        LatentCache expected = plain.NewCache(), whole = wide.NewCache(), paged = pool.NewCache();
        foreach (int[] part in (int[][])[SyntheticModel.Ids(66, 1), SyntheticModel.Ids(1, 2), SyntheticModel.Ids(70, 3)])
        {
            Tensor logits = plain.Forward(part, [expected]);
            Assert.True(AnyTensor.SameBytes(logits, wide.Forward(part, [whole])));
            Assert.True(AnyTensor.SameBytes(logits, wide.Forward(part, [paged])));
        }

        Assert.Equal(4 * 24 * 3, whole.BytesPerToken);
        Assert.Equal(64 * 4 * 24 * 3, pool.BytesPerPage);
        // The last layer, whose values carry everything before them; as they lie in memory.
        var page = new float[64 * 24];
        pool.CopyPage(2, paged.Pages[1], MemoryMarshal.AsBytes(page.AsSpan()));
        Assert.Equal(Operands.Widen(expected.View(2, 128, Backend, new Workspace()).Rows(64, 64)).ToArray(), page);
    }

    private static DeepSeekModel Make(NumericContract contract) => SyntheticModel.Make(SyntheticModel.V3, contract, Backend);
}
