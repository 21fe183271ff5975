using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Ops;

/// <remarks>
/// W_UK as E4M3 codes with a binary32 scale for each block of 128 x 128 of kv_b_proj [H (dn + dv), c], decoded where they are multiplied: W_{UK,h,d,i} = RN32(code_{n,i} · s_{⌊n/128⌋,⌊i/128⌋})
/// with n = h (dn + dv) + d, and the sums as above (rules N6, N22). The bits of <see cref="Dequantize"/> into binary32 and of <see cref="Define"/> after it.
/// </remarks>
public static partial class AbsorbQuery
{
    // Values of a head's factors; V3 has 512.
    private const int MostFactors = 4096;

    /// <summary>Whether <see cref="SimdFloat8"/> takes such operands: binary32 of few tokens, whole registers of columns.</summary>
    internal static bool FitsFloat8(Tensor q, int dn, int c, Tensor y) =>
        Isa.Has512 && q.Shape[0] < FewTokens && q.DType == DType.F32 && y.DType == DType.F32 && c % ResidueProduct.RowColumns == 0 && (long)TileGrid.Ceil(c) * dn <= MostFactors;

    /// <summary>All tokens for heads from..to; false, and nothing of use in y, where a code is NaN or a scale is 2^8 and more.</summary>
    internal static unsafe bool SimdFloat8(Tensor q, Tensor codes, Tensor scales, TileGrid grid, int dn, Tensor y, int from, int to)
    {
        (int S, int H, int width, int c) = (Operands.Dim(q, 0), Operands.Dim(q, 1), Operands.Dim(q, 2), Operands.Dim(codes, 1));
        int rows = Operands.Dim(codes, 0) / H, dr = width - dn, result = c + dr;
        float* factors = stackalloc float[MostFactors];
        fixed (byte* qOrigin = &q.ByteOrigin, kv = &codes.ByteOrigin, s = &scales.ByteOrigin, yOrigin = &y.ByteOrigin)
        {
            for (int h = from; h < to; h++)
            {
                byte* w = kv + (nint)h * rows * c;
                var head = new Float8Stream { Codes = w, Scales = (float*)s, Row = h * rows };
                if (dn > 0 && !Float8Rows512.Ordinary(head, grid.Across, dn))
                    return false;
                Factors(head, grid.Across, dn, factors);
                for (int t = 0; t < S; t++)
                {
                    float* query = (float*)qOrigin + ((nint)t * H + h) * width;
                    float* absorbed = (float*)yOrigin + ((nint)t * H + h) * result;
                    if (!ResidueProduct.MultiplyRowOfCodes(query, w, c, dn, c, absorbed, t == S - 1 ? w + (nint)rows * c : w, factors))
                        return false;
                    new ReadOnlySpan<float>(query + dn, dr).CopyTo(new Span<float>(absorbed + c, dr));
                }
            }
        }

        return true;
    }

    /// <summary>scale · 2^120 of each of the head's first dn rows, for the first 128 columns, then for the next.</summary>
    private static unsafe void Factors(Float8Stream head, int across, int dn, float* factors)
    {
        for (int n = 0, end; n < dn; n = end)
        {
            end = Math.Min(dn, n + TileGrid.Side - (head.Row + n) % TileGrid.Side);
            float* row = Float8Rows512.Scales(head, n, across);
            for (int b = 0; b < across; b++)
                new Span<float>(factors + (nint)b * dn + n, end - n).Fill(row[b] * Float8Rows512.Rebias);
        }
    }
}
