using System.Runtime.CompilerServices;
using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Ops;

/// <remarks>The twin takes up to 64 tokens of one head at a time; W_UK is read where it lies (<see cref="ResidueProduct"/>).</remarks>
public static partial class AbsorbQuery
{
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
