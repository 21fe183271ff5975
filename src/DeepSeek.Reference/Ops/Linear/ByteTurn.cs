using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace DeepSeek.Reference.Ops;

/// <summary>Squares of sixteen by sixteen bytes turned.</summary>
internal static unsafe class ByteTurn
{
    /// <summary>Rows and columns of a square.</summary>
    public const int Side = 16;

    /// <summary>to_{k,n} = from_{n,k} for sixteen k and n; 0 where there are fewer.</summary>
    /// <param name="from">The first byte.</param>
    /// <param name="stride">Distance of its rows.</param>
    /// <param name="rows">How many n there are, at most <see cref="Side"/> count.</param>
    /// <param name="count">How many k there are, at most <see cref="Side"/> count.</param>
    /// <param name="to">The first byte of the turned square.</param>
    /// <param name="toStride">Distance of its rows.</param>
    public static void Square(byte* from, nint stride, long rows, long count, byte* to, nint toStride)
    {
        Vector128<byte>* s = stackalloc Vector128<byte>[Side];
        Vector128<byte>* t = stackalloc Vector128<byte>[Side];
        for (int n = 0; n < Side; n++)
        {
            if (n < rows && count >= Side)
                s[n] = Vector128.Load(from + n * stride);
            else
                s[n] = Vector128<byte>.Zero;
            if (n < rows && count > 0 && count < Side)
                Unsafe.CopyBlock(s + n, from + n * stride, (uint)count);
        }

        // Four rounds of interleaving row i with row i + 8 are a transposition.
        for (int round = 0; round < 4; round++)
        {
            for (int i = 0; i < Side / 2; i++)
                (t[2 * i], t[2 * i + 1]) = Interleave(s[i], s[i + Side / 2]);
            Vector128<byte>* swap = s;
            s = t;
            t = swap;
        }

        for (int k = 0; k < Side; k++)
            s[k].Store(to + k * toStride);
    }

    /// <summary>a_0 b_0 a_1 b_1 ...: the first sixteen bytes, and the others.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (Vector128<byte> Lower, Vector128<byte> Upper) Interleave(Vector128<byte> a, Vector128<byte> b)
    {
        if (Sse2.IsSupported)
            return (Sse2.UnpackLow(a, b), Sse2.UnpackHigh(a, b));
        if (AdvSimd.Arm64.IsSupported)
            return (AdvSimd.Arm64.ZipLow(a, b), AdvSimd.Arm64.ZipHigh(a, b));
        (Vector128<ushort> a0, Vector128<ushort> a1) = Vector128.Widen(a);
        (Vector128<ushort> b0, Vector128<ushort> b1) = Vector128.Widen(b);
        return ((a0 | b0 << 8).AsByte(), (a1 | b1 << 8).AsByte());
    }
}
