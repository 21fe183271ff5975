using System.Runtime.CompilerServices;
using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Ops;

/// <remarks>The twin takes up to 64 tokens of one head at a time, W_UV's rows in the place of keys (<see cref="KeyProduct"/>).</remarks>
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

    private static unsafe void Simd<T, E>(Tensor z, Tensor kvB, Tensor y, int h, int from, int count) where T : struct, ILanes<T> where E : unmanaged
    {
        (_, int H, int dv, int c, int rows) = LatentShape.OfOutput(z, kvB, y);
        int latentFloats = AlignedFloats.WholeLines(count * c), resultFloats = AlignedFloats.WholeLines(count * dv), panelFloats = c * KeyProduct.Block;
        using var memory = new AlignedFloats(latentFloats + resultFloats + panelFloats + KeyProduct.ScratchFloats(count, c));
        float* latent = memory.Pointer;
        float* results = latent + latentFloats;
        float* panel = results + resultFloats;
        float* tiles = panel + panelFloats;
        for (int t = 0; t < count; t++)
        {
            var copy = new Span<float>(latent + t * c, c);
            Operands.Slice(z, ((long)(from + t) * H + h) * c, c, copy).CopyTo(copy);
        }

        for (int j = 0; j < dv; j += KeyProduct.Block)
        {
            int N = Math.Min(KeyProduct.Block, dv - j);
            ref E w = ref Unsafe.Add(ref Unsafe.As<byte, E>(ref kvB.ByteOrigin), ((nint)h * rows + rows - dv + j) * c);
            if (count < KeyProduct.FewRows)
            {
                KeyProduct.Dots<T, E>(ref *latent, c, count, ref w, c, N, c, ref results[j], dv);
                continue;
            }

            KeyProduct.Turn(ref w, c, N, c, ref *panel, ref *tiles);
            KeyProduct.Multiply<T>(ref *latent, c, count, ref *panel, c, N, ref results[j], dv, ref *tiles);
        }

        for (int t = 0; t < count; t++)
            Operands.Store(new Span<float>(results + t * dv, dv), y, ((long)(from + t) * H + h) * dv);
    }
}
