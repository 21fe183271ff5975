using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Verification;

/// <summary>The last step of the gate alone: the weights of experts that were chosen already (rule N16).</summary>
internal static class ExpertWeights
{
    /// <summary>Weights [T, K] of the chosen experts, from their scores [T, E], in the tensors' dtypes. An index that is none leaves its row as it is.</summary>
    public static void Of(Tensor scores, Tensor indices, GateAttributes attributes, Tensor weights)
    {
        int E = (int)scores.Shape[^1], K = (int)indices.Shape[^1];
        var s = new float[E];
        var w = new float[K];
        for (long t = 0; t < indices.Shape[0]; t++)
        {
            for (int e = 0; e < E; e++)
                s[e] = (float)ElementReader.Value(scores, (t * E) + e);
            ReadOnlySpan<int> chosen = indices.Rows(t, 1).AsReadOnlySpan<int>();
            if (chosen.ContainsAnyExceptInRange(0, E - 1))
                continue;
            Gate.Weigh(s, chosen, attributes, w);
            for (int k = 0; k < K; k++)
                ElementWriter.Set(weights, (t * K) + k, w[k]);
        }
    }
}
