using DeepSeek.Reference.Tracing;

namespace DeepSeek.Reference.Model;

/// <summary>Finds where a NaN came from, once one has reached a choice (rule N3): runs the pass again and looks at every probe as it comes.</summary>
/// <remarks>
/// The first probe with a NaN names the operation. Of a checkpoint only that operation's weights are read through: a mapped file is never read whole.
/// docs/spec/probes.md 2.
/// </remarks>
internal sealed class NotANumberSearch : ITensorTrace
{
    private readonly DeepSeekModel model;
    private readonly int[] ids;
    private readonly IReadOnlyList<LatentCache> caches;
    private readonly ForwardOptions options;
    private string probe = "";
    private Finding? infinite;
    private Tensor? experts;
    private string? found;

    private NotANumberSearch(DeepSeekModel model, ReadOnlySpan<int> ids, IReadOnlyList<LatentCache> caches, ForwardOptions options)
    {
        this.model = model;
        this.ids = ids.ToArray();
        this.caches = caches;
        this.options = options;
    }

    private int Tokens => ids.Length / caches.Count;

    /// <summary>What a pass over these ids and caches shows of a NaN's origin; null where no NaN is met. The caches stand where they stood.</summary>
    public static string? Of(DeepSeekModel model, ReadOnlySpan<int> ids, IReadOnlyList<LatentCache> caches, ForwardOptions options)
    {
        var search = new NotANumberSearch(model, ids, caches, options);
        search.Run();
        return search.found;
    }

    /// <summary>The same for a whole sequence from an empty cache, where the NaN may have come up in any pass; or its first infinity, which can make a choice fail without one.</summary>
    public static string OfWhole(DeepSeekModel model, ReadOnlySpan<int> ids, int chunk, ForwardOptions options)
    {
        LatentCache[] caches = [model.NewCache(ids.Length)];
        string? infinite = null;
        for (int from = 0; from < ids.Length; from += chunk)
        {
            ReadOnlySpan<int> part = ids.Slice(from, Math.Min(chunk, ids.Length - from));
            var search = new NotANumberSearch(model, part, caches, options);
            search.Run();
            if (search.found is not null)
                return search.found;
            infinite ??= search.FirstInfinity();
            caches[0].Advance(from + part.Length, mtp: false);
        }

        return infinite is null ? "the passes before it hold neither NaN nor infinity" : $"the passes before it hold no NaN; the first infinity is in {infinite}";
    }

    /// <inheritdoc/>
    public bool Wants(string name) => true;

    /// <inheritdoc/>
    public void Probe(string name, Tensor tensor)
    {
        probe = name;
        if (name.EndsWith(".topk_indices", StringComparison.Ordinal))
            experts = tensor.Clone();
        (long nan, long infinity) = NonFinite.First(tensor);
        if (infinity >= 0)
            infinite ??= At(name, tensor, infinity);
        if (nan < 0)
            return;
        Finding first = At(name, tensor, nan);
        found = $"the first NaN is in {first.Text}; {Cause(first)}";
        throw new FoundException();
    }

    private void Run()
    {
        int kept = options.LastLogitsOnly ? 1 : Tokens;
        try
        {
            model.Pass(ids, caches, new Tensor(model.Contract.Logits, caches.Count, kept, model.Config.VocabSize), options with { Trace = this }, Tokens);
        }
        catch (FoundException)
        {
        }
        catch (NotANumberException)
        {
            // The scores of the experts have no probe of their own before the choice.
            string scores = probe.Replace("mlp.gate.logits", "router_scores", StringComparison.Ordinal);
            found = $"the first NaN is in {scores}; {Cause(new Finding(scores, scores, 0, 0, -1))}";
        }
    }

    /// <summary>Where an element of a probe stands.</summary>
    private Finding At(string name, Tensor tensor, long index)
    {
        long rows = tensor.Shape.Rank > 2 ? tensor.Shape[0] * tensor.Shape[1] : tensor.Shape[0];
        long tokens = rows / caches.Count;
        long at = index / (tensor.ElementCount / rows);
        (int row, int token) = ((int)(at / tokens), (int)(at % tokens));
        if (tokens == 1 && name == "logits")
            token = Tokens - 1;
        int expert = name.EndsWith(".mlp.expert_out", StringComparison.Ordinal) ? experts!.AsReadOnlySpan<int>()[(int)(index / tensor.Shape[^1])] : -1;
        int depth = Math.Max(0, ProbeWeights.Split(name, model.Config).Layer - model.Config.NumHiddenLayers + 1);
        int position = Math.Max(0, caches[row].Length - depth) + token;
        return new Finding(name, $"{name}, row {options.RowLabels?[row] ?? row}, position {position}, channel {index % tensor.Shape[^1]}", row, token, expert);
    }

    /// <summary>The weight, the cache or the infinity that explains a NaN in a probe whose inputs had none.</summary>
    private string Cause(Finding first)
    {
        if (Weight(first) is { } weight)
            return $"its weight {weight}: restore it from its source";
        if (EarlierPosition(first) is { } position)
            return $"the cache holds one for position {position}, from an earlier pass";
        return "no weight of that operation holds one" + (FirstInfinity() is { } text ? $", but an infinity came before it, first in {text}" : "");
    }

    /// <summary>The first infinity, and the weight it comes from where there is one.</summary>
    private string? FirstInfinity() => infinite is null ? null : infinite.Text + (Weight(infinite) is { } weight ? $"; its weight {weight}" : "");

    /// <summary>The first NaN or infinity in the weights of a finding's operation.</summary>
    private string? Weight(Finding at)
    {
        foreach (string stored in ProbeWeights.Of(at.Probe, model.Config, at.Expert))
        {
            foreach (string name in (string[])[stored, stored + "_scale_inv"])
            {
                if (model.FindWeight(name) is not { } tensor)
                    continue;
                bool lookup = at.Probe == "embedding";
                long width = lookup ? tensor.Shape[^1] : 0;
                (long nan, long infinity) = lookup ? NonFinite.First(tensor, ids[(at.Row * Tokens) + at.Token] * width, width) : NonFinite.First(tensor);
                if (nan >= 0)
                    return $"{model.PlaceOfWeight(name)} has a NaN at element {nan}";
                if (infinity >= 0)
                    return $"{model.PlaceOfWeight(name)} has an infinity at element {infinity}";
            }
        }

        return null;
    }

    /// <summary>For results of attention, the first position before this pass whose cached values hold a NaN.</summary>
    private long? EarlierPosition(Finding at)
    {
        LatentCache cache = caches[at.Row];
        (int layer, string inner) = ProbeWeights.Split(at.Probe, model.Config);
        if (inner is not ("self_attn.latent_out" or "self_attn.head_out") || layer >= model.Config.NumHiddenLayers || cache.Length == 0)
            return null;
        (long nan, _) = NonFinite.First(cache.View(layer, cache.Length, model.Backend, new Workspace()));
        return nan < 0 ? null : nan / cache.ValuesPerTokenPerLayer;
    }

    /// <summary>An element of a probe: where it stands, in words too, and the expert whose output it is of.</summary>
    private sealed record Finding(string Probe, string Text, int Row, int Token, int Expert);

    /// <summary>Ends a pass that has shown what was looked for.</summary>
    private sealed class FoundException : Exception;
}
