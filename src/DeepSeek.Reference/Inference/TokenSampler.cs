using DeepSeek.Reference.Model;
using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Inference;

/// <summary>Chooses one token from a row of logits: the largest, or a draw by an exponential race.</summary>
/// <remarks>
/// <code>
/// temperature 0:  argmax_v l_v                         the lowest id among equals (rule N9)
/// else            z_v = l_v / max(temperature, 1e-5)   one division, stored in the contract's logits dtype
///                 p   = softmax(z)                      stored in the same dtype
///                 u_v = (2 (w_v >> 9) + 1) · 2^-24      word v of the stream of seed and position; in (0, 1), exact
///                 e_v = -log u_v                        correctly rounded; exponentially distributed
///                 argmax_v p_v / e_v                    one division
/// </code>
/// Penalties and biases come before all of it, and p_v is 0 where top-k, top-p or min-p leave v out: <see cref="SamplingRules"/>.
/// The token is v with probability p_v. Words are those of <see cref="RandomStream"/> named "generate.exponential", stream = position of the new token:
/// the row's place in a batch does not enter. docs/spec/generation.md 2 and 3; rules N5, N10, N14.
/// </remarks>
internal sealed class TokenSampler
{
    /// <summary>The name that keys the random words.</summary>
    public const string StreamName = "generate.exponential";

    private const float LeastTemperature = 1e-5f;
    private readonly DeepSeekModel model;
    private readonly float[] values;
    private readonly Scratch scaled = new(), probabilities = new();

    public TokenSampler(DeepSeekModel model)
    {
        this.model = model;
        values = new float[model.Config.VocabSize];
    }

    /// <summary>The token that logits [1, V] give at a position.</summary>
    /// <exception cref="NotANumberException">A logit or a probability is NaN.</exception>
    public int Choose(Tensor logits, GenerationOptions options, TokenHistory history, int position)
    {
        if (options.Temperature == 0)
            return TopK.ArgMax(Adjusted(logits, options, history));
        Probabilities(logits, options, history);
        return Race(values, new RandomStream(options.Seed, StreamName, (uint)position));
    }

    /// <summary>The probability of each token in a draw, normalised in binary64: p_v / Σ p, the sum in ascending ids.</summary>
    /// <exception cref="NotANumberException">A probability is NaN.</exception>
    public double[] Distribution(Tensor logits, GenerationOptions options, TokenHistory history)
    {
        Probabilities(logits, options, history);
        double sum = 0;
        foreach (float p in values)
            sum += p;
        if (double.IsNaN(sum))
            throw new NotANumberException($"the probabilities of {values.Length} tokens have no sum: value {Array.FindIndex(values, float.IsNaN)} is NaN");
        return [.. values.Select(p => p / sum)];
    }

    /// <summary>A draw from weights [V], which are changed: argmax_v w_v / e_v.</summary>
    public static int Race(Span<float> weights, RandomStream words)
    {
        for (int v = 0; v < weights.Length; v++)
            weights[v] /= Exponential(words.Word((ulong)v));
        return TopK.ArgMax(weights);
    }

    /// <summary>An exponentially distributed value of one random word.</summary>
    internal static float Exponential(uint word) => -Correct.Log(((2 * (word >> 9)) + 1) * (1f / 16777216));

    /// <summary>Logits after penalties and biases.</summary>
    private ReadOnlySpan<float> Adjusted(Tensor logits, GenerationOptions options, TokenHistory history)
    {
        ReadOnlySpan<float> l = Widened(logits);
        if (!SamplingRules.Adjusts(options))
            return l;
        l.CopyTo(values);
        SamplingRules.Adjust(values, options, history);
        return values;
    }

    /// <summary>The probabilities that take part in a draw, into the values.</summary>
    private void Probabilities(Tensor logits, GenerationOptions options, TokenHistory history)
    {
        ReadOnlySpan<float> l = Adjusted(logits, options, history);
        int V = values.Length;
        float divisor = Math.Max(options.Temperature, LeastTemperature);
        for (int v = 0; v < V; v++)
            values[v] = l[v] / divisor;
        Tensor z = scaled.Get(model.Contract.Logits, 1, V);
        if (z.DType == DType.F32)
            values.CopyTo(z.AsSpan<float>());
        else
            BFloat16Spans.Round(values, z.AsSpan<BFloat16>());
        Tensor p = probabilities.Get(model.Contract.Logits, 1, V);
        model.Backend.Softmax(z, p);
        Widened(p).CopyTo(values);
        SamplingRules.Filter(values, options);
    }

    private ReadOnlySpan<float> Widened(Tensor row)
    {
        if (row.DType == DType.F32)
            return row.AsReadOnlySpan<float>();
        BFloat16Spans.Widen(row.AsReadOnlySpan<BFloat16>(), values);
        return values;
    }
}
