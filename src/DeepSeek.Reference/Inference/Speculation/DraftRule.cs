using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Inference;

/// <summary>The rejection rule: drafts x from q are made into draws from p.</summary>
/// <remarks>
/// <code>
/// u = (2 (w >> 9) + 1) · 2^-24              word 0 of the stream "generate.accept" of seed and position
/// x is taken where  u · q_x &lt; p_x         binary64: the product of q_x and 24 bits, one rounding
/// else a draw from  r_v = rn32(max(0, p_v - q_v))     the race of <see cref="TokenSampler"/> on the stream "generate.rest"
/// </code>
/// The result is v with probability q_v min(1, p_v/q_v) + (1 - Σ min(p, q)) r_v / Σ r = p_v. p and q are the distributions after temperature and filters, normalised in binary64.
/// Where rounding left no rest, the draw is from p. Leviathan, Kalman and Matias 2023, algorithm 1; DeepSeek-V3 report 2.2 and 5.4.3. docs/spec/generation.md 6.
/// </remarks>
internal static class DraftRule
{
    /// <summary>The stream that drafts are drawn with.</summary>
    public const string DraftStream = "generate.draft";

    private const string AcceptStream = "generate.accept", RestStream = "generate.rest";

    /// <summary>The token of a position, and whether it is the draft.</summary>
    public static (int Id, bool Accepted) Judge(ReadOnlySpan<double> p, ReadOnlySpan<double> q, int draft, ulong seed, int position)
    {
        if (Accepts(p[draft], q[draft], new RandomStream(seed, AcceptStream, (uint)position).Word(0)))
            return (draft, true);
        return (TokenSampler.Race(Rest(p, q), new RandomStream(seed, RestStream, (uint)position)), false);
    }

    /// <summary>Whether a draft of these probabilities is taken under a random word.</summary>
    public static bool Accepts(double p, double q, uint word) => ((2 * (word >> 9)) + 1) * (1.0 / 16777216) * q < p;

    /// <summary>What is drawn from where a draft was not taken.</summary>
    public static float[] Rest(ReadOnlySpan<double> p, ReadOnlySpan<double> q)
    {
        var rest = new float[p.Length];
        bool any = false;
        for (int v = 0; v < rest.Length; v++)
        {
            rest[v] = (float)Math.Max(0, p[v] - q[v]);
            any |= rest[v] > 0;
        }

        for (int v = 0; v < rest.Length && !any; v++)
            rest[v] = (float)p[v];
        return rest;
    }
}
