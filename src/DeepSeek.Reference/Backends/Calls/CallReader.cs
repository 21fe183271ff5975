using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Backends;

/// <summary>Makes a call from an operation's name, its tensors and its attributes: the way back from <see cref="CallAttributes"/> and <see cref="OperationCall.Operands"/>.</summary>
internal static class CallReader
{
    private static readonly Dictionary<string, Operation> Operations = Enum.GetValues<Operation>().ToDictionary(OperationNames.Of, StringComparer.Ordinal);

    /// <summary>The call. Shapes and dtypes are checked where it is run.</summary>
    /// <exception cref="ContractException">An operation, attribute or tensor that is unknown or missing.</exception>
    public static OperationCall Read(string name, IReadOnlyDictionary<string, Tensor> tensors, IReadOnlyDictionary<string, object> attributes)
    {
        if (!Operations.TryGetValue(name, out Operation operation))
            throw new ContractException($"no operation is named '{name}'; there are {string.Join(", ", Operations.Keys)}");
        var a = new AttributeSet(name, attributes);
        var t = new Given(name, tensors);
        OperationCall call = operation switch
        {
            Operation.Embedding => new EmbeddingCall(t["weight"], t["ids"], t["y"]),
            Operation.Cast => new CastCall(t["x"], t["y"]),
            Operation.Add => new AddCall(t["a"], t["b"], t["y"]),
            Operation.RmsNorm => new RmsNormCall(t["x"], t["weight"], a.Real("epsilon"), a.Name<RmsNormRounding>("rounding"), t["y"]),
            Operation.Linear => new LinearCall(t["x"], t["weight"], a.Accumulation("accumulation"), t["y"]),
            Operation.GroupedLinear => new GroupedLinearCall(t["x"], a.List("offsets"), t.List("weight"), a.Accumulation("accumulation"), t["y"]),
            Operation.Rope => new RopeCall(t["x"], t["positions"], t["frequencies"], Rotation(a), t["y"]),
            Operation.AbsorbQuery => new AbsorbQueryCall(t["q"], t["kv_b"], a.Accumulation("accumulation"), t["y"]),
            Operation.AbsorbOutput => new AbsorbOutputCall(t["z"], t["kv_b"], a.Accumulation("accumulation"), t["y"]),
            Operation.ExpandKeys => new ExpandKeysCall(t["kv"], t["k_pe"], t["keys"], t["values"]),
            Operation.Attention => new AttentionCall(t["q"], t["keys"], t.Or("values"), Attention(a), t["y"], t.Or("log_sum_exp")),
            Operation.SwiGlu => new SwiGluCall(t["gate"], t["up"], a.Name<SwiGluRounding>("rounding"), t["y"]),
            Operation.Gate => new GateCall(t["logits"], t.Or("bias"), Gate(a), t["scores"], t["indices"], t["weights"]),
            Operation.Dispatch => new DispatchCall(t["x"], Plan(a), t["y"]),
            Operation.Combine => new CombineCall(t["outputs"], Plan(a), t["weights"], t.Or("shared"), a.Name<CombineRounding>("rounding"), t["y"]),
            Operation.Softmax => new SoftmaxCall(t["x"], t["y"]),
            Operation.LogSoftmax => new LogSoftmaxCall(t["x"], t["y"]),
            Operation.MtpInput => new MtpInputCall(t["embedding"], t["hidden"], a.Name<MtpConcat>("order"), t["y"]),
            Operation.Quantize => new QuantizeCall(t["x"], Quantizer(a), t["codes"], t["scales"]),
            Operation.Dequantize => new DequantizeCall(t["codes"], t["scales"], a.Name<QuantizationTile>("tile"), t["y"]),
            Operation.ScaledLinear => new ScaledLinearCall(t["x"], t["x_scale"], t["weight"], t["weight_scale"], Product(a), t.Or("c"), t["y"]),
            Operation.GroupedScaledLinear => new GroupedScaledLinearCall(t["x"], t["x_scale"], a.List("offsets"), t.List("weight"), t.List("weight_scale"), Product(a), t["y"]),
            Operation.IndexedScaledLinear => new IndexedScaledLinearCall(
                t["x"], t["x_scale"], t["groups"], a.Whole("alignment"), t.List("weight"), t.List("weight_scale"), Product(a), t["y"]),
            Operation.MaskedScaledLinear => new MaskedScaledLinearCall(t["x"], t["x_scale"], t["counts"], t.List("weight"), t.List("weight_scale"), Product(a), t["y"]),
            Operation.LinearDgrad => new LinearDgradCall(t["dy"], t["weight"], a.Accumulation("accumulation"), t["dx"]),
            Operation.LinearWgrad => new LinearWgradCall(t["dy"], t["x"], t["c"], a.Accumulation("accumulation"), t["d_weight"]),
            Operation.GroupedLinearDgrad => new GroupedLinearDgradCall(t["dy"], a.List("offsets"), t.List("weight"), a.Accumulation("accumulation"), t["dx"]),
            Operation.GroupedLinearWgrad => new GroupedLinearWgradCall(t["dy"], t["x"], a.List("offsets"), t.List("c"), a.Accumulation("accumulation"), t.List("d_weight")),
            Operation.EmbeddingBackward => new EmbeddingBackwardCall(t["dy"], t["ids"], t["c"], t["d_weight"]),
            Operation.RmsNormBackward => new RmsNormBackwardCall(t["dy"], t["x"], t["weight"], t["c"], a.Real("epsilon"), t["dx"], t["d_weight"]),
            Operation.RopeBackward => new RopeBackwardCall(t["dy"], t["positions"], t["frequencies"], Rotation(a), t["dx"]),
            Operation.ExpandKeysBackward => new ExpandKeysBackwardCall(t["d_keys"], t["d_values"], t["d_kv"], t["d_k_pe"]),
            Operation.SwiGluBackward => new SwiGluBackwardCall(t["dy"], t["gate"], t["up"], t["d_gate"], t["d_up"]),
            Operation.MtpInputBackward => new MtpInputBackwardCall(t["dy"], a.Name<MtpConcat>("order"), t["d_embedding"], t["d_hidden"]),
            Operation.DispatchBackward => new DispatchBackwardCall(t["dy"], Plan(a), t["dx"]),
            Operation.CombineBackward => new CombineBackwardCall(t["dy"], t["outputs"], Plan(a), t["weights"], t["d_outputs"], t["d_weights"]),
            Operation.CrossEntropy => new CrossEntropyCall(t["logits"], t["targets"], t["losses"], t["statistics"]),
            Operation.CrossEntropyBackward => new CrossEntropyBackwardCall(t["logits"], a.Whole("first"), t["targets"], t["statistics"], a.Real("scale"), t["d_logits"]),
            Operation.AttentionBackward => new AttentionBackwardCall(
                t["q"], t["keys"], t["values"], t["y"], t["log_sum_exp"], t["dy"],
                new AttentionAttributes(a.Real("scale"), a.Whole("first_position"), AttentionRounding.None, 0, a.Accumulation("accumulation")), t["dq"], t["d_keys"], t["d_values"]),
            Operation.GateBackward => new GateBackwardCall(t["logits"], t["scores"], t["indices"], Gate(a), t["d_weights"], t.Or("d_scores"), t["d_logits"]),
            Operation.BalanceLoss => new BalanceLossCall(t["scores"], t["indices"], a.Real("alpha"), t["loss"], t["d_scores"]),
            _ => throw new ContractException($"{name} cannot be called by name"),
        };
        a.End();
        return call;
    }

