using System.Runtime.CompilerServices;
using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Ops;

/// <summary>The operands of one call.</summary>
/// <param name="Q">q.</param>
/// <param name="Keys">keys.</param>
/// <param name="Values">values, or keys when the shape shares them.</param>
/// <param name="Shape">Their dimensions.</param>
/// <param name="Attributes">Scale, mask, roundings.</param>
/// <param name="Y">y.</param>
/// <param name="LogSumExp">F32, or null.</param>
internal sealed record AttentionOperands(
    Tensor Q, Tensor Keys, Tensor Values, AttentionShape Shape, AttentionAttributes Attributes, Tensor Y, Tensor? LogSumExp);

/// <remarks>
/// The twin works on blocks of rows, a row being one head of one query. All scores of a block's rows are computed first (<see cref="KeyProduct"/>, or the tiles of <see cref="Linear"/>), then the softmax
/// of each row, then P·V sixteen rows at a time (<see cref="ResidueProduct"/>): no partial maximum or sum exists, so nothing is rescaled.
/// Keys and values are read where they lie, bfloat16 widened on the way.
/// </remarks>
public static partial class Attention
{
    private const int RowsOfValues = 16;

    // Sums so long that, at 512 bits, the folds of sixteen lanes cost less than a turn of the keys. Scores in two sums have a short one.
    private const int TiledChannels = 128;

    /// <summary>Blocks from..to under <see cref="Accumulation.Lanes16"/>, by the widest vectors there are.</summary>
    internal static void Simd(AttentionOperands io, QueryBlocks blocks, int from, int to)
    {
        if (Isa.Has512) Simd<Lanes512>(io, blocks, from, to);
        else if (Isa.Has256) Simd<Lanes256>(io, blocks, from, to);
        else Simd<Lanes128>(io, blocks, from, to);
    }

    /// <inheritdoc cref="Simd(AttentionOperands, QueryBlocks, int, int)"/>
    internal static void Simd<T>(AttentionOperands io, QueryBlocks blocks, int from, int to) where T : struct, ILanes<T>
    {
        switch (io.Keys.DType, io.Values.DType)
        {
            case (DType.F32, DType.F32): Simd<T, float, float>(io, blocks, from, to); break;
            case (DType.F32, DType.BF16): Simd<T, float, ushort>(io, blocks, from, to); break;
            case (DType.BF16, DType.F32): Simd<T, ushort, float>(io, blocks, from, to); break;
            default: Simd<T, ushort, ushort>(io, blocks, from, to); break;
        }
    }

    private static unsafe void Simd<T, EK, EV>(AttentionOperands io, QueryBlocks blocks, int from, int to)
        where T : struct, ILanes<T> where EK : unmanaged where EV : unmanaged
    {
        Scratch.Sizes sizes = Scratch.For(io, blocks.Rows);
        using var memory = new AlignedFloats(sizes.Total);
        var scratch = new Scratch(memory.Pointer, sizes);
        for (int b = from; b < to; b++)
        {
            Scores<T, EK>(io, blocks[b], scratch);
            Probabilities<T>(io, blocks[b], scratch);
            Outputs<T, EV>(io, blocks[b], scratch);
        }
    }

    /// <summary>Sums of q k for every row and every key that some row of the block sees.</summary>
    private static unsafe void Scores<T, E>(AttentionOperands io, QueryBlock block, Scratch scratch) where T : struct, ILanes<T> where E : unmanaged
    {
        (_, int H, _, int Hk, int D, _, _) = io.Shape;
        for (int r = 0; r < block.Rows; r++)
        {
            long row = (long)block.Query(r) * H + block.Head(r);
            var copy = new Span<float>(scratch.Q + (long)r * D, D);
            ReadOnlySpan<float> values = Operands.Slice(io.Q, row * D, D, copy);
            if (io.Q.DType == DType.F32)
                values.CopyTo(copy);
        }

        nint stride = (nint)Hk * D;
        int split = io.SplitChannel();
        int last = io.Shape.Visible(io.Attributes, block.Query(block.Rows - 1));
        int r0 = 0;
        for (int j = 0; j < last; j += KeyProduct.Block)
        {
            // Rows before r0 see no key of this block.
            while (io.Shape.Visible(io.Attributes, block.Query(r0)) <= j)
                r0++;
            int M = block.Rows - r0;
            int N = Math.Min(KeyProduct.Block, last - j);
            float* q = scratch.Q + (long)r0 * D;
            float* x = scratch.X + (long)r0 * scratch.Stride + j;
            float* latent = scratch.Latent + (long)r0 * scratch.Stride + j;
            ref E keys = ref Unsafe.Add(ref Unsafe.As<byte, E>(ref io.Keys.ByteOrigin), (nint)block.KeyHead * D + j * stride);
            if (M < KeyProduct.FewRows)
            {
                KeyProduct.Dots<T, E>(ref q[split], D, M, ref Unsafe.Add(ref keys, split), stride, N, D - split, ref *x, scratch.Stride);
                if (split > 0)
                    KeyProduct.Dots<T, E>(ref *q, D, M, ref keys, stride, N, split, ref *latent, scratch.Stride);
                continue;
            }

            if (typeof(T) == typeof(Lanes512) && split == 0 && D >= TiledChannels)
            {
                fixed (E* first = &keys)
                    Tiles(q, D, M, first, stride, N, x, scratch.Stride);
                continue;
            }

            KeyProduct.Turn(ref keys, stride, N, D, ref *scratch.Panel);
            KeyProduct.Multiply<T>(ref q[split], D, M, ref scratch.Panel[(long)split * KeyProduct.Block], D - split, N, ref *x, scratch.Stride, ref *scratch.Tiles);
            if (split > 0)
                KeyProduct.Multiply<T>(ref *q, D, M, ref *scratch.Panel, split, N, ref *latent, scratch.Stride, ref *scratch.Tiles);
        }
    }

