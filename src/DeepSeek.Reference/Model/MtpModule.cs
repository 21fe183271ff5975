using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Tracing;

namespace DeepSeek.Reference.Model;

/// <summary>One multi-token-prediction module: from the state of position i and the token at i + k, logits for the token at i + k + 1.</summary>
/// <remarks>
/// <code>
/// x_i = eh_proj [enorm(Emb(t_{i+k})) ; hnorm(h_i)]     the order is the contract's MtpConcat
/// y   = Block(x)                                        a decoder layer with a cache of its own, at position i
/// mtp.logits_i = head · shared_head.norm(y_i)
/// </code>
/// Module 1 takes the main model's h_i after or before model.norm (the contract's <see cref="Ops.MtpHidden"/>); module k > 1 takes module k-1's y
/// after or before its shared_head.norm. Embedding and head are the module's own copies where the checkpoint has them, else the main model's.
/// <see cref="NumericContract.MtpZeroFirstEmbedding"/> zeroes the embedding at position 0 before enorm. V3 report 2.2, equations 21 to 25; docs/spec/mtp.md.
/// </remarks>
internal sealed class MtpModule
{
    private readonly ModelNumerics n;
    private readonly string probe;
    private readonly Tensor embedding, head, enorm, hnorm, ehProj, sharedHeadNorm;
    private readonly DecoderBlock block;
    private readonly Scratch embedded = new(), embeddedNorm = new(), hiddenNorm = new(), input = new(), hidden = new(), normed = new(), logits = new();

    /// <summary>Module k, counted from 1.</summary>
    public MtpModule(ModelNumerics numerics, ModelWeights weights, int k, Tensor mainEmbedding, Tensor mainHead)
    {
        n = numerics;
        Depth = k;
        probe = OracleNames.MtpPrefix(k);
        int d = numerics.Config.HiddenSize;
        int V = numerics.Config.VocabSize;
        int layer = numerics.Config.NumHiddenLayers + k - 1;
        string name = $"model.layers.{layer}";
        if (!weights.Has($"{name}.eh_proj.weight"))
            throw new DataException($"{weights.Source}: tensor '{name}.eh_proj.weight' is missing; for a checkpoint without MTP modules set num_nextn_predict_layers to 0 in config.json");
        embedding = weights.Has($"{name}.embed_tokens.weight") ? weights.Get($"{name}.embed_tokens.weight", V, d) : mainEmbedding;
        head = weights.Has($"{name}.shared_head.head.weight") ? weights.Get($"{name}.shared_head.head.weight", V, d) : mainHead;
        enorm = weights.Get($"{name}.enorm.weight", d);
        hnorm = weights.Get($"{name}.hnorm.weight", d);
        ehProj = weights.Get($"{name}.eh_proj.weight", d, 2L * d);
        sharedHeadNorm = weights.Get($"{name}.shared_head.norm.weight", d);
        block = new DecoderBlock(numerics, weights, layer);
    }

    /// <summary>k: how many tokens ahead of the state the embedded token lies.</summary>
    public int Depth { get; }

    /// <summary>The block, for its routing bias.</summary>
    public DecoderBlock Block => block;

    /// <summary>The block's output of the last <see cref="Forward"/>, [B·T, d].</summary>
    public Tensor BlockOutput { get; private set; } = null!;

    /// <summary>The normalised output of the last <see cref="Forward"/>, [B·T, d].</summary>
    public Tensor NormedOutput { get; private set; } = null!;

    /// <summary>States h [B·T, d] and ids [B·T] of the tokens k ahead, to logits [B·T, V].</summary>
    public Tensor Forward(Tensor h, Tensor ids, ForwardPass pass)
    {
        Tensor y = Head(Follow(h, ids, pass), logits.Get(n.Contract.Logits, pass.Rows, n.Config.VocabSize));
        pass.Probe(probe, "logits", y, n.Config.VocabSize);
        return y;
    }

    /// <summary>The logits of normalised rows.</summary>
    public Tensor Head(Tensor rows, Tensor y) => n.Linear(rows, head, y);

    /// <summary>The same up to shared_head.norm: the normalised output [B·T, d].</summary>
    public Tensor Follow(Tensor h, Tensor ids, ForwardPass pass)
    {
        int d = n.Config.HiddenSize;
        Tensor e = embedded.Get(n.Activations, pass.Rows, d);
        n.Backend.Embedding(embedding, ids, e);
        if (n.Contract.MtpZeroFirstEmbedding)
            ZeroFirst(e, pass);
        pass.Probe(probe, "embedding", e, d);

        Tensor en = n.Norm(e, enorm, embeddedNorm.Get(n.Activations, pass.Rows, d));
        pass.Probe(probe, "enorm_out", en, d);
        Tensor hn = n.Norm(h, hnorm, hiddenNorm.Get(n.Activations, pass.Rows, d));
        pass.Probe(probe, "hnorm_out", hn, d);
        Tensor joined = input.Get(n.Activations, pass.Rows, 2L * d);
        n.Backend.MtpInput(en, hn, n.Contract.MtpConcat, joined);
        Tensor x = n.Linear(joined, ehProj, hidden.Get(n.Activations, pass.Rows, d));
        pass.Probe(probe, "eh_proj_out", x, d);

        block.Forward(x, pass, probe);
        BlockOutput = x;
        pass.Probe(probe, "block_out", x, d);
        NormedOutput = n.Norm(x, sharedHeadNorm, normed.Get(n.Activations, pass.Rows, d));
        pass.Probe(probe, "shared_head_norm_out", NormedOutput, d);
        return NormedOutput;
    }

    private static void ZeroFirst(Tensor e, ForwardPass pass)
    {
        for (int b = 0; b < pass.Sequences; b++)
        {
            if (pass.First(b) > 0 || pass.Count(b) == 0)
                continue;
            Tensor row = e.Rows(pass.Offset(b), 1);
            if (row.DType == DType.F32)
                row.AsSpan<float>().Clear();
            else
                row.AsSpan<BFloat16>().Clear();
        }
    }
}
