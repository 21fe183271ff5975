using System.Globalization;

namespace DeepSeek.Reference.Training;

/// <summary>Which of a token's experts the balance loss counts.</summary>
public enum BalanceChoice
{
    /// <summary>Those it was routed to: with bias and groups, as frameworks count.</summary>
    Routed,

    /// <summary>The K largest scores, without bias or groups: equation 18 as it is printed.</summary>
    LargestScores,
}

/// <summary>What is added to the main model's cross-entropy.</summary>
/// <remarks>
/// <code>
/// loss = L_main + (λ/D) Σ_k L_MTP,k + Σ_layers L_bal
/// </code>
/// By default the cross-entropy alone. DeepSeek-V3 report 2.1.2, 2.2; docs/spec/training.md.
/// </remarks>
public sealed record LossOptions
{
    /// <summary>λ, the weight of the MTP modules' losses; 0: they do not run and have no gradients. V3: 0.3, later 0.1.</summary>
    public double MtpWeight { get; init; }

    /// <summary>α of the sequence-wise balance loss; 0: none. V3: 0.0001.</summary>
    public double BalanceWeight { get; init; }

    /// <summary>Which choice the balance loss counts.</summary>
    public BalanceChoice Balance { get; init; }

    /// <summary>Throws for weights that are negative or no numbers.</summary>
    internal void Require()
    {
        Operands.RequireDefined(Balance);
        Within("MTP losses", MtpWeight);
        Within("balance loss", BalanceWeight);

        // They enter in binary32.
        static void Within(string what, double weight)
        {
            if (!(weight >= 0 && float.IsFinite((float)weight)))
                throw new ContractException(string.Create(CultureInfo.InvariantCulture, $"the weight of the {what} is {weight}; take 0 or a positive number that binary32 holds"));
        }
    }
}

/// <summary>What a whole batch counts: the divisors of its losses, whatever parts it is worked on in.</summary>
/// <param name="Sequences">Sequences of at least two ids.</param>
/// <param name="Targets">Ids that are predicted: all but the first of each sequence.</param>
public readonly record struct BatchTotals(long Sequences, long Targets)
{
    /// <summary>Throws for numbers that no batch has.</summary>
    internal void Require()
    {
        if (Sequences < 0 || Targets < Sequences || (Sequences == 0 && Targets > 0))
            throw new ContractException($"no batch has {Targets} targets in {Sequences} sequences of two ids or more; take BatchTotals.Of its rows");
    }

    /// <summary>The totals of these rows.</summary>
    /// <exception cref="ArgumentNullException">There are none, or one of them is null.</exception>
    public static BatchTotals Of(IReadOnlyList<int[]> rows)
    {
        ArgumentNullException.ThrowIfNull(rows);
        foreach (int[] row in rows)
            ArgumentNullException.ThrowIfNull(row, nameof(rows));
        return new(rows.Count(r => r.Length > 1), rows.Sum(r => Math.Max(0L, r.Length - 1L)));
    }
}

/// <summary>The losses of what was added up so far.</summary>
/// <param name="Main">The mean cross-entropy over the batch's targets.</param>
/// <param name="Mtp">The MTP modules', weighted.</param>
/// <param name="Balance">The balance losses of all layers, weighted, mean over the sequences.</param>
public readonly record struct Losses(float Main, float Mtp, float Balance)
{
    /// <summary>(Main + Mtp) + Balance.</summary>
    public float Total => Main + Mtp + Balance;
}
