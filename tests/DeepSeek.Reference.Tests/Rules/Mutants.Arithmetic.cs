using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Tests.Rules;

internal static partial class Mutants
{
    // N1

    private sealed class BatchDecides : Arithmetic
    {
        private bool among;

        public override void Begin(OperationCall call) => among = call.Outputs.First().Tensor.Shape is { Rank: > 0 } shape && shape[0] > 1;

        public override float Sum(ReadOnlySpan<float> a, ReadOnlySpan<float> b) => among ? Sequential(a, b) + 0f : base.Sum(a, b);
    }

    private sealed class LastResultDecides : Arithmetic
    {
        private bool second;
        private float left;

        public override void Begin(OperationCall call) => (second, left) = (false, 0f);

        public override float Sum(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
        {
            float sum = base.Sum(a, b);
            float result = second && float.IsFinite(left) ? sum + left : sum;
            (second, left) = (!second, sum);
            return result;
        }
    }

    // N2

    private sealed class FlushedResults : Arithmetic
    {
        public override float Add(float a, float b) => Flushed(a + b);

        public override float Multiply(float a, float b) => Flushed(a * b);

        public override float Divide(float a, float b) => Flushed(a / b);

        public override float Fma(float a, float b, float c) => Flushed(MathF.FusedMultiplyAdd(a, b, c));
    }

    private sealed class FlushedOperands : Arithmetic
    {
        public override float Add(float a, float b) => Flushed(a) + Flushed(b);

        public override float Multiply(float a, float b) => Flushed(a) * Flushed(b);

        public override float Divide(float a, float b) => Flushed(a) / Flushed(b);

        public override float Fma(float a, float b, float c) => MathF.FusedMultiplyAdd(Flushed(a), Flushed(b), Flushed(c));
    }

    private sealed class UnfusedProduct : Arithmetic
    {
        public override float Fma(float a, float b, float c)
        {
            float product = a * b;
            return product + c;
        }
    }

    private sealed class QuotientByReciprocal : Arithmetic
    {
        public override float Divide(float a, float b)
        {
            float reciprocal = 1f / b;
            return a * reciprocal;
        }
    }

    private sealed class TowardZero : Arithmetic
    {
        public override float Add(float a, float b) => Cut((double)a + b);

        public override float Multiply(float a, float b) => Cut((double)a * b);

        /// <summary>The sum of two binary32 is not always exact in binary64; where it is not, the cut differs from an exact one in no case that matters to a mutant.</summary>
        private static float Cut(double exact)
        {
            float nearest = (float)exact;
            return float.IsFinite(nearest) && Math.Abs(nearest) > Math.Abs(exact) ? MathF.CopySign(MathF.BitDecrement(MathF.Abs(nearest)), nearest) : nearest;
        }
    }

    // N3 and N4

    private sealed class NaNDropped : Arithmetic
    {
        public override float Fma(float a, float b, float c) => float.IsNaN(a * b) ? c : MathF.FusedMultiplyAdd(a, b, c);
    }

    private sealed class NaNPassedOver : Arithmetic
    {
        public override float Larger(float m, float x) => float.IsNaN(x) ? m : MathF.Max(m, x);

        public override float LargerMagnitude(float a, float x, QuantizerArithmetic arithmetic) => float.IsNaN(x) ? a : MathF.Max(a, MathF.Abs(x));
    }

    private sealed class NoNegativeZero : Arithmetic
    {
        public override float Result(float y) => y == 0f ? 0f : y;
    }

    // N5

    private sealed class ExpUlp : Arithmetic
    {
        public override float Exp(float x) => Ulp(base.Exp(x));
    }

    private sealed class LogUlp : Arithmetic
    {
        public override float Log(float x) => Ulp(base.Log(x));
    }

    private sealed class SigmoidUlp : Arithmetic
    {
        public override float Sigmoid(float x) => Ulp(base.Sigmoid(x));
    }

    private sealed class SiluUlp : Arithmetic
    {
        public override float SiLU(float x) => Ulp(base.SiLU(x));
    }

    private sealed class SiluBySigmoid : Arithmetic
    {
        public override float SiLU(float x) => x * Correct.Sigmoid(x);
    }

    private sealed class RsqrtUlp : Arithmetic
    {
        public override float ReciprocalSqrt(float x) => Ulp(base.ReciprocalSqrt(x));
    }

    private sealed class RsqrtTwice : Arithmetic
    {
        public override float ReciprocalSqrt(float x) => 1f / MathF.Sqrt(x);
    }

    private sealed class CosUlp : Arithmetic
    {
        public override float Cos(float x) => Ulp(base.Cos(x));
    }

    private sealed class SinUlp : Arithmetic
    {
        public override float Sin(float x) => Ulp(base.Sin(x));
    }

    // N6

    private sealed class EightLanes : Arithmetic
    {
        public override int Lanes => 8;
    }

    private sealed class ConsecutiveLanes : Arithmetic
    {
        public override int LaneOf(int k, int n) => (int)((long)k * Lanes / n);
    }

    private sealed class FoldedByNeighbours : Arithmetic
    {
        public override float Fold(Span<float> lane)
        {
            for (int n = lane.Length / 2; n >= 1; n /= 2)
            {
                for (int j = 0; j < n; j++)
                    lane[j] = lane[2 * j] + lane[(2 * j) + 1];
            }

            return lane[0];
        }
    }

    private sealed class FoldedInOrder : Arithmetic
    {
        public override float Fold(Span<float> lane)
        {
            float sum = lane[0];
            foreach (float other in lane[1..])
                sum += other;
            return sum;
        }
    }

    private sealed class NotClosed : Arithmetic
    {
        public override float Sum(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
        {
            Span<float> lane = stackalloc float[Lanes];
            lane.Fill(-0f);
            for (int k = 0; k < a.Length; k++)
                lane[k % Lanes] = Fma(a[k], b[k], lane[k % Lanes]);
            return Fold(lane);
        }
    }

    // N7

    private sealed class DescendingChain : Arithmetic
    {
        public override float Sequential(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
        {
            float sum = 0f;
            for (int k = a.Length - 1; k >= 0; k--)
                sum = Fma(a[k], b[k], sum);
            return sum;
        }
    }

    private sealed class LanesForChain : Arithmetic
    {
        public override float Sequential(ReadOnlySpan<float> a, ReadOnlySpan<float> b) => Sum(a, b);
    }

    private sealed class ExactChain : Arithmetic
    {
        public override float Exact(ReadOnlySpan<float> a, ReadOnlySpan<float> b, DType output) => Sequential(a, b);
    }

    private sealed class Float64Chain : Arithmetic
    {
        public override float Float64(ReadOnlySpan<float> a, ReadOnlySpan<float> b, DType output)
        {
            double sum = 0;
            for (int k = 0; k < a.Length; k++)
                sum += (double)a[k] * b[k];
            return DotProduct.Round(sum, output);
        }
    }

    private sealed class Float64Single : Arithmetic
    {
        public override float Float64(ReadOnlySpan<float> a, ReadOnlySpan<float> b, DType output) => Sum(a, b);
    }

    // N8

    private sealed class TwoThreads : Arithmetic
    {
        public override float Sum(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
        {
            int half = a.Length / 2;
            return base.Sum(a[..half], b[..half]) + base.Sum(a[half..], b[half..]);
        }
    }

    // N9

    private sealed class HigherIndexFirst : Arithmetic
    {
        public override bool Before(float v, int i, float w, int j) => v > w || v == w && i > j;
    }
}
