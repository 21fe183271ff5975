using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Model;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Training;

/// <summary>DeepSeek-V3 as training sees it: token ids in, the loss and the gradient of every parameter out.</summary>
/// <remarks>
/// <code>
/// L_main = (1/N) Σ_sequences Σ_t -log softmax(logits_t)[ids_{t+1}]        N: targets of the batch
/// </code>
/// A sequence of T + 1 ids has T inputs and T targets. Sequences run one after another, each forward and backward, and add to the gradients in batch order
/// (rules N16, N24). Everything is binary32 and attention naive, whatever the weights' dtype: BF16 widens exactly, FP8 is code times scale and its gradient that of the
/// dequantised weight. <see cref="TrainingPrecision"/> rounds in between. DeepSeek-V3 report 2; docs/spec/training.md, docs/spec/training-precision.md.
/// </remarks>
public sealed class GradientModel
{
    private readonly ModelNumerics n;
    private readonly IBackwardBackend backend;
    private readonly NamedWeight embedding, norm;
    private readonly TrainingBlock[] blocks;
    private readonly TrainingMtp[] modules;
    private readonly HeadLoss head;
    private readonly ModelWeights weights;
    private readonly Casts casts;

    /// <summary>A model of weights found by name.</summary>
    /// <param name="config">Dimensions and choices.</param>
    /// <param name="weights">The tensor of a checkpoint name, or null where there is none. Values of F32 and BF16 tensors may change between passes.</param>
    /// <param name="backend">Runs the operations.</param>
    /// <param name="contract">Numeric decisions, in binary32 throughout; null takes <see cref="NumericContract.Canonical"/>. Attention is naive whatever it says.</param>
    /// <param name="source">Names the weights in errors.</param>
    /// <param name="precision">What is rounded where; null takes <see cref="TrainingPrecision.Fp32"/>.</param>
    /// <exception cref="DataException">A tensor is missing or has another shape.</exception>
    /// <exception cref="ContractException">A contract that rounds to bfloat16, whose backward is not defined, or that adds up by a matrix unit; a precision whose parts do not fit together.</exception>
    public GradientModel(
        DeepSeekConfig config, Func<string, Tensor?> weights, IBackwardBackend backend, NumericContract? contract = null, string source = "weights", TrainingPrecision? precision = null)
        : this(config, weights, backend, contract, source, HeadLoss.WholeLogits, null, precision)
    {
    }

    internal GradientModel(
        DeepSeekConfig config, Func<string, Tensor?> weights, IBackwardBackend backend, NumericContract? contract, string source, long wholeLogits, Func<string, string>? place,
        TrainingPrecision? precision = null)
    {
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(weights);
        ArgumentNullException.ThrowIfNull(backend);
        Config = config;
        Contract = (contract ?? NumericContract.Canonical) with { Attention = AttentionMode.Naive };
        RequireBinary32(Contract);
        this.backend = backend;
        Precision = precision ?? TrainingPrecision.Fp32;
        Precision.Require();
        casts = new Casts(Precision, backend);
        n = new ModelNumerics(config, Contract, backend);
        var w = this.weights = new ModelWeights(config, weights, source, backend, place);
        embedding = new NamedWeight("model.embed_tokens.weight", w.Get("model.embed_tokens.weight", config.VocabSize, config.HiddenSize));
        norm = new NamedWeight("model.norm.weight", w.Get("model.norm.weight", config.HiddenSize));
        NamedWeight mainHead = config.TieWordEmbeddings ? embedding : new NamedWeight("lm_head.weight", w.Get("lm_head.weight", config.VocabSize, config.HiddenSize));
        head = new HeadLoss(n, mainHead, wholeLogits);
        blocks = [.. Enumerable.Range(0, config.NumHiddenLayers).Select(i => new TrainingBlock(n, w, i))];
        // A checkpoint without the modules trains the main model.
        HasMtp = config.NumNextnPredictLayers > 0 && w.Has($"model.layers.{config.NumHiddenLayers}.eh_proj.weight");
        modules = HasMtp ? [.. Enumerable.Range(1, config.NumNextnPredictLayers).Select(k => new TrainingMtp(n, w, k, embedding, mainHead))] : [];
        n.Products.Decide(Fp8Mode.Dequantize, w.Quantized, long.MaxValue);
    }

