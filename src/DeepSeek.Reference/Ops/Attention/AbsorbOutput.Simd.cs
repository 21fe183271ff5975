using System.Runtime.CompilerServices;
using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Ops;

/// <remarks>The twin takes up to 64 tokens of one head at a time: a product with the head's rows of W_UV, where they lie (<see cref="Linear"/>).</remarks>
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
