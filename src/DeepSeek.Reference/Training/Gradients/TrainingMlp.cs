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
    private readonly int m;
    private readonly Projection gateProj, upProj, downProj;

    public TrainingMlp(ModelNumerics numerics, ModelWeights weights, string name, int inner)
    {
        n = numerics;
        m = inner;
        int d = numerics.Config.HiddenSize;
        gateProj = weights.Projection($"{name}.gate_proj", m, d, LinearKind.Parallel);
        upProj = weights.Projection($"{name}.up_proj", m, d, LinearKind.Parallel);
        downProj = weights.Projection($"{name}.down_proj", d, m, LinearKind.Parallel);
    }

    /// <summary>What the backward needs.</summary>
    public sealed record Saved(Tensor X, Tensor Gate, Tensor Up, Tensor Activated);

    /// <summary>x [T, d] to y [T, d].</summary>
    public (Tensor Y, Saved Saved) Forward(Tensor x, SequencePass pass)
    {
        Tensor gate = pass.Linear(x, gateProj);
        Tensor up = pass.Linear(x, upProj);
        Tensor activated = SequencePass.New(gate.Shape.Dimensions);
        pass.Backend.SwiGlu(gate, up, n.Contract.SwiGlu, activated);
        return (pass.Linear(activated, downProj), new Saved(x, gate, up, activated));
    }

    /// <summary>dy [T, d] to dx [T, d].</summary>
    public Tensor Backward(Tensor dy, Saved s, SequencePass pass)
    {
        Tensor dActivated = pass.LinearBackward(dy, s.Activated, downProj);
        Tensor dGate = SequencePass.New(s.Gate.Shape.Dimensions);
        Tensor dUp = SequencePass.New(s.Up.Shape.Dimensions);
        pass.Backend.SwiGluBackward(dActivated, s.Gate, s.Up, dGate, dUp);
        Tensor dx = pass.LinearBackward(dGate, s.X, gateProj);
        return pass.Add(dx, pass.LinearBackward(dUp, s.X, upProj));
    }
}
