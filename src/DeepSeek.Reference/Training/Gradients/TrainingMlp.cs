using DeepSeek.Reference.Model;

namespace DeepSeek.Reference.Training;

/// <summary>A SwiGLU MLP forward and backward: the dense layers, and the shared experts taken as one.</summary>
/// <remarks>
/// <code>
/// a = W1 x, b = W3 x, p = silu(a) · b, y = W2 p
/// dp = W2ᵀ dy;  (da, db) = SwiGLU backward;  dx = W1ᵀ da + W3ᵀ db
/// </code>
/// docs/spec/deepseek-v3.md 4.3; docs/spec/training.md.
/// </remarks>
internal sealed class TrainingMlp
{
    private readonly ModelNumerics n;
    private readonly string name;
    private readonly bool isExpert;
    private readonly Projection gateProj, upProj, downProj;

    /// <summary>The MLP of that name.</summary>
    /// <param name="numerics">Dimensions and decisions.</param>
    /// <param name="weights">The checkpoint.</param>
    /// <param name="name">The module's name.</param>
    /// <param name="inner">Its width.</param>
    /// <param name="isExpert">Whether the report's caching of an expert's SwiGLU is its own.</param>
    public TrainingMlp(ModelNumerics numerics, ModelWeights weights, string name, int inner, bool isExpert)
    {
        n = numerics;
        this.name = name;
        this.isExpert = isExpert;
        int d = numerics.Config.HiddenSize;
        gateProj = weights.Projection($"{name}.gate_proj", inner, d, LinearKind.Parallel);
        upProj = weights.Projection($"{name}.up_proj", inner, d, LinearKind.Parallel);
        downProj = weights.Projection($"{name}.down_proj", d, inner, LinearKind.Parallel);
    }

    /// <summary>What the backward needs.</summary>
    public sealed record Saved(LinearInput? X, SwiGluInputs Inputs, LinearInput? Activated);

    /// <summary>x [T, d] to y [T, d].</summary>
    public (Tensor Y, Saved Saved) Forward(Tensor x, SequencePass pass)
    {
        LinearInput input = pass.Input(x, gateProj);
        Tensor gate = pass.Linear(x, input, gateProj);
        Tensor up = pass.Linear(x, input, upProj);
        Tensor activated = SwiGluInputs.Activate(gate, up, n.Contract.SwiGlu, name, pass);
        LinearInput activatedInput = pass.Input(activated, downProj);
        var inputs = new SwiGluInputs(gate, up, isExpert, name, pass);
        return (pass.Linear(activated, activatedInput, downProj), new Saved(pass.Recompute ? null : input, inputs, inputs.Recomputed ? null : activatedInput));
    }

    /// <summary>dy [T, d] to dx [T, d]; x is the forward's, given where it was not kept.</summary>
    public Tensor Backward(Tensor dy, Saved s, Tensor? x, SequencePass pass)
    {
        (Tensor gate, Tensor up) = s.Inputs.Values(pass);
        LinearInput activated = s.Activated ?? pass.Input(SwiGluInputs.Activate(gate, up, n.Contract.SwiGlu, name, pass), downProj, InputRole.Recomputed);
        Tensor dActivated = pass.LinearBackward(dy, activated, downProj);
        (Tensor dGate, Tensor dUp) = SwiGluInputs.Backward(dActivated, gate, up, name, pass);
        LinearInput input = s.X ?? pass.Input(x!, gateProj);
        Tensor dx = pass.LinearBackward(dGate, input, gateProj);
        return pass.Add(dx, pass.LinearBackward(dUp, input, upProj), name);
    }
}
