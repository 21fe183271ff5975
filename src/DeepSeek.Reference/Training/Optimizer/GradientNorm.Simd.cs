using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Training;

public static partial class GradientNorm
{
    /// <summary>The same bits as <see cref="DefineSquares"/>, by vector instructions.</summary>
    internal static double Squares(ReadOnlySpan<float> g) => Isa.Has512 ? Squares512(g) : Isa.Has256 ? Squares256(g) : DefineSquares(g);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static double Squares512(ReadOnlySpan<float> g)
    {
        ref float p = ref MemoryMarshal.GetReference(g);
        Vector512<double> lower = Vector512<double>.Zero, upper = Vector512<double>.Zero;
        int k = 0;
        for (; k <= g.Length - 16; k += 16)
        {
            (Vector512<double> a, Vector512<double> b) = Vector512.Widen(Vector512.LoadUnsafe(ref Unsafe.Add(ref p, k)));
            lower = Vector512.FusedMultiplyAdd(a, a, lower);
            upper = Vector512.FusedMultiplyAdd(b, b, upper);
        }

        Span<double> lanes = stackalloc double[16];
        lower.CopyTo(lanes);
        upper.CopyTo(lanes[8..]);
        return Fold(lanes, g[k..]);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static double Squares256(ReadOnlySpan<float> g)
    {
        ref float p = ref MemoryMarshal.GetReference(g);
        Vector256<double> s0 = Vector256<double>.Zero, s1 = s0, s2 = s0, s3 = s0;
        int k = 0;
        for (; k <= g.Length - 16; k += 16)
        {
            (Vector256<double> a, Vector256<double> b) = Vector256.Widen(Vector256.LoadUnsafe(ref Unsafe.Add(ref p, k)));
            (Vector256<double> c, Vector256<double> d) = Vector256.Widen(Vector256.LoadUnsafe(ref Unsafe.Add(ref p, k + 8)));
            s0 = Vector256.FusedMultiplyAdd(a, a, s0);
            s1 = Vector256.FusedMultiplyAdd(b, b, s1);
            s2 = Vector256.FusedMultiplyAdd(c, c, s2);
            s3 = Vector256.FusedMultiplyAdd(d, d, s3);
        }

        Span<double> lanes = stackalloc double[16];
        s0.CopyTo(lanes);
        s1.CopyTo(lanes[4..]);
        s2.CopyTo(lanes[8..]);
        s3.CopyTo(lanes[12..]);
        return Fold(lanes, g[k..]);
    }

    /// <summary>The last terms into the first lanes, then the fold of rule N6.</summary>
    private static double Fold(Span<double> lanes, ReadOnlySpan<float> rest)
    {
        for (int j = 0; j < rest.Length; j++)
            lanes[j] = Math.FusedMultiplyAdd(rest[j], rest[j], lanes[j]);
        for (int h = 8; h >= 1; h /= 2)
            for (int j = 0; j < h; j++)
                lanes[j] = lanes[j] + lanes[j + h];
        return lanes[0] + 0.0;
    }
}
