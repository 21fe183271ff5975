using System.Runtime.CompilerServices;
using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Ops;

/// <summary>The products of E4M3 weights with a binary32 scale for each block of 128 x 128, as if they had been dequantised to binary32 first.</summary>
public static partial class Linear
{
    // A panel of dequantised rows that stays in the second-level cache.
    private const int PanelBytes = 256 << 10;

    // Codes that stay in the first-level cache beside the rows of x.
    private const int CachedBytes = 16 << 10;

    // Rows of x from which on a panel, decoded once for all of them, costs less than decoding for each.
    private const int RowsForPanel = 4;

    /// <summary>
    /// Columns n0..n1 of y = x Wᵀ with w_{n,k} = RN32(code_{n,k} · s_{⌊n/128⌋,⌊k/128⌋}): the bits of <see cref="Dequantize"/> into binary32 and of <see cref="Define"/>
    /// with Lanes16 after it. x and y are binary32 with row strides K and yStride; w is code (0, 0), scales is scale (0, 0).
    /// </summary>
    internal static unsafe void SimdFloat8(float* x, int T, byte* w, float* scales, TileGrid grid, int n0, int n1, int K, float* y, nint yStride)
    {
        int n = n0;
        if (Isa.Has512 && T < RowsForPanel)
        {
            int far = (n1 - n0) / 4;
            n = n0 + 4 * far;
            // Two or three rows of x find the codes again in the first-level cache.
            int most = T == 1 ? far : Math.Max(1, CachedBytes / 4 / Math.Max(1, K));
            Float8Stream* streams = stackalloc Float8Stream[4];
            for (int i = n0; i < n0 + far; i += most)
            {
                int rows = Math.Min(most, n0 + far - i);
                for (int t = 0; t < T; t++)
                {
                    for (int j = 0; j < 4; j++)
                        streams[j] = new Float8Stream { X = x + (nint)t * K, Codes = w + ((nint)i + (nint)j * far) * K, Scales = scales, Row = i + j * far };
                    SimdFloat8(streams, grid, rows, K, y + t * yStride + i, far);
                }
            }
        }

        Panels(x, T, w, scales, grid, n, n1, K, y, yStride);
    }

    /// <summary>Four streams side by side; needs <see cref="Isa.Has512"/>.</summary>
    internal static unsafe void SimdFloat8(Float8Stream* streams, TileGrid grid, int rows, int K, float* y, nint yStride)
    {
        if (rows == 0 || Float8Rows512.Rows(streams, grid.Across, rows, K, y, yStride))
            return;
        for (int j = 0; j < 4; j++)
        {
            Float8Stream s = streams[j];
            Panels(s.X, 1, s.Codes - (nint)s.Row * K, s.Scales, grid, s.Row, s.Row + rows, K, y + j * yStride - s.Row, yStride);
        }
    }

    /// <summary>The same by panels of rows, dequantised and then multiplied.</summary>
    private static unsafe void Panels(float* x, int T, byte* w, float* scales, TileGrid grid, int n0, int n1, int K, float* y, nint yStride)
    {
        if (n0 == n1)
            return;
        int most = (int)Math.Clamp(PanelBytes / sizeof(float) / Math.Max(1, K), 1, n1 - n0);
        // Whole tiles of every width, where there is room for one.
        if (most > 4)
            most -= most % 4;
        using var panel = new AlignedFloats(checked(most * K));
        for (int n = n0; n < n1; n += most)
        {
            int rows = Math.Min(most, n1 - n);
            for (int r = 0; r < rows; r++)
                Dequantize.SimdRow(ref *w, ref *scales, n + r, K, grid, ref Unsafe.AsRef<float>(panel.Pointer - (nint)n * K));
            Simd<Float32Codes>(x, T, (byte*)panel.Pointer, 0, rows, K, y + n, yStride);
        }
    }
}
