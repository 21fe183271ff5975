using System.Runtime.CompilerServices;
using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Ops;

/// <summary>The products of E4M3 weights with a binary32 scale for each block of 128 x 128, as if they had been dequantised to binary32 first.</summary>
public static partial class Linear
{
    // A panel of dequantised rows that stays in the second-level cache.
    private const int PanelBytes = 256 << 10;

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
            float** rows = stackalloc float*[4];
            for (int i = n0; i < n0 + far; i++)
            {
                for (int j = 0; j < 4; j++)
                    rows[j] = scales + (nint)((i + j * far) / grid.Height) * grid.Across;
                for (int t = 0; t < T; t++)
                {
                    if (Float8Rows512.Row(x + (nint)t * K, w + (nint)i * K, (nint)far * K, rows, K, y + t * yStride + i, far))
                        continue;
                    for (int j = 0; j < 4; j++)
                        Panels(x + (nint)t * K, 1, w, scales, grid, i + j * far, i + j * far + 1, K, y + t * yStride, yStride);
                }
            }
        }

        Panels(x, T, w, scales, grid, n, n1, K, y, yStride);
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
