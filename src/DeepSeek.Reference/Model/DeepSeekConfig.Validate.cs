namespace DeepSeek.Reference;

public sealed partial record DeepSeekConfig
{
    /// <summary>More tensors than any checkpoint has (V3: 91,991): a slip of digits must not cost memory.</summary>
    private const int MaximumTensors = 10_000_000;

    /// <summary>What a YaRN parameter or its inverse may be: far beyond any use, and within what tables are computed for.</summary>
    private const double Widest = 2147483648;

    /// <summary>Refuses dimensions that cannot be, and fields that contradict each other.</summary>
    /// <param name="source">The file or origin that errors name.</param>
    /// <exception cref="DataException">One line: the fields, their values, the remedy.</exception>
    public void Validate(string source = "config")
    {
        ArgumentNullException.ThrowIfNull(source);
        void Require(bool holds, string what)
        {
            if (!holds)
                throw new DataException($"{source}: {what}; correct the file");
        }

        void Positive(int value, string field) => Require(value > 0, $"{field} is {value}, not positive");

        Positive(VocabSize, "vocab_size");
        Positive(HiddenSize, "hidden_size");
        Positive(IntermediateSize, "intermediate_size");
        Positive(NumHiddenLayers, "num_hidden_layers");
        Positive(NumAttentionHeads, "num_attention_heads");
        Positive(KvLoraRank, "kv_lora_rank");
        Positive(QkNopeHeadDim, "qk_nope_head_dim");
        Positive(QkRopeHeadDim, "qk_rope_head_dim");
        Positive(VHeadDim, "v_head_dim");
        Positive(MoeLayerFreq, "moe_layer_freq");
        Positive(MaxPositionEmbeddings, "max_position_embeddings");
        Require(QLoraRank is null or > 0, $"q_lora_rank is {QLoraRank}, neither positive nor null");
        Require(NumNextnPredictLayers >= 0, $"num_nextn_predict_layers is {NumNextnPredictLayers}, below 0");
        Require(FirstKDenseReplace >= 0, $"first_k_dense_replace is {FirstKDenseReplace}, below 0");
        Require((long)NumHiddenLayers + NumNextnPredictLayers <= int.MaxValue, "num_hidden_layers + num_nextn_predict_layers exceed 2^31");
        Require((long)QkNopeHeadDim + QkRopeHeadDim <= int.MaxValue, "qk_nope_head_dim + qk_rope_head_dim exceed 2^31");
        Require(QkRopeHeadDim % 2 == 0, $"qk_rope_head_dim is {QkRopeHeadDim}, but rotation takes pairs: it must be even");
        Require(NumKeyValueHeads == NumAttentionHeads, $"num_key_value_heads is {NumKeyValueHeads} but num_attention_heads {NumAttentionHeads}: latent attention has one key per head");
        Require(double.IsFinite(RmsNormEps) && RmsNormEps >= 0, $"rms_norm_eps is {RmsNormEps}, not a finite number from 0");
        Require(double.IsFinite(RopeTheta) && RopeTheta > 1, $"rope_theta is {RopeTheta}, not a number above 1");
        Require(HiddenAct == "silu", $"hidden_act is '{HiddenAct}', but the models' MLP is SwiGLU: 'silu' is supported");
        Require(!AttentionBias, "attention_bias is true, but projections with a bias are not supported");
        Require(TorchDtype.IsFloat(), $"torch_dtype is {TorchDtype.Name()}, not a floating-point format");

        if (RopeScaling is { } rope)
            ValidateRope(rope, Require);
        if (QuantizationConfig is { } q)
            Require(q.BlockRows > 0 && q.BlockColumns > 0, $"weight_block_size is [{q.BlockRows}, {q.BlockColumns}], not two positive numbers");
        if (NRoutedExperts is { } experts)
            ValidateExperts(experts, Require);
        ValidateSize(Require);
    }

