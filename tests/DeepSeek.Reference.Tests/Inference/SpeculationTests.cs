using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Inference;
using DeepSeek.Reference.Model;
using DeepSeek.Reference.Ops;
using DeepSeek.Reference.Tests.Checkpoints;
using DeepSeek.Reference.Tests.Model;
using DeepSeek.Reference.Tracing;
using FsCheck.Xunit;
using Xunit;

namespace DeepSeek.Reference.Tests.Inference;

/// <summary>Drafts change how fast tokens come, not which.</summary>
public class SpeculationTests
{
    private static readonly DeepSeekConfig Config = SyntheticModel.V3 with { NumNextnPredictLayers = 1 };

    [Property(MaxTest = 25)]
    public bool Greedy_ids_and_logits_are_those_without_drafts(int seed)
    {
        var random = new Random(seed);
        NumericContract preset = NumericContract.Presets[random.Next(NumericContract.Presets.Count)];
        using DeepSeekModel model = Make(preset with { Cache = (CacheFormat)random.Next(4), MtpHidden = (MtpHidden)random.Next(2), MtpZeroFirstEmbedding = random.Next(2) == 0 });
        var options = new GenerationOptions { MaxTokens = 1 + random.Next(25), IgnoreEos = random.Next(2) == 0, PrefillChunk = random.Next(4), RepetitionPenalty = 1 + (random.Next(2) * 0.3f) };
        int[][] prompts = [SyntheticModel.Ids(1 + random.Next(20), seed), SyntheticModel.Ids(1, seed + 1)];
        (List<byte> plain, List<byte> drafted) = ([], []);
        IReadOnlyList<GeneratedSequence> expected = new Generator(model).Generate(prompts[..1], options with { OnLogits = (_, _, l) => plain.AddRange(l.AsBytes()) });
        IReadOnlyList<GeneratedSequence> actual = new Generator(model).Generate(prompts[..1], options with { Drafts = 1 + random.Next(4), OnLogits = (_, _, l) => drafted.AddRange(l.AsBytes()) });

        return expected[0].Ids.SequenceEqual(actual[0].Ids) && expected[0].Reason == actual[0].Reason && plain.SequenceEqual(drafted);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void Draws_with_the_same_words_are_those_without_drafts(int drafts)
    {
        using DeepSeekModel model = Make(NumericContract.Canonical);
        var options = new GenerationOptions { MaxTokens = 40, IgnoreEos = true, Temperature = 0.8f, TopP = 0.9f, Seed = 4 };
        GeneratedSequence plain = new Generator(model).Generate([[2, 3]], options)[0];
        GeneratedSequence drafted = new Generator(model).Generate([[2, 3]], options with { Drafts = drafts, Acceptance = DraftAcceptance.SameDraw })[0];

        Assert.Equal(plain.Ids, drafted.Ids);
        Assert.Null(plain.Drafts);
        Assert.Equal(40, 1 + drafted.Drafts!.Passes + drafted.Drafts.Accepted);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(4)]
    public void Drafts_of_a_module_that_says_what_the_model_says_are_all_taken(int drafts)
    {
        // Both see nothing but the last token: attention and experts give +0, and the module passes its embedding on.
        using DeepSeekModel model = Bigram();
        var options = new GenerationOptions { MaxTokens = 31, IgnoreEos = true, Drafts = drafts };
        GeneratedSequence row = new Generator(model).Generate([[2, 3, 4]], options)[0];

        Assert.Equal(new Generator(model).Generate([[2, 3, 4]], options with { Drafts = 0 })[0].Ids, row.Ids);
        Assert.Equal(1.0, row.Drafts!.Rate);
        // One token of the prompt's pass, then drafts + 1 each; the last pass may take fewer.
        Assert.Equal((30 + drafts) / (drafts + 1), row.Drafts.Passes);
    }

    [Fact]
    public void A_draft_is_what_the_modules_give_in_a_whole_pass()
    {
        using DeepSeekModel model = Make(NumericContract.Canonical);
        int[] ids = SyntheticModel.Ids(11, 3);
        var trace = new TraceCollector(["mtp.logits"]);
        model.Forward([ids], new ForwardOptions { Trace = trace, Mtp = true });
        LatentCache cache = model.NewCache();
        Tensor states = new(DType.F32, 10, 24), logits = new(DType.F32, 1, 50), output = new(DType.F32, 1, 24);
        model.Forward(ids.AsSpan(0, 10), [new SequencePart(cache, 10, 0)], new Tensor(DType.F32, 0, 50), states);
        model.Draft(cache, 0, states.Rows(0, 7), ids.AsSpan(1, 7), logits, output);
        model.Draft(cache, 7, states.Rows(7, 3), ids.AsSpan(8, 3), logits, output);

        Assert.True(AnyTensor.SameBytes(trace.Tensors()["mtp.logits"].Reshape(10, 50).Rows(9, 1), logits));
    }

    [Fact]
    public void The_rejection_rule_makes_drafts_into_draws_of_the_model()
    {
        // Exact in units of the 2^23 words: how many take a draft, and what is drawn from otherwise.
        foreach ((double[] p, double[] q) in Tables())
        {
            double sum = 0, taken = 0;
            float[] rest = DraftRule.Rest(p, q);
            double total = rest.Sum(r => (double)r);
            double[] accepted = new double[p.Length];
            for (int v = 0; v < p.Length; v++)
            {
                accepted[v] = q[v] * Words(p[v], q[v]) / 8388608;
                taken += accepted[v];
            }

            for (int v = 0; v < p.Length; v++)
            {
                double law = accepted[v] + ((q.Sum() - taken) * rest[v] / total);
                Assert.InRange(law - p[v], -3e-7, 3e-7);
                sum += law;
            }

            Assert.InRange(sum, 1 - 1e-12, 1 + 1e-12);
            Assert.InRange(taken - p.Zip(q, Math.Min).Sum(), -3e-7, 3e-7);
        }
    }

    [Theory]
    [InlineData(0.5, 0.5, uint.MaxValue, true)]
    [InlineData(0.0, 0.5, 0u, false)]
    [InlineData(0.25, 0.5, 0x7FFFFFFFu, true)]
    [InlineData(0.25, 0.5, 0x80000000u, false)]
    [InlineData(1.0, 1e-9, uint.MaxValue, true)]
    public void A_draft_is_taken_with_probability_p_over_q(double p, double q, uint word, bool taken) => Assert.Equal(taken, DraftRule.Accepts(p, q, word));

    [Fact]
    public void Where_no_rest_is_left_the_draw_is_from_the_model_s_distribution() => Assert.Equal([0.25f, 0.75f], DraftRule.Rest([0.25, 0.75], [0.25, 0.75]));

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Ids_drawn_with_drafts_have_the_distribution_of_plain_draws(int drafts)
    {
        const int V = 5, Seeds = 4000;
        DeepSeekConfig small = Config with { VocabSize = V, NumHiddenLayers = 1, NRoutedExperts = null };
        using DeepSeekModel model = SyntheticModel.Make(small, NumericContract.Canonical, new SimdBackend(1));
        int[] prompt = [2, 4];
        var options = new GenerationOptions { MaxTokens = 3, IgnoreEos = true, Temperature = 1.5f, Drafts = drafts };
        var counts = new int[V * V * V];
        long judged = 0, accepted = 0;
        var generator = new Generator(model);
        for (int seed = 0; seed < Seeds; seed++)
        {
            GeneratedSequence row = generator.Generate([prompt], options with { Seed = (ulong)seed })[0];
            counts[(row.Ids[0] * V * V) + (row.Ids[1] * V) + row.Ids[2]]++;
            (judged, accepted) = (judged + row.Drafts!.Drafted, accepted + row.Drafts.Accepted);
        }

        double chi = ChiSquare(counts, Exact(model, prompt, options, V), Seeds);
        // 124 degrees of freedom: mean 124, standard deviation 15.7; five of them.
        Assert.True(chi < 124 + (5 * 15.75), $"chi-square {chi}, {accepted} of {judged} drafts taken");
        // Drafts were taken and refused, or the test would show nothing.
        Assert.InRange((double)accepted / judged, 0.1, 0.95);
    }

    [Fact]
    public void The_statistical_test_sees_drafts_that_are_always_taken()
    {
        // The same test on ids whose second token is the draft as it was drawn.
        const int V = 5, Seeds = 4000;
        DeepSeekConfig small = Config with { VocabSize = V, NumHiddenLayers = 1, NRoutedExperts = null };
        using DeepSeekModel model = SyntheticModel.Make(small, NumericContract.Canonical, new SimdBackend(1));
        var options = new GenerationOptions { MaxTokens = 3, IgnoreEos = true, Temperature = 1.5f };
        double[] exact = Exact(model, [2, 4], options, V);
        var sampler = new TokenSampler(model);
        var counts = new int[V * V * V];
        double[][] wrong = [.. Enumerable.Range(0, V).Select(a => DraftDistribution(model, sampler, [2, 4, a], options))];
        for (int a = 0; a < V; a++)
        {
            double first = exact.Skip(a * V * V).Take(V * V).Sum();
            for (int b = 0; b < V; b++)
            {
                double pair = exact.Skip((a * V * V) + (b * V)).Take(V).Sum();
                for (int c = 0; c < V; c++)
                    counts[(a * V * V) + (b * V) + c] = (int)Math.Round(Seeds * first * wrong[a][b] * exact[(a * V * V) + (b * V) + c] / pair);
            }
        }

        Assert.True(ChiSquare(counts, exact, Seeds) > 2 * (124 + (5 * 15.75)));
    }

    [Fact]
    public void Drafts_need_a_module_and_a_number_from_1()
    {
        using DeepSeekModel without = SyntheticModel.Make(SyntheticModel.V3, NumericContract.Canonical, new SimdBackend(1)), with = Make(NumericContract.Canonical);

        Assert.Contains("num_nextn_predict_layers", Assert.Throws<ContractException>(() => new Generator(without).Generate([[1]], new GenerationOptions { Drafts = 1 })).Message);
        Assert.Throws<ContractException>(() => new Generator(with).Generate([[1]], new GenerationOptions { Drafts = -1 }));
        Assert.Contains("BatchOptions.Drafts", Assert.Throws<ContractException>(() => new BatchGenerator(with).Add([1], new GenerationOptions { Drafts = 1 })).Message);
        Assert.Contains("num_nextn_predict_layers", Assert.Throws<ContractException>(() => new BatchGenerator(without, new BatchOptions { Drafts = true })).Message);
    }

    [Theory]
    [InlineData(13, 14)]
    [InlineData(14, 14)]
    public void No_draft_goes_beyond_the_model_s_positions(int prompt, int positions)
    {
        DeepSeekConfig config = Config with { MaxPositionEmbeddings = positions, RopeScaling = null };
        using DeepSeekModel model = SyntheticModel.Make(config, NumericContract.Canonical, new SimdBackend(1));
        var options = new GenerationOptions { MaxTokens = 9, IgnoreEos = true };
        GeneratedSequence expected = new Generator(model).Generate([SyntheticModel.Ids(prompt, 2)], options)[0];
        GeneratedSequence row = new Generator(model).Generate([SyntheticModel.Ids(prompt, 2)], options with { Drafts = 3 })[0];

        Assert.Equal(expected.Ids, row.Ids);
        Assert.Equal(StopReason.MaxPositions, row.Reason);
    }

    private static DeepSeekModel Make(NumericContract contract) => SyntheticModel.Make(Config, contract, new SimdBackend(1), contract.Activations);

    /// <summary>A model, and a module behind it, whose next token is a function of the last one alone.</summary>
    private static DeepSeekModel Bigram()
    {
        DeepSeekConfig config = Config with { NRoutedExperts = null };
        Dictionary<string, Tensor> weights = SyntheticModel.Weights(config);
        foreach ((string name, Tensor tensor) in weights)
        {
            if (name.EndsWith("o_proj.weight", StringComparison.Ordinal) || name.EndsWith("down_proj.weight", StringComparison.Ordinal))
                tensor.AsSpan<float>().Clear();
        }

        Tensor join = weights["model.layers.3.eh_proj.weight"];
        join.AsSpan<float>().Clear();
        for (int i = 0; i < 24; i++)
            join.AsSpan<float>()[(i * 48) + i] = 1;
        foreach (string norm in (string[])["model.norm.weight", "model.layers.3.enorm.weight", "model.layers.3.shared_head.norm.weight"])
            weights[norm].AsSpan<float>().Fill(1);
        weights["model.embed_tokens.weight"].CopyTo(weights["model.layers.3.embed_tokens.weight"]);
        weights["lm_head.weight"].CopyTo(weights["model.layers.3.shared_head.head.weight"]);
        return SyntheticModel.Make(config, NumericContract.Canonical, new SimdBackend(1), weights);
    }

    /// <summary>The probability of each three ids, by passes over each beginning.</summary>
    private static double[] Exact(DeepSeekModel model, int[] prompt, GenerationOptions options, int V)
    {
        var sampler = new TokenSampler(model);
        var exact = new double[V * V * V];
        double[] first = Next(prompt);
        for (int a = 0; a < V; a++)
        {
            double[] second = Next([.. prompt, a]);
            for (int b = 0; b < V; b++)
            {
                double[] third = Next([.. prompt, a, b]);
                for (int c = 0; c < V; c++)
                    exact[(a * V * V) + (b * V) + c] = first[a] * second[b] * third[c];
            }
        }

        return exact;

        double[] Next(int[] ids) => sampler.Distribution(model.Forward([ids], new ForwardOptions { LastLogitsOnly = true }).Reshape(1, V), options, new TokenHistory([]));
    }

    private static double[] DraftDistribution(DeepSeekModel model, TokenSampler sampler, int[] ids, GenerationOptions options)
    {
        var trace = new TraceCollector(["mtp.logits"]);
        model.Forward([ids], new ForwardOptions { Trace = trace, Mtp = true });
        Tensor logits = trace.Tensors()["mtp.logits"];
        return sampler.Distribution(logits.Reshape(ids.Length - 1, logits.Shape[^1]).Rows(ids.Length - 2, 1), options, new TokenHistory([]));
    }

    private static double ChiSquare(int[] counts, double[] p, int n) => counts.Zip(p, (o, e) => (o - (n * e)) * (o - (n * e)) / (n * e)).Sum();

    /// <summary>How many of the 2^23 accept words take a draft.</summary>
    private static int Words(double p, double q)
    {
        int low = 0, high = 1 << 23;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (DraftRule.Accepts(p, q, (uint)middle << 9))
                low = middle + 1;
            else
                high = middle;
        }

        return low;
    }

    private static IEnumerable<(double[] P, double[] Q)> Tables()
    {
        yield return ([1, 0], [0, 1]);
        yield return ([0.5, 0.5], [1, 0]);
        yield return ([0.75, 0.25, 0], [0.25, 0.25, 0.5]);
        for (int seed = 0; seed < 200; seed++)
        {
            var random = new Random(seed);
            int n = 2 + random.Next(6);
            yield return (Table(random, n), Table(random, n));
        }

        static double[] Table(Random random, int n)
        {
            double[] weights = [.. Enumerable.Range(0, n).Select(_ => random.Next(4) == 0 ? 0 : Math.Pow(random.NextDouble(), 4))];
            weights[random.Next(n)] += 1e-3;
            double sum = weights.Sum();
            return [.. weights.Select(w => w / sum)];
        }
    }
}
