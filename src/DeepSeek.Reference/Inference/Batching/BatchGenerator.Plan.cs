using DeepSeek.Reference.Model;

namespace DeepSeek.Reference.Inference;

public sealed partial class BatchGenerator
{
    private void EndCancelled()
    {
        foreach (BatchSequence sequence in running.Where(s => s.IsCancelled).ToArray())
            End(sequence, BatchState.Cancelled);
        BatchSequence[] left;
        lock (gate)
        {
            left = [.. waiting.UnorderedItems.Select(w => w.Element).Where(s => s.IsCancelled)];
            foreach (BatchSequence sequence in left)
                waiting.Remove(sequence, out _, out _);
        }

        foreach (BatchSequence sequence in left)
            End(sequence, BatchState.Cancelled);
    }

    /// <summary>Lets sequences in, the oldest first, while there are pages for what they hold and one token more.</summary>
    private void Admit()
    {
        while (running.Count < options.MaxRunning)
        {
            BatchSequence? sequence;
            lock (gate)
            {
                if (!waiting.TryPeek(out sequence, out _))
                    return;
            }

            GenerationRow row = sequence.Row;
            // One id at least is left to compute: its logits are what is asked for.
            List<PrefixNode> known = Shares(row) ? index!.Match(row.Known, row.Position - 1) : [];
            row.Cache.Adopt([.. known.Select(n => n.Page)]);
            int needed = Math.Min(LatentPagePool.PagesFor(row.Position + 1L), Pool.PageCount) - known.Count;
            if (Pool.FreePages < needed && Pool.FreePages + (index?.Reclaimable ?? 0) < needed)
            {
                row.Cache.Truncate(0);
                return;
            }

            lock (gate)
                waiting.Remove(sequence, out _, out _);
            (sequence.Node, sequence.IndexedPages) = (known.Count == 0 ? null : known[^1], known.Count);
            sequence.ReusedTokens += row.Cache.Length;
            ReusedTokens += row.Cache.Length;
            sequence.State = BatchState.Running;
            running.Add(sequence);
        }
    }

    /// <summary>Who takes part in the next pass with how many tokens: who was served longest ago comes first, a token is kept for each that decodes.</summary>
    private List<(BatchSequence Sequence, int Count)> Plan()
    {
        var plan = new List<(BatchSequence Sequence, int Count)>();
        int budget = options.TokensPerStep;
        int decoding = running.Sum(Decoding);
        foreach (BatchSequence sequence in running.ToArray())
        {
            if (budget == 0)
                break;
            if (sequence.State != BatchState.Running)
                continue;
            int whole = Decoding(sequence);
            decoding -= whole;
            // Drafts are judged in one pass, or draws would depend on what else is in it. Nobody overtakes who lacks room, and who has it stays planned.
            if (whole > budget)
                break;
            int count = whole > 0 ? whole : Math.Min(Prefill(sequence.Row), Math.Max(1, budget - decoding));
            if (!Reserve(sequence, count, plan, ref budget))
                continue;
            plan.Add((sequence, count));
            budget -= count;
        }

        foreach ((BatchSequence sequence, _) in plan)
        {
            running.Remove(sequence);
            running.Add(sequence);
        }

        return plan;
    }

    /// <summary>Tokens that a sequence which decodes takes; 0 for one whose prompt is not taken yet.</summary>
    private int Decoding(BatchSequence sequence) => sequence.Row.Pending > 1 ? 0 : Judges(sequence) ? 1 + choices.Count(sequence.Row) : 1;

    /// <summary>Tokens left of a prompt, or of what a sequence had said before it was sent back; with drafts the last id is judged with.</summary>
    private static int Prefill(GenerationRow row) => row.Options.Drafts > 0 && row.Ids.Count > 0 ? row.Pending - 1 : row.Pending;

    /// <summary>Pages for a sequence's next tokens, if need be those of younger sequences; false where it is the youngest itself.</summary>
    private bool Reserve(BatchSequence sequence, int count, List<(BatchSequence Sequence, int Count)> plan, ref int budget)
    {
        LatentCache cache = sequence.Row.Cache;
        int needed = LatentPagePool.PagesFor((long)cache.Length + count) - cache.Pages.Count;
        while (Pool.FreePages < needed)
        {
            if (index?.Reclaim() == true)
                continue;
            BatchSequence youngest = running.MaxBy(s => s.Id)!;
            int planned = plan.FindIndex(p => p.Sequence == youngest);
            if (planned >= 0)
            {
                budget += plan[planned].Count;
                plan.RemoveAt(planned);
            }

            Preempt(youngest);
            if (youngest == sequence)
                return false;
        }

        cache.Reserve(cache.Length + count);
        return true;
    }

    /// <summary>Sends a sequence back to wait; what it has said stays said, its cache is computed again.</summary>
    private void Preempt(BatchSequence sequence)
    {
        sequence.Row.Cache.Truncate(0);
        (sequence.Node, sequence.IndexedPages, sequence.State, sequence.States) = (null, 0, BatchState.Waiting, null);
        sequence.Preemptions++;
        running.Remove(sequence);
        lock (gate)
            waiting.Enqueue(sequence, sequence.Id);
    }
}
