using DeepSeek.Reference.Tracing;

namespace DeepSeek.Reference.Model;

public sealed partial class DeepSeekModel
{
    /// <summary>Logits of whole sequences of one length, from empty caches: [B, T, V].</summary>
    /// <inheritdoc cref="Forward(ReadOnlySpan{int}, IReadOnlyList{LatentCache}, ForwardOptions?)"/>
    public Tensor Forward(IReadOnlyList<int[]> batch, ForwardOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(batch);
        int T = batch.Count == 0 ? 0 : batch[0].Length;
        for (int b = 0; b < batch.Count; b++)
        {
            if (batch[b].Length != T)
                throw new DataException($"row {b} has {batch[b].Length} ids but row 0 has {T}; a batch has rows of one length");
        }

        var caches = new LatentCache[batch.Count];
        for (int b = 0; b < caches.Length; b++)
            caches[b] = NewCache(T);
        return Forward(batch.SelectMany(row => row).ToArray(), caches, options);
    }

    /// <summary>Logits of the next T tokens of each sequence: [B, T, V], or [B, 1, V] with <see cref="ForwardOptions.LastLogitsOnly"/>.</summary>
    /// <param name="ids">The new ids, [B·T]: those of the first sequence, then those of the next.</param>
    /// <param name="caches">One cache a sequence, which may hold different numbers of tokens; the new ones are appended.</param>
    /// <param name="options">Trace and extent.</param>
    /// <returns>A new tensor in the contract's logits dtype.</returns>
    /// <exception cref="DataException">No ids, an id outside the vocabulary, or more positions than max_position_embeddings.</exception>
    /// <exception cref="ContractException">A cache of another mode or dtype, or one that is full.</exception>
    /// <exception cref="NotANumberException">A NaN reached the choice of experts; names the layer, the first tensor with a NaN, and the weight it comes from. To know these the pass is run once more.</exception>
    public Tensor Forward(ReadOnlySpan<int> ids, IReadOnlyList<LatentCache> caches, ForwardOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(caches);
        options ??= ForwardOptions.Default;
        int B = caches.Count;
        int T = B == 0 ? 0 : ids.Length / B;
        var logits = new Tensor(Contract.Logits, B, options.LastLogitsOnly ? Math.Min(1, T) : T, Config.VocabSize);
        Forward(ids, caches, logits, options);
        return logits;
    }

    /// <summary>As the other overload, into a tensor of the caller's of that dtype and shape.</summary>
    /// <exception cref="ShapeException">logits is of another dtype or shape, or read-only.</exception>
    /// <inheritdoc cref="Forward(ReadOnlySpan{int}, IReadOnlyList{LatentCache}, ForwardOptions?)"/>
    public void Forward(ReadOnlySpan<int> ids, IReadOnlyList<LatentCache> caches, Tensor logits, ForwardOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(caches);
        ArgumentNullException.ThrowIfNull(logits);
        options ??= ForwardOptions.Default;
        int T = CheckedTokens(ids, caches, options);
        int B = caches.Count;
        Operands.RequireType(logits, nameof(logits), Contract.Logits);
        Operands.RequireShape(logits, nameof(logits), B, options.LastLogitsOnly ? 1 : T, Config.VocabSize);
        Operands.ThrowIfReadOnly(logits);

        Tensor?[][] states = options.Mtp ? [.. caches.Select(c => (Tensor?[])c.MtpHidden.Clone())] : [];
        try
        {
            Pass(ids, caches, logits, options, T);
        }
        catch (NotANumberException e)
        {
            for (int b = 0; b < states.Length; b++)
                states[b].CopyTo(caches[b].MtpHidden, 0);
            if (NotANumberSearch.Of(this, ids, caches, options) is not { } origin)
                throw;
            throw new NotANumberException($"{e.Message}; {origin}");
        }

        for (int b = 0; b < B; b++)
            caches[b].Advance(caches[b].Length + T, options.Mtp);
    }

    /// <summary>A pass whose arguments were checked. The caches hold its tokens after it, but do not count them yet: it can be run again.</summary>
    internal void Pass(ReadOnlySpan<int> ids, IReadOnlyList<LatentCache> caches, Tensor logits, ForwardOptions options, int T)
    {
        int B = caches.Count;
        var first = new int[B];
        for (int b = 0; b < B; b++)
        {
            first[b] = caches[b].Length;
            caches[b].Reserve(first[b] + T);
        }

        var pass = new ForwardPass(caches, first, T, workspace, options.Trace);
        Tensor x = Layers(ids, pass);
        Tensor normed = Head(x, pass, logits, options);
        if (options.Mtp)
        {
            foreach (LatentCache cache in caches)
                cache.BeginMtp();
            // The modules use the pass's buffers for rows and positions, but not those of the main model's states.
            mtp!.Forward(pass, ids, Contract.MtpHidden == Ops.MtpHidden.PostNorm ? normed : x);
        }
    }

