using System.Diagnostics;
using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Ops;
using DeepSeek.Reference.TensorCores;
using DeepSeek.Reference.Training;

namespace DeepSeek.Reference.Bench;

/// <summary>Loss and gradients of one sequence of the synthetic model in each precision, beside our matrix product of the same run; then the optimizer.</summary>
/// <remarks>A step of the optimizer is told apart: how many tokens share it is the batch's choice.</remarks>
internal static class TrainingSpeed
{
    /// <summary>One precision.</summary>
    private sealed record Variant(string Name, TrainingPrecision Precision, string Target);

    private static readonly Variant[] All =
    [
        new("fp32", TrainingPrecision.Fp32, "aim: >= 0.6 of the GEMM speed"),
        new("bf16", TrainingPrecision.BF16, ""),
        new("bf16-hopper", TrainingPrecision.BF16 with { BFloat16Sums = Accumulation.TensorCore(TensorCore.HopperWgmmaBF16F32) }, "reported"),
        new("fp8-lanes16", Fp8("lanes16"), "aim: < 10 times fp32's time"),
        new("fp8-exact", Fp8("exact"), "reported"),
        new("fp8-hopper", Fp8("hopper"), "reported"),
    ];

    /// <summary>What <c>--precision</c> takes.</summary>
    public static string[] Names => [.. All.Select(v => v.Name)];

    /// <summary>Prints a line for each precision.</summary>
    /// <param name="threads">Of our backend.</param>
    /// <param name="tokens">Targets of the sequence, two at least.</param>
    /// <param name="rounds">Repeats; the best counts.</param>
    /// <param name="breakdown">Whether to tell where the time goes.</param>
    /// <param name="precisions">Names of those to time, or none for all.</param>
    public static int Run(int threads, int tokens, int rounds, bool breakdown, string[] precisions)
    {
        Variant[] variants = precisions.Length == 0 ? All : [.. precisions.Select(name => All.Single(v => v.Name == name))];
        Dictionary<string, Tensor> weights = SyntheticModel.Weights(DType.F32);
        var timed = new TimedTraining(new SimdBackend(threads));
        int[] ids = [.. Enumerable.Range(0, tokens + 1).Select(i => (i * 7919 + 13) % SyntheticModel.Config.VocabSize)];
        GradientModel[] models = [.. variants.Select(v => new GradientModel(SyntheticModel.Config, weights.GetValueOrDefault, timed, precision: v.Precision))];
        GradientSet gradients = models[0].NewGradients(BatchTotals.Of([ids]));

        Tensor x = RandomTensors.Make(DType.F32, 1024, 1024), w = RandomTensors.Make(DType.F32, 1024, 1024), y = new(DType.F32, 1024, 1024);
        var product = new SimdBackend(threads);
        double gemm = 0;
        double[] best = new double[variants.Length];
        string[] spent = new string[variants.Length];
        Array.Fill(best, double.PositiveInfinity);
        for (int round = 0; round < rounds; round++)
        {
            for (int v = 0; v < variants.Length; v++)
            {
                for (int i = 0; i < 20; i++)
                    gemm = Math.Max(gemm, 2.0 * 1024 * 1024 * 1024 / Seconds(() => product.Linear(x, w, Accumulation.Lanes16, y)));
                gradients.Reset(BatchTotals.Of([ids]));
                timed.Clear();
                // The tensors of the sequence before are garbage: give their memory to this one, whose pages would else be touched for the first time.
                GC.Collect();
                double seconds = Seconds(() => models[v].Accumulate([ids], gradients));
                if (seconds >= best[v])
                    continue;
                best[v] = seconds;
                spent[v] = timed.Report(seconds);
            }
        }

        double flops = SyntheticModel.TrainingFlopsPerToken(tokens);
        Console.WriteLine($"1024x1024x1024: {gemm / 1e9:F0} GFLOP/s; a sequence of {tokens} tokens, {flops / 1e6:F0} MFLOP a token, {threads} threads");
        for (int v = 0; v < variants.Length; v++)
        {
            SideBySide.Line(
                $"gradients, {variants[v].Name}", $"{tokens / best[v]:F1} tokens/s", $"{tokens * flops / best[v] / gemm:F2} of the GEMM speed, {best[v] / best[0]:F2} times {variants[0].Name}'s time", variants[v].Target);
            if (breakdown)
                Console.WriteLine(spent[v]);
        }

        for (int v = 0; v < variants.Length; v++)
        {
            double held = Held(models[v], timed, ids, gradients) / 1024, logits = 4.0 * SyntheticModel.Config.VocabSize / 1024;
            Console.WriteLine($"held for a token before the backward, {variants[v].Name}: {held:F0} KiB, of which logits {logits:F0}");
        }

        Optimizer(weights, gradients, threads, rounds);
        return 0;
    }

    private static TrainingPrecision Fp8(string sums) => TrainingPrecision.Fp8 with { Product = TrainingPrecision.Products.Single(p => p.Name == sums).Product };

    /// <summary>Bytes that a token more leaves reachable when the head's gradient begins: half the sequence against the whole.</summary>
    private static double Held(GradientModel model, TimedTraining timed, int[] ids, GradientSet gradients)
    {
        long[] bytes = new long[2];
        int half = ids.Length / 2;
        foreach (int part in new[] { 0, 1 })
        {
            int[] row = part == 0 ? ids[..(half + 1)] : ids;
            gradients.Reset(BatchTotals.Of([row]));
            // The head's gradient may come in pieces of the vocabulary or of positions: the first counts.
            timed.AtHead = () =>
            {
                bytes[part] = GC.GetTotalMemory(forceFullCollection: true);
                timed.AtHead = null;
            };
            model.Accumulate([row], gradients);
        }

        return (bytes[1] - bytes[0]) / (double)(ids.Length - 1 - half);
    }

    private static void Optimizer(Dictionary<string, Tensor> weights, GradientSet gradients, int threads, int rounds)
    {
        var parts = gradients.Names.Select(name => (Theta: weights[name].Clone(), G: gradients[name], M: new Tensor(DType.F32, weights[name].Shape), V: new Tensor(DType.F32, weights[name].Shape))).ToArray();
        var step = new AdamWStep(new AdamWOptions(), 1, 1e-4, decays: true, 1f);
        var options = new ParallelOptions { MaxDegreeOfParallelism = threads };
        double best = double.PositiveInfinity;
        for (int round = 0; round < rounds; round++)
            best = Math.Min(best, Seconds(() => Parallel.ForEach(parts, options, p => AdamW.Simd(p.Theta.AsSpan<float>(), p.G.AsReadOnlySpan<float>(), p.M.AsSpan<float>(), p.V.AsSpan<float>(), step))));
        double count = parts.Sum(p => (double)p.G.ElementCount);
        Console.WriteLine($"AdamW: {best:F2} s for {count / 1e6:F0} M parameters, {28 * count / best / 1e9:F1} GB/s read and written");
    }

    private static double Seconds(Action action)
    {
        long start = Stopwatch.GetTimestamp();
        action();
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }
}
