using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Model;
using DeepSeek.Reference.Ops;
using DeepSeek.Reference.Tests.Checkpoints;
using DeepSeek.Reference.Tracing;
using FsCheck.Xunit;
using Xunit;

namespace DeepSeek.Reference.Tests.Model;

/// <summary>Rule N1 on whole models: one answer, whatever runs it and however it is cut.</summary>
[Trait(InstructionSets.Trait, InstructionSets.Every)]
public class InvarianceTests
{
    private static readonly NumericContract Naive = NumericContract.Canonical with { Name = "naive", Attention = AttentionMode.Naive };

    public static TheoryData<string, string> Models()
    {
        var data = new TheoryData<string, string>();
        foreach (string config in new[] { "v3", "v2", "mtp", "mtp3" })
        {
            foreach (string contract in new[] { "Canonical", "naive", "DeepSeekInference", "HuggingFace", "Ideal" })
                data.Add(config, contract);
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void Rule_N1_scalar_and_simd_agree_in_every_bit_of_every_probe(string config, string contract)
    {
        var expected = Run(config, contract, new ScalarBackend(), [SyntheticModel.Ids(19, 1), SyntheticModel.Ids(19, 2)], 19);
        var actual = Run(config, contract, new SimdBackend(2), [SyntheticModel.Ids(19, 1), SyntheticModel.Ids(19, 2)], 19);

        AssertSame(expected, actual);
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void Rule_N1_a_prompt_at_once_equals_chunks_equals_token_by_token(string config, string contract)
    {
        int[][] rows = [SyntheticModel.Ids(21, 3), SyntheticModel.Ids(21, 4)];
        var backend = new SimdBackend(1);
        var expected = Run(config, contract, backend, rows, 21);

        foreach (int chunk in new[] { 1, 2, 8, 17 })
            AssertSame(expected, Run(config, contract, backend, rows, chunk));
    }

    [Property(MaxTest = 25)]
    public bool Rule_N1_any_cut_of_a_prompt_into_passes_gives_the_same_bits(int seed)
    {
        var random = new Random(seed);
        NumericContract contract = NumericContract.Presets[random.Next(NumericContract.Presets.Count)];
        using DeepSeekModel model = SyntheticModel.Make(SyntheticModel.V3, contract, new SimdBackend(1 + random.Next(3)), contract.Activations);
        int[] ids = SyntheticModel.Ids(1 + random.Next(40), seed);
        Tensor whole = model.Forward([ids]).Reshape(ids.Length, 50);
        LatentCache cache = model.NewCache();
        for (int t = 0; t < ids.Length;)
        {
            int count = 1 + random.Next(ids.Length - t);
            Tensor part = model.Forward(ids.AsSpan(t, count), [cache]).Reshape(count, 50);
            if (!AnyTensor.SameBytes(whole.Rows(t, count), part))
                return false;
            t += count;
        }

        return true;
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void Rule_N1_a_sequence_alone_equals_the_sequence_in_a_batch(string config, string contract)
    {
        int[][] rows = [SyntheticModel.Ids(13, 5), SyntheticModel.Ids(13, 6), SyntheticModel.Ids(13, 7)];
        var backend = new SimdBackend(1);
        Tensor batch = Run(config, contract, backend, rows, 13)["logits"];

        for (int b = 0; b < rows.Length; b++)
            Assert.True(AnyTensor.SameBytes(Run(config, contract, backend, [rows[b]], 13)["logits"], batch.Rows(b, 1)));
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void Rule_N8_the_number_of_threads_changes_no_bit(string config, string contract)
    {
        int[][] rows = [SyntheticModel.Ids(17, 8)];
        var expected = Run(config, contract, new SimdBackend(1), rows, 17);

        AssertSame(expected, Run(config, contract, new SimdBackend(2), rows, 17));
        AssertSame(expected, Run(config, contract, new SimdBackend(7), rows, 17));
    }

    [Fact]
    public void Rule_N1_sequences_of_different_lengths_decode_together_as_alone()
    {
        using DeepSeekModel model = SyntheticModel.Make(SyntheticModel.V3, NumericContract.Canonical, new SimdBackend(1));
        int[][] prompts = [SyntheticModel.Ids(3, 1), SyntheticModel.Ids(11, 2), SyntheticModel.Ids(30, 3)];
        LatentCache[] caches = [.. prompts.Select(_ => model.NewCache())];
        for (int b = 0; b < prompts.Length; b++)
            model.Forward(prompts[b], [caches[b]]);
        Tensor together = model.Forward([7, 8, 9], caches);

        for (int b = 0; b < prompts.Length; b++)
        {
            Tensor alone = model.Forward([[.. prompts[b], 7 + b]], new ForwardOptions { LastLogitsOnly = true });
            Assert.True(AnyTensor.SameBytes(alone, together.Rows(b, 1)));
        }
    }

    [Fact]
    public void Rule_N1_the_last_logits_alone_are_those_of_all()
    {
        using DeepSeekModel model = SyntheticModel.Make(SyntheticModel.V3, NumericContract.Canonical, new SimdBackend(1));
        int[][] rows = [SyntheticModel.Ids(9, 1), SyntheticModel.Ids(9, 2)];
        Tensor all = model.Forward(rows);
        Tensor last = model.Forward(rows, new ForwardOptions { LastLogitsOnly = true });

        for (int b = 0; b < 2; b++)
            Assert.True(AnyTensor.SameBytes(all.Rows(b, 1).Reshape(9, 50).Rows(8, 1), last.Rows(b, 1).Reshape(1, 50)));
    }

    [Fact]
    public void A_cache_cut_back_continues_as_if_the_tokens_had_never_been()
    {
        using DeepSeekModel model = SyntheticModel.Make(SyntheticModel.V3, NumericContract.Canonical, new SimdBackend(1));
        LatentCache cache = model.NewCache();
        Tensor expected = model.Forward([1, 2, 3, 4, 9], [cache]);
        cache.Truncate(2);
        model.Forward([3, 4], [cache]);
        Tensor actual = model.Forward([9], [cache]);

        Assert.True(AnyTensor.SameBytes(expected.Reshape(5, 50).Rows(4, 1), actual.Reshape(1, 50)));
    }

    private static IReadOnlyDictionary<string, Tensor> Run(string config, string contract, IBackend backend, int[][] rows, int chunk)
    {
        DeepSeekConfig chosen = config switch
        {
            "v2" => SyntheticModel.V2,
            "mtp" => SyntheticModel.V3 with { NumNextnPredictLayers = 1 },
            "mtp3" => SyntheticModel.V3 with { NumNextnPredictLayers = 3 },
            _ => SyntheticModel.V3,
        };
        NumericContract rules = contract == "naive" ? Naive : NumericContract.Parse(contract);
        using DeepSeekModel model = SyntheticModel.Make(chosen, rules, backend, rules.Activations);
        var trace = new TraceCollector(["*"], rows.Length);
        LatentCache[] caches = [.. rows.Select(_ => model.NewCache())];
        for (int t = 0; t < rows[0].Length; t += chunk)
            model.Forward([.. rows.SelectMany(r => r.Skip(t).Take(chunk))], caches, new ForwardOptions { Trace = trace, Mtp = model.HasMtp });
        return trace.Tensors();
    }

    private static void AssertSame(IReadOnlyDictionary<string, Tensor> expected, IReadOnlyDictionary<string, Tensor> actual)
    {
        Assert.Equal(expected.Keys, actual.Keys);
        Assert.Contains("logits", expected.Keys);
        foreach ((string name, Tensor e) in expected)
            Assert.True(AnyTensor.SameBytes(e, actual[name]), $"{name}: {e} against {actual[name]}");
    }
}
