namespace DeepSeek.Reference.Model;

/// <summary>A SwiGLU MLP: y = down_proj(silu(gate_proj x) · up_proj x). The dense layers, and the shared experts taken as one.</summary>
/// <remarks>x [R, d], gate_proj and up_proj [m, d], down_proj [d, m]; every result in the contract's activation dtype. docs/spec/deepseek-v3.md 4.3.</remarks>
internal sealed class DenseMlp
{
    private readonly ModelNumerics n;
    private readonly int m;
    private readonly Projection gateProj, upProj, downProj;

    public DenseMlp(ModelNumerics numerics, ModelWeights weights, string name, int inner)
    {
        n = numerics;
        m = inner;
        int d = numerics.Config.HiddenSize;
        gateProj = weights.Projection($"{name}.gate_proj", m, d, LinearKind.Parallel);
        upProj = weights.Projection($"{name}.up_proj", m, d, LinearKind.Parallel);
        downProj = weights.Projection($"{name}.down_proj", d, m, LinearKind.Parallel);
    }

    /// <summary>x [B·T, d] to y [B·T, d] in <paramref name="y"/>.</summary>
    public Tensor Forward(Tensor x, ForwardPass pass, string probe, Tensor y)
    {
        Tensor gate = n.Linear(x, gateProj, pass.Workspace.MlpGate.Get(n.Activations, pass.Rows, m));
        pass.Probe(probe, "gate_proj", gate, m);
        Tensor up = n.Linear(x, upProj, pass.Workspace.MlpUp.Get(n.Activations, pass.Rows, m));
        pass.Probe(probe, "up_proj", up, m);
        n.Backend.SwiGlu(gate, up, n.Contract.SwiGlu, gate);
        pass.Probe(probe, "act", gate, m);
        n.Linear(gate, downProj, y);
        pass.Probe(probe, "out", y, n.Config.HiddenSize);
        return y;
    }
}