    /// <summary>Dimensions and choices.</summary>
    public DeepSeekConfig Config { get; }

    /// <summary>Numeric decisions.</summary>
    public NumericContract Contract { get; }

    /// <summary>What is rounded where.</summary>
    public TrainingPrecision Precision { get; }

    /// <summary>Told of each cast, by name, as it is done; null for nobody.</summary>
    public Action<CastRecord>? OnCast
    {
        get => casts.Observer;
        set => casts.Observer = value;
    }

    /// <summary>Whether <see cref="LossOptions.MtpWeight"/> can be asked for: the checkpoint has the modules.</summary>
    public bool HasMtp { get; }

    /// <summary>A model over an open checkpoint, whose errors name file and byte of a tensor.</summary>
    public static GradientModel Over(Checkpoint checkpoint, DeepSeekConfig config, IBackwardBackend backend, NumericContract? contract = null)
    {
        ArgumentNullException.ThrowIfNull(checkpoint);
        return new(
            config, name => checkpoint.TryGet(name, out Tensor? t) ? t : null, backend, contract, checkpoint.Directory, HeadLoss.WholeLogits,
            name => $"{checkpoint.FileOf(name)}: tensor '{name}' at byte {checkpoint.Entry(name).FileOffset}");
    }

    /// <summary>Zero gradients for a batch that counts <paramref name="totals"/> in all.</summary>
    /// <exception cref="ContractException">MTP losses of a model without modules, weights that are no numbers, or totals that no batch has.</exception>
    public GradientSet NewGradients(BatchTotals totals, LossOptions? options = null)
    {
        options ??= new LossOptions();
        options.Require();
        totals.Require();
        if (options.MtpWeight > 0 && !HasMtp)
            throw new ContractException($"the MTP loss was asked for, but {weights.Source} has no MTP module (num_nextn_predict_layers {Config.NumNextnPredictLayers}); take weight 0");
        return new GradientSet(Trained(options), totals, options) { MtpShare = (float)(options.MtpWeight / Math.Max(1, modules.Length)) };
    }

    /// <summary>The loss and the gradients of a whole batch.</summary>
    /// <inheritdoc cref="Accumulate"/>
    public GradientSet Gradients(IReadOnlyList<int[]> rows, LossOptions? options = null)
    {
        GradientSet gradients = NewGradients(BatchTotals.Of(rows), options);
        Accumulate(rows, gradients);
        return gradients;
    }

    /// <summary>Adds the losses and gradients of sequences, which may be a part of the batch that the set was made for, in order.</summary>
    /// <param name="rows">Sequences of any lengths; one of a single id has no target and adds nothing.</param>
    /// <param name="gradients">What is added to.</param>
    /// <param name="cancellationToken">Looked at before each product; a sequence that it ends leaves a part of itself in the set, which is to be reset.</param>
    /// <exception cref="DataException">A batch without a target, an id outside the vocabulary, or more positions than max_position_embeddings.</exception>
    /// <exception cref="NotANumberException">A NaN reached the choice of experts.</exception>
    public void Accumulate(IReadOnlyList<int[]> rows, GradientSet gradients, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(rows);
        ArgumentNullException.ThrowIfNull(gradients);
        if (gradients.Totals.Targets < 1)
            throw new DataException("no sequence has two ids, so that there is nothing to predict; give rows of at least two ids");
        Check(rows);
        casts.Forget();
        try
        {
            foreach (int[] row in rows)
            {
                cancellationToken.ThrowIfCancellationRequested();
                if (row.Length > 1)
                    Sequence(row, gradients, cancellationToken);
            }
        }
        finally
        {
            casts.Forget();
        }
    }

    /// <summary>Throws for ids and lengths that the model does not take.</summary>
    /// <exception cref="DataException">An id outside the vocabulary, or more positions than max_position_embeddings; names the row.</exception>
    public void Check(IReadOnlyList<int[]> rows)
    {
        ArgumentNullException.ThrowIfNull(rows);
        for (int b = 0; b < rows.Count; b++)
            CheckIds(rows[b], b);
    }

