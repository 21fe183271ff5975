using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Verification.Explaining;

/// <summary>The ways to round operations on single elements: SwiGLU, rotary positions, quantisers.</summary>
internal static class ElementRoundings
{
    private static IReadOnlyList<(string Words, Func<float, float> Of)> SiLUs { get; } =
    [
        ("silu correctly rounded", Correct.SiLU),
        ("a * sigmoid(a)", a => a * Correct.Sigmoid(a)),
        ("a / (1 + exp(-a))", a => a / (1f + Correct.Exp(-a))),
        ("a * (1 / (1 + exp(-a)))", a => a * (1f / (1f + Correct.Exp(-a)))),
        ("a / (1 + exp2(-a log2e))", a => a / (1f + Correct.Exp2(-a * 1.44269504f))),
        ("a/2 (1 + tanh(a/2))", a => 0.5f * a * (1f + Correct.Tanh(0.5f * a))),
    ];

    private static IReadOnlyList<(string Words, Func<float, float> Of)> Casts { get; } =
    [
        ("", x => x),
        ("rounded to bfloat16", BFloat16.RoundToFloat),
        ("cut to bfloat16", x => FractionCut.Truncate(x, 16)),
        ("rounded to binary16", x => (float)(Half)x),
    ];

    /// <summary>SwiGLU.</summary>
    public static IEnumerable<RoundingVariant> SwiGlu() =>
        from after in Casts
        from silu in SiLUs
        select new RoundingVariant([("silu", silu.Words), ("cast", $"silu {(after.Words.Length == 0 ? "not rounded further" : after.Words)}")], c => new AlteredCall(c, (inner, _) =>
        {
            var call = (SwiGluCall)inner;
            Values.Store([.. Values.Of(call.Gate).Zip(Values.Of(call.Up), (a, b) => after.Of(silu.Of(a)) * b)], call.Y);
        }));

    /// <summary>Rotary positions: the rotations that have a name.</summary>
    public static IEnumerable<RoundingVariant> Rope() => Enum.GetValues<RopeRotation>().Select(rotation => new RoundingVariant(
        [("rotation", $"RopeRotation.{rotation}")], c => c is RopeCall r ? r with { Attributes = r.Attributes with { Rotation = rotation } } : c));

    /// <summary>Quantisers: arithmetics, and clamps that the arithmetic allows.</summary>
    public static IEnumerable<RoundingVariant> Quantize() =>
        from clamp in (QuantizationClamp[])[QuantizationClamp.Amax, QuantizationClamp.None, QuantizationClamp.Scale]
        from arithmetic in Enum.GetValues<QuantizerArithmetic>()
        where clamp != QuantizationClamp.Scale || arithmetic is not (QuantizerArithmetic.DeepGemm2025 or QuantizerArithmetic.DeepEpLowLatency)
        select new RoundingVariant([("arithmetic", $"QuantizerArithmetic.{arithmetic}"), ("clamp", $"QuantizationClamp.{clamp}")],
            c => c is QuantizeCall q ? q with { Attributes = q.Attributes with { Arithmetic = arithmetic, Clamp = clamp } } : c);

    /// <summary>Dequantisers.</summary>
    public static IEnumerable<RoundingVariant> Dequantize()
    {
        yield return new RoundingVariant([("scale", "the scale is rounded to bfloat16")], c => c is DequantizeCall d ? d with { Scales = Values.Map(d.Scales, (_, s) => BFloat16.RoundToFloat(s)) } : c);
    }
}
