using System.Runtime.CompilerServices;
using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Ops;

/// <remarks>The twin takes up to 64 tokens of one head at a time; W_UK is read where it lies (<see cref="ResidueProduct"/>). Few tokens of binary32 are neither copied nor given scratch.</remarks>
public static partial class AbsorbQuery
{
    /// <summary>Below so many tokens reading a head's weight takes longer than multiplying with it, and copies as long as either.</summary>
    internal const int FewTokens = 4;

    /// <summary>Tokens from..from+count of head h under <see cref="Accumulation.Lanes16"/>.</summary>
    internal static void Simd(Tensor q, Tensor kvB, Tensor y, int h, int from, int count)
    {
        if (Isa.Has512) Simd<Lanes512>(q, kvB, y, h, from, count);
        else if (Isa.Has256) Simd<Lanes256>(q, kvB, y, h, from, count);
        else Simd<Lanes128>(q, kvB, y, h, from, count);
    }

    /// <inheritdoc cref="Simd(Tensor, Tensor, Tensor, int, int, int)"/>
    internal static void Simd<T>(Tensor q, Tensor kvB, Tensor y, int h, int from, int count) where T : struct, ILanes<T>
    {
        if (kvB.DType == DType.F32) Simd<T, float>(q, kvB, y, h, from, count);
        else Simd<T, ushort>(q, kvB, y, h, from, count);
    }

    /// <summary>Whether <see cref="SimdHeads"/> takes such operands.</summary>
    internal static bool FitsHeads(Tensor q, Tensor kvB, Tensor y) =>
        Isa.Has512 && q.Shape[0] < FewTokens && q.DType == DType.F32 && y.DType == DType.F32 && kvB.Shape[2] % ResidueProduct.RowColumns == 0;

    /// <summary>All of few tokens for heads from..to, read and written where they lie; each head's weight is asked for while the one before is multiplied.</summary>
    internal static void SimdHeads(Tensor q, Tensor kvB, Tensor y, int from, int to)
    {
        if (kvB.DType == DType.F32) SimdHeads<float>(q, kvB, y, from, to);
        else SimdHeads<ushort>(q, kvB, y, from, to);
    }

    private static unsafe void SimdHeads<E>(Tensor q, Tensor kvB, Tensor y, int from, int to) where E : unmanaged
    {
        (int S, int H, int dn, int dr, int c, int rows) = LatentShape.OfQuery(q, kvB, y);
        int width = dn + dr, result = c + dr;
        fixed (byte* qOrigin = &q.ByteOrigin, kv = &kvB.ByteOrigin, yOrigin = &y.ByteOrigin)
        {
            for (int h = from; h < to; h++)
            {
                E* w = (E*)kv + (nint)h * rows * c;
                for (int t = 0; t < S; t++)
                {
                    float* query = (float*)qOrigin + ((nint)t * H + h) * width;
                    float* absorbed = (float*)yOrigin + ((nint)t * H + h) * result;
                    ResidueProduct.MultiplyRow(query, w, c, dn, c, absorbed, t == S - 1 ? w + (nint)rows * c : w);
                    new ReadOnlySpan<float>(query + dn, dr).CopyTo(new Span<float>(absorbed + c, dr));
                }
            }
        }
    }

    private static unsafe void Simd<T, E>(Tensor q, Tensor kvB, Tensor y, int h, int from, int count) where T : struct, ILanes<T> where E : unmanaged
    {
        (_, int H, int dn, int dr, int c, int rows) = LatentShape.OfQuery(q, kvB, y);
        int width = dn + dr, result = c + dr;
        int queryFloats = AlignedFloats.WholeLines(count * width), resultFloats = AlignedFloats.WholeLines(count * result);
        using var memory = new AlignedFloats(queryFloats + resultFloats + ResidueProduct.ScratchFloats(count, dn));
        float* queries = memory.Pointer;
        float* results = queries + queryFloats;
        float* tiles = results + resultFloats;
        for (int t = 0; t < count; t++)
        {
            var copy = new Span<float>(queries + t * width, width);
            ReadOnlySpan<float> values = Operands.Slice(q, ((long)(from + t) * H + h) * width, width, copy);
            values.CopyTo(copy);
            values[dn..].CopyTo(new Span<float>(results + t * result + c, dr));
        }

        ref E w = ref Unsafe.Add(ref Unsafe.As<byte, E>(ref kvB.ByteOrigin), (nint)h * rows * c);
        ResidueProduct.Multiply<T, E>(ref *queries, width, count, ref w, c, c, dn, c, ref *results, result, ref *tiles);
        for (int t = 0; t < count; t++)
            Operands.Store(new Span<float>(results + t * result, result), y, ((long)(from + t) * H + h) * result);
    }
}
