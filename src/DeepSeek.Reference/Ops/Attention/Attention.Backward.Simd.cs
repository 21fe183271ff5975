using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Ops;

/// <summary>The operands of one backward call, all F32.</summary>
/// <param name="Q">q.</param>
/// <param name="Keys">keys.</param>
/// <param name="Values">values.</param>
/// <param name="Y">The forward's result.</param>
/// <param name="LogSumExp">The forward's log-sum-exp.</param>
/// <param name="DY">The loss's gradient with respect to y.</param>
/// <param name="Shape">Their dimensions.</param>
/// <param name="Attributes">Scale, mask, accumulation.</param>
/// <param name="DQ">The gradient of q.</param>
/// <param name="DKeys">The gradient of keys.</param>
/// <param name="DValues">The gradient of values.</param>
internal sealed record AttentionGradients(
    Tensor Q, Tensor Keys, Tensor Values, Tensor Y, Tensor LogSumExp, Tensor DY, AttentionShape Shape, AttentionAttributes Attributes, Tensor DQ, Tensor DKeys, Tensor DValues);

// The twin lays out one head's P and t as [S, T] with +0 at pairs that are masked, and multiplies whole matrices: a +0 leaves a sum as it is unless what it meets is
// NaN or infinite (rule N6), and a head that holds such values runs its definition.
public static partial class Attention
{
    private const int BackwardRows = 32;

    /// <summary>One head with the definition's bits under Lanes16.</summary>
    internal static void SimdBackwardHead(AttentionGradients io, int h)
    {
        if (!Isa.Any || !HeadIsFinite(io.Q, io.Shape, h) || !HeadIsFinite(io.Keys, io.Shape, h) || !HeadIsFinite(io.DY, io.Shape, h))
        {
            DefineBackwardHead(
                io.Q.AsReadOnlySpan<float>(), io.Keys.AsReadOnlySpan<float>(), io.Values.AsReadOnlySpan<float>(), io.Y.AsReadOnlySpan<float>(),
                io.LogSumExp.AsReadOnlySpan<float>(), io.DY.AsReadOnlySpan<float>(), h, io.Shape, io.Attributes,
                io.DQ.AsSpan<float>(), io.DKeys.AsSpan<float>(), io.DValues.AsSpan<float>());
            return;
        }

        if (Isa.Has512) BackwardHead<Lanes512>(io, h);
        else if (Isa.Has256) BackwardHead<Lanes256>(io, h);
        else BackwardHead<Lanes128>(io, h);
    }

    /// <summary>As <see cref="SimdBackwardHead"/> for finite operands, at a given width.</summary>
    internal static unsafe void BackwardHead<L>(AttentionGradients io, int h) where L : struct, ILanes<L>
    {
        (int S, int H, int T, _, int D, int Dv, _) = io.Shape;
        int width = AlignedFloats.WholeLines(T);
        int queries = AlignedFloats.WholeLines(S);
        int longest = Math.Max(Math.Max(D, Dv), Math.Max(S, T));
        using var memory = new AlignedFloats(checked(2 * S * width + 2 * T * queries));
        using var panel = new AlignedFloats(checked(KeyProduct.Block * Math.Max(D, Dv)));
        using var scratch = new AlignedFloats(KeyProduct.ScratchFloats(BackwardRows, longest));
        float* p = memory.Pointer;
        float* t = p + (nint)S * width;
        float* pTurned = t + (nint)S * width;
        float* tTurned = pTurned + (nint)T * queries;
        ref float q = ref HeadOf(io.Q, h, D);
        ref float keys = ref HeadOf(io.Keys, h, D);
        ref float dy = ref HeadOf(io.DY, h, Dv);

        Products<L>(ref q, ref keys, S, T, D, (nint)H * D, p, width, panel, scratch);
        Products<L>(ref dy, ref HeadOf(io.Values, h, Dv), S, T, Dv, (nint)H * Dv, t, width, panel, scratch);
        for (int i = 0; i < S; i++)
            Row(io, h, i, new Span<float>(p + (nint)i * width, T), new Span<float>(t + (nint)i * width, T));
        Turn(p, S, T, width, pTurned, queries);
        Turn(t, S, T, width, tTurned, queries);

        Sums<L>(t, width, S, T, ref keys, (nint)H * D, D, ref HeadOf(io.DQ, h, D), scratch);
        Sums<L>(tTurned, queries, T, S, ref q, (nint)H * D, D, ref HeadOf(io.DKeys, h, D), scratch);
        Sums<L>(pTurned, queries, T, S, ref dy, (nint)H * Dv, Dv, ref HeadOf(io.DValues, h, Dv), scratch);
    }