    private void Sequence(ReadOnlySpan<int> ids, GradientSet gradients, CancellationToken cancelled)
    {
        int T = ids.Length - 1;
        var pass = new SequencePass(n, backend, casts, gradients, T, cancelled);
        Tensor inputs = Tensor.From(ids[..T].ToArray(), T);
        Tensor x = SequencePass.New(T, Config.HiddenSize);
        backend.Embedding(pass.Weight(embedding), inputs, x);
        var saved = new TrainingBlock.Saved[blocks.Length];
        for (int i = 0; i < blocks.Length; i++)
            (x, saved[i]) = blocks[i].Forward(x, pass);
        Tensor normed = pass.Norm(x, norm);

        double targets = gradients.Totals.Targets;
        (float[] losses, Tensor dNormed) = head.Run(normed, ids[1..], (float)(1 / targets), pass);
        gradients.AddMain(losses);
        bool post = Contract.MtpHidden == MtpHidden.PostNorm;
        Tensor? dState = Mtp(post ? normed : x, ids, pass);
        if (dState is not null && post)
            TrainingMtp.AddRows(dNormed, dState, pass);
        Tensor dx = pass.NormBackward(dNormed, x, norm);
        if (dState is not null && !post)
            TrainingMtp.AddRows(dx, dState, pass);

        for (int i = blocks.Length - 1; i >= 0; i--)
            dx = blocks[i].Backward(dx, saved[i], pass);
        backend.EmbeddingBackward(dx, inputs, gradients[embedding.Name]);
    }

    /// <summary>The modules, forward in order and backward in the opposite one; the gradient of the main model's states that they took, or null.</summary>
    private Tensor? Mtp(Tensor state, ReadOnlySpan<int> ids, SequencePass pass)
    {
        LossOptions options = pass.Gradients.Options;
        if (options.MtpWeight == 0)
            return null;
        float scale = (float)(options.MtpWeight / (modules.Length * (double)pass.Gradients.Totals.Targets));
        var saved = new List<TrainingMtp.Saved>();
        foreach (TrainingMtp module in modules)
        {
            if (ids.Length - 1 - module.Depth < 1)
                break;
            saved.Add(module.Forward(state, ids, scale, pass));
            state = saved[^1].State(Contract.MtpHidden);
        }

        Tensor? dState = null;
        for (int k = saved.Count - 1; k >= 0; k--)
            dState = modules[k].Backward(saved[k], dState);
        return dState;
    }

    /// <summary>Every parameter that the loss contains, in the order of the forward pass.</summary>
    private IEnumerable<KeyValuePair<string, Shape>> Trained(LossOptions options) =>
        from p in new ParameterTable(Config).Parameters
        where !p.IsScale && !p.Name.EndsWith("e_score_correction_bias", StringComparison.Ordinal)
        where !p.IsMtp || options.MtpWeight > 0
        where !p.IsDuplicate || weights.Has(p.Name)
        select KeyValuePair.Create(p.Name, p.Shape);

    private void CheckIds(int[] row, int b)
    {
        if (row.Length - 1 > Config.MaxPositionEmbeddings)
            throw new DataException($"row {b} has {row.Length - 1} inputs, but max_position_embeddings is {Config.MaxPositionEmbeddings}");
        for (int t = 0; t < row.Length; t++)
        {
            if (row[t] < 0 || row[t] >= Config.VocabSize)
                throw new DataException($"row {b}, position {t}: id {row[t]} is not in [0, {Config.VocabSize}); use ids of this model's vocabulary");
        }
    }

    /// <summary>Throws for a decision whose backward is not defined.</summary>
    private static void RequireBinary32(NumericContract c)
    {
        bool plain = c is { Activations: DType.F32, Logits: DType.F32, GateLogits: DType.F32, RmsNorm: RmsNormRounding.None, SwiGlu: SwiGluRounding.None }
            && c is { AttentionRounding: AttentionRounding.None, Gate: GateRounding.None, Cache: CacheFormat.Activations or CacheFormat.Float32 }
            && c.Combine is CombineRounding.Fused or CombineRounding.Separate
            && c.RopeRotation != RopeRotation.EveryStep;
        if (!plain)
            throw new ContractException($"contract {c.Name} rounds to bfloat16 inside the forward pass, whose backward is not defined; take Canonical or Ideal");
        if (c.Accumulation.Unit is { } unit)
            throw new ContractException($"contract {c.Name} adds up everything by {unit}, and attention and norms have no such sums; set {nameof(TrainingPrecision)}.{nameof(TrainingPrecision.BFloat16Sums)} instead");
    }
}
