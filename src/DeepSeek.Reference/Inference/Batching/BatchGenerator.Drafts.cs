using DeepSeek.Reference.Model;

namespace DeepSeek.Reference.Inference;

/// <content>
/// Drafts of MTP module 1 for many sequences: those that draft share the module's passes, and their K + 1 tokens are a part of the common pass of the model.
/// How many drafts a sequence has depends on it alone, never on the room in a step, so ids and counts are those of <see cref="SpeculativeDecoder"/>.
/// </content>
public sealed partial class BatchGenerator
{
    private readonly DraftChoices choices;
    private readonly Scratch statesBuffer = new(), draftStates = new(), draftLogits = new(), draftOutput = new();

    /// <summary>States [T, d] of positions from First on, and the ids behind them.</summary>
    private readonly record struct ModuleRun(BatchSequence Sequence, int First, Tensor States, int[] Next);

    /// <summary>Whether a sequence's next pass judges drafts: its prompt, and what it had said before it was sent back, are taken but for the last id.</summary>
    private static bool Judges(BatchSequence sequence) => sequence.Row is { Options.Drafts: > 0, Ids.Count: > 0, Pending: 1 };

    /// <summary>The tokens before the one that a sequence with drafts begins its judging with.</summary>
    private static int TokensBefore(GenerationRow row) => row.Ids.Count == 0 ? row.Position : row.Position - 1;

    /// <summary>Draws the drafts of those that judge some; one whose module gives a NaN leaves the plan.</summary>
    private void DrawDrafts(List<(BatchSequence Sequence, int Count)> plan)
    {
        BatchSequence[] drafting = [.. plan.Where(p => Judges(p.Sequence)).Select(p => p.Sequence)];
        foreach (BatchSequence sequence in drafting)
            sequence.NextDrafts.Clear();
        var states = drafting.ToDictionary(s => s, s => s.States!);
        for (int j = 0; ; j++)
        {
            ModuleRun[] runs = [.. drafting.Where(s => !s.HasEnded && choices.Count(s.Row) > j).Select(s => Run(s, states[s], j))];
            if (runs.Length == 0)
                break;
            Tensor logits = draftLogits.Get(model.Contract.Logits, runs.Length, model.Config.VocabSize);
            Tensor output = draftOutput.Get(model.Contract.Activations, runs.Length, model.Config.HiddenSize);
            bool[] done = RunModule(runs, logits, output);
            for (int i = 0; i < runs.Length; i++)
            {
                if (done[i])
                    Draw(runs[i].Sequence, logits.Rows(i, 1), j);
                states[runs[i].Sequence] = output.Rows(i, 1).Clone();
            }
        }

        plan.RemoveAll(p => p.Sequence.HasEnded);
    }

    /// <summary>What the module takes for draft j: the states it has not followed yet, then its own.</summary>
    private static ModuleRun Run(BatchSequence sequence, Tensor states, int j)
    {
        GenerationRow row = sequence.Row;
        int n = row.Cache.Length;
        int first = n - (int)states.Shape[0];
        return j == 0
            ? new ModuleRun(sequence, first, states, row.Slice(first + 1, n - first))
            : new ModuleRun(sequence, n + j - 1, states, [sequence.NextDrafts[j - 1].Id]);
    }

    private void Draw(BatchSequence sequence, Tensor logits, int j)
    {
        try
        {
            sequence.NextDrafts.Add(choices.Draw(sequence.Row, logits, j));
        }
        catch (NotANumberException e)
        {
            End(sequence, BatchState.Failed, e.Message);
        }
    }

    /// <summary>The module behind what a pass took of prompts; the last state waits for the token behind it.</summary>
    private void FollowPrompts(List<(BatchSequence Sequence, int Count)> plan, bool[] done, Tensor? states)
    {
        var runs = new List<ModuleRun>();
        var of = new List<int>();
        for (int i = 0, at = 0; states is not null && i < plan.Count; at += plan[i++].Count)
        {
            (BatchSequence sequence, int count) = plan[i];
            GenerationRow row = sequence.Row;
            if (!done[i] || row.Options.Drafts == 0 || sequence.States is not null)
                continue;
            int from = row.Cache.Length - count;
            bool last = row.Cache.Length == TokensBefore(row);
            int followed = last ? count - 1 : count;
            if (last)
                sequence.States = states.Rows(at + count - 1, 1).Clone();
            if (followed == 0)
                continue;
            runs.Add(new ModuleRun(sequence, from, states.Rows(at, followed), row.Slice(from + 1, followed)));
            of.Add(i);
        }

        if (runs.Count == 0)
            return;
        bool[] followedWell = RunModule(runs, null, null);
        for (int r = 0; r < runs.Count; r++)
            done[of[r]] = followedWell[r];
    }

    /// <summary>The module over all runs at once; where a NaN stops it, over each alone, so that only those that hold one end.</summary>
    private bool[] RunModule(IReadOnlyList<ModuleRun> runs, Tensor? logits, Tensor? output)
    {
        var done = new bool[runs.Count];
        Tensor joined = draftStates.Get(model.Contract.Activations, runs.Sum(r => r.Next.Length), model.Config.HiddenSize);
        int at = 0;
        foreach (ModuleRun run in runs)
        {
            run.States.CopyTo(joined.Rows(at, run.Next.Length));
            at += run.Next.Length;
        }

        try
        {
            model.Draft([.. runs.Select(Part)], joined, [.. runs.SelectMany(r => r.Next)], logits, output);
            Array.Fill(done, true);
            return done;
        }
        catch (NotANumberException)
        {
        }

        for (int i = 0; i < done.Length; i++)
        {
            ModuleRun run = runs[i];
            try
            {
                model.Draft([Part(run)], run.States, run.Next, logits?.Rows(i, 1), output?.Rows(i, 1));
                done[i] = true;
            }
            catch (NotANumberException e)
            {
                End(run.Sequence, BatchState.Failed, $"row {run.Sequence.Id}, position {run.First + run.Next.Length}: no draft: {e.Message}");
            }
        }

        return done;

        static DraftPart Part(ModuleRun run) => new(run.Sequence.Row.Cache, run.First, run.Next.Length);
    }

    /// <summary>Chooses what a pass over a sequence's last id and its drafts gives, and forgets what was not taken.</summary>
    private void Judge(BatchSequence sequence, Tensor logits, Tensor states)
    {
        GenerationRow row = sequence.Row;
        int n = row.Cache.Length - sequence.NextDrafts.Count - 1;
        (int judged, int accepted) = choices.Judge(row, logits, sequence.NextDrafts);
        row.Cache.Truncate(n + 1 + accepted);
        sequence.States = states.Rows(0, accepted + 1).Clone();
        sequence.NextDrafts.Clear();
        sequence.Drafts = new DraftCounts(sequence.Drafts!.Drafted + judged, sequence.Drafts.Accepted + accepted, sequence.Drafts.Passes + 1);
    }
}
