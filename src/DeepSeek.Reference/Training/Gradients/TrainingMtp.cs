using DeepSeek.Reference.Model;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Training;

/// <summary>One multi-token-prediction module, forward and backward.</summary>
/// <remarks>
/// <code>
/// x_i = eh_proj [enorm(Emb(t_{i+k})) ; hnorm(h_i)]    y = Block(x)    L_k = Σ_i -log softmax(head · shared_head.norm(y_i))[t_{i+k+1}]
/// </code>
/// Rows are i = 0 .. T - k - 1 of a sequence whose T inputs have T targets. Embedding and head are the module's own copies where the checkpoint has them (their
/// gradients go by their own names), else the main model's, whose gradients then add up. DeepSeek-V3 report 2.2, equations 21 to 25; docs/spec/training.md.
/// </remarks>
internal sealed class TrainingMtp
{
    private readonly ModelNumerics n;
    private readonly NamedWeight embedding, enorm, hnorm, ehProj, sharedHeadNorm;
    private readonly TrainingBlock block;
    private readonly HeadLoss head;

    /// <summary>Module k, counted from 1.</summary>
    public TrainingMtp(ModelNumerics numerics, ModelWeights weights, int k, NamedWeight mainEmbedding, NamedWeight mainHead)
    {
        n = numerics;
        Depth = k;
        int d = numerics.Config.HiddenSize;
        int V = numerics.Config.VocabSize;
        int layer = numerics.Config.NumHiddenLayers + k - 1;
        string name = $"model.layers.{layer}";
        NamedWeight Named(string tail, params ReadOnlySpan<long> shape) => new($"{name}.{tail}.weight", weights.Get($"{name}.{tail}.weight", shape));
        embedding = weights.Has($"{name}.embed_tokens.weight") ? Named("embed_tokens", V, d) : mainEmbedding;
        head = new HeadLoss(numerics, weights.Has($"{name}.shared_head.head.weight") ? Named("shared_head.head", V, d) : mainHead);
        enorm = Named("enorm", d);
        hnorm = Named("hnorm", d);
        ehProj = Named("eh_proj", d, 2L * d);
        sharedHeadNorm = Named("shared_head.norm", d);
        block = new TrainingBlock(numerics, weights, layer);
    }

    /// <summary>k.</summary>
    public int Depth { get; }

    /// <summary>What the backward needs.</summary>
    public sealed record Saved(
        SequencePass Pass, Tensor Ids, Tensor Embedded, Tensor Hidden, Tensor Joined, TrainingBlock.Saved Block, Tensor BlockOutput, Tensor Normed, Tensor DNormed)
    {
        /// <summary>The state that the next module takes.</summary>
        public Tensor State(MtpHidden hidden) => hidden == MtpHidden.PostNorm ? Normed : BlockOutput;
    }

    /// <summary>The module on states h of the level below and the sequence's ids; adds its losses, and its head's gradient.</summary>
    public Saved Forward(Tensor h, ReadOnlySpan<int> ids, float scale, SequencePass above)
    {
        int d = n.Config.HiddenSize;
        int rows = ids.Length - 1 - Depth;
        var pass = new SequencePass(n, above.Backend, above.Casts, above.Gradients, rows, above.Cancelled);
        Tensor tokens = Tensor.From(ids.Slice(Depth, rows).ToArray(), rows);
        Tensor embedded = SequencePass.New(rows, d);
        pass.Backend.Embedding(pass.Weight(embedding), tokens, embedded);
        if (n.Contract.MtpZeroFirstEmbedding)
            embedded.Rows(0, 1).AsSpan<float>().Clear();
        Tensor hidden = h.Rows(0, rows);
        Tensor joined = SequencePass.New(rows, 2L * d);
        pass.Backend.MtpInput(pass.Norm(embedded, enorm), pass.Norm(hidden, hnorm), n.Contract.MtpConcat, joined);
        (Tensor y, TrainingBlock.Saved ofBlock) = block.Forward(pass.Casts.Round(CastPoint.LinearOutput, pass.Linear(joined, pass.Weight(ehProj)), ehProj.Name, "output"), pass);
        Tensor normed = pass.Norm(y, sharedHeadNorm);
        (float[] losses, Tensor dNormed) = head.Run(normed, ids.Slice(Depth + 1, rows), scale, pass);
        pass.Gradients.AddMtp(losses);
        return new Saved(pass, tokens, embedded, hidden, joined, ofBlock, y, normed, dNormed);
    }

    /// <summary>dh of the states taken, [rows, d]. dState is the next module's, of fewer rows, or null.</summary>
    public Tensor Backward(Saved s, Tensor? dState)
    {
        SequencePass pass = s.Pass;
        int d = n.Config.HiddenSize;
        bool post = n.Contract.MtpHidden == MtpHidden.PostNorm;
        if (dState is not null && post)
            AddRows(s.DNormed, dState, pass);
        Tensor dy = pass.NormBackward(s.DNormed, s.BlockOutput, sharedHeadNorm);
        if (dState is not null && !post)
            AddRows(dy, dState, pass);

        Tensor dJoined = pass.LinearBackward(block.Backward(dy, s.Block, pass), s.Joined, ehProj.Name, pass.Weight(ehProj));
        Tensor dEmbedded = SequencePass.New(s.Embedded.Shape.Dimensions);
        Tensor dHidden = SequencePass.New(s.Hidden.Shape.Dimensions);
        pass.Backend.MtpInputBackward(dJoined, n.Contract.MtpConcat, dEmbedded, dHidden);
        Tensor de = pass.NormBackward(dEmbedded, s.Embedded, enorm);
        if (n.Contract.MtpZeroFirstEmbedding)
            de.Rows(0, 1).AsSpan<float>().Clear();
        pass.Backend.EmbeddingBackward(de, s.Ids, pass.Gradients[embedding.Name]);
        return pass.NormBackward(dHidden, s.Hidden, hnorm);
    }

    /// <summary>The first rows of a get b's added; the others had no part in what b comes from.</summary>
    internal static void AddRows(Tensor a, Tensor b, SequencePass pass)
    {
        Tensor rows = a.Rows(0, b.Shape[0]);
        pass.Backend.Add(rows, b, rows);
        pass.Casts.Round(CastPoint.GradientSum, rows, "mtp", "state_gradient");
    }
}
