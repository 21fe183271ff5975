using DeepSeek.Reference.Model;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Verification;

/// <summary>A tensor of a dump, and the probe it is by a name table.</summary>
/// <param name="Name">The dump's name.</param>
/// <param name="Tensor">As the file holds it.</param>
/// <param name="Rule">Its line of the table; null where the dump has our names.</param>
internal sealed record CandidateTensor(string Name, Tensor Tensor, NameRule? Rule);

/// <summary>Another engine's intermediates: a file's tensors under our probes' names, in our layouts on demand.</summary>
internal sealed class CandidateDump
{
    private readonly DeepSeekConfig config;
    private readonly NumericContract contract;
    private readonly DumpRope? rope;
    private readonly Dictionary<string, CandidateTensor> probes = new(StringComparer.Ordinal);
    private readonly List<(string Name, string Why)> unjudged = [];

    /// <summary>Sorts the tensors of a dump.</summary>
    /// <param name="tensors">By name.</param>
    /// <param name="names">auto, or a key of <see cref="NameTables.ByName"/>.</param>
    /// <param name="config">The model's sizes.</param>
    /// <param name="contract">Layouts that the tensors are brought to.</param>
    /// <param name="rope">Layout of rotated tensors, over what the table says.</param>
    /// <exception cref="ContractException">There is no such table.</exception>
    public CandidateDump(IReadOnlyDictionary<string, Tensor> tensors, string names, DeepSeekConfig config, NumericContract contract, DumpRope? rope = null)
    {
        this.config = config;
        this.contract = contract;
        this.rope = rope;
        Names = names == "auto" ? NameTables.Guess(tensors.Keys) : names;
        if (!NameTables.ByName.TryGetValue(Names, out IReadOnlyList<NameRule>? rules))
            throw new ContractException($"--names '{names}': there are auto, {string.Join(", ", NameTables.ByName.Keys)}");
        foreach ((string name, Tensor tensor) in tensors)
        {
            if (name == "input_ids")
                Ids = tensor;
            else if (!(ElementReader.IsReal(tensor.DType) || ElementReader.IsInteger(tensor.DType)))
                unjudged.Add((name, $"is {tensor}, whose values cannot be compared"));
            else if (rules.Count == 0)
                Add(name, name, tensor, null);
            else
                AddByRules(name, tensor, rules);
        }
    }

    /// <summary>The table that was used.</summary>
    public string Names { get; }

    /// <summary>The dump's own <c>input_ids</c>, where it has them.</summary>
    public Tensor? Ids { get; }

    /// <summary>The tensors by probe.</summary>
    public IReadOnlyDictionary<string, CandidateTensor> Probes => probes;

    /// <summary>Names that are no probe, or that could not be used, and why.</summary>
    public IReadOnlyList<(string Name, string Why)> Unjudged => unjudged;

    /// <summary>Leaves a probe unjudged.</summary>
    public void Drop(string probe, string why)
    {
        if (probes.Remove(probe, out CandidateTensor? dropped))
            unjudged.Add((dropped.Name, why));
    }

    /// <summary>A probe's values in the dtype, shape and layout of ours; null, with the reason, where they do not fit.</summary>
    /// <param name="probe">The probe.</param>
    /// <param name="like">Ours.</param>
    /// <param name="note">Why it does not fit, or how many values the conversion to our dtype rounded; else empty.</param>
    public Tensor? Read(string probe, Tensor like, out string note)
    {
        CandidateTensor candidate = probes[probe];
        Tensor from = candidate.Tensor;
        long width = like.Shape[^1];
        ChannelCut cut = candidate.Rule?.Cut?.Invoke(config) ?? new ChannelCut(1, (int)width, 0, (int)width);
        long parts = cut.Count == 0 ? 0 : like.ElementCount / cut.Count;
        if (from.ElementCount != parts * cut.Width)
        {
            note = $"is {from}; {(parts * cut.Width == like.ElementCount ? "" : $"{parts * cut.Width} elements, of which ")}{like.Shape} was expected";
            return null;
        }

        var y = new Tensor(like.DType, like.Shape);
        long rounded = 0;
        for (long p = 0; p < parts; p++)
        {
            for (int k = 0; k < cut.Count; k++)
            {
                long source = (p * cut.Width) + cut.From + k;
                long target = (p * cut.Count) + Channel(candidate.Rule, probe, k, cut.Count);
                rounded += ElementWriter.Set(y, target, from, source) ? 0 : 1;
            }
        }

        note = rounded == 0 ? "" : $"{rounded} of {like.ElementCount} values of {from.DType.Name()} were rounded to {like.DType.Name()}";
        return y;
    }

    /// <summary>Where a channel of the dump stands in ours.</summary>
    private int Channel(NameRule? rule, string probe, int k, int dr)
    {
        if (!(probe.EndsWith(".k_pe", StringComparison.Ordinal) || probe.EndsWith(".q_pe", StringComparison.Ordinal)))
            return k;
        bool oursHalf = contract.RopeLayout != RopeLayout.Interleaved;
        bool theirsHalf = rope is { } told ? told == DumpRope.Half : rule?.Rope == DumpRope.Half || (rule is null && oursHalf);
        if (oursHalf == theirsHalf)
            return k;
        int half = dr / 2;
        return theirsHalf ? (k < half ? 2 * k : (2 * (k - half)) + 1) : (k / 2) + (k % 2 * half);
    }

    private void AddByRules(string name, Tensor tensor, IReadOnlyList<NameRule> rules)
    {
        bool known = false;
        foreach (string tried in (string[])[name, name.EndsWith(".0", StringComparison.Ordinal) ? name[..^2] : name])
        {
            foreach (NameRule rule in rules)
            {
                if (rule.Match(tried, config) is not { } probe)
                    continue;
                known = true;
                Add(name, probe, tensor, rule);
            }

            if (known)
                return;
        }

        unjudged.Add((name, $"no line of the table '{Names}' has this name"));
    }

    private void Add(string name, string probe, Tensor tensor, NameRule? rule)
    {
        if (!probes.TryAdd(probe, new CandidateTensor(name, tensor, rule)))
            unjudged.Add((name, $"is {probe}, which was taken from {probes[probe].Name}"));
    }
}
