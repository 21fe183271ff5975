namespace DeepSeek.Reference.Training;

/// <summary>Every place where a training step rounds to a narrower format: the names by which a recipe says what happens there.</summary>
/// <remarks>DeepSeek-V3 report 3.3, figure 6; docs/spec/training-precision.md 2 has the table.</remarks>
public enum CastPoint
{
    /// <summary>A weight that no FP8 product takes: embedding, head, norms, gate, eh_proj; under bf16 every one. Once a pass, from the master.</summary>
    Weight,

    /// <summary>Fprop's y.</summary>
    LinearOutput,

    /// <summary>Dgrad's dx.</summary>
    LinearInputGradient,

    /// <summary>RMSNorm's y.</summary>
    NormOutput,

    /// <summary>RMSNorm's dx.</summary>
    NormInputGradient,

    /// <summary>Queries and the shared key after their rotation.</summary>
    RopeOutput,

    /// <summary>Their gradients, rotated back.</summary>
    RopeGradient,

    /// <summary>Attention's y, all heads. Scores, probabilities and the log-sum-exp stay in binary32.</summary>
    AttentionOutput,

    /// <summary>Attention's dq, dk, dv.</summary>
    AttentionGradient,

    /// <summary>The sum over the heads of the shared key's gradient.</summary>
    SharedKeyGradient,

    /// <summary>SwiGLU's y, and y computed again in the backward.</summary>
    SwiGluOutput,

    /// <summary>SwiGLU's da and db.</summary>
    SwiGluGradient,

    /// <summary>The experts' weighted sum.</summary>
    CombineOutput,

    /// <summary>A token's gradient times the weight of the expert, one row an expert.</summary>
    CombineGradient,

    /// <summary>The sum of a token's gradients over its experts.</summary>
    DispatchGradient,

    /// <summary>The residual stream after each addition.</summary>
    Residual,

    /// <summary>A sum of gradients that meet.</summary>
    GradientSum,

    /// <summary>The gradient of the gate's logits, as Dgrad and Wgrad take it. The logits themselves, scores and weights stay in binary32.</summary>
    GateGradient,

    /// <summary>The gradient of the head's logits, as Dgrad and Wgrad take it. The logits themselves and the loss stay in binary32.</summary>
    HeadGradient,

    /// <summary>A projection's weight, for Fprop and, transposed, for Dgrad. Once a pass, from the master.</summary>
    FpropWeight,

    /// <summary>A projection's x, for Fprop.</summary>
    FpropInput,

    /// <summary>The same of gate_proj and up_proj of routed experts: what is dispatched.</summary>
    DispatchedInput,

    /// <summary>The same of o_proj.</summary>
    AttentionOutputInput,

    /// <summary>A projection's dy, for Dgrad.</summary>
    DgradGradient,

    /// <summary>The same of down_proj of routed experts: what is dispatched on the way back.</summary>
    DispatchedGradient,

    /// <summary>A projection's dy, for Wgrad: from bfloat16.</summary>
    WgradGradient,

    /// <summary>The same of down_proj of routed experts: from the dispatched codes.</summary>
    WgradDispatchedGradient,

    /// <summary>A projection's x, for Wgrad: from Fprop's codes.</summary>
    WgradInput,

    /// <summary>The same of gate_proj and up_proj of routed experts: from the dispatched codes.</summary>
    WgradDispatchedInput,

    /// <summary>The same of o_proj: from the E5M6 cache.</summary>
    WgradAttentionOutputInput,

    /// <summary>Attention's y as the backward has it: o_proj's Wgrad and attention's own backward.</summary>
    AttentionOutputCache,

    /// <summary>The two inputs of an expert's SwiGLU as the backward has them.</summary>
    SwiGluInputCache,
}
