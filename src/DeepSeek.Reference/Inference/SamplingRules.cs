using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Inference;

/// <summary>What is done to logits before they are divided by the temperature, and which probabilities take part in the draw.</summary>
/// <remarks>
/// <code>
/// repetition θ   l_v = l_v > 0 ? l_v / θ : l_v · θ     ids of the prompt and new ones
/// frequency f    l_v = l_v - n_v · f                   n_v: how often v is among the new ids; product and difference are rounded
/// presence p     l_v = l_v - p                         n_v > 0
/// bias           l_v = l_v + b_v
/// </code>
/// In binary32, in that order, whatever dtype the logits have. Then, of the probabilities in the order of rule N9 (the larger first, the lower id among equals):
/// the first K; of these the shortest beginning whose sum is at least P times the sum of all of these, in binary64, added in that order; of these those with p_v ≥ M · p_first.
/// docs/spec/generation.md 4.
/// </remarks>
internal static class SamplingRules
{
    /// <summary>Whether logits change before the choice.</summary>
    public static bool Adjusts(GenerationOptions options) =>
        options.RepetitionPenalty != 1 || options.FrequencyPenalty != 0 || options.PresencePenalty != 0 || options.LogitBias is { Count: > 0 };

    /// <summary>Changes logits [V] as the options say.</summary>
    public static void Adjust(Span<float> logits, GenerationOptions options, TokenHistory history)
    {
        float θ = options.RepetitionPenalty;
        if (θ != 1)
        {
            foreach (int v in history.Seen)
                logits[v] = logits[v] > 0 ? logits[v] / θ : logits[v] * θ;
        }

        if (options.FrequencyPenalty != 0 || options.PresencePenalty != 0)
        {
            foreach ((int v, int n) in history.Generated)
            {
                float product = n * options.FrequencyPenalty;
                logits[v] -= product;
                logits[v] -= options.PresencePenalty;
            }
        }

        foreach ((int v, float bias) in options.LogitBias ?? new Dictionary<int, float>())
            logits[v] += bias;

    }

    /// <summary>Sets to 0 the probabilities that do not take part; nothing changes where no rule is asked for.</summary>
    /// <exception cref="NotANumberException">A probability is NaN.</exception>
    public static void Filter(Span<float> probabilities, GenerationOptions options)
    {
        int V = probabilities.Length;
        int K = options.TopK == 0 ? V : Math.Min(options.TopK, V);
        if (K == V && options.TopP == 1 && options.MinP == 0)
            return;
        int[] order = Order(probabilities, options.TopP < 1 || K < V ? K : 1);
        int kept = options.TopP < 1 ? Nucleus(probabilities, order, options.TopP) : K;
        float least = options.MinP * probabilities[order[0]];
        Span<float> all = probabilities;
        if (kept == V)
        {
            for (int v = 0; v < V; v++)
                all[v] = all[v] >= least ? all[v] : 0;
            return;
        }

        var chosen = new float[kept];
        for (int i = 0; i < kept; i++)
            chosen[i] = probabilities[order[i]];
        all.Clear();
        for (int i = 0; i < kept; i++)
            all[order[i]] = chosen[i] >= least ? chosen[i] : 0;
    }

    /// <summary>How many of the ordered probabilities make up the share P.</summary>
    private static int Nucleus(ReadOnlySpan<float> probabilities, int[] order, float P)
    {
        double total = 0, sum = 0;
        foreach (int v in order)
            total += probabilities[v];
        int kept = 0;
        while (kept < order.Length && (kept == 0 || sum < P * total))
            sum += probabilities[order[kept++]];
        return kept;
    }

    /// <summary>The first K in the order of rule N9.</summary>
    private static int[] Order(ReadOnlySpan<float> probabilities, int K)
    {
        var order = new int[K];
        if (K <= 64)
        {
            TopK.Choose(probabilities, order);
            return order;
        }

        float[] values = probabilities.ToArray();
        int notANumber = Array.FindIndex(values, float.IsNaN);
        if (notANumber >= 0)
            throw new NotANumberException($"the order of {values.Length} probabilities is undefined: value {notANumber} is NaN");
        int[] all = [.. Enumerable.Range(0, values.Length)];
        Array.Sort(all, (a, b) => values[a] != values[b] ? values[b].CompareTo(values[a]) : a.CompareTo(b));
        return all[..K];
    }

    /// <summary>Refuses options that mean nothing.</summary>
    /// <exception cref="ContractException">Names the option and its range.</exception>
    public static void Check(GenerationOptions options)
    {
        if (options.TopK < 0)
            throw new ContractException($"top-k {options.TopK} was asked for; it is a number from 1, or 0 for all");
        if (!(options.TopP > 0 && options.TopP <= 1))
            throw new ContractException($"top-p {options.TopP} was asked for; it is above 0 and at most 1");
        if (!(options.MinP >= 0 && options.MinP <= 1))
            throw new ContractException($"min-p {options.MinP} was asked for; it is from 0 to 1");
        if (!(options.RepetitionPenalty > 0) || float.IsInfinity(options.RepetitionPenalty))
            throw new ContractException($"a repetition penalty of {options.RepetitionPenalty} was asked for; it is above 0, and 1 changes nothing");
        if (!float.IsFinite(options.FrequencyPenalty) || !float.IsFinite(options.PresencePenalty))
            throw new ContractException($"penalties of {options.FrequencyPenalty} (frequency) and {options.PresencePenalty} (presence) were asked for; both are finite numbers");
        foreach ((int id, float bias) in options.LogitBias ?? new Dictionary<int, float>())
        {
            if (float.IsNaN(bias) || float.IsPositiveInfinity(bias))
                throw new ContractException($"a bias of {bias} was asked for the id {id}; it is a finite number, or -Infinity to rule it out");
        }
    }
}
