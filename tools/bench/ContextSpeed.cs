using System.Diagnostics;
using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Bench;

/// <summary>What attention of one layer costs a decoded token as the context grows, absorbed and naive, on a synthetic latent cache.</summary>
/// <remarks>The synthetic model's heads: 16 of 64 + 32 and 64, latent 128. Absorbed: q to the latent, attention on it, the latent to values. Naive: every key and value anew from the latent, then attention.</remarks>
internal static class ContextSpeed
{
    private const int H = 16, Dn = 64, Dr = 32, Dv = 64, C = 128;

    /// <summary>The best of some runs for each length, as a table, or as JSON that tools/plot draws.</summary>
    public static int Run(int threads, int rounds, bool json)
    {
        var backend = new SimdBackend(threads);
        int[] lengths = [1024, 4096, 16384, 65536];
        var results = new List<(int Length, double Absorbed, double Naive)>();
        Tensor weight = RandomTensors.Make(DType.F32, (long)H * (Dn + Dv), C);
        Tensor q = RandomTensors.Make(DType.F32, 1, H, Dn + Dr);
        foreach (int T in lengths)
        {
            Tensor cache = RandomTensors.Make(DType.F32, T, 1, C + Dr), latent = RandomTensors.Make(DType.F32, T, C), key = RandomTensors.Make(DType.F32, T, Dr);
            Tensor absorbed = new(DType.F32, 1, H, C + Dr), z = new(DType.F32, 1, H, C), y = new(DType.F32, 1, H, Dv);
            Tensor kv = new(DType.F32, T, (long)H * (Dn + Dv)), keys = new(DType.F32, T, H, Dn + Dr), values = new(DType.F32, T, H, Dv);
            Tensor heads = weight.Reshape(H, Dn + Dv, C), kvHeads = kv.Reshape(T, H, Dn + Dv);
            double short1 = double.PositiveInfinity, short2 = double.PositiveInfinity;
            for (int round = 0; round < rounds; round++)
            {
                short1 = Math.Min(short1, Time(() =>
                {
                    backend.AbsorbQuery(q, heads, Accumulation.Lanes16, absorbed);
                    backend.Attention(absorbed, cache, null, new AttentionAttributes(0.1f, T - 1, AttentionRounding.None, C, Accumulation.Lanes16), z);
                    backend.AbsorbOutput(z, heads, Accumulation.Lanes16, y);
                }));
                short2 = Math.Min(short2, Time(() =>
                {
                    backend.Linear(latent, weight, Accumulation.Lanes16, kv);
                    backend.ExpandKeys(kvHeads, key, keys, values);
                    backend.Attention(q, keys, values, new AttentionAttributes(0.1f, T - 1, AttentionRounding.None, 0, Accumulation.Lanes16), y);
                }));
            }

            results.Add((T, short1 * 1e3, short2 * 1e3));
        }

        if (json)
            Console.WriteLine($$"""{ "command": "bench context", "rows": [ {{string.Join(", ", results.Select(r => FormattableString.Invariant($$"""{ "tokens": {{r.Length}}, "absorbed": {{r.Absorbed:F4}}, "naive": {{r.Naive:F4}} }""")))}} ] }""");
        else
            results.ForEach(r => Console.WriteLine($"{r.Length,6} tokens: absorbed {r.Absorbed,9:F3} ms, naive {r.Naive,9:F3} ms, {r.Naive / r.Absorbed:F1} times"));
        return 0;
    }

    private static double Time(Action action)
    {
        long start = Stopwatch.GetTimestamp();
        action();
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }
}
