using DeepSeek.Reference.Model;

namespace DeepSeek.Reference.Inference;

/// <summary>Continues many sequences at a time in bounded memory: each pass takes the tokens of all that run, sequences come and go between passes.</summary>
/// <remarks>
/// One <see cref="Step"/> is one pass of the model, which reads its weights once for all sequences: a token of each that decodes, and as much of prompts as fits
/// <see cref="BatchOptions.TokensPerStep"/>. A sequence's ids and logits are those it has alone in <see cref="Generator"/>, bit for bit, whatever runs beside it, whenever
/// it came, and whether its pages were shared, taken away or computed again (rule N1).
/// Who waited longest is served first. When pages run out the youngest sequence gives its own back and waits again, so the oldest always comes to its end.
/// A sequence with <see cref="GenerationOptions.Drafts"/> takes several tokens a pass, with the ids, logits and <see cref="DraftCounts"/> that it has alone.
/// What can never fit is refused when it is added. <see cref="Add"/> and <see cref="BatchSequence.Cancel"/> may be called from any thread and from callbacks; the rest is for one thread.
/// docs/spec/generation.md 5.
/// </remarks>
public sealed partial class BatchGenerator
{
    private readonly DeepSeekModel model;
    private readonly BatchOptions options;
    private readonly TokenSampler sampler;
    private readonly Scratch logitsBuffer = new();
    private readonly PrefixIndex? index;
    private readonly Lock gate = new();
    private readonly PriorityQueue<BatchSequence, int> waiting = new();
    private readonly List<BatchSequence> running = [];
    private int added;

    /// <summary>A generator on a model.</summary>
    /// <exception cref="ContractException">A bound is below 1, the memory is less than a page, or drafts were asked for of a model without MTP module.</exception>
    public BatchGenerator(DeepSeekModel model, BatchOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        this.model = model;
        this.options = options ??= new BatchOptions();
        if (options.TokensPerStep < 1 || options.MaxRunning < 1 || options.MaxWaiting < 1)
            throw new ContractException($"{options.TokensPerStep} tokens a step, {options.MaxRunning} sequences running and {options.MaxWaiting} waiting were asked for; each is at least 1");
        if (options.Drafts && !model.HasMtp)
            throw new ContractException("a batch with drafts was asked for, but the model has no MTP module to draft with (num_nextn_predict_layers is 0)");
        Pool = model.NewPagePool(options.CacheBytes, mtp: options.Drafts);
        sampler = new TokenSampler(model);
        choices = new DraftChoices(model, sampler);
        if (options.ReusePrefixes)
        {
            index = new PrefixIndex(Pool);
            Pool.Reclaim = index.Reclaim;
        }
    }

    /// <summary>The pages of all sequences.</summary>
    public LatentPagePool Pool { get; }

    /// <summary>Sequences that take part in passes now.</summary>
    public int Running => running.Count;

    /// <summary>Sequences that wait now.</summary>
    public int Waiting
    {
        get
        {
            lock (gate)
                return waiting.Count;
        }
    }

    /// <summary>Passes made.</summary>
    public long Steps { get; private set; }

    /// <summary>Tokens that passes took, those of prompts and those computed again among them.</summary>
    public long ComputedTokens { get; private set; }

    /// <summary>Tokens that were found in pages of earlier sequences.</summary>
    public long ReusedTokens { get; private set; }

    /// <summary>Adds a sequence; it takes part from the next pass on that has room for it.</summary>
    /// <param name="prompt">Ids, at least one.</param>
    /// <param name="how">How it is continued. Callbacks get the sequence's number as row; <see cref="GenerationOptions.PrefillChunk"/> plays no part.</param>
    /// <exception cref="DataException">The prompt is empty, too long, has an id outside the vocabulary, or could not fit the memory even alone.</exception>
    /// <exception cref="ContractException">An option outside its range, drafts that the batch has no room for, or <see cref="BatchOptions.MaxWaiting"/> sequences wait already.</exception>
    public BatchSequence Add(int[] prompt, GenerationOptions how)
    {
        ArgumentNullException.ThrowIfNull(prompt);
        ArgumentNullException.ThrowIfNull(how);
        GenerationChecks.Options(model.Config, how);
        if (how.Drafts > 0 && !options.Drafts)
            throw new ContractException($"{how.Drafts} drafts a pass were asked for, but this batch has no room for the MTP module's layer; make it with BatchOptions.Drafts");
        if (how.Drafts >= options.TokensPerStep)
            throw new ContractException($"{how.Drafts} drafts a pass were asked for, but a step takes {options.TokensPerStep} tokens: ask for fewer, or raise BatchOptions.TokensPerStep above them");
        lock (gate)
        {
            GenerationChecks.Prompt(model.Config, added, prompt);
            // The last token that is chosen takes no row.
            long rows = Math.Min((long)prompt.Length + Math.Max(0, how.MaxTokens - 1), model.Config.MaxPositionEmbeddings);
            if (LatentPagePool.PagesFor(rows) > Pool.PageCount)
                throw new DataException($"row {added} may need {LatentPagePool.PagesFor(rows)} pages of {LatentPagePool.PageTokens} tokens for {rows} positions, but the pool has {Pool.PageCount}; ask for fewer tokens or give the cache {LatentPagePool.PagesFor(rows) * Pool.BytesPerPage} bytes");
            if (waiting.Count >= options.MaxWaiting)
                throw new ContractException($"{waiting.Count} sequences wait already, as many as may; add this one when some have ended");
            var sequence = new BatchSequence(new GenerationRow(added, (int[])prompt.Clone(), Pool.NewCache(), how));
            if (how.MaxTokens == 0)
                sequence.State = BatchState.Finished;
            else
                waiting.Enqueue(sequence, sequence.Id);
            added++;
            return sequence;
        }
    }

