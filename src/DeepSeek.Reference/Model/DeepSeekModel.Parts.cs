namespace DeepSeek.Reference.Model;

public sealed partial class DeepSeekModel
{
    /// <summary>One pass over sequences that have different numbers of new tokens.</summary>
    /// <param name="ids">The new ids, those of the first part, then those of the next; of the vocabulary.</param>
    /// <param name="parts">Sequences with caches of this model, each its own, and at least one token each.</param>
    /// <param name="logits">[Σ Logits, V]: of each part's last tokens, as many as it asks for.</param>
    /// <param name="states">Where given, [R, d]: what the MTP modules take of every new token.</param>
    /// <exception cref="NotANumberException">A NaN reached the choice of experts. The caches stand where they stood.</exception>
    /// <exception cref="ContractException">A pool has no page left. The caches stand where they stood.</exception>
    internal void Forward(ReadOnlySpan<int> ids, IReadOnlyList<SequencePart> parts, Tensor logits, Tensor? states = null)
    {
        var first = new int[parts.Count];
        for (int b = 0; b < parts.Count; b++)
        {
            first[b] = parts[b].Cache.Length;
            parts[b].Cache.Reserve(first[b] + parts[b].Count);
        }

        var pass = new ForwardPass([.. parts.Select(p => p.Cache)], first, [.. parts.Select(p => p.Count)], workspace, null);
        Tensor x = Layers(ids, pass);
        int d = Config.HiddenSize;
        if (states is not null)
        {
            Tensor normed = n.Norm(x, norm, workspace.FinalNorm.Get(n.Activations, pass.Rows, d));
            (Contract.MtpHidden == Ops.MtpHidden.PostNorm ? normed : x).CopyTo(states);
            if (logits.Shape[0] > 0)
                n.Linear(Kept(normed, parts, pass), head, logits);
        }
        else if (logits.Shape[0] > 0)
        {
            Tensor rows = Kept(x, parts, pass);
            n.Linear(n.Norm(rows, norm, workspace.FinalNorm.Get(n.Activations, rows.Shape[0], d)), head, logits);
        }

        for (int b = 0; b < parts.Count; b++)
            parts[b].Cache.Advance(pass.End(b), mtp: false);
    }

    /// <summary>Runs MTP module 1 on a sequence: states [T, d] of positions from <paramref name="first"/> on and the ids behind them; gives the last one's logits [1, V] and output state.</summary>
    internal void Draft(LatentCache cache, int first, Tensor states, ReadOnlySpan<int> next, Tensor logits, Tensor output) =>
        Draft([new DraftPart(cache, first, next.Length)], states, next, logits, output);

    /// <summary>Runs MTP module 1 on sequences, each with its own number of states.</summary>
    /// <param name="parts">Sequences with caches of this model, each its own, and at least one state each.</param>
    /// <param name="states">[R, d]: the states of the first part, then those of the next.</param>
    /// <param name="next">The ids behind them, [R].</param>
    /// <param name="logits">Where given, [B, V]: of each part's last state.</param>
    /// <param name="output">Where given, [B, d]: what the module takes of each part's last state when it runs on its own output.</param>
    /// <exception cref="NotANumberException">A NaN reached the choice of experts.</exception>
    internal void Draft(IReadOnlyList<DraftPart> parts, Tensor states, ReadOnlySpan<int> next, Tensor? logits, Tensor? output)
    {
        MtpModule module = mtp!.Modules[0];
        foreach (DraftPart part in parts)
            part.Cache.Reserve(part.First + part.Count);
        Tensor tokens = workspace.Ids.Get(DType.I32, next.Length);
        next.CopyTo(tokens.AsSpan<int>());
        var pass = new ForwardPass([.. parts.Select(p => p.Cache)], [.. parts.Select(p => p.First)], [.. parts.Select(p => p.Count)], workspace, null);
        Tensor normed = module.Follow(states, tokens, pass);
        if (output is not null)
            CopyLast(Contract.MtpHidden == Ops.MtpHidden.PostNorm ? normed : module.BlockOutput, pass, output);
        if (logits is null)
            return;
        Tensor last = workspace.LastRows.Get(n.Activations, parts.Count, Config.HiddenSize);
        CopyLast(normed, pass, last);
        module.Head(last, logits);
    }

    /// <summary>The last row of each sequence.</summary>
    private static void CopyLast(Tensor rows, ForwardPass pass, Tensor y)
    {
        for (int b = 0; b < pass.Sequences; b++)
            rows.Rows(pass.Offset(b) + pass.Count(b) - 1, 1).CopyTo(y.Rows(b, 1));
    }

    private Tensor Kept(Tensor rows, IReadOnlyList<SequencePart> parts, ForwardPass pass)
    {
        int kept = parts.Sum(p => p.Logits);
        if (kept == pass.Rows)
            return rows;
        int d = Config.HiddenSize;
        Tensor y = workspace.LastRows.Get(n.Activations, kept, d);
        int at = 0;
        for (int b = 0; b < parts.Count; at += parts[b++].Logits)
            Columns.Copy(rows, d, 0, y, d, 0, d, parts[b].Logits, pass.Offset(b) + pass.Count(b) - parts[b].Logits, at);
        return y;
    }
}