    /// <summary>x [S, T] = a bᵀ, rows of both at the given stride.</summary>
    private static unsafe void Products<L>(ref float a, ref float b, int S, int T, int D, nint stride, float* x, int width, AlignedFloats panel, AlignedFloats scratch)
        where L : struct, ILanes<L>
    {
        for (int j = 0; j < T; j += KeyProduct.Block)
        {
            int count = Math.Min(KeyProduct.Block, T - j);
            KeyProduct.Turn(ref Unsafe.Add(ref b, j * stride), stride, count, D, ref *panel.Pointer, ref *scratch.Pointer);
            for (int i = 0; i < S; i += BackwardRows)
            {
                KeyProduct.Multiply<L>(
                    ref Unsafe.Add(ref a, i * stride), stride, Math.Min(BackwardRows, S - i), ref *panel.Pointer, D, count, ref x[(nint)i * width + j], width, ref *scratch.Pointer);
            }
        }
    }

    /// <summary>One query: p holds its dot products with the keys and becomes its probabilities, t those of dy with the values and becomes t.</summary>
    private static void Row(AttentionGradients io, int h, int i, Span<float> p, Span<float> t)
    {
        int Dv = io.Shape.Dv;
        int row = i * io.Shape.H + h;
        int n = io.Shape.Visible(io.Attributes, i);
        float lse = Unsafe.Add(ref io.LogSumExp.First<float>(), row);
        if (lse == float.NegativeInfinity)
            n = 0;
        Span<float> pn = p[..n];
        Span<float> tn = t[..n];
        float delta = LaneSums.Dot(Operands.Slice(io.DY, (long)row * Dv, Dv, []), Operands.Slice(io.Y, (long)row * Dv, Dv, []));
        TensorPrimitives.Multiply(pn, io.Attributes.Scale, pn);
        TensorPrimitives.Subtract(pn, lse, pn);
        Correct.Exp(pn, pn);
        TensorPrimitives.Subtract(tn, delta, tn);
        TensorPrimitives.Multiply(pn, tn, tn);
        TensorPrimitives.Multiply(tn, io.Attributes.Scale, tn);
        p[n..].Clear();
        t[n..].Clear();
    }

    /// <summary>c [M, N] = a [M, K] b [K, N]: a in scratch, b and c heads of a tensor.</summary>
    private static unsafe void Sums<L>(float* a, int aStride, int M, int K, ref float b, nint stride, int N, ref float c, AlignedFloats scratch) where L : struct, ILanes<L>
    {
        for (int m = 0; m < M; m += BackwardRows)
        {
            int rows = Math.Min(BackwardRows, M - m);
            if (K > 0)
                ResidueProduct.Multiply<L, float>(ref a[(nint)m * aStride], aStride, rows, ref b, stride, N, K, N, ref Unsafe.Add(ref c, m * stride), stride, ref *scratch.Pointer);
            for (int i = 0; K == 0 && i < rows; i++)
                MemoryMarshal.CreateSpan(ref Unsafe.Add(ref c, (m + i) * stride), N).Clear();
        }
    }

    private static unsafe void Turn(float* x, int S, int T, int width, float* y, int queries)
    {
        for (int i = 0; i < S; i++)
        {
            for (int j = 0; j < T; j++)
                y[(nint)j * queries + i] = x[(nint)i * width + j];
        }
    }

    private static ref float HeadOf(Tensor x, int h, int channels) => ref Unsafe.Add(ref x.First<float>(), (nint)h * channels);

    private static bool HeadIsFinite(Tensor x, AttentionShape shape, int h)
    {
        int channels = Operands.Dim(x, 2);
        for (int r = 0; r < x.Shape[0]; r++)
        {
            foreach (float v in Operands.Slice(x, ((long)r * shape.H + h) * channels, channels, []))
            {
                if (!float.IsFinite(v))
                    return false;
            }
        }

        return true;
    }
}
