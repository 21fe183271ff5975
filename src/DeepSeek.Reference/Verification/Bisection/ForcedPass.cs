using DeepSeek.Reference.Model;
using DeepSeek.Reference.Tracing;

namespace DeepSeek.Reference.Verification;

/// <summary>A forward pass in which every probe that a dump holds takes the dump's values before anything reads it: so each is computed from the dump's own nearest values before it.</summary>
/// <remarks>
/// This is teacher forcing, at every probe: what a step gives is looked at, then replaced. An error of one step therefore does not reach the next stage's verdict.
/// The choice of experts and its weights come out of one operation: they are computed again, from the scores that stand in the dump, and then from its choice.
/// </remarks>
internal sealed class ForcedPass : ISubstitutingTrace
{
    private readonly DeepSeekModel model;
    private readonly CandidateDump dump;
    private readonly Action<string, Tensor, Tensor?> seen;
    private readonly HashSet<string> refused;
    private readonly Action<string>? progress;
    private Tensor? scores;
    private Tensor? indices;

    private ForcedPass(DeepSeekModel model, CandidateDump dump, HashSet<string> refused, Action<string, Tensor, Tensor?> seen, Action<string>? progress)
    {
        this.model = model;
        this.dump = dump;
        this.refused = refused;
        this.seen = seen;
        this.progress = progress;
    }

    /// <summary>Runs the pass.</summary>
    /// <param name="model">What computes the steps.</param>
    /// <param name="rows">The prompts, of one length.</param>
    /// <param name="dump">What is fed.</param>
    /// <param name="refused">Probes of the dump that are not fed, such as those with NaNs; <paramref name="seen"/> may add to it.</param>
    /// <param name="seen">Gets every probe of the dump as its stage gave it, in order of computation; with a choice of experts the scores it was made from.</param>
    /// <param name="progress">Told every probe's name; may throw to end the pass.</param>
    public static void Run(DeepSeekModel model, IReadOnlyList<int[]> rows, CandidateDump dump, HashSet<string> refused, Action<string, Tensor, Tensor?> seen, Action<string>? progress)
    {
        bool mtp = model.HasMtp && dump.Probes.Keys.Any(p => p.StartsWith("mtp", StringComparison.Ordinal));
        model.Forward(rows, new ForwardOptions { Trace = new ForcedPass(model, dump, refused, seen, progress), Mtp = mtp });
    }

    /// <inheritdoc/>
    public bool Wants(string name)
    {
        progress?.Invoke(name);
        return dump.Probes.ContainsKey(name) || IsRouting(name);
    }

    /// <inheritdoc/>
    public void Probe(string name, Tensor tensor)
    {
        if (name.EndsWith("topk_indices", StringComparison.Ordinal))
            Choose(name, tensor);
        else if (name.EndsWith("topk_weights", StringComparison.Ordinal))
            ExpertWeights.Of(scores!, indices!, model.GateRule, tensor);

        if (dump.Probes.ContainsKey(name))
        {
            seen(name, tensor, name.EndsWith("topk_indices", StringComparison.Ordinal) ? scores : null);
            if (!refused.Contains(name) && dump.Read(name, tensor, out _) is { } values)
                values.CopyTo(tensor);
        }

        if (name.EndsWith("router_scores", StringComparison.Ordinal))
            scores = tensor;
        else if (name.EndsWith("topk_indices", StringComparison.Ordinal))
            indices = tensor;
    }

    private static bool IsRouting(string name) =>
        name.EndsWith(".router_scores", StringComparison.Ordinal) || name.EndsWith(".topk_indices", StringComparison.Ordinal) || name.EndsWith(".topk_weights", StringComparison.Ordinal);

    private void Choose(string name, Tensor tensor) =>
        ExpertChoice.Choose(scores!, model.RoutingBias(ProbeWeights.Split(name, model.Config).Layer), model.GateRule, tensor);
}
