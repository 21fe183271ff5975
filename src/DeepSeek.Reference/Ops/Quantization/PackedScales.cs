namespace DeepSeek.Reference.Ops;

/// <summary>Power-of-two scales as Blackwell's kernels read them: exponents, four along K in a word, words column by column.</summary>
/// <remarks>
/// <code>
/// byte b of word (g, m) = the biased exponent of scale (m, 4g + b): the value is 2^(byte - 127)      byte 0 lies lowest
/// word (g, m) stands at g · align(M, 4) + m                                                          column by column, 16-byte columns
/// padding: byte 0 beyond the last scale of a row, word 0 beyond the last row
/// </code>
/// scales F32 [M, G], packed I32 [ceil(G/4), align(M, 4)] in memory order. DeepGEMM, get_mn_major_tma_aligned_packed_ue8m0_tensor. Rule N19.
/// DeepGEMM takes the exponent bits of any scale; here a scale that is no power of two is refused, since a truncated one is wrong in silence.
/// </remarks>
public static class PackedScales
{
    /// <summary>Scales in a word.</summary>
    public const int InWord = 4;

    /// <summary>Words of which a column is a multiple: 16 bytes.</summary>
    public const int RowAlignment = 4;

    /// <summary>The words of a row of words: M up to the next multiple of four.</summary>
    public static int Stride(int M) => checked((M + RowAlignment - 1) / RowAlignment * RowAlignment);

    /// <summary>The packed tensor of scales F32 [M, G]: I32 [ceil(G/4), align(M, 4)].</summary>
    /// <exception cref="ShapeException">scales is not F32 of two dimensions.</exception>
    /// <exception cref="DataException">A scale is not a power of two from 2^-127 to 2^127.</exception>
    public static Tensor Pack(Tensor scales)
    {
        Operands.RequireType(scales, "scales", DType.F32);
        Operands.RequireRank(scales, "scales", 2);
        int M = Operands.Dim(scales, 0), G = Operands.Dim(scales, 1);
        var packed = new Tensor(DType.I32, (G + InWord - 1) / InWord, Stride(M));
        Define(scales.AsReadOnlySpan<float>(), M, G, packed.AsSpan<int>());
        return packed;
    }

    /// <summary>The scales F32 [M, G] of a packed tensor; padding is not looked at.</summary>
    /// <exception cref="ShapeException">packed is not I32 [ceil(G/4), align(M, 4)].</exception>
    public static Tensor Unpack(Tensor packed, int M, int G)
    {
        Operands.RequireType(packed, "packed", DType.I32);
        Operands.RequireShape(packed, "packed", (G + InWord - 1) / InWord, Stride(M));
        var scales = new Tensor(DType.F32, M, G);
        DefineUnpack(packed.AsReadOnlySpan<int>(), M, G, scales.AsSpan<float>());
        return scales;
    }

    /// <summary>The definition of packing.</summary>
    /// <exception cref="ShapeException">scales is not M·G values, or packed not ceil(G/4) · align(M, 4) words.</exception>
    /// <exception cref="DataException">A scale is not a power of two from 2^-127 to 2^127.</exception>
    public static void Define(ReadOnlySpan<float> scales, int M, int G, Span<int> packed)
    {
        RequireSizes(scales.Length, M, G, packed.Length);
        packed.Clear();
        for (int m = 0; m < M; m++)
        {
            for (int k = 0; k < G; k++)
            {
                int exponent = Exponent(scales[m * G + k], m, k);
                packed[k / InWord * Stride(M) + m] |= exponent << (8 * (k % InWord));
            }
        }
    }

    /// <summary>The definition of unpacking: a byte of 255 is NaN, as in E8M0.</summary>
    /// <exception cref="ShapeException">As for <see cref="Define"/>.</exception>
    public static void DefineUnpack(ReadOnlySpan<int> packed, int M, int G, Span<float> scales)
    {
        RequireSizes(scales.Length, M, G, packed.Length);
        for (int m = 0; m < M; m++)
        {
            for (int k = 0; k < G; k++)
            {
                int word = packed[k / InWord * Stride(M) + m];
                byte exponent = (byte)(word >> (8 * (k % InWord)));
                scales[m * G + k] = Float8E8M0.FromBits(exponent).ToSingle();
            }
        }
    }

    internal static int Exponent(float scale, int m, int k)
    {
        uint u = BitConverter.SingleToUInt32Bits(scale);
        if (u == 0x00400000)
            return 0;
        int exponent = (int)(u >> 23);
        if ((u & 0x7FFFFF) != 0 || exponent is 0 or > 254)
            throw new DataException($"scale ({m}, {k}) is {scale:R} (0x{u:X8}), not a power of two from 2^-127 to 2^127, and has no UE8M0 code; quantise with ScaleFormat.UE8M0");
        return exponent;
    }

    private static void RequireSizes(int scales, int M, int G, int packed)
    {
        long words = (((long)G + InWord - 1) / InWord) * Stride(M);
        if (scales != (long)M * G || packed != words)
            throw new ShapeException($"{scales} scales and {packed} words, expected {M} x {G} scales and {words} words");
    }
}
