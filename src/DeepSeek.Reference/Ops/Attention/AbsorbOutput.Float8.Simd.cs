using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Ops;

/// <remarks>
/// W_UV as E4M3 codes with a binary32 scale for each block of 128 x 128 of kv_b_proj [H (dn + dv), c], decoded where they are multiplied: W_{UV,h,v,i} = RN32(code_{n,i} · s_{⌊n/128⌋,⌊i/128⌋})
/// with n = h (dn + dv) + dn + v, and the sums as above (rules N6, N22). The bits of <see cref="Dequantize"/> into binary32 and of <see cref="Define"/> after it.
/// </remarks>
public static partial class AbsorbOutput
{
    /// <summary>Whether <see cref="SimdFloat8"/> takes such operands: binary32 of few tokens.</summary>
    internal static bool FitsFloat8(Tensor z, Tensor y) => Isa.Has512 && z.Shape[0] < AbsorbQuery.FewTokens && z.DType == DType.F32 && y.DType == DType.F32;

    /// <summary>All tokens for heads from..to; the weights of four distant heads side by side.</summary>
    internal static unsafe void SimdFloat8(Tensor z, Tensor codes, Tensor scales, TileGrid grid, Tensor y, int from, int to)
    {
        (int S, int H, int c, int dv) = (Operands.Dim(z, 0), Operands.Dim(z, 1), Operands.Dim(z, 2), Operands.Dim(y, 2));
        int rows = Operands.Dim(codes, 0) / H, far = (to - from) / 4;
        Float8Stream* streams = stackalloc Float8Stream[4];
        fixed (byte* zOrigin = &z.ByteOrigin, kv = &codes.ByteOrigin, s = &scales.ByteOrigin, yOrigin = &y.ByteOrigin)
        {
            float* latent = (float*)zOrigin, output = (float*)yOrigin;
            for (int h = from; h < from + far; h++)
            {
                for (int t = 0; t < S; t++)
                {
                    for (int i = 0; i < 4; i++)
                    {
                        int head = h + i * far, row = (head + 1) * rows - dv;
                        streams[i] = new Float8Stream { X = latent + ((nint)t * H + head) * c, Codes = kv + (nint)row * c, Scales = (float*)s, Row = row };
                    }

                    Linear.SimdFloat8(streams, grid, dv, c, output + ((nint)t * H + h) * dv, (nint)far * dv);
                }
            }

            for (int h = from + 4 * far; h < to; h++)
            {
                int row = (h + 1) * rows - dv;
                for (int t = 0; t < S; t++)
                    Linear.SimdFloat8(latent + ((nint)t * H + h) * c, 1, kv, (float*)s, grid, row, row + dv, c, output + ((nint)t * H + h) * dv - row, 0);
            }
        }
    }
}