    private static RopeAttributes Rotation(AttributeSet a) => new(a.Name<RopeLayout>("layout"), a.Name<RopeRotation>("rotation"), a.Real("magnitude"));

    private static AttentionAttributes Attention(AttributeSet a)
    {
        var attributes = new AttentionAttributes(
            a.Real("scale"), a.Whole("first_position"), a.Name<AttentionRounding>("rounding"), a.Whole("score_split"), a.Accumulation("accumulation"));
        return a.HasObject("contract") ? attributes with { Contract = Contract(a) } : attributes;
    }

    private static AttentionContract Contract(AttributeSet a)
    {
        var contract = new AttentionContract
        {
            Name = a.Text("contract.name"),
            Schedule = a.Name<AttentionSchedule>("contract.schedule"),
            Block = a.Whole("contract.block"),
            Base = a.Name<SoftmaxBase>("contract.base"),
            Scaling = a.Name<ScoreScaling>("contract.scaling"),
            Scores = a.Name<ScoreRounding>("contract.scores"),
            Maximum = a.Name<MaximumRule>("contract.maximum"),
            InitialMaximum = a.Optional("contract.initial_maximum") ?? float.NegativeInfinity,
            MaskValue = a.Optional("contract.mask_value"),
            Weights = a.DType("contract.weights"),
            Denominator = a.Name<WeightSum>("contract.denominator"),
            Order = a.Name<WeightOrder>("contract.order"),
            Division = a.Name<AttentionDivision>("contract.division"),
            Empty = a.Name<EmptyRow>("contract.empty"),
            QueryKey = a.Accumulation("contract.query_key"),
            WeightValue = a.Accumulation("contract.weight_value"),
            Split = a.Name<KeySplit>("contract.split"),
            Parts = a.Whole("contract.parts"),
            Partials = a.DType("contract.partials"),
            Combine = a.Name<CombineOrder>("contract.combine"),
            Functions = AttentionFunctions.Parse(a.Text("contract.functions")),
        };
        contract.Validate();
        return contract;
    }

