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
    private readonly string name, ofExperts;
    private readonly int d, E, K;
    private readonly NamedWeight gateWeight;
    private readonly Tensor? bias;
    private readonly ProjectionGroup gateProj, upProj, downProj;
    private readonly TrainingMlp? shared;

    public TrainingExperts(ModelNumerics numerics, ModelWeights weights, int layer)
    {
        n = numerics;
        DeepSeekConfig config = numerics.Config;
        name = $"model.layers.{layer}.mlp";
        ofExperts = $"{name}.experts";
        int m = config.MoeIntermediateSize;
        (d, E, K) = (config.HiddenSize, config.NRoutedExperts!.Value, config.NumExpertsPerTok);
        gateWeight = new NamedWeight($"{name}.gate.weight", weights.Get($"{name}.gate.weight", E, d));
        bias = config.HasCorrectionBias ? weights.GetF32($"{name}.gate.e_score_correction_bias", E) : null;
        gateProj = OfExperts(weights, "gate_proj", m, d);
        upProj = OfExperts(weights, "up_proj", m, d);
        downProj = OfExperts(weights, "down_proj", d, m);
        if (config.NSharedExperts > 0)
            shared = new TrainingMlp(numerics, weights, $"{name}.shared_experts", config.SharedIntermediateSize, isExpert: true);
    }

    /// <summary>What the backward needs.</summary>
    public sealed record Saved(
        Tensor? X, Tensor Logits, Tensor Scores, Tensor Indices, Tensor Gates, ExpertPlan Plan, LinearInput Rows, SwiGluInputs Inputs, LinearInput? Activated, Tensor Outputs, TrainingMlp.Saved? Shared);

    /// <summary>x [T, d] normalised, to h [T, d].</summary>
    public (Tensor Y, Saved Saved) Forward(Tensor x, SequencePass pass)
    {
        long T = pass.Tokens;
        Tensor logits = pass.Linear(x, pass.Weight(gateWeight));
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
        LinearInput input = pass.Input(rows, gateProj.Experts[0], InputRole.Dispatched);
        Tensor gate = pass.Grouped(rows, input, plan, gateProj);
        Tensor up = pass.Grouped(rows, input, plan, upProj);
        Tensor activated = SwiGluInputs.Activate(gate, up, n.Contract.SwiGlu, ofExperts, pass);
        LinearInput activatedInput = pass.Input(activated, downProj.Experts[0]);
        var inputs = new SwiGluInputs(gate, up, isExpert: true, ofExperts, pass);
        Tensor outputs = pass.Grouped(activated, activatedInput, plan, downProj);

        Tensor? sharedOut = null;
        TrainingMlp.Saved? sharedSaved = null;
        if (shared is not null)
            (sharedOut, sharedSaved) = shared.Forward(x, pass);
        Tensor y = SequencePass.New(T, d);
        pass.Backend.Combine(outputs, plan, gates, sharedOut, n.Contract.Combine, y);
        pass.Casts.Round(CastPoint.CombineOutput, y, name, "output");
        return (y, new Saved(pass.Recompute ? null : x, logits, scores, indices, gates, plan, input, inputs, inputs.Recomputed ? null : activatedInput, outputs, sharedSaved));
    }

    /// <summary>dy [T, d] to dx [T, d]; x is the forward's, given where it was not kept.</summary>
    public Tensor Backward(Tensor dy, Saved s, Tensor? x, SequencePass pass)
    {
        x ??= s.X!;
        Tensor dOutputs = SequencePass.New(s.Outputs.Shape.Dimensions);
        Tensor dGates = SequencePass.New(s.Gates.Shape.Dimensions);
        pass.Backend.CombineBackward(dy, s.Outputs, s.Plan, s.Gates, dOutputs, dGates);
        pass.Casts.Round(CastPoint.CombineGradient, dOutputs, name, "combine_gradient");

        (Tensor gate, Tensor up) = s.Inputs.Values(pass);
        LinearInput activated = s.Activated
            ?? pass.Input(SwiGluInputs.Activate(gate, up, n.Contract.SwiGlu, ofExperts, pass), downProj.Experts[0], InputRole.Recomputed);
        Tensor dActivated = pass.GroupedBackward(dOutputs, activated, s.Plan, downProj, dispatched: true);
        (Tensor dGate, Tensor dUp) = SwiGluInputs.Backward(dActivated, gate, up, ofExperts, pass);
        Tensor dRows = pass.GroupedBackward(dGate, s.Rows, s.Plan, gateProj, dispatched: false);
        pass.Add(dRows, pass.GroupedBackward(dUp, s.Rows, s.Plan, upProj, dispatched: false), ofExperts);
        Tensor dx = SequencePass.New(pass.Tokens, d);
        pass.Backend.DispatchBackward(dRows, s.Plan, dx);
        pass.Casts.Round(CastPoint.DispatchGradient, dx, name, "dispatch_gradient");

        if (shared is not null)
            pass.Add(dx, shared.Backward(dy, s.Shared!, x, pass), name);
        Tensor dLogits = SequencePass.New(s.Logits.Shape.Dimensions);
        pass.Backend.GateBackward(s.Logits, s.Scores, s.Indices, n.Gate, dGates, Balance(s, pass), dLogits);
        pass.Casts.Round(CastPoint.GateGradient, dLogits, gateWeight.Name, "logits_gradient");
        return pass.Add(dx, pass.LinearBackward(dLogits, x, gateWeight.Name, pass.Weight(gateWeight)), name);
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

    private ProjectionGroup OfExperts(ModelWeights weights, string projection, int outer, int inner)
    {
        var experts = new Projection[E];
        for (int e = 0; e < E; e++)
            experts[e] = weights.Projection($"{name}.experts.{e}.{projection}", outer, inner, LinearKind.Replicated);
        return new ProjectionGroup(experts);
    }
}
