using DeepSeek.Reference.Model;

namespace DeepSeek.Reference.Inference;

/// <summary>Continues many sequences at a time in bounded memory: each pass takes the tokens of all that run, sequences come and go between passes.</summary>
/// <remarks>
/// One <see cref="Step"/> is one pass of the model, which reads its weights once for all sequences: a token of each that decodes, and as much of prompts as fits
/// <see cref="BatchOptions.TokensPerStep"/>. A sequence's ids and logits are those it has alone in <see cref="Generator"/>, bit for bit, whatever runs beside it, whenever
/// it came, and whether its pages were shared, taken away or computed again (rule N1).
/// Who waited longest is served first. When pages run out the youngest sequence gives its own back and waits again, so the oldest always comes to its end.
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
    /// <exception cref="ContractException">A bound is below 1, or the memory is less than a page.</exception>
    public BatchGenerator(DeepSeekModel model, BatchOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        this.model = model;
        this.options = options ??= new BatchOptions();
        if (options.TokensPerStep < 1 || options.MaxRunning < 1 || options.MaxWaiting < 1)
            throw new ContractException($"{options.TokensPerStep} tokens a step, {options.MaxRunning} sequences running and {options.MaxWaiting} waiting were asked for; each is at least 1");
        Pool = model.NewPagePool(options.CacheBytes);
        sampler = new TokenSampler(model);
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
    /// <exception cref="ContractException">An option outside its range, or <see cref="BatchOptions.MaxWaiting"/> sequences wait already.</exception>
    public BatchSequence Add(int[] prompt, GenerationOptions how)
    {
        ArgumentNullException.ThrowIfNull(prompt);
        ArgumentNullException.ThrowIfNull(how);
        GenerationChecks.Options(model.Config, how);
        if (how.Drafts > 0)
            throw new ContractException($"{how.Drafts} drafts a pass were asked for; sequences of a batch take none, Generator does");
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
        int V = model.Config.VocabSize;
        var parts = new SequencePart[plan.Count];
        var ids = new List<int>();
        for (int i = 0; i < parts.Length; i++)
        {
            (BatchSequence sequence, int count) = plan[i];
            GenerationRow row = sequence.Row;
            parts[i] = new SequencePart(row.Cache, count, count == row.Pending ? 1 : 0);
            ids.AddRange(row.Slice(row.Cache.Length, count));
        }

        ComputedTokens += ids.Count;
        Tensor logits = logitsBuffer.Get(model.Contract.Logits, parts.Sum(p => p.Logits), V);
        bool[] done = Pass([.. ids], plan, parts, logits);
        Exception? thrown = null;
        for (int i = 0, at = 0; i < parts.Length; at += parts[i++].Logits)
        {
            if (done[i])
                Follow(plan[i].Sequence, parts[i].Logits == 0 ? null : logits.Rows(at, 1), ref thrown);
        }

        if (thrown is not null)
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(thrown);
        return true;
    }

    /// <summary>The pass; where a NaN stops it, each sequence alone, so that only those that hold one end.</summary>
    private bool[] Pass(int[] ids, List<(BatchSequence Sequence, int Count)> plan, SequencePart[] parts, Tensor logits)
    {
        var done = new bool[parts.Length];
        try
        {
            model.Forward(ids, parts, logits);
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
                model.Forward(own, [parts[i]], logits.Rows(kept, parts[i].Logits));
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

    /// <summary>What follows a pass for a sequence: its full pages are known, and its next token is chosen where it has logits.</summary>
    private void Follow(BatchSequence sequence, Tensor? logits, ref Exception? thrown)
    {
        GenerationRow row = sequence.Row;
        for (; index is not null && (sequence.IndexedPages + 1) * LatentPagePool.PageTokens <= row.Cache.Length; sequence.IndexedPages++)
            sequence.Node = index.Add(sequence.Node, row.Cache, row.Known, sequence.IndexedPages);
        try
        {
            if (row.Ids.Count == 0)
                row.Options.OnPrefill?.Invoke(row.Index, row.Cache.Length);
            if (logits is not null)
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

    private void End(BatchSequence sequence, BatchState state, string? error = null)
    {
        (sequence.State, sequence.Error) = (state, error);
        sequence.Row.Cache.Truncate(0);
        running.Remove(sequence);
    }
}