    private static GateAttributes Gate(AttributeSet a) => new(
        a.Name<ScoringFunction>("scoring"), a.Whole("groups"), a.Whole("kept_groups"), a.Name<GroupScore>("group_score"), a.Name<GroupMask>("mask"),
        a.Flag("normalize"), a.Real("epsilon"), a.Real("scale"), a.Name<GateRounding>("rounding"));

    /// <summary>The plan of the rows; its other lists follow from them and must agree.</summary>
    private static ExpertPlan Plan(AttributeSet a)
    {
        int experts = a.Whole("experts"), slots = a.Whole("slots");
        int[] offsets = a.List("offsets"), tokens = a.List("tokens"), rowOf = a.List("row_of");
        if (experts < 0 || slots < 0 || offsets.Length != experts + 1)
            throw new ContractException($"an expert plan of {experts} experts and {slots} slots does not have {offsets.Length} offsets");
        int[] indices = new int[rowOf.Length];
        for (int i = 0; i < indices.Length; i++)
            indices[i] = rowOf[i] < 0 ? -1 : ExpertOf(rowOf[i], offsets);
        var plan = new ExpertPlan(indices, slots, experts);
        return plan.Offsets.SequenceEqual(offsets) && plan.Tokens.SequenceEqual(tokens) && plan.RowOf.SequenceEqual(rowOf)
            ? plan
            : throw new ContractException("an expert plan whose offsets, tokens and row_of do not say the same");
    }

    private static int ExpertOf(int row, int[] offsets)
    {
        for (int e = 0; e + 1 < offsets.Length; e++)
        {
            if (row >= offsets[e] && row < offsets[e + 1])
                return e;
        }

        throw new ContractException($"row {row} of an expert plan belongs to no expert");
    }

    private static QuantizeAttributes Quantizer(AttributeSet a) => new(
        a.Name<QuantizationTile>("tile"), a.Name<QuantizerArithmetic>("arithmetic"), a.Name<ScaleFormat>("scale_format"), a.Name<QuantizationClamp>("clamp"));

    private static ScaledProduct Product(AttributeSet a) => new()
    {
        Name = a.Text("product.name"),
        Block = a.Accumulation("product.block"),
        Promotion = a.Whole("product.promotion"),
        Order = a.Name<ScaleOrder>("product.order"),
        Fused = a.Flag("product.fused"),
        Accumulator = a.DType("product.accumulator"),
    };

    /// <summary>The tensors that were given.</summary>
    private readonly record struct Given(string Operation, IReadOnlyDictionary<string, Tensor> Tensors)
    {
        public Tensor this[string name] => Or(name) ?? throw new ContractException($"{Operation} needs a tensor '{name}'; it was given {string.Join(", ", Tensors.Keys)}");

        public Tensor? Or(string name) => Tensors.GetValueOrDefault(name);

        public Tensor[] List(string name)
        {
            var list = new List<Tensor>();
            while (Or($"{name}.{list.Count}") is { } tensor)
                list.Add(tensor);
            return [.. list];
        }
    }
}
