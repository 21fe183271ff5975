using System.Diagnostics;
using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Inference;
using DeepSeek.Reference.Model;

namespace DeepSeek.Reference.Bench;

/// <summary>Tokens a second of many sequences at a time, and of drafts, beside one sequence without.</summary>
internal static class ServingSpeed
{
    private const int Prompt = 32, NewTokens = 24;

    /// <summary>Decoding of 1, 8 and 32 sequences of the synthetic model, interleaved; prefill is not counted.</summary>
    public static int Batches(DType dtype, int threads, int rounds)
    {
        var model = new DeepSeekModel(SyntheticModel.Config, SyntheticModel.Weights(dtype).GetValueOrDefault, NumericContract.Canonical, new SimdBackend(threads));
        int[] sizes = [1, 8, 32];
        double[] best = new double[sizes.Length];
        for (int round = 0; round < rounds; round++)
        {
            for (int s = 0; s < sizes.Length; s++)
                best[s] = Math.Max(best[s], Decode(model, sizes[s]));
        }

        for (int s = 0; s < sizes.Length; s++)
            Console.WriteLine($"{sizes[s],2} sequences, {dtype.Name()} weights, {threads} threads: {best[s],8:F1} tokens/s in all, {best[s] / best[0]:F2} times those of one");
        return 0;
    }

    /// <summary>Greedy and drawn continuations of a model with an MTP module by 0 to 3 drafts, interleaved in one process; without a directory, of <see cref="Bigram"/>.</summary>
    public static int Drafts(string? directory, int threads, int rounds)
    {
        using DeepSeekModel model = directory is null ? Bigram(threads) : DeepSeekModel.Load(directory, null, new SimdBackend(threads));
        int[][] prompts = [.. Enumerable.Range(0, directory is null ? 1 : 8).Select(p => Enumerable.Range(0, directory is null ? 1 : Prompt).Select(i => (i * 7919 + p * 104729 + 13) % model.Config.VocabSize).ToArray())];
        foreach (float temperature in directory is null ? new[] { 0f } : [0f, 0.7f])
        {
            double[] best = new double[4];
            var counts = new DraftCounts[4];
            for (int round = 0; round < rounds; round++)
            {
                for (int k = 0; k < best.Length; k++)
                {
                    long start = Stopwatch.GetTimestamp();
                    IReadOnlyList<GeneratedSequence> rows = [.. prompts.Select(p => new Generator(model).Generate([p], new GenerationOptions { MaxTokens = directory is null ? 24 : 128, IgnoreEos = true, Temperature = temperature, Drafts = k })[0])];
                    best[k] = Math.Max(best[k], rows.Sum(r => r.Ids.Count) / Stopwatch.GetElapsedTime(start).TotalSeconds);
                    counts[k] = new DraftCounts(rows.Sum(r => r.Drafts?.Drafted ?? 0), rows.Sum(r => r.Drafts?.Accepted ?? 0), rows.Sum(r => r.Drafts?.Passes ?? 0));
                }
            }

            for (int k = 0; k < best.Length; k++)
                Console.WriteLine($"temperature {temperature}, {k} drafts: {best[k],8:F1} tokens/s, {best[k] / best[0]:F2} times plain; {counts[k].Rate:P1} of judged drafts taken");
        }

        return 0;
    }

    /// <summary>
    /// The synthetic model in BF16 with a module that is always right: attention and experts are computed and give 0, so that the next token is a function of the last alone,
    /// and the module passes its embedding on. What drafts cost and gain where decoding waits for memory.
    /// </summary>
    private static DeepSeekModel Bigram(int threads)
    {
        DeepSeekConfig config = SyntheticModel.Config with { NumNextnPredictLayers = 1 };
        Dictionary<string, Tensor> weights = SyntheticModel.Weights(DType.BF16, config);
        foreach ((string name, Tensor tensor) in weights)
        {
            if (name.EndsWith("o_proj.weight", StringComparison.Ordinal) || name.EndsWith("down_proj.weight", StringComparison.Ordinal) || name.EndsWith("eh_proj.weight", StringComparison.Ordinal))
                tensor.AsSpan<BFloat16>().Clear();
        }

        string module = $"model.layers.{config.NumHiddenLayers}.";
        Span<BFloat16> join = weights[module + "eh_proj.weight"].AsSpan<BFloat16>();
        for (int i = 0; i < config.HiddenSize; i++)
            join[(i * 2 * config.HiddenSize) + i] = BFloat16.One;
        weights.Remove(module + "embed_tokens.weight");
        weights.Remove(module + "shared_head.head.weight");
        return new DeepSeekModel(config, weights.GetValueOrDefault, NumericContract.Canonical, new SimdBackend(threads));
    }

    private static double Decode(DeepSeekModel model, int sequences)
    {
        var batch = new BatchGenerator(model, new BatchOptions { CacheBytes = 1L << 29, TokensPerStep = sequences * Prompt, ReusePrefixes = false });
        for (int b = 0; b < sequences; b++)
            batch.Add([.. Enumerable.Range(0, Prompt).Select(i => (i * 7919 + b * 104729 + 13) % model.Config.VocabSize)], new GenerationOptions { MaxTokens = NewTokens, IgnoreEos = true });
        batch.Step();
        long start = Stopwatch.GetTimestamp();
        batch.Run();
        return sequences * (NewTokens - 1) / Stopwatch.GetElapsedTime(start).TotalSeconds;
    }
}
