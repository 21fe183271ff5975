using DeepSeek.Reference.Ops;
using DeepSeek.Reference.Tracing;

namespace DeepSeek.Reference.Model;

/// <summary>Routed experts, chosen token by token, and the shared experts.</summary>
/// <remarks>
/// <code>
/// s  = σ(gate.weight u);  chosen = the K best of s + e_score_correction_bias within the kept groups
/// g  = s[chosen] / Σ s[chosen] · routed_scaling_factor
/// h  = Σ_chosen g_i FFN_i(u) + FFN_shared(u)
/// </code>
/// The routed experts run as grouped products over the rows each was given; how their results are added up is the contract's
/// <see cref="CombineRounding"/>. DeepSeek-V3 report 2.1.2, equations 12 to 16; docs/spec/moe.md; rules N9, N16.
/// </remarks>
internal sealed class MixtureOfExperts
{
    private readonly ModelNumerics n;
    private readonly string name;
    private readonly int d, m, E, K;
    private readonly Tensor gateWeight;
    private readonly Tensor? bias;
    private readonly ProjectionGroup gateProj, upProj, downProj;
    private readonly DenseMlp? shared;

    public MixtureOfExperts(ModelNumerics numerics, ModelWeights weights, int layer)
    {
        n = numerics;
        DeepSeekConfig config = numerics.Config;
        name = $"model.layers.{layer}.mlp";
        (d, m, E, K) = (config.HiddenSize, config.MoeIntermediateSize, config.NRoutedExperts!.Value, config.NumExpertsPerTok);
        gateWeight = weights.Get($"{name}.gate.weight", E, d);
        bias = config.HasCorrectionBias ? weights.GetF32($"{name}.gate.e_score_correction_bias", E) : null;
        gateProj = OfExperts(weights, "gate_proj", m, d);
        upProj = OfExperts(weights, "up_proj", m, d);
        downProj = OfExperts(weights, "down_proj", d, m);

        if (config.NSharedExperts > 0)
            shared = new DenseMlp(numerics, weights, $"{name}.shared_experts", config.SharedIntermediateSize);
    }

    /// <summary>e_score_correction_bias, F32 [E]; null where the model has none.</summary>
    public Tensor? Bias => bias;

    /// <summary>x [B·T, d] normalised, to h [B·T, d].</summary>
    public Tensor Forward(Tensor x, ForwardPass pass, string probe)
    {
        string inner = pass.Trace is null ? "" : $"{probe}.mlp";
        Workspace w = pass.Workspace;
        Tensor indices = w.ExpertIndices.Get(DType.I32, pass.Rows, K);
        Tensor gates = w.ExpertWeights.Get(n.Contract.GateLogits, pass.Rows, K);
        Route(x, pass, probe, inner, indices, gates);

        var plan = new ExpertPlan(indices.AsReadOnlySpan<int>(), K, E);
        Tensor outputs = Experts(x, plan, pass);
        ProbeExperts(outputs, plan, pass, inner);
        Tensor? sharedOut = shared?.Forward(x, pass, pass.Trace is null ? "" : $"{inner}.shared_experts", w.MlpOutput.Get(n.Activations, pass.Rows, d));

        Tensor y = w.Branch.Get(n.Activations, pass.Rows, d);
        n.Backend.Combine(outputs, plan, gates, sharedOut, n.Contract.Combine, y);
        pass.Probe(inner, "out", y, d);
        return y;
    }

    private void Route(Tensor x, ForwardPass pass, string probe, string inner, Tensor indices, Tensor gates)
    {
        Workspace w = pass.Workspace;
        Tensor logits = n.Linear(x, gateWeight, w.RouterLogits.Get(n.Contract.GateLogits, pass.Rows, E));
        pass.ProbeRows(inner, "gate.logits", logits);
        bool wide = n.Gate is { Rounding: GateRounding.EveryStep, RoundsScores: false };
        Tensor scores = w.RouterScores.Get(wide ? DType.F32 : n.Contract.GateLogits, pass.Rows, E);
        try
        {
            n.Backend.Gate(logits, bias, n.Gate, scores, indices, gates);
        }
        catch (NotANumberException e)
        {
            throw new NotANumberException($"{name}.gate: {e.Message}");
        }

        pass.ProbeRows(probe, "router_scores", scores);
        pass.ProbeRows(probe, "topk_indices", indices);
        pass.ProbeRows(probe, "topk_weights", gates);
    }

    private ProjectionGroup OfExperts(ModelWeights weights, string projection, int outer, int inner)
    {
        var experts = new Projection[E];
        for (int e = 0; e < E; e++)
            experts[e] = weights.Projection($"{name}.experts.{e}.{projection}", outer, inner, LinearKind.Replicated);
        return new ProjectionGroup(experts);
    }

    /// <summary>Expert outputs of the dispatched rows, [R, d].</summary>
    private Tensor Experts(Tensor x, ExpertPlan plan, ForwardPass pass)
    {
        Workspace w = pass.Workspace;
        Tensor rows = w.ExpertInput.Get(n.Activations, plan.Rows, d);
        n.Backend.Dispatch(x, plan, rows);
        Tensor gate = w.ExpertGate.Get(n.Activations, plan.Rows, m);
        n.Products.Grouped(rows, plan.OffsetSpan, gateProj, gate);
        Tensor up = w.ExpertUp.Get(n.Activations, plan.Rows, m);
        n.Products.Grouped(rows, plan.OffsetSpan, upProj, up);
        n.Backend.SwiGlu(gate, up, n.Contract.SwiGlu, gate);
        Tensor y = w.ExpertOutput.Get(n.Activations, plan.Rows, d);
        n.Products.Grouped(gate, plan.OffsetSpan, downProj, y);
        return y;
    }

    /// <summary>Expert outputs by token and slot, [B, T, K, d].</summary>
    private void ProbeExperts(Tensor outputs, ExpertPlan plan, ForwardPass pass, string inner)
    {
        if (!pass.Wants(inner, "expert_out"))
            return;
        Tensor y = pass.Workspace.Probe.Get(n.Activations, (long)pass.Rows * K, d);
        for (int i = 0; i < pass.Rows * K; i++)
            Columns.Copy(outputs, d, 0, y, d, 0, d, 1, plan.RowOf[i], i);
        pass.Probe(inner, "expert_out", y, K, d);
        for (int i = 0; pass.Trace is ISubstitutingTrace && i < pass.Rows * K; i++)
            Columns.Copy(y, d, 0, outputs, d, 0, d, 1, i, plan.RowOf[i]);
    }
}
