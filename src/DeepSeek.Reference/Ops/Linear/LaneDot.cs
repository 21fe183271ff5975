using System.Runtime.CompilerServices;
using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Ops;

/// <summary>The Lanes16 dot product of one row of binary32 and one row of weight codes.</summary>
internal static unsafe class LaneDot
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Dot<T, TCodes>(float* x, byte* w, int K)
        where T : struct, ILanes<T>
        where TCodes : struct, IWeightCodes
    {
        T sum = T.Zero;
        nint k = 0;
        for (; k <= K - 16; k += 16)
            sum = T.Fma(T.Load(ref x[k]), TCodes.Load<T>(w, k), sum);
        int tail = (int)(K - k);
        if (tail > 0)
            sum = T.Fma(LaneTails.LoadPartial<T>(ref x[k], tail), TCodes.LoadTail<T>(w, k, tail), sum);
        return T.Fold(sum);
    }
}
