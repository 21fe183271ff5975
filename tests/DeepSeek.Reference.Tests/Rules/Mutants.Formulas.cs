using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Tests.Rules;

internal static partial class Mutants
{
    // N10

    private sealed class ScaleFirst : Arithmetic
    {
        public override float Scored(ReadOnlySpan<float> q, ReadOnlySpan<float> k, float scale, Accumulation kind)
        {
            float[] scaled = new float[q.Length];
            for (int d = 0; d < scaled.Length; d++)
                scaled[d] = q[d] * scale;
            return Dot(scaled, k, kind, DType.F32);
        }
    }

    private sealed class ShareByReciprocal : Arithmetic
    {
        public override float Share(float e, float s)
        {
            float reciprocal = 1f / s;
            return e * reciprocal;
        }
    }

    private sealed class ExpByExp2 : Arithmetic
    {
        public override float Exponential(float x, float m) => Correct.Exp2((x - m) * 1.44269504f);
    }

    private sealed class ChainOfExponentials : Arithmetic
    {
        public override float Total(ReadOnlySpan<float> terms)
        {
            float sum = 0f;
            foreach (float t in terms)
                sum += t;
            return sum;
        }
    }

    private sealed class OneKeyMore : Arithmetic
    {
        public override int Visible(int n, int keys) => Math.Min(keys, n + 1);
    }

    private sealed class LogShareTogether : Arithmetic
    {
        public override float LogShare(float x, float m, float logOfSum) => x - (m + logOfSum);
    }

    private sealed class BinaryLogSumExp : Arithmetic
    {
        public override float LogSumExp(float m, float logOfSum) => (m + logOfSum) * 1.44269504f;
    }

    // N11

    private sealed class MeanByReciprocal : Arithmetic
    {
        public override float Mean(float sum, int n)
        {
            float reciprocal = 1f / n;
            return sum * reciprocal;
        }
    }

    private sealed class EpsilonOutside : Arithmetic
    {
        public override float Scale(float v, float epsilon) => 1f / (MathF.Sqrt(v) + epsilon);
    }

    private sealed class WeightFirst : Arithmetic
    {
        public override float Normalised(float x, float r, float w, RmsNormRounding rounding) =>
            rounding == RmsNormRounding.BeforeWeight ? base.Normalised(x, r, w, rounding) : x * (r * w);
    }

    // N12

    private sealed class NarrowByTruncation : Arithmetic
    {
        public override float Narrow(float x) => float.IsFinite(x) ? BitConverter.UInt32BitsToSingle(BitConverter.SingleToUInt32Bits(x) & 0xFFFF0000) : base.Narrow(x);
    }

    private sealed class NarrowTiesAway : Arithmetic
    {
        public override float Narrow(float x) =>
            float.IsFinite(x) ? BitConverter.UInt32BitsToSingle((BitConverter.SingleToUInt32Bits(x) + 0x8000) & 0xFFFF0000) : base.Narrow(x);
    }

    private sealed class NarrowSaturates : Arithmetic
    {
        public override float Narrow(float x)
        {
            float y = base.Narrow(x);
            return float.IsInfinity(y) && float.IsFinite(x) ? MathF.CopySign(BFloat16.MaxValue, y) : y;
        }
    }

    // N13

    private sealed class RotationUnfused : Arithmetic
    {
        public override (float Y0, float Y1) Rotate(float x0, float x1, float c, float s) => (Add(Multiply(x0, c), -Multiply(x1, s)), Add(Multiply(x0, s), Multiply(x1, c)));
    }

    private sealed class RotationFusedOtherwise : Arithmetic
    {
        public override (float Y0, float Y1) Rotate(float x0, float x1, float c, float s) => (Fma(-x1, s, Multiply(x0, c)), Fma(x1, c, Multiply(x0, s)));
    }

    /// <summary>cos(φ + δ) = cos φ - δ sin φ, to first order: δ is what the rounding of the angle dropped.</summary>
    private sealed class AngleInDouble : Arithmetic
    {
        private double dropped;

