using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
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

// The twin lays out one head's P and t, block of queries by block of queries, with +0 at pairs that are masked near those that are not, and multiplies blocks by the tiles
// of Linear; what is far beyond the mask is not computed. A +0 leaves a sum as it is unless what it meets is NaN or infinite (rule N6), and a head that holds such values
// runs its definition. Blocks begin at multiples of sixteen, so that every term keeps its lane.
public static partial class Attention
{
    // Queries, or keys, of a block.
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
        nint ofQ = (nint)H * D, ofV = (nint)H * Dv;
        // A block of queries is laid out to the end of a block of keys beyond what it sees.
        int mostKeys = AlignedFloats.WholeLines(T) + BackwardRows;
        int keysWide = Linear.TurnedStride(mostKeys), queriesWide = Linear.TurnedStride(S);
        using var rows = new AlignedFloats(checked(2 * BackwardRows * keysWide));
        using var columnsOfP = new AlignedFloats(checked(mostKeys * queriesWide));
        using var columnsOfT = new AlignedFloats(checked(mostKeys * queriesWide));
        using var turned = new AlignedFloats(checked(D * keysWide + (D + Dv) * queriesWide));
        float* p = rows.Pointer;
        float* t = p + BackwardRows * keysWide;
        float* pColumns = columnsOfP.Pointer;
        float* tColumns = columnsOfT.Pointer;
        float* keysTurned = turned.Pointer;
        float* qTurned = keysTurned + (nint)D * keysWide;
        float* dyTurned = qTurned + (nint)D * queriesWide;
        FloatTurn.Turn(ref HeadOf(io.Keys, h, D), ofQ, T, D, ref *keysTurned, keysWide);
        FloatTurn.Turn(ref HeadOf(io.Q, h, D), ofQ, S, D, ref *qTurned, queriesWide);
        FloatTurn.Turn(ref HeadOf(io.DY, h, Dv), ofV, S, Dv, ref *dyTurned, queriesWide);
        fixed (float* q = &HeadOf(io.Q, h, D), keys = &HeadOf(io.Keys, h, D), values = &HeadOf(io.Values, h, Dv), dy = &HeadOf(io.DY, h, Dv))
        fixed (float* dq = &HeadOf(io.DQ, h, D), dKeys = &HeadOf(io.DKeys, h, D), dValues = &HeadOf(io.DValues, h, Dv))
        {
            for (int i = 0; i < S; i += BackwardRows)
            {
                int count = Math.Min(BackwardRows, S - i);
                int visible = io.Shape.Visible(io.Attributes, i + count - 1);
                int reach = AlignedFloats.WholeLines(visible) + BackwardRows;
                Linear.Lanes<L, Float32Codes>(q + i * ofQ, ofQ, count, (byte*)keys, ofQ, 0, visible, D, p, keysWide);
                Linear.Lanes<L, Float32Codes>(dy + i * ofV, ofV, count, (byte*)values, ofV, 0, visible, Dv, t, keysWide);
                for (int r = 0; r < count; r++)
                    Row(io, h, i + r, new Span<float>(p + r * keysWide, reach), new Span<float>(t + r * keysWide, reach));
                Linear.Lanes<L, Float32Codes>(t, keysWide, count, (byte*)keysTurned, keysWide, 0, D, AlignedFloats.WholeLines(visible), dq + i * ofQ, ofQ);
                FloatTurn.Turn(ref *p, keysWide, count, reach, ref pColumns[i], queriesWide);
                FloatTurn.Turn(ref *t, keysWide, count, reach, ref tColumns[i], queriesWide);
            }

            // The first block of queries that sees the first of a block's keys has laid out all of the block's: it reaches that many keys further.
            int first = 0;
            for (int j = 0; j < T; j += BackwardRows)
            {
                int count = Math.Min(BackwardRows, T - j);
                while (first < S && io.Shape.Visible(io.Attributes, Math.Min(S, first + BackwardRows) - 1) <= j)
                    first += BackwardRows;
                int from = Math.Min(first, S), terms = AlignedFloats.WholeLines(S - from);
                Linear.Lanes<L, Float32Codes>(tColumns + (nint)j * queriesWide + from, queriesWide, count, (byte*)(qTurned + from), queriesWide, 0, D, terms, dKeys + j * ofQ, ofQ);
                Linear.Lanes<L, Float32Codes>(pColumns + (nint)j * queriesWide + from, queriesWide, count, (byte*)(dyTurned + from), queriesWide, 0, Dv, terms, dValues + j * ofV, ofV);
            }
        }
    }

    /// <summary>One query: p holds its dot products with the keys and becomes its probabilities, t those of dy with the values and becomes t; +0 beyond what it sees.</summary>
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
