using DeepSeek.Reference.Model;

namespace DeepSeek.Reference.Training;

/// <summary>The output head with its cross-entropy: losses of rows, and the gradients of rows and head.</summary>
/// <remarks>
/// <code>
/// l = head · x;    losses, dl by CrossEntropy;    dhead += dlᵀ x;    dx = dl · head
/// </code>
/// Logits of all rows at once may not fit: beyond <see cref="WholeLogits"/> values the rows are taken a block at a time for losses and dx, and the vocabulary a block at
/// a time for dhead, logits being computed again. No sum is cut, so the bits are the same. DeepSeek-V3 report 2.2; rule N24; docs/spec/training.md.
/// </remarks>
internal sealed class HeadLoss(ModelNumerics n, NamedWeight head, long wholeLogits = HeadLoss.WholeLogits)
{
    /// <summary>Logits that are held at once: 256 MiB.</summary>
    public const long WholeLogits = 1L << 26;

    /// <summary>Adds the head's gradient; returns the rows' losses [T] and gradients [T, d].</summary>
    /// <param name="x">Normalised rows [T, d].</param>
    /// <param name="targets">The id each row predicts.</param>
    /// <param name="scale">What a row's loss counts for.</param>
    /// <param name="pass">The sequence.</param>
    public (float[] Losses, Tensor DX) Run(Tensor x, ReadOnlySpan<int> targets, float scale, SequencePass pass)
    {
        int T = targets.Length;
        long V = n.Config.VocabSize;
        Tensor ids = Tensor.From(targets.ToArray(), T);
        Tensor losses = SequencePass.New(T);
        Tensor statistics = SequencePass.New(T, 2);
        Tensor dx = SequencePass.New(x.Shape.Dimensions);
        Tensor weight = pass.Weight(head);
        int rows = (int)Math.Clamp(wholeLogits / Math.Max(1, V), 1, Math.Max(1, T));
        for (int t = 0; t < T; t += rows)
        {
            int count = Math.Min(rows, T - t);
            Tensor some = x.Rows(t, count);
            Tensor logits = pass.Linear(some, weight);
            pass.Backend.CrossEntropy(logits, ids.Rows(t, count), losses.Rows(t, count), statistics.Rows(t, count));
            pass.Backend.CrossEntropyBackward(logits, 0, ids.Rows(t, count), statistics.Rows(t, count), scale, logits);
            pass.Casts.Round(CastPoint.HeadGradient, logits, head.Name, "logits_gradient");
            pass.Dgrad(logits, weight, dx.Rows(t, count));
            if (count == T)
                pass.Wgrad(logits, x, pass.Gradients[head.Name]);
        }

        if (rows < T)
            OfHead(x, ids, statistics, scale, pass);
        pass.Casts.Round(CastPoint.LinearInputGradient, dx, head.Name, "input_gradient");
        return (losses.AsReadOnlySpan<float>().ToArray(), dx);
    }

    /// <summary>The head's gradient, a block of the vocabulary at a time.</summary>
    private void OfHead(Tensor x, Tensor ids, Tensor statistics, float scale, SequencePass pass)
    {
        long V = n.Config.VocabSize;
        int block = (int)Math.Clamp(wholeLogits / Math.Max(1, x.Shape[0]), 1, V);
        Tensor gradient = pass.Gradients[head.Name];
        for (int v = 0; v < V; v += block)
        {
            long count = Math.Min(block, V - v);
            Tensor logits = pass.Linear(x, pass.Weight(head).Rows(v, count));
            pass.Backend.CrossEntropyBackward(logits, v, ids, statistics, scale, logits);
            pass.Casts.Round(CastPoint.HeadGradient, logits, head.Name, "logits_gradient");
            pass.Wgrad(logits, x, gradient.Rows(v, count));
        }
    }
}
