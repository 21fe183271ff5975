using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Model;
using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Inference;

/// <summary>How many bits a model needs for a text: the length of the code that its probabilities give.</summary>
/// <remarks>
/// <code>
/// L = Σ_{t ≥ 1} -ln p(ids_t | ids_s .. ids_{t-1})      nats; L / ln 2 bits
/// the first window begins at s = 0 and predicts ids_1 .. ids_W
/// each later one predicts the next W - C, and takes the C ids before them as context
/// </code>
/// Each id but the first, which is given, is predicted once, from W inputs at most and, behind the first window, C + 1 at least. Losses are rule N24's, binary32 a token
/// from the contract's logits; their sum is binary64 in the order of the ids, and no order matters for less than 2^20 tokens whose losses are multiples of 2^-28 below 2^5 nats.
/// </remarks>
public sealed class CodeLength
{
    private readonly DeepSeekModel model;
    private readonly IBackwardBackend backend;

    /// <summary>Code lengths under a model.</summary>
    /// <param name="model">The model; its backend runs the losses too.</param>
    /// <param name="window">W: ids that the model sees at once.</param>
    /// <param name="context">C: ids of a window that the one before it predicted.</param>
    /// <exception cref="ContractException">A backend without losses, a window beyond max_position_embeddings, or a context that is not shorter than the window.</exception>
    public CodeLength(DeepSeekModel model, int window, int context)
    {
        ArgumentNullException.ThrowIfNull(model);
        backend = model.Backend as IBackwardBackend ?? throw new ContractException($"the backend {model.Backend.Name} computes no cross-entropy; take scalar or simd");
        if (window < 1 || window > model.Config.MaxPositionEmbeddings)
            throw new ContractException($"a window of {window} ids was asked for; the model takes 1 to {model.Config.MaxPositionEmbeddings} (max_position_embeddings)");
        if (context < 0 || context >= window)
            throw new ContractException($"a context of {context} ids was asked for; it is 0 or more and shorter than the window, {window}");
        this.model = model;
        Window = window;
        Context = context;
    }

    /// <summary>W.</summary>
    public int Window { get; }

    /// <summary>C.</summary>
    public int Context { get; }

    /// <summary>The nats of ids behind the first.</summary>
    /// <param name="ids">The ids; the first, which begins a text, costs nothing.</param>
    /// <param name="cancellationToken">Looked at before each window.</param>
    /// <exception cref="DataException">An id outside the vocabulary.</exception>
    public double Nats(ReadOnlySpan<int> ids, CancellationToken cancellationToken = default)
    {
        // A negative target would not be counted, and the last id is no input.
        for (int t = 0; t < ids.Length; t++)
        {
            if (ids[t] < 0 || ids[t] >= model.Config.VocabSize)
                throw new DataException($"position {t}: id {ids[t]} is not in [0, {model.Config.VocabSize}); use ids of this model's vocabulary");
        }

        double nats = 0;
        for (int done = 0; done < ids.Length - 1;)
        {
            cancellationToken.ThrowIfCancellationRequested();
            int start = done == 0 ? 0 : done - Context;
            int count = Math.Min(Window, ids.Length - 1 - start);
            foreach (float loss in Losses(ids.Slice(start, count + 1))[(done - start)..])
                nats += loss;
            done = start + count;
        }

        return nats;
    }

    /// <summary>The loss of each id but the first.</summary>
    private ReadOnlySpan<float> Losses(ReadOnlySpan<int> ids)
    {
        int count = ids.Length - 1;
        Tensor logits = model.Forward([ids[..count].ToArray()]).Reshape(count, model.Config.VocabSize);
        Tensor targets = Tensor.From(ids[1..].ToArray(), count);
        var losses = new Tensor(DType.F32, count);
        backend.CrossEntropy(logits.DType == DType.F32 ? logits : Widened(logits), targets, losses, new Tensor(DType.F32, count, 2));
        return losses.AsReadOnlySpan<float>();
    }

    private static Tensor Widened(Tensor logits)
    {
        var wide = new Tensor(DType.F32, logits.Shape.Dimensions);
        BFloat16Spans.Widen(logits.AsReadOnlySpan<BFloat16>(), wide.AsSpan<float>());
        return wide;
    }
}
