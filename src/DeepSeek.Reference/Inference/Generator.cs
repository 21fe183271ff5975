using DeepSeek.Reference.Model;

namespace DeepSeek.Reference.Inference;

/// <summary>Continues prompts, ids to ids, greedily or by seeded draws; a row's ids do not depend on the rows beside it.</summary>
/// <remarks>
/// Each prompt is prefilled alone, then all unfinished rows go through the model together, one token each. Rows may have different lengths.
/// Greedy takes the largest logit, the lowest id among equals (rule N9). docs/spec/generation.md 1.
/// </remarks>
public sealed class Generator
{
    // A cache grows beyond this when tokens come: what is asked for is no reason to take memory.
    private const int RoomAhead = 4096;

    private readonly DeepSeekModel model;
    private readonly TokenSampler sampler;
    private readonly Scratch logitsBuffer = new();

    /// <summary>A generator on a model.</summary>
    public Generator(DeepSeekModel model)
    {
        ArgumentNullException.ThrowIfNull(model);
        this.model = model;
        sampler = new TokenSampler(model);
    }

    /// <summary>Continues each prompt.</summary>
    /// <param name="prompts">Rows of ids, of any lengths above 0.</param>
    /// <param name="options">How.</param>
    /// <param name="cancellation">Looked at between passes.</param>
    /// <exception cref="DataException">An empty prompt, one longer than the model's positions, or an id outside the vocabulary; names row and position.</exception>
    /// <exception cref="ContractException">Negative counts, a temperature that is no number from 0, or a rule of sampling outside its range.</exception>
    /// <exception cref="NotANumberException">A NaN reached the choice of experts or of a token; names the first tensor with a NaN and the weight it comes from.</exception>
    public IReadOnlyList<GeneratedSequence> Generate(IReadOnlyList<int[]> prompts, GenerationOptions options, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(prompts);
        ArgumentNullException.ThrowIfNull(options);
        Check(prompts, options);
        var rows = new Row[prompts.Count];
        for (int r = 0; r < rows.Length; r++)
        {
            long room = Math.Min((long)prompts[r].Length + Math.Min(options.MaxTokens, RoomAhead), model.Config.MaxPositionEmbeddings);
            rows[r] = new Row(r, prompts[r], model.NewCache((int)room));
            if (options.MaxTokens > 0)
                Prefill(rows[r], options, cancellation);
        }

        List<Row> active = [.. rows.Where(r => r.Reason is null && options.MaxTokens > 0)];
        while (active.Count > 0)
        {
            cancellation.ThrowIfCancellationRequested();
            Step(active, options);
            active.RemoveAll(r => r.Reason is not null);
        }

        return [.. rows.Select(r => new GeneratedSequence(r.Ids, r.Reason ?? StopReason.MaxTokens))];
    }

    private void Prefill(Row row, GenerationOptions options, CancellationToken cancellation)
    {
        int[] prompt = row.Prompt;
        int chunk = Chunk(row, options);
        LatentCache[] caches = [row.Cache];
        Tensor logits = logitsBuffer.Get(model.Contract.Logits, 1, 1, model.Config.VocabSize);
        for (int from = 0; from < prompt.Length; from += chunk)
        {
            cancellation.ThrowIfCancellationRequested();
            int taken = Math.Min(chunk, prompt.Length - from);
            model.Forward(prompt.AsSpan(from, taken), caches, logits, LastOf([row.Index]));
            options.OnPrefill?.Invoke(row.Index, from + taken);
        }

        Choose(row, logits.Reshape(1, model.Config.VocabSize), options);
    }

    private static int Chunk(Row row, GenerationOptions options) => options.PrefillChunk == 0 ? row.Prompt.Length : options.PrefillChunk;

    private static ForwardOptions LastOf(int[] rows) => new() { LastLogitsOnly = true, RowLabels = rows };

