using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Tests.Rules;

/// <summary>What the rules say, one virtual member a sentence: a mutant overrides one of them, and everything else stays as the contract has it.</summary>
internal class Arithmetic
{
    private static readonly float[] Ones = [.. Enumerable.Repeat(1f, 4096)];

    /// <summary>Told of each call before it is computed: for mutants that let something else than the inputs decide (N1).</summary>
    public virtual void Begin(OperationCall call)
    {
    }

    // N2
    public virtual float Add(float a, float b) => a + b;

    public virtual float Multiply(float a, float b) => a * b;

    public virtual float Divide(float a, float b) => a / b;

    public virtual float Fma(float a, float b, float c) => MathF.FusedMultiplyAdd(a, b, c);

    /// <summary>What is about to be stored in an output (N4).</summary>
    public virtual float Result(float y) => y;

    // N5
    public virtual float Exp(float x) => Correct.Exp(x);

    public virtual float Log(float x) => Correct.Log(x);

    public virtual float Sigmoid(float x) => Correct.Sigmoid(x);

    public virtual float SiLU(float x) => Correct.SiLU(x);

    public virtual float ReciprocalSqrt(float x) => Correct.ReciprocalSqrt(x);

    public virtual float Cos(float x) => Correct.Cos(x);

    public virtual float Sin(float x) => Correct.Sin(x);

    // N6
    public virtual int Lanes => 16;

    public virtual int LaneOf(int k, int n) => k % Lanes;

    public virtual float Fold(Span<float> lane)
    {
        for (int h = lane.Length / 2; h >= 1; h /= 2)
        {
            for (int j = 0; j < h; j++)
                lane[j] = Add(lane[j], lane[j + h]);
        }

        return lane[0];
    }

    public virtual float Close(float sum) => sum + 0f;

    public virtual float Sum(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        Span<float> lane = stackalloc float[Lanes];
        lane.Clear();
        for (int k = 0; k < a.Length; k++)
            lane[LaneOf(k, a.Length)] = Fma(a[k], b[k], lane[LaneOf(k, a.Length)]);
        return Close(Fold(lane));
    }

    /// <summary>The sum of plain terms: a term enters as its product with 1.</summary>
    public virtual float Total(ReadOnlySpan<float> terms) => Sum(terms, Ones.AsSpan(0, terms.Length));

    // N7
    public virtual float Sequential(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        float sum = 0f;
        for (int k = 0; k < a.Length; k++)
            sum = Fma(a[k], b[k], sum);
        return sum;
    }

    public virtual float Exact(ReadOnlySpan<float> a, ReadOnlySpan<float> b, DType output) => DotProduct.Define(a, b, Accumulation.Exact, output);

    public virtual float Float64(ReadOnlySpan<float> a, ReadOnlySpan<float> b, DType output) => DotProduct.Define(a, b, Accumulation.Float64, output);

    public float Dot(ReadOnlySpan<float> a, ReadOnlySpan<float> b, Accumulation kind, DType output) => kind.Kind switch
    {
        AccumulationKind.Lanes16 => Sum(a, b),
        AccumulationKind.Sequential => Sequential(a, b),
        AccumulationKind.Exact => Exact(a, b, output),
        AccumulationKind.Float64 => Float64(a, b, output),
        _ => DotProduct.Define(a, b, kind, output),
    };

    // N9
    /// <summary>Whether the first of two candidates stands before the second.</summary>
    public virtual bool Before(float v, int i, float w, int j) => v > w || v == w && i < j;

    // N10
    public virtual float Larger(float m, float x) => MathF.Max(m, x);

    public virtual float Scored(ReadOnlySpan<float> q, ReadOnlySpan<float> k, float scale, Accumulation kind) => Multiply(Dot(q, k, kind, DType.F32), scale);

    public virtual float Exponential(float x, float m) => Exp(Add(x, -m));

    public virtual float Share(float e, float s) => Divide(e, s);

    public virtual float LogShare(float x, float m, float logOfSum) => Add(Add(x, -m), -logOfSum);

    public virtual int Visible(int n, int keys) => n;

    public virtual float LogSumExp(float m, float logOfSum) => Add(m, logOfSum);

    // N11
    public virtual float Mean(float sum, int n) => Divide(sum, n);

    public virtual float Scale(float v, float epsilon) => ReciprocalSqrt(Add(v, epsilon));

    public virtual float Normalised(float x, float r, float w, RmsNormRounding rounding)
    {
        float y = Multiply(x, r);
        return Multiply(rounding == RmsNormRounding.BeforeWeight ? Narrow(y) : y, w);
    }

    // N12
    public virtual float Narrow(float x) => BFloat16.RoundToFloat(x);

    // N13
    public virtual float Angle(int position, float frequency) => Multiply(position, frequency);

    public virtual (float Y0, float Y1) Rotate(float x0, float x1, float c, float s) => (Fma(x0, c, -Multiply(x1, s)), Fma(x0, s, Multiply(x1, c)));

    // N16
    /// <summary>The order in which a token's experts are added, as places among those ascending by id.</summary>
    public virtual IEnumerable<int> ExpertOrder(int used) => Enumerable.Range(0, used);

    public virtual float WithShared(float sum, float shared) => Add(sum, shared);

    /// <summary>The order in which the chosen scores are added, given in slot order.</summary>
    public virtual float SumOfChosen(ReadOnlySpan<float> chosen, ReadOnlySpan<int> experts)
    {
        float sum = 0f;
        foreach (float s in chosen)
            sum = Add(sum, s);
        return sum;
    }

    public virtual float Weight(float s, float sum, GateAttributes g, Func<float, float> rounded, Func<float, float> last)
    {
        float share = g.Normalize ? rounded(Divide(s, sum)) : s;
        return last(Multiply(share, g.Scale));
    }

    // N18
    public virtual Float8E4M3 EncodeE4M3(float y) => Float8E4M3.FromSingle(y, Fp8Overflow.Saturate);

    public virtual FloatE5M6 EncodeE5M6(float y) => FloatE5M6.FromSingle(y, Fp8Overflow.Saturate);

    // N19
    public virtual float LargerMagnitude(float a, float x, QuantizerArithmetic arithmetic) => TileScale.Larger(a, x, arithmetic);

    public virtual (float Scale, Func<float, float> Quotient) ScaleOfTile(float amax, float largest, QuantizeAttributes attributes)
    {
        TileScale s = TileScale.Of(amax, largest, attributes);
        return (s.Scale, s.Quotient);
    }

    public virtual float Dequantized(float code, float scale) => Multiply(code, scale);
}