    private void ValidateSize(Action<bool, string> require)
    {
        Int128 tensors = (Int128)TotalLayers * (20 + 6 * (Int128)(NRoutedExperts ?? 0));
        require(tensors <= MaximumTensors, $"num_hidden_layers {NumHiddenLayers}, num_nextn_predict_layers {NumNextnPredictLayers} and n_routed_experts {NRoutedExperts ?? 0} make more than {MaximumTensors} tensors");
        long perHead = Math.Max((long)QkHeadDim, (long)QkNopeHeadDim + VHeadDim);
        Int128 widest = new[] { VocabSize, 2L * HiddenSize, IntermediateSize, MoeIntermediateSize, SharedIntermediateSize, NumAttentionHeads * perHead, QLoraRank ?? 0, (long)KvLoraRank + QkRopeHeadDim, NRoutedExperts ?? 0 }.Max();
        require(widest * widest * tensors <= Int128.One << 60, $"a width of {widest} makes a model beyond 2^60 parameters");
    }

    private void ValidateExperts(int experts, Action<bool, string> require)
    {
        require(experts > 0, $"n_routed_experts is {experts}, neither positive nor null");
        require(MoeIntermediateSize > 0, $"moe_intermediate_size is {MoeIntermediateSize}, not positive");
        require(NSharedExperts >= 0, $"n_shared_experts is {NSharedExperts}, below 0");
        require((long)NSharedExperts * MoeIntermediateSize <= int.MaxValue, "n_shared_experts * moe_intermediate_size exceeds 2^31");
        require(NumExpertsPerTok > 0, $"num_experts_per_tok is {NumExpertsPerTok}, not positive");
        require(NumExpertsPerTok <= experts, $"num_experts_per_tok is {NumExpertsPerTok} but n_routed_experts {experts}");
        require(NGroup > 0, $"n_group is {NGroup}, not positive");
        require(TopkGroup > 0, $"topk_group is {TopkGroup}, not positive");
        require(TopkGroup <= NGroup, $"topk_group is {TopkGroup} but n_group {NGroup}");
        require(experts % NGroup == 0, $"n_routed_experts is {experts}, no multiple of n_group {NGroup}");
        require(double.IsFinite(RoutedScalingFactor), $"routed_scaling_factor is {RoutedScalingFactor}, not finite");
        if (TopkMethod == TopkMethod.Greedy)
            return;

        int size = experts / NGroup;
        require(NumExpertsPerTok <= TopkGroup * size, $"num_experts_per_tok is {NumExpertsPerTok}, but topk_group {TopkGroup} groups of {size} experts hold {TopkGroup * size}");
        require(TopkMethod != TopkMethod.NoAuxTc || NGroup == 1 || size > 1, $"groups of one expert (n_routed_experts {experts}, n_group {NGroup}), but noaux_tc scores a group by its two best");
    }

    private static void ValidateRope(RopeScaling rope, Action<bool, string> require)
    {
        require(rope.Factor is >= 1 and <= Widest, $"rope_scaling.factor is {rope.Factor}, not a number from 1 to 2^31");
        require(rope.OriginalMaxPositionEmbeddings > 0, $"rope_scaling.original_max_position_embeddings is {rope.OriginalMaxPositionEmbeddings}, not positive");
        require(rope.BetaFast is >= 1 / Widest and <= Widest, $"rope_scaling.beta_fast is {rope.BetaFast}, not a number from 2^-31 to 2^31");
        require(rope.BetaSlow is >= 1 / Widest and <= Widest, $"rope_scaling.beta_slow is {rope.BetaSlow}, not a number from 2^-31 to 2^31");
        require(rope.BetaFast >= rope.BetaSlow, $"rope_scaling.beta_fast is {rope.BetaFast}, below beta_slow {rope.BetaSlow}");
        require(Math.Abs(rope.MScale) <= Widest, $"rope_scaling.mscale is {rope.MScale}, not a number from -2^31 to 2^31");
        require(Math.Abs(rope.MScaleAllDim) <= Widest, $"rope_scaling.mscale_all_dim is {rope.MScaleAllDim}, not a number from -2^31 to 2^31");
    }
}