    /// <summary>Dot products of M rows with N keys where they lie, by the tiles of <see cref="Linear"/>.</summary>
    private static unsafe void Tiles<E>(float* q, int D, int M, E* keys, nint stride, int N, float* x, nint xStride) where E : unmanaged
    {
        if (typeof(E) == typeof(float))
            Linear.Lanes<Lanes512, Float32Codes>(q, D, M, (byte*)keys, stride, 0, N, D, x, xStride);
        else
            Linear.Lanes<Lanes512, BFloat16Codes>(q, D, M, (byte*)keys, stride, 0, N, D, x, xStride);
    }

    /// <summary>Each row's scores become its probabilities, +0 at keys that other rows of the block see and it does not.</summary>
    private static unsafe void Probabilities<T>(AttentionOperands io, QueryBlock block, Scratch scratch) where T : struct, ILanes<T>
    {
        int last = io.Shape.Visible(io.Attributes, block.Query(block.Rows - 1));
        for (int r = 0; r < block.Rows; r++)
        {
            int n = io.Shape.Visible(io.Attributes, block.Query(r));
            var x = new Span<float>(scratch.X + (long)r * scratch.Stride, n);
            if (io.Attributes.Rounding == AttentionRounding.EveryStep)
            {
                BFloat16Spans.RoundInPlace(x);
                if (io.SplitChannel() > 0)
                {
                    var latent = new Span<float>(scratch.Latent + (long)r * scratch.Stride, n);
                    BFloat16Spans.RoundInPlace(latent);
                    ScoreRow.Add<T>(x, latent);
                    BFloat16Spans.RoundInPlace(x);
                }

                ScoreRow.Scale<T>(x, io.Attributes.Scale);
                BFloat16Spans.RoundInPlace(x);
            }
            else
            {
                ScoreRow.Scale<T>(x, io.Attributes.Scale);
            }

            float lse = ScoreRow.Softmax<T>(x);
            if (io.Attributes.Rounding != AttentionRounding.None)
                BFloat16Spans.RoundInPlace(x);
            new Span<float>(scratch.X + (long)r * scratch.Stride + n, last - n).Clear();

            scratch.LogSumExp[r] = lse;
            if (io.LogSumExp is not null)
                Unsafe.Add(ref io.LogSumExp.First<float>(), (nint)block.Query(r) * io.Shape.H + block.Head(r)) = lse;
        }
    }

    /// <summary>P·V, and the one rounding to y's dtype.</summary>
    private static unsafe void Outputs<T, E>(AttentionOperands io, QueryBlock block, Scratch scratch) where T : struct, ILanes<T> where E : unmanaged
    {
        (_, int H, _, int Hk, _, int Dv, _) = io.Shape;
        int width = io.Shape.ValueStride;
        nint stride = (nint)Hk * width;
        ref E values = ref Unsafe.Add(ref Unsafe.As<byte, E>(ref io.Values.ByteOrigin), (nint)block.KeyHead * width);
        for (int r0 = 0; r0 < block.Rows; r0 += RowsOfValues)
        {
            int M = Math.Min(RowsOfValues, block.Rows - r0);
            int fewest = io.Shape.Visible(io.Attributes, block.Query(r0));
            int most = io.Shape.Visible(io.Attributes, block.Query(r0 + M - 1));
            // p = +0 at a key that a row does not see leaves its sums as they are, unless the value is NaN or infinite.
            bool together = AllFinite(ref Unsafe.Add(ref values, fewest * stride), stride, most - fewest, Dv);
            for (int m = 0; m < M; m += together ? M : 1)
            {
                int K = together ? most : io.Shape.Visible(io.Attributes, block.Query(r0 + m));
                ResidueProduct.Multiply<T, E>(
                    ref scratch.X[(long)(r0 + m) * scratch.Stride], scratch.Stride, together ? M : 1,
                    ref values, stride, width, K, Dv, ref scratch.Y[m * Dv], Dv, ref *scratch.Tiles);
            }

            for (int m = 0; m < M; m++)
            {
                var y = new Span<float>(scratch.Y + m * Dv, Dv);
                if (scratch.LogSumExp[r0 + m] == float.NegativeInfinity)
                    y.Clear();
                Operands.Store(y, io.Y, ((long)block.Query(r0 + m) * H + block.Head(r0 + m)) * Dv);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static bool AllFinite<E>(ref E values, nint stride, int count, int Dv) where E : unmanaged
    {
        for (int j = 0; j < count; j++)
        {
            ref E row = ref Unsafe.Add(ref values, j * stride);
            for (int c = 0; c < Dv; c++)
            {
                uint exponent = typeof(E) == typeof(float)
                    ? (Unsafe.As<E, uint>(ref Unsafe.Add(ref row, c)) >> 16) & 0x7F80
                    : Unsafe.As<E, ushort>(ref Unsafe.Add(ref row, c)) & 0x7F80u;
                if (exponent == 0x7F80)
                    return false;
            }
        }

        return true;
    }

    /// <summary>The first channel of the second sum of a score; 0 for one sum.</summary>
    private static int SplitChannel(this AttentionOperands io) => io.Attributes.Rounding == AttentionRounding.EveryStep ? io.Attributes.ScoreSplit : 0;
}
