using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Model;

namespace DeepSeek.Reference.Bench;

/// <summary>Prefill and decode of the synthetic model under Canonical, absorbed, as shares of the peaks of this run.</summary>
internal static class ModelSpeed
{
    private const int PrefillTokens = 512;
    private const int DecodeTokens = 4;

    // A token's 114.5 M weights less those of head and gates, which stay BF16.
    private const double Float8Bytes = 229e6 - (114.5e6 - 32000 * 1024 - 11 * 32 * 1024);

    public static void Run(double seconds, int threads, string? directory)
    {
        if (directory is not null && !File.Exists(Path.Combine(directory, "model.safetensors")))
            SyntheticModel.Make(directory, DType.BF16);

        Measured[] reads = Peaks.Reads();
        var fma = new Measured("fma", Peaks.FmaWork, Peaks.Fma);
        var results = new List<(DType DType, Measured Prefill, Measured Decode, double DecodeBytes)>();
        foreach (DType dtype in new[] { DType.F32, DType.BF16, DType.F8_E4M3 })
        {
            Dictionary<string, Tensor> weights = Weights(dtype);
            var model = new DeepSeekModel(Config(dtype), weights.GetValueOrDefault, NumericContract.Canonical, new SimdBackend(threads));
            int[] ids = [.. Enumerable.Range(0, PrefillTokens).Select(i => (i * 7919 + 13) % SyntheticModel.Config.VocabSize)];
            var options = new ForwardOptions { LastLogitsOnly = true };
            var prefill = new Measured($"prefill {PrefillTokens}, {dtype.Name()} weights", PrefillTokens, () =>
            {
                LatentCache cache = model.NewCache(PrefillTokens);
                model.Forward(ids, [cache], options);
            });

            // As Generator does it: one tensor for the logits of all tokens. A new one's pages, touched for the first time, cost up to half a millisecond a token.
            var logits = new Tensor(NumericContract.Canonical.Logits, 1, 1, SyntheticModel.Config.VocabSize);
            LatentCache? context = null;
            int next = 17;
            var decode = new Measured($"decode, {dtype.Name()} weights", DecodeTokens, () =>
            {
                if (context is null || context.Length + DecodeTokens > 192)
                {
                    context = model.NewCache(256);
                    model.Forward(ids.AsSpan(0, 128), [context], options);
                }

                for (int i = 0; i < DecodeTokens; i++)
                {
                    model.Forward([next], [context], logits, options);
                    next = Largest(logits.AsReadOnlySpan<float>());
                }
            });
            results.Add((dtype, prefill, decode, dtype == DType.F32 ? 458e6 : dtype == DType.BF16 ? 229e6 : Float8Bytes));
        }

        // Apart, since a prefill takes as long as dozens of tokens: decoding then has as many turns as the reads that it is compared with.
        Measured.Interleave(15 * seconds, [.. reads, .. results.Select(r => r.Decode)]);
        Measured.Interleave(15 * seconds, [fma, .. results.Select(r => r.Prefill)]);
        SideBySide.RaiseFma(Math.Max(fma.Best, results.Max(r => r.Prefill.Best) * SyntheticModel.PrefillFlopsPerToken));
        SideBySide.RaiseRead(Math.Max(reads.Max(read => read.Best), results.Max(r => r.Decode.Best * r.DecodeBytes)));
        foreach ((DType dtype, Measured prefill, Measured decode, double bytes) in results)
        {
            SideBySide.Line(
                prefill.Name, $"{prefill.Best:F0} tokens/s (median {prefill.Median:F0})",
                $"{prefill.Best * SyntheticModel.PrefillFlopsPerToken / SideBySide.FmaPeak:F2} of the fma peak",
                dtype == DType.F32 ? "aim: >= 0.35 (llama.cpp 0.29: 434; its fork 0.38: 558)" : dtype == DType.BF16 ? "aim: >= 0.35 (llama.cpp BF16 591)" : "");
            SideBySide.Line(
                decode.Name, $"{decode.Best:F1} tokens/s (median {decode.Median:F1})",
                $"{decode.Best * bytes / SideBySide.ReadPeak:F2} of the read bandwidth",
                dtype == DType.F32 ? "aim: >= 0.85 (llama.cpp 0.89: 70)" : dtype == DType.BF16 ? "aim: >= 0.75 (llama.cpp 0.68: 110)"
                    : $"{decode.Best / results[1].Decode.Best:F2} times BF16's; aim: >= 1.6, and the bytes allow {results[1].DecodeBytes / bytes:F2}");
        }
    }

    /// <summary>Where the time of one prefill and one decoded token goes, by operation; the best of a few passes.</summary>
    public static int Breakdown(DType dtype, int threads)
    {
        Dictionary<string, Tensor> weights = Weights(dtype);
        var timed = new TimedBackend(new SimdBackend(threads));
        var model = new DeepSeekModel(Config(dtype), weights.GetValueOrDefault, NumericContract.Canonical, timed);
        int[] ids = [.. Enumerable.Range(0, PrefillTokens).Select(i => (i * 7919 + 13) % SyntheticModel.Config.VocabSize)];
        var options = new ForwardOptions { LastLogitsOnly = true };
        var logits = new Tensor(NumericContract.Canonical.Logits, 1, 1, SyntheticModel.Config.VocabSize);
        foreach ((string name, int tokens) in new[] { ($"prefill {PrefillTokens}", PrefillTokens), ("decode after 128", 1) })
        {
            double best = double.PositiveInfinity;
            string report = "";
            for (int repeat = 0; repeat < (tokens == 1 ? 60 : 6); repeat++)
            {
                LatentCache cache = model.NewCache(PrefillTokens + 128);
                if (tokens == 1)
                    model.Forward(ids.AsSpan(0, 128), [cache], options);
                timed.Clear();
                long start = System.Diagnostics.Stopwatch.GetTimestamp();
                model.Forward(ids.AsSpan(0, tokens), [cache], logits, options);
                double seconds = System.Diagnostics.Stopwatch.GetElapsedTime(start).TotalSeconds;
                if (seconds >= best)
                    continue;
                best = seconds;
                report = timed.Report(seconds);
            }

            Console.WriteLine($"{name}, {dtype.Name()} weights: {best * 1e3:F2} ms, {tokens / best:F1} tokens/s\n{report}");
        }

        return 0;
    }

    private static DeepSeekConfig Config(DType dtype) => dtype == DType.F8_E4M3 ? SyntheticModel.Float8Config : SyntheticModel.Config;

    private static Dictionary<string, Tensor> Weights(DType dtype) => dtype == DType.F8_E4M3 ? SyntheticModel.Float8Weights() : SyntheticModel.Weights(dtype);

    private static int Largest(ReadOnlySpan<float> logits)
    {
        int best = 0;
        for (int i = 1; i < logits.Length; i++)
        {
            if (logits[i] > logits[best])
                best = i;
        }

        return best;
    }
}
