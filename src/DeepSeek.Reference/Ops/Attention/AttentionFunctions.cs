using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.TensorCores;

namespace DeepSeek.Reference.Ops;

/// <summary>The element functions of an attention contract in base 2, and its division: correctly rounded, or what a compiler made of them for a GPU.</summary>
/// <remarks>A member is a function of its arguments alone (rule N1) and may be called by several threads at once. What is not overridden is correctly rounded (rule N5).</remarks>
public abstract class AttentionFunctions
{
    private const float Log2E = (float)AttentionContract.Log2E;

    /// <summary>Each function rounded once.</summary>
    public static AttentionFunctions Correct { get; } = new CorrectlyRounded();

    /// <summary>
    /// What nvcc --use_fast_math makes of CUDA's functions on Hopper: exp2f is ex2.approx.ftz, log2f lg2.approx.ftz, x / y is x · rcp.approx.ftz(y), and
    /// logf(L) + m / log2 e is fma(lg2(L), ln 2, m · ln 2) with ln 2 = 3F317218 (<see cref="HopperMufu"/>). So FlashMLA is built; seen equal to an H100 in every bit.
    /// </summary>
    public static AttentionFunctions HopperFastMath { get; } = new HopperFast();

    /// <summary>The functions of that name.</summary>
    /// <exception cref="ContractException">None have it; the message lists those that are.</exception>
    public static AttentionFunctions Parse(string name) =>
        name == Correct.Name ? Correct : name == HopperFastMath.Name ? HopperFastMath
        : throw new ContractException($"no attention functions are named '{name}'; take {Correct} or {HopperFastMath}");

    /// <summary>The name, as case ids, workers and reports have it.</summary>
    public abstract string Name { get; }

    /// <summary>2^x, for any x: 0 at -∞, NaN at NaN.</summary>
    public virtual float Exp2(float x) => Numerics.Correct.Exp2(x);

    /// <summary>log2 x.</summary>
    public virtual float Log2(float x) => Numerics.Correct.Log2(x);

    /// <summary>x / y.</summary>
    public virtual float Divide(float x, float y) => x / y;

    /// <summary>g / log2 e: a logarithm to the base 2 as a natural one.</summary>
    public virtual float Natural(float g) => g / Log2E;

    /// <summary>ln L + m / log2 e.</summary>
    public virtual float LogSumExp(float m, float L) => Numerics.Correct.Log(L) + m / Log2E;

    /// <inheritdoc/>
    public override string ToString() => Name;

    private sealed class CorrectlyRounded : AttentionFunctions
    {
        public override string Name => "correct";
    }

    private sealed class HopperFast : AttentionFunctions
    {
        private static readonly float ln2 = BitConverter.UInt32BitsToSingle(0x3F317218);

        public override string Name => "hopper-fast-math";

        public override float Exp2(float x) => HopperMufu.Exp2Ftz(x);

        public override float Log2(float x) => HopperMufu.Log2Ftz(x);

        public override float Divide(float x, float y) => x * HopperMufu.ReciprocalFtz(y);

        public override float Natural(float g) => g * ln2;

        public override float LogSumExp(float m, float L) => MathF.FusedMultiplyAdd(HopperMufu.Log2Ftz(L), ln2, m * ln2);
    }
}