        public override float Angle(int position, float frequency)
        {
            float phi = base.Angle(position, frequency);
            dropped = ((double)position * frequency) - phi;
            return phi;
        }

        public override float Cos(float x) => (float)(base.Cos(x) - (dropped * base.Sin(x)));

        public override float Sin(float x) => (float)(base.Sin(x) + (dropped * base.Cos(x)));
    }

    // N16

    private sealed class ExpertsDescending : Arithmetic
    {
        public override IEnumerable<int> ExpertOrder(int used) => base.ExpertOrder(used).Reverse();
    }

    /// <summary>Remembers the terms of a chain of fma, which begins at +0, and adds them to the shared output instead.</summary>
    private sealed class SharedFirst : Arithmetic
    {
        private readonly List<(float W, float O)> terms = [];

        public override float Fma(float a, float b, float c)
        {
            if (c == 0f)
                terms.Clear();
            terms.Add((a, b));
            return base.Fma(a, b, c);
        }

        public override float WithShared(float sum, float shared)
        {
            float y = shared;
            foreach ((float w, float o) in terms)
                y = base.Fma(w, o, y);
            float result = terms.Count > 0 ? y : base.WithShared(sum, shared);
            terms.Clear();
            return result;
        }
    }

    private sealed class ChosenByExpert : Arithmetic
    {
        public override float SumOfChosen(ReadOnlySpan<float> chosen, ReadOnlySpan<int> experts)
        {
            float[] ordered = chosen.ToArray();
            Array.Sort(experts.ToArray(), ordered);
            return base.SumOfChosen(ordered, experts);
        }
    }

    private sealed class ScaleBeforeQuotient : Arithmetic
    {
        public override float Weight(float s, float sum, GateAttributes g, Func<float, float> rounded, Func<float, float> last) =>
            g.Normalize ? last(rounded(s * g.Scale) / sum) : base.Weight(s, sum, g, rounded, last);
    }

    // N17

    private sealed class NarrowResults : Arithmetic
    {
        public override float Result(float y) => Narrow(y);
    }

    // N22

    private sealed class WeightsThroughBFloat16 : Arithmetic
    {
        public override float Dequantized(float code, float scale) => Narrow(code * scale);
    }

    // N18

    private sealed class CodesOverflow : Arithmetic
    {
        public override Float8E4M3 EncodeE4M3(float y) => Float8E4M3.FromSingle(y, Fp8Overflow.NaN);

        public override FloatE5M6 EncodeE5M6(float y) => FloatE5M6.FromSingle(y, Fp8Overflow.Infinity);
    }

    private sealed class CodesTruncated : Arithmetic
    {
        public override Float8E4M3 EncodeE4M3(float y)
        {
            Float8E4M3 code = base.EncodeE4M3(y);
            return Math.Abs(code) > Math.Abs(y) ? Float8E4M3.FromBits((byte)(code.Bits - 1)) : code;
        }

        public override FloatE5M6 EncodeE5M6(float y)
        {
            FloatE5M6 code = base.EncodeE5M6(y);
            return Math.Abs(code) > Math.Abs(y) ? FloatE5M6.FromBits((ushort)(code.Bits - 1)) : code;
        }
    }

    private sealed class CodesFlushed : Arithmetic
    {
        public override Float8E4M3 EncodeE4M3(float y) => base.EncodeE4M3(y) is var code && (code.Bits & 0x78) == 0 ? Float8E4M3.FromBits((byte)(code.Bits & 0x80)) : code;

        public override FloatE5M6 EncodeE5M6(float y) => base.EncodeE5M6(y) is var code && (code.Bits & 0x7C0) == 0 ? FloatE5M6.FromBits((ushort)(code.Bits & 0x800)) : code;
    }

    private sealed class CodesLoseSign : Arithmetic
    {
        public override Float8E4M3 EncodeE4M3(float y) => base.EncodeE4M3(y) is var code && code.Bits == 0x80 ? Float8E4M3.Zero : code;

        public override FloatE5M6 EncodeE5M6(float y) => base.EncodeE5M6(y) is var code && code.Bits == 0x800 ? FloatE5M6.Zero : code;
    }

