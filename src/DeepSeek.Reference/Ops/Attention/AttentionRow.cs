using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Ops;

/// <summary>One query of one head, and the keys and values that it meets.</summary>
internal readonly ref struct AttentionRow(
    ReadOnlySpan<float> q, ReadOnlySpan<float> keys, ReadOnlySpan<float> values, int h, int visible, AttentionShape shape)
{
    private readonly ReadOnlySpan<float> keys = keys;
    private readonly ReadOnlySpan<float> values = values;
    private readonly int head = shape.KeyHead(h);

    /// <summary>The query, D channels.</summary>
    public ReadOnlySpan<float> Q { get; } = q;

    /// <summary>The query sees keys 0 to this count.</summary>
    public int Visible { get; } = visible;

    /// <summary>Keys.</summary>
    public int T => shape.T;

    /// <summary>Channels of a value.</summary>
    public int Dv => shape.Dv;

    /// <summary>Key j.</summary>
    public ReadOnlySpan<float> Key(int j) => keys.Slice((j * shape.Hk + head) * shape.D, shape.D);

    /// <summary>Channel c of value j; +0 behind the last key.</summary>
    public float Value(int j, int c) => j < T ? values[(j * shape.Hk + head) * shape.ValueStride + c] : 0f;
}

/// <summary>What the definitions of attention contracts do alike.</summary>
internal static class ContractSteps
{
    /// <summary>The larger of two; a NaN is left out, or makes NaN.</summary>
    public static float Maximum(MaximumRule rule, float a, float b)
    {
        if (rule == MaximumRule.DropsNaN && (float.IsNaN(a) || float.IsNaN(b)))
            return float.IsNaN(a) ? b : a;
        return MathF.Max(a, b);
    }

    /// <summary>start + Σ p v. Sequential and matrix units are chains from start; the others sum from +0 and add.</summary>
    public static float Accumulate(float start, ReadOnlySpan<float> p, ReadOnlySpan<float> v, Accumulation accumulation)
    {
        switch (accumulation.Kind)
        {
            case AccumulationKind.Sequential:
                for (int j = 0; j < p.Length; j++)
                    start = MathF.FusedMultiplyAdd(p[j], v[j], start);
                return start;
            case AccumulationKind.TensorCore:
                TensorCores.TensorCore unit = accumulation.Unit!;
                int padded = (p.Length + unit.K - 1) / unit.K * unit.K;
                uint[] codesOfP = new uint[padded];
                uint[] codesOfV = new uint[padded];
                for (int j = 0; j < p.Length; j++)
                    (codesOfP[j], codesOfV[j]) = (unit.A.Encode(p[j]), unit.B.Encode(v[j]));
                return BitConverter.UInt32BitsToSingle(unit.Define(codesOfP, codesOfV, BitConverter.SingleToUInt32Bits(start)));
            default:
                return start + DotProduct.Define(p, v, accumulation, DType.F32);
        }
    }

    /// <summary>A weight in the format that P·V takes.</summary>
    public static float Round(float w, DType format) => format switch
    {
        DType.BF16 => BFloat16.RoundToFloat(w),
        DType.F8_E4M3 => Float8E4M3.FromSingle(w, Fp8Overflow.Saturate),
        _ => w,
    };
}
