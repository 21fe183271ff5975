using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Training;

/// <summary>The two inputs of a SwiGLU as the backward has them, and SwiGLU both ways under a recipe.</summary>
/// <remarks>
/// An expert's are E4M3 codes by 1 x 128 under fp8, and what they stand for goes into the backward; its output is computed again of them (DeepSeek-V3 report 3.3.3, 3.2.3).
/// docs/spec/training-precision.md 5.
/// </remarks>
internal sealed class SwiGluInputs
{
    private readonly Tensor? gate, up;
    private readonly Quantized? gateCodes, upCodes;

    public SwiGluInputs(Tensor gate, Tensor up, bool isExpert, string module, SequencePass pass)
    {
        bool codes = isExpert && pass.IsFp8;
        // Codes stand for other values than those that were activated, so that Wgrad is to have those of the codes.
        Recomputed = isExpert && (codes || pass.Recompute);
        if (codes && pass.Casts.Precision.FormatOf(CastPoint.SwiGluInputCache).Kind == CastKind.E4M3)
        {
            gateCodes = pass.Casts.Quantize(CastPoint.SwiGluInputCache, gate, module, "gate_proj.output.cache");
            upCodes = pass.Casts.Quantize(CastPoint.SwiGluInputCache, up, module, "up_proj.output.cache");
        }
        else
        {
            (this.gate, this.up) = (gate, up);
        }
    }

    /// <summary>Whether the backward computes the output again.</summary>
    public bool Recomputed { get; }

    /// <summary>What the backward has.</summary>
    public (Tensor Gate, Tensor Up) Values(SequencePass pass) =>
        gateCodes is null ? (gate!, up!) : (pass.Casts.Dequantize(gateCodes), pass.Casts.Dequantize(upCodes!));

    /// <summary>silu(gate) · up.</summary>
    public static Tensor Activate(Tensor gate, Tensor up, SwiGluRounding rounding, string module, SequencePass pass)
    {
        Tensor y = SequencePass.New(gate.Shape.Dimensions);
        pass.Backend.SwiGlu(gate, up, rounding, y);
        return pass.Casts.Round(CastPoint.SwiGluOutput, y, module, "activated");
    }

    /// <summary>The gradients of gate and up.</summary>
    public static (Tensor Gate, Tensor Up) Backward(Tensor dy, Tensor gate, Tensor up, string module, SequencePass pass)
    {
        Tensor dGate = SequencePass.New(gate.Shape.Dimensions);
        Tensor dUp = SequencePass.New(up.Shape.Dimensions);
        pass.Backend.SwiGluBackward(dy, gate, up, dGate, dUp);
        pass.Casts.Round(CastPoint.SwiGluGradient, dGate, module, "gate_gradient");
        pass.Casts.Round(CastPoint.SwiGluGradient, dUp, module, "up_gradient");
        return (dGate, dUp);
    }
}