    /// <summary>Makes passes until no sequence is left.</summary>
    /// <exception cref="OperationCanceledException">Cancelled between two passes; another call goes on.</exception>
    public void Run(CancellationToken cancellation = default)
    {
        while (Step())
            cancellation.ThrowIfCancellationRequested();
    }

    /// <summary>Makes one pass; false when there was nothing to do.</summary>
    /// <remarks>A callback's exception ends its sequence, and comes out of here after the others were served. A NaN ends the sequence it is in, with an error of its own.</remarks>
    public bool Step()
    {
        EndCancelled();
        Admit();
        List<(BatchSequence Sequence, int Count)> plan = Plan();
        if (plan.Count == 0)
            return false;
        Steps++;
        DrawDrafts(plan);
        if (plan.Count == 0)
            return true;
        int V = model.Config.VocabSize;
        var parts = new SequencePart[plan.Count];
        var ids = new List<int>();
        for (int i = 0; i < parts.Length; i++)
        {
            (BatchSequence sequence, int count) = plan[i];
            GenerationRow row = sequence.Row;
            bool judges = Judges(sequence);
            parts[i] = new SequencePart(row.Cache, count, judges ? count : count == row.Pending ? 1 : 0);
            ids.AddRange(judges ? [row.Known[^1], .. sequence.NextDrafts.Select(d => d.Id)] : row.Slice(row.Cache.Length, count));
        }

        ComputedTokens += ids.Count;
        Tensor logits = logitsBuffer.Get(model.Contract.Logits, parts.Sum(p => p.Logits), V);
        Tensor? states = plan.Exists(p => p.Sequence.Row.Options.Drafts > 0) ? statesBuffer.Get(model.Contract.Activations, ids.Count, model.Config.HiddenSize) : null;
        bool[] done = Pass([.. ids], plan, parts, logits, states);
        bool[] judging = [.. plan.Select(p => p.Sequence.States is not null)];
        FollowPrompts(plan, done, states);
        Exception? thrown = null;
        for (int i = 0, at = 0, kept = 0; i < parts.Length; at += parts[i].Count, kept += parts[i++].Logits)
        {
            if (done[i])
                Follow(plan[i].Sequence, parts[i].Logits == 0 ? null : logits.Rows(kept, parts[i].Logits), judging[i] ? states!.Rows(at, parts[i].Count) : null, ref thrown);
        }

        if (thrown is not null)
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(thrown);
        return true;
    }

    /// <summary>The pass; where a NaN stops it, each sequence alone, so that only those that hold one end.</summary>
    private bool[] Pass(int[] ids, List<(BatchSequence Sequence, int Count)> plan, SequencePart[] parts, Tensor logits, Tensor? states)
    {
        var done = new bool[parts.Length];
        try
        {
            model.Forward(ids, parts, logits, states);
            Array.Fill(done, true);
            return done;
        }
        catch (NotANumberException)
        {
        }

        int at = 0, kept = 0;
        for (int i = 0; i < parts.Length; at += parts[i].Count, kept += parts[i++].Logits)
        {
            ReadOnlySpan<int> own = ids.AsSpan(at, parts[i].Count);
            try
            {
                model.Forward(own, [parts[i]], logits.Rows(kept, parts[i].Logits), states?.Rows(at, parts[i].Count));
                done[i] = true;
            }
            catch (NotANumberException e)
            {
                string? origin = NotANumberSearch.Of(model, own, [parts[i].Cache], new ForwardOptions { LastLogitsOnly = true, RowLabels = [plan[i].Sequence.Id] });
                End(plan[i].Sequence, BatchState.Failed, origin is null ? e.Message : $"{e.Message}; {origin}");
            }
        }

        return done;
    }

    /// <summary>What follows a pass for a sequence: its full pages are known, and its next tokens are chosen where it has logits; states are given where drafts are judged.</summary>
    private void Follow(BatchSequence sequence, Tensor? logits, Tensor? states, ref Exception? thrown)
    {
        GenerationRow row = sequence.Row;
        for (; Shares(row) && (sequence.IndexedPages + 1) * LatentPagePool.PageTokens <= row.Cache.Length; sequence.IndexedPages++)
            sequence.Node = index!.Add(sequence.Node, row.Cache, row.Known, sequence.IndexedPages);
        try
        {
            if (row.Ids.Count == 0)
                row.Options.OnPrefill?.Invoke(row.Index, row.Cache.Length);
            if (states is not null)
                Judge(sequence, logits!, states);
            else if (logits is not null)
                row.Choose(model, logits, () => sampler.Choose(logits, row.Options, row.History, row.Position));
        }
        catch (NotANumberException e)
        {
            End(sequence, BatchState.Failed, e.Message);
            return;
        }
        catch (Exception e)
        {
            End(sequence, BatchState.Failed, $"a callback failed: {e.Message}");
            thrown ??= e;
            return;
        }

        if (row.Reason is not null)
            End(sequence, BatchState.Finished);
    }

    /// <summary>Whether a sequence reads and leaves prefixes. One with drafts does not: of a page's last token the MTP module's row depends on the token behind the page.</summary>
    private bool Shares(GenerationRow row) => index is not null && row.Options.Drafts == 0;

    private void End(BatchSequence sequence, BatchState state, string? error = null)
    {
        (sequence.State, sequence.Error, sequence.States) = (state, error, null);
        sequence.Row.Cache.Truncate(0);
        running.Remove(sequence);
    }
}