    private void Step(List<Row> active, GenerationOptions options)
    {
        int V = model.Config.VocabSize;
        var ids = new int[active.Count];
        var caches = new LatentCache[active.Count];
        for (int i = 0; i < active.Count; i++)
            (ids[i], caches[i]) = (active[i].Ids[^1], active[i].Cache);
        Tensor logits = logitsBuffer.Get(model.Contract.Logits, active.Count, 1, V);
        model.Forward(ids, caches, logits, LastOf([.. active.Select(r => r.Index)]));
        Tensor rows = logitsBuffer.Get(model.Contract.Logits, active.Count, V);
        for (int i = 0; i < active.Count; i++)
            Choose(active[i], active.Count == 1 ? rows : rows.Rows(i, 1), options);
    }

    private void Choose(Row row, Tensor logits, GenerationOptions options)
    {
        int step = row.Ids.Count;
        options.OnLogits?.Invoke(row.Index, step, logits);
        int id;
        try
        {
            id = sampler.Choose(logits, options, row.History, row.Cache.Length);
        }
        catch (NotANumberException e)
        {
            string origin = NotANumberSearch.OfWhole(model, [.. row.Prompt, .. row.Ids], Chunk(row, options), LastOf([row.Index]));
            throw new NotANumberException($"row {row.Index}, position {row.Cache.Length}: no token can be chosen from the logits: {e.Message}; {origin}");
        }

        if (!options.IgnoreEos && id == model.Config.EosTokenId)
        {
            row.Reason = StopReason.EndOfText;
            return;
        }

        row.Ids.Add(id);
        row.History.Add(id);
        options.OnToken?.Invoke(row.Index, step, id);
        if (options.StopAfter?.Invoke(row.Index, step, id) == true)
            row.Reason = StopReason.Stopped;
        else if (row.Ids.Count == options.MaxTokens)
            row.Reason = StopReason.MaxTokens;
        else if (row.Cache.Length == model.Config.MaxPositionEmbeddings)
            row.Reason = StopReason.MaxPositions;
    }

    private void Check(IReadOnlyList<int[]> prompts, GenerationOptions options)
    {
        if (options.MaxTokens < 0 || options.PrefillChunk < 0)
            throw new ContractException($"{options.MaxTokens} tokens in chunks of {options.PrefillChunk} were asked for; neither is below 0");
        if (!(options.Temperature >= 0) || float.IsInfinity(options.Temperature))
            throw new ContractException($"a temperature of {options.Temperature} was asked for; it is a number from 0");
        SamplingRules.Check(options);
        foreach (int id in options.LogitBias?.Keys ?? [])
        {
            if (id < 0 || id >= model.Config.VocabSize)
                throw new DataException($"a bias is given for the id {id}, which is not in [0, {model.Config.VocabSize})");
        }

        if (prompts.Count == 0)
            throw new DataException("no prompt was given; give at least one row of ids");
        for (int r = 0; r < prompts.Count; r++)
        {
            if (prompts[r].Length == 0)
                throw new DataException($"row {r} is empty; a prompt has at least one id");
            if (prompts[r].Length > model.Config.MaxPositionEmbeddings)
                throw new DataException($"row {r} has {prompts[r].Length} ids, but max_position_embeddings is {model.Config.MaxPositionEmbeddings}");
            for (int i = 0; i < prompts[r].Length; i++)
            {
                if (prompts[r][i] < 0 || prompts[r][i] >= model.Config.VocabSize)
                    throw new DataException($"row {r}, position {i}: id {prompts[r][i]} is not in [0, {model.Config.VocabSize}); use ids of this model's vocabulary");
            }
        }
    }

    private sealed class Row(int index, int[] prompt, LatentCache cache)
    {
        public int Index { get; } = index;

        public int[] Prompt { get; } = prompt;

        public LatentCache Cache { get; } = cache;

        public List<int> Ids { get; } = [];

        public TokenHistory History { get; } = new(prompt);

        public StopReason? Reason { get; set; }
    }
}