    /// <summary>Embedding and layers: the residual stream [R, d] after the last.</summary>
    private Tensor Layers(ReadOnlySpan<int> ids, ForwardPass pass)
    {
        int d = Config.HiddenSize;
        Tensor tokens = workspace.Ids.Get(DType.I32, ids.Length);
        ids.CopyTo(tokens.AsSpan<int>());
        Tensor x = workspace.Hidden.Get(n.Activations, pass.Rows, d);
        n.Backend.Embedding(embedding, tokens, x);
        pass.Probe("", "embedding", x, d);
        for (int i = 0; i < blocks.Length; i++)
            blocks[i].Forward(x, pass, pass.Trace is null ? "" : $"layers.{i}");
        pass.Probe("", "hidden_before_final_norm", x, d);
        return x;
    }

    /// <summary>The final norm and the head; returns the normalised rows, all of them where anyone needs all.</summary>
    private Tensor Head(Tensor x, ForwardPass pass, Tensor logits, ForwardOptions options)
    {
        int d = Config.HiddenSize;
        int kept = options.LastLogitsOnly ? 1 : pass.Tokens;
        Tensor y = logits.Reshape((long)pass.Sequences * kept, Config.VocabSize);
        bool all = !options.LastLogitsOnly || options.Mtp || pass.Wants("", "final_norm_out");
        Tensor rows = all ? x : LastRows(x, pass);
        Tensor normed = n.Norm(rows, norm, workspace.FinalNorm.Get(n.Activations, rows.Shape[0], d));
        if (all)
            pass.Probe("", "final_norm_out", normed, d);
        n.Linear(all && options.LastLogitsOnly ? LastRows(normed, pass) : normed, head, y);
        if (pass.Wants("", "logits"))
            pass.Trace!.Probe("logits", logits.Reshape(pass.Sequences, kept, Config.VocabSize));
        return normed;
    }

    private Tensor LastRows(Tensor rows, ForwardPass pass)
    {
        if (pass.Tokens == 1)
            return rows;
        int d = Config.HiddenSize;
        Tensor last = workspace.LastRows.Get(n.Activations, pass.Sequences, d);
        for (int b = 0; b < pass.Sequences; b++)
            Columns.Copy(rows, d, 0, last, d, 0, d, 1, ((long)b * pass.Tokens) + pass.Tokens - 1, b);
        return last;
    }

    private int CheckedTokens(ReadOnlySpan<int> ids, IReadOnlyList<LatentCache> caches, ForwardOptions options)
    {
        int B = caches.Count;
        if (B == 0)
            throw new DataException("no sequence was given; give at least one row of ids");
        if (ids.IsEmpty)
            throw new DataException("row 0 is empty; a prompt has at least one id");
        if (ids.Length % B != 0)
            throw new ShapeException($"{ids.Length} ids are not {B} rows of one length");
        int T = ids.Length / B;
        if (options.Mtp && mtp is null)
            throw new ContractException("MTP was asked for, but the configuration has num_nextn_predict_layers 0");

        for (int b = 0; b < B; b++)
        {
            LatentCache cache = caches[b];
            if (cache.Mode != Contract.Attention || cache.DType != Contract.Activations || cache.RopeLayout != Contract.RopeLayout || cache.Format != Contract.Cache)
                throw new ContractException($"the cache of row {b} is {cache.Mode} {cache.DType.Name()} {cache.RopeLayout} {cache.Format}, but contract {Contract.Name} is {Contract.Attention} {Contract.Activations.Name()} {Contract.RopeLayout} {Contract.Cache}; a cache never mixes modes: make one with NewCache");
            if (options.Mtp && cache.MtpLength != cache.Length)
                throw new ContractException($"the cache of row {b} holds {cache.Length} tokens but its MTP modules followed {cache.MtpLength}; ask for MTP in every pass over a cache");
            if ((long)cache.Length + T > Config.MaxPositionEmbeddings)
                throw new DataException($"row {b} would reach {(long)cache.Length + T} positions, but max_position_embeddings is {Config.MaxPositionEmbeddings}; give fewer ids, or raise it in config.json if the model was made for more");
            for (int other = 0; other < b; other++)
            {
                if (ReferenceEquals(cache, caches[other]))
                    throw new ContractException($"rows {other} and {b} were given the same cache; each sequence has its own");
            }

            for (int t = 0; t < T; t++)
            {
                int id = ids[(b * T) + t];
                if (id < 0 || id >= Config.VocabSize)
                    throw new DataException($"row {b}, position {cache.Length + t}: id {id} is not in [0, {Config.VocabSize}); use ids of this model's vocabulary");
            }
        }

        return T;
    }
}
