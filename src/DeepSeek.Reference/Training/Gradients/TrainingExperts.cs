using DeepSeek.Reference.Model;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Training;

/// <summary>Routed and shared experts of one layer, forward and backward.</summary>
/// <remarks>
/// <code>
/// h = Σ_chosen g_i FFN_i(u) + FFN_shared(u)
/// du = ((of the routed experts) + (of the shared expert)) + (of the gate)
/// </code>
/// The choice and the bias have no gradient; the weights g have one, through scores and normalisation, and the balance loss adds its own to every score.
/// An expert's weight gradients are sums over its tokens of this sequence in position order (rule N16); one without tokens is left as it is.
/// DeepSeek-V3 report 2.1.2; docs/spec/training.md.
/// </remarks>
internal sealed class TrainingExperts
{
    private readonly ModelNumerics n;
    private readonly string name;
    private readonly int d, m, E, K;
    private readonly NamedWeight gateWeight;
    private readonly Tensor? bias;
    private readonly ProjectionGroup gateProj, upProj, downProj;
    private readonly TrainingMlp? shared;

    public TrainingExperts(ModelNumerics numerics, ModelWeights weights, int layer)
    {
        n = numerics;
        DeepSeekConfig config = numerics.Config;
        name = $"model.layers.{layer}.mlp";
        (d, m, E, K) = (config.HiddenSize, config.MoeIntermediateSize, config.NRoutedExperts!.Value, config.NumExpertsPerTok);
        gateWeight = new NamedWeight($"{name}.gate.weight", weights.Get($"{name}.gate.weight", E, d));
        bias = config.HasCorrectionBias ? weights.GetF32($"{name}.gate.e_score_correction_bias", E) : null;
        gateProj = OfExperts(weights, "gate_proj", m, d);
        upProj = OfExperts(weights, "up_proj", m, d);
        downProj = OfExperts(weights, "down_proj", d, m);
        if (config.NSharedExperts > 0)
            shared = new TrainingMlp(numerics, weights, $"{name}.shared_experts", config.SharedIntermediateSize);
    }

    /// <summary>What the backward needs.</summary>
    public sealed record Saved(
        Tensor X, Tensor Logits, Tensor Scores, Tensor Indices, Tensor Gates, ExpertPlan Plan, Tensor Rows, Tensor Gate, Tensor Up, Tensor Activated, Tensor Outputs, TrainingMlp.Saved? Shared);

    /// <summary>x [T, d] normalised, to h [T, d].</summary>
    public (Tensor Y, Saved Saved) Forward(Tensor x, SequencePass pass)
    {
        long T = pass.Tokens;
        Tensor logits = pass.Linear(x, gateWeight.Value);
        Tensor scores = SequencePass.New(T, E);
        var indices = new Tensor(DType.I32, T, K);
        Tensor gates = SequencePass.New(T, K);
        try
        {
            pass.Backend.Gate(logits, bias, n.Gate, scores, indices, gates);
        }
        catch (NotANumberException e)
        {
            throw new NotANumberException($"{name}.gate: {e.Message}");
        }

        pass.Gradients.AddChoice($"{name}.gate.e_score_correction_bias", E, indices.AsReadOnlySpan<int>());

        var plan = new ExpertPlan(indices.AsReadOnlySpan<int>(), K, E);
        Tensor rows = SequencePass.New(plan.Rows, d);
        pass.Backend.Dispatch(x, plan, rows);
        Tensor gate = Grouped(rows, plan, gateProj, m, pass);
        Tensor up = Grouped(rows, plan, upProj, m, pass);
        Tensor activated = SequencePass.New(plan.Rows, m);
        pass.Backend.SwiGlu(gate, up, n.Contract.SwiGlu, activated);
        Tensor outputs = Grouped(activated, plan, downProj, d, pass);

        Tensor? sharedOut = null;
        TrainingMlp.Saved? sharedSaved = null;
        if (shared is not null)
            (sharedOut, sharedSaved) = shared.Forward(x, pass);
        Tensor y = SequencePass.New(T, d);
        pass.Backend.Combine(outputs, plan, gates, sharedOut, n.Contract.Combine, y);
        return (y, new Saved(x, logits, scores, indices, gates, plan, rows, gate, up, activated, outputs, sharedSaved));
    }

