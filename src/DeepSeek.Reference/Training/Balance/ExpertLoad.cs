namespace DeepSeek.Reference.Training;

/// <summary>How often each routed expert of a layer was chosen in a batch, and what follows from it.</summary>
/// <remarks>
/// <code>
/// n_i    = number of (token, slot) choices of expert i, over the whole batch
/// b_i    = b_i + γ · sign(mean - n_i)        the sign by whole numbers, of Σ n - E · n_i; sign 0 leaves b_i; one addition
/// MaxVio = max n_i / mean - 1 = E · max n_i / Σ n - 1
/// </code>
/// An expert above the mean becomes less likely, one below more. The bias takes part in the choice alone and has no gradient. Rule N28.
/// DeepSeek-V3 report 2.1.2; Wang et al., "Auxiliary-loss-free load balancing strategy for mixture-of-experts", 2024.
/// </remarks>
public sealed class ExpertLoad
{
    private readonly long[] counts;

    /// <summary>No choices yet among so many experts.</summary>
    public ExpertLoad(int experts)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(experts);
        counts = new long[experts];
    }

    /// <summary>n_i.</summary>
    public ReadOnlySpan<long> Counts => counts;

    /// <summary>Σ n.</summary>
    public long Total { get; private set; }

    /// <summary>Counts the choices of some tokens: expert ids, -1 for none.</summary>
    /// <exception cref="ShapeException">An id is no expert's.</exception>
    public void Add(ReadOnlySpan<int> chosen)
    {
        foreach (int expert in chosen)
        {
            if (expert == -1)
                continue;
            if ((uint)expert >= (uint)counts.Length)
                throw new ShapeException($"expert {expert} was chosen among {counts.Length}; ids go from 0 to {counts.Length - 1}, or are -1 for none");
            counts[expert]++;
            Total++;
        }
    }

    /// <summary>Adds the counts of another part of the batch.</summary>
    /// <exception cref="ShapeException">The numbers of experts differ.</exception>
    public void Add(ExpertLoad other)
    {
        ArgumentNullException.ThrowIfNull(other);
        if (other.counts.Length != counts.Length)
            throw new ShapeException($"loads of {counts.Length} and of {other.counts.Length} experts cannot be added");
        for (int i = 0; i < counts.Length; i++)
            counts[i] += other.counts[i];
        Total += other.Total;
    }

    /// <summary>The largest load over the mean, less one: 0 is perfect balance, E - 1 that one expert has everything. 0 where nothing was chosen.</summary>
    public double MaxVio()
    {
        if (Total == 0)
            return 0;
        long largest = 0;
        foreach (long n in counts)
            largest = Math.Max(largest, n);
        return (double)((Int128)largest * counts.Length) / Total - 1;
    }

    /// <summary>b_i + γ · sign(mean - n_i) for each expert.</summary>
    /// <exception cref="ShapeException">The bias is not one number an expert.</exception>
    public void MoveBias(Span<float> bias, double speed)
    {
        if (bias.Length != counts.Length)
            throw new ShapeException($"a bias of {bias.Length} numbers for {counts.Length} experts");
        float gamma = (float)speed;
        for (int i = 0; i < counts.Length; i++)
        {
            int sign = Int128.Sign(Total - (Int128)counts[i] * counts.Length);
            if (sign != 0)
                bias[i] += sign > 0 ? gamma : -gamma;
        }
    }
}
