using System.Runtime.CompilerServices;
using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Ops;

/// <remarks>The twin takes up to 64 tokens of one head at a time: a product with the head's rows of W_UV, where they lie (<see cref="Linear"/>); few tokens of binary32 with those of four heads at a time (<see cref="FourWeights512"/>).</remarks>
public static partial class AbsorbOutput
{
    /// <summary>Tokens from..from+count of head h under <see cref="Accumulation.Lanes16"/>.</summary>
    internal static void Simd(Tensor z, Tensor kvB, Tensor y, int h, int from, int count)
    {
        if (Isa.Has512) Simd<Lanes512>(z, kvB, y, h, from, count);
        else if (Isa.Has256) Simd<Lanes256>(z, kvB, y, h, from, count);
        else Simd<Lanes128>(z, kvB, y, h, from, count);
    }

    /// <inheritdoc cref="Simd(Tensor, Tensor, Tensor, int, int, int)"/>
    internal static void Simd<T>(Tensor z, Tensor kvB, Tensor y, int h, int from, int count) where T : struct, ILanes<T>
    {
        if (kvB.DType == DType.F32) Simd<T, float>(z, kvB, y, h, from, count);
        else Simd<T, ushort>(z, kvB, y, h, from, count);
    }

    /// <summary>Whether <see cref="SimdHeads"/> takes such operands: weights that are read from memory, not from the caches.</summary>
    internal static bool FitsHeads(Tensor z, Tensor y) =>
        Isa.Has512 && WeightPrefetch.EveryLine && z.Shape[0] < AbsorbQuery.FewTokens && z.DType == DType.F32 && y.DType == DType.F32;

    /// <summary>All of few tokens for heads from..to, read and written where they lie; the weights of four distant heads side by side.</summary>
    internal static void SimdHeads(Tensor z, Tensor kvB, Tensor y, int from, int to)
    {
        if (kvB.DType == DType.F32) SimdHeads<Float32Codes>(z, kvB, y, from, to);
        else SimdHeads<BFloat16Codes>(z, kvB, y, from, to);
    }

    private static unsafe void SimdHeads<TCodes>(Tensor z, Tensor kvB, Tensor y, int from, int to) where TCodes : struct, IWeightCodes
    {
        (int S, int H, int dv, int c, int rows) = LatentShape.OfOutput(z, kvB, y);
        int far = (to - from) / 4;
        nint head = (nint)rows * c * TCodes.Bytes;
        byte** four = stackalloc byte*[4];
        fixed (byte* zOrigin = &z.ByteOrigin, kv = &kvB.ByteOrigin, yOrigin = &y.ByteOrigin)
        {
            for (int h = from; h < from + far; h++)
            {
                for (int i = 0; i < 4; i++)
                    four[i] = kv + (h + i * far + 1) * head - (nint)dv * c * TCodes.Bytes;
                for (int t = 0; t < S; t++)
                    FourWeights512.Rows<TCodes>((float*)zOrigin + ((nint)t * H + h) * c, (nint)far * c, four, 0, dv, c, (float*)yOrigin + ((nint)t * H + h) * dv, (nint)far * dv);
            }

            for (int h = from + 4 * far; h < to; h++)
                Linear.Lanes<Lanes512, TCodes>(
                    (float*)zOrigin + (nint)h * c, (nint)H * c, S, kv + (h + 1) * head - (nint)dv * c * TCodes.Bytes, c, 0, dv, c, (float*)yOrigin + (nint)h * dv, (nint)H * dv);
        }
    }

    private static unsafe void Simd<T, E>(Tensor z, Tensor kvB, Tensor y, int h, int from, int count) where T : struct, ILanes<T> where E : unmanaged
    {
        (_, int H, int dv, int c, int rows) = LatentShape.OfOutput(z, kvB, y);
        int latentFloats = AlignedFloats.WholeLines(count * c);
        using var memory = new AlignedFloats(latentFloats + count * dv);
        float* latent = memory.Pointer;
        float* results = latent + latentFloats;
        for (int t = 0; t < count; t++)
        {
            var copy = new Span<float>(latent + t * c, c);
            Operands.Slice(z, ((long)(from + t) * H + h) * c, c, copy).CopyTo(copy);
        }

        fixed (byte* kv = &kvB.ByteOrigin)
        {
            byte* w = kv + ((nint)h * rows + rows - dv) * c * sizeof(E);
            if (typeof(E) == typeof(float))
                Linear.Lanes<T, Float32Codes>(latent, count, w, 0, dv, c, results, dv);
            else
                Linear.Lanes<T, BFloat16Codes>(latent, count, w, 0, dv, c, results, dv);
        }

        for (int t = 0; t < count; t++)
            Operands.Store(new Span<float>(results + t * dv, dv), y, ((long)(from + t) * H + h) * dv);
    }
}