    private sealed class CodesThroughBFloat16 : Arithmetic
    {
        public override Float8E4M3 EncodeE4M3(float y) => base.EncodeE4M3(BFloat16.RoundToFloat(y));

        public override FloatE5M6 EncodeE5M6(float y) => base.EncodeE5M6(BFloat16.RoundToFloat(y));
    }

    // N19

    private sealed class ClampForgotten : Arithmetic
    {
        public override (float Scale, Func<float, float> Quotient) ScaleOfTile(float amax, float largest, QuantizeAttributes attributes) =>
            base.ScaleOfTile(amax, largest, attributes with { Clamp = QuantizationClamp.None });
    }

    private sealed class ScaleByReciprocal : Arithmetic
    {
        public override (float Scale, Func<float, float> Quotient) ScaleOfTile(float amax, float largest, QuantizeAttributes attributes) =>
            base.ScaleOfTile(amax, largest, attributes with
            {
                Arithmetic = attributes.Arithmetic switch
                {
                    QuantizerArithmetic.TritonActQuant => QuantizerArithmetic.TileLang,
                    QuantizerArithmetic.TileLang => QuantizerArithmetic.TritonActQuant,
                    QuantizerArithmetic.DeepGemm => QuantizerArithmetic.TorchCuda,
                    QuantizerArithmetic.TorchCuda => QuantizerArithmetic.DeepGemm,
                    QuantizerArithmetic.DeepGemm2025 => QuantizerArithmetic.DeepEpLowLatency,
                    QuantizerArithmetic.TritonActQuantHopper => QuantizerArithmetic.DeepGemm,
                    _ => QuantizerArithmetic.DeepGemm2025,
                },
            });
    }

    private sealed class QuotientExchanged : Arithmetic
    {
        public override (float Scale, Func<float, float> Quotient) ScaleOfTile(float amax, float largest, QuantizeAttributes attributes) =>
            base.ScaleOfTile(amax, largest, attributes with
            {
                Arithmetic = attributes.Arithmetic switch
                {
                    QuantizerArithmetic.TritonActQuant => QuantizerArithmetic.DeepGemm,
                    QuantizerArithmetic.TileLang => QuantizerArithmetic.TorchCuda,
                    QuantizerArithmetic.DeepGemm => QuantizerArithmetic.TritonActQuant,
                    QuantizerArithmetic.TorchCuda => QuantizerArithmetic.TileLang,
                    QuantizerArithmetic.DeepGemm2025 => QuantizerArithmetic.DeepGemm,
                    // TritonActQuantHopper too: then only rcp is another.
                    _ => QuantizerArithmetic.TorchCuda,
                },
            });
    }

    private sealed class ScaleRoundedDown : Arithmetic
    {
        public override (float Scale, Func<float, float> Quotient) ScaleOfTile(float amax, float largest, QuantizeAttributes attributes)
        {
            (float scale, Func<float, float> quotient) = base.ScaleOfTile(amax, largest, attributes);
            if (attributes.ScaleFormat != ScaleFormat.UE8M0 || !float.IsFinite(scale))
                return (scale, quotient);
            float exact = base.ScaleOfTile(amax, largest, attributes with { ScaleFormat = ScaleFormat.F32 }).Scale;
            float down = scale > exact ? scale / 2 : scale;
            return (down, x => x / down);
        }
    }

    private sealed class NaNOfTile : Arithmetic
    {
        public override float LargerMagnitude(float a, float x, QuantizerArithmetic arithmetic) => MathF.Max(a, MathF.Abs(x));
    }

    private sealed class ScaleBySignedMaximum : Arithmetic
    {
        public override float LargerMagnitude(float a, float x, QuantizerArithmetic arithmetic) => TileScale.Larger(a, MathF.Max(x, 0f), arithmetic);
    }

    private sealed class BackInBFloat16 : Arithmetic
    {
        public override float Dequantized(float code, float scale) => code * BFloat16.RoundToFloat(scale);
    }
}
