using System.Numerics.Tensors;
using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Ops;

/// <remarks>
/// Backward, with σ the correctly rounded sigmoid:
/// <code>
/// db_i = dy_i · silu(a_i)
/// da_i = (dy_i · b_i) · (σ(a_i) · fma(a_i, σ(-a_i), 1))        silu' = σ(a) (1 + a (1 - σ(a))), and 1 - σ(a) = σ(-a)
/// </code>
/// No rounding to bfloat16. Rules N5, N24.
/// </remarks>
public static partial class SwiGlu
{
    /// <summary>The definition of the backward: what every backend must equal, bit for bit. da may be a or dy, db may be b or dy, not both the same.</summary>
    /// <exception cref="ShapeException">The sizes differ.</exception>
    public static void DefineBackward(ReadOnlySpan<float> dy, ReadOnlySpan<float> a, ReadOnlySpan<float> b, Span<float> da, Span<float> db)
    {
        RequireBackwardSizes(dy, a, b, da, db);
        for (int i = 0; i < a.Length; i++)
        {
            float slope = Correct.Sigmoid(a[i]) * MathF.FusedMultiplyAdd(a[i], Correct.Sigmoid(-a[i]), 1f);
            float ofB = dy[i] * Correct.SiLU(a[i]);
            da[i] = dy[i] * b[i] * slope;
            db[i] = ofB;
        }
    }

    /// <summary>The same bits as <see cref="DefineBackward"/>, by vector instructions.</summary>
    internal static void SimdBackward(ReadOnlySpan<float> dy, ReadOnlySpan<float> a, ReadOnlySpan<float> b, Span<float> da, Span<float> db)
    {
        RequireBackwardSizes(dy, a, b, da, db);
        Span<float> scratch = stackalloc float[2 * Chunk];
        for (int i = 0; i < a.Length; i += Chunk)
        {
            int count = Math.Min(Chunk, a.Length - i);
            Span<float> slope = scratch[..count];
            Span<float> other = scratch.Slice(Chunk, count);
            ReadOnlySpan<float> ai = a.Slice(i, count);
            ReadOnlySpan<float> dyi = dy.Slice(i, count);

            TensorPrimitives.Negate(ai, other);
            Correct.Sigmoid(other, other);
            TensorPrimitives.FusedMultiplyAdd(ai, other, 1f, slope);
            Correct.Sigmoid(ai, other);
            TensorPrimitives.Multiply(other, slope, slope);

            Correct.SiLU(ai, other);
            TensorPrimitives.Multiply(dyi, other, other);
            Span<float> dai = da.Slice(i, count);
            TensorPrimitives.Multiply(dyi, b.Slice(i, count), dai);
            TensorPrimitives.Multiply(dai, slope, dai);
            other.CopyTo(db[i..]);
        }
    }

    private static void RequireBackwardSizes(ReadOnlySpan<float> dy, ReadOnlySpan<float> a, ReadOnlySpan<float> b, Span<float> da, Span<float> db)
    {
        RequireEqualSizes(a, b, da);
        if (dy.Length != a.Length || db.Length != a.Length)
            throw new ShapeException($"SwiGlu backward: dy of {dy.Length}, gate of {a.Length} and db of {db.Length} values");
    }
}