    /// <summary>dy [T, d] to dx [T, d].</summary>
    public Tensor Backward(Tensor dy, Saved s, SequencePass pass)
    {
        Tensor dOutputs = SequencePass.New(s.Outputs.Shape.Dimensions);
        Tensor dGates = SequencePass.New(s.Gates.Shape.Dimensions);
        pass.Backend.CombineBackward(dy, s.Outputs, s.Plan, s.Gates, dOutputs, dGates);

        Tensor dActivated = GroupedBackward(dOutputs, s.Activated, s.Plan, downProj, pass);
        Tensor dGate = SequencePass.New(s.Gate.Shape.Dimensions);
        Tensor dUp = SequencePass.New(s.Up.Shape.Dimensions);
        pass.Backend.SwiGluBackward(dActivated, s.Gate, s.Up, dGate, dUp);
        Tensor dRows = GroupedBackward(dGate, s.Rows, s.Plan, gateProj, pass);
        pass.Add(dRows, GroupedBackward(dUp, s.Rows, s.Plan, upProj, pass));
        Tensor dx = SequencePass.New(s.X.Shape.Dimensions);
        pass.Backend.DispatchBackward(dRows, s.Plan, dx);

        if (shared is not null)
            pass.Add(dx, shared.Backward(dy, s.Shared!, pass));
        Tensor dLogits = SequencePass.New(s.Logits.Shape.Dimensions);
        pass.Backend.GateBackward(s.Logits, s.Scores, s.Indices, n.Gate, dGates, Balance(s, pass), dLogits);
        return pass.Add(dx, pass.LinearBackward(dLogits, s.X, gateWeight.Name, gateWeight.Value));
    }

    /// <summary>The balance loss of this sequence and layer, added to the losses; its gradient with respect to the scores, or null.</summary>
    private Tensor? Balance(Saved s, SequencePass pass)
    {
        LossOptions options = pass.Gradients.Options;
        if (options.BalanceWeight == 0)
            return null;
        Tensor counted = s.Indices;
        if (options.Balance == BalanceChoice.LargestScores)
        {
            counted = new Tensor(DType.I32, s.Indices.Shape);
            for (int t = 0; t < pass.Tokens; t++)
                TopK.Choose(s.Scores.AsReadOnlySpan<float>().Slice(t * E, E), counted.AsSpan<int>().Slice(t * K, K));
        }

        Tensor loss = SequencePass.New(1);
        Tensor dScores = SequencePass.New(s.Scores.Shape.Dimensions);
        pass.Backend.BalanceLoss(s.Scores, counted, (float)(options.BalanceWeight / pass.Gradients.Totals.Sequences), loss, dScores);
        pass.Gradients.AddBalance(loss.AsReadOnlySpan<float>()[0]);
        return dScores;
    }

    private Tensor Grouped(Tensor x, ExpertPlan plan, ProjectionGroup group, int outer, SequencePass pass)
    {
        Tensor y = SequencePass.New(plan.Rows, outer);
        n.Products.Grouped(x, plan.OffsetSpan, group, y);
        return y;
    }

    private Tensor GroupedBackward(Tensor dy, Tensor x, ExpertPlan plan, ProjectionGroup group, SequencePass pass)
    {
        Tensor[] gradients = Array.ConvertAll(group.Experts, e => pass.Gradients[e.Name]);
        pass.Backend.GroupedLinearWgrad(dy, x, plan.OffsetSpan, n.Contract.Accumulation, gradients);
        Tensor dx = SequencePass.New(x.Shape.Dimensions);
        Tensor[] weights = group.IsPlain ? group.Weights : group.Dense(plan.OffsetSpan, n.Products.Dense);
        pass.Backend.GroupedLinearDgrad(dy, plan.OffsetSpan, weights, n.Contract.Accumulation, dx);
        return dx;
    }

    private ProjectionGroup OfExperts(ModelWeights weights, string projection, int outer, int inner)
    {
        var experts = new Projection[E];
        for (int e = 0; e < E; e++)
            experts[e] = weights.Projection($"{name}.experts.{e}.{projection}", outer, inner, LinearKind.Replicated);
        return new ProjectionGroup(experts);
    }
}
