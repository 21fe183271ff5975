using System.Diagnostics.CodeAnalysis;
using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Training;

/// <summary>The gradients of a batch, one binary32 tensor a parameter, and its losses; filled by <see cref="GradientModel.Accumulate"/>.</summary>
/// <remarks>
/// Sequences are added in the order in which they come, one addition each (rules N16, N24): any split of a batch at sequence boundaries gives the same bits.
/// A parameter that the loss does not contain has no tensor here: <c>e_score_correction_bias</c> (it moves the choice alone), <c>weight_scale_inv</c>, and the MTP
/// modules' unless their loss was asked for. One that the loss contains but no token reached (an expert never chosen) is zero.
/// </remarks>
public sealed class GradientSet
{
    private readonly Dictionary<string, Tensor> byName;
    private readonly string[] names;
    private readonly Dictionary<string, ExpertLoad> loads = new(StringComparer.Ordinal);
    private float main, mtp, balance;

    internal GradientSet(IEnumerable<KeyValuePair<string, Shape>> parameters, BatchTotals totals, LossOptions options)
    {
        names = [.. parameters.Select(p => p.Key)];
        byName = parameters.ToDictionary(p => p.Key, p => new Tensor(DType.F32, p.Value));
        Totals = totals;
        Options = options;
    }

    /// <summary>What the whole batch counts.</summary>
    public BatchTotals Totals { get; private set; }

    /// <summary>What the loss is made of.</summary>
    public LossOptions Options { get; }

    /// <summary>The parameters' checkpoint names, in the order of the forward pass.</summary>
    public IReadOnlyList<string> Names => names;

    /// <summary>The gradient of that parameter, in its shape.</summary>
    /// <exception cref="ContractException">The loss does not contain it.</exception>
    public Tensor this[string name] => byName.TryGetValue(name, out Tensor? t)
        ? t
        : throw new ContractException($"there is no gradient of '{name}'; it is no parameter of this loss");

    /// <summary>The losses so far: sums by sequence in the order they came, divided by the totals once.</summary>
    public Losses Losses => new(
        main / Totals.Targets,
        Options.MtpWeight == 0 ? 0f : mtp / Totals.Targets * MtpShare,
        balance);

    /// <summary>How often each expert of a layer was chosen so far, by the name of the layer's <c>e_score_correction_bias</c>; MTP modules are layers too.</summary>
    public IReadOnlyDictionary<string, ExpertLoad> Loads => loads;

    /// <summary>Zeroes everything for another batch.</summary>
    public void Reset(BatchTotals totals)
    {
        foreach (Tensor t in byName.Values)
            t.AsSpan<float>().Clear();
        loads.Clear();
        (main, mtp, balance) = (0f, 0f, 0f);
        Totals = totals;
    }

    /// <summary>The gradient of that parameter, if the loss contains it.</summary>
    public bool TryGet(string name, [NotNullWhen(true)] out Tensor? gradient) => byName.TryGetValue(name, out gradient);

    /// <summary>λ/D, rounded once.</summary>
    internal float MtpShare { get; init; }

    internal void AddMain(ReadOnlySpan<float> losses) => main += Sum(losses);

    internal void AddMtp(ReadOnlySpan<float> losses) => mtp += Sum(losses);

    internal void AddChoice(string bias, int experts, ReadOnlySpan<int> chosen)
    {
        if (!loads.TryGetValue(bias, out ExpertLoad? load))
            loads.Add(bias, load = new ExpertLoad(experts));
        load.Add(chosen);
    }

    internal void AddBalance(float loss) => balance += loss;

    /// <summary>Rule N6 over the positions of a sequence.</summary>
    private static float Sum(ReadOnlySpan<float> losses)
    {
        var sum = new Lanes16();
        for (int t = 0; t < losses.Length; t++)
            sum.Add(t, losses[t]);
        return sum.Fold();
    }
}
