using DeepSeek.Reference.TensorCores;

namespace DeepSeek.Reference.Ops;

/// <summary>The scale of one tile, and how an element of the tile is brought into the format's range by it.</summary>
/// <remarks>
/// <code>
/// a  = max(max |x|, 1e-4)                    QuantizationClamp.Amax; a NaN among the x makes it NaN (N3), or is passed over
/// s  = a / M,  a · (1/M)  or  a · rcp(M)     QuantizerArithmetic; 1/M is a binary32 itself
/// s  = max(s, 1e-4)                          QuantizationClamp.Scale
/// s  = 2^ceil(log2 s)                        ScaleFormat.UE8M0
/// y  = x / s,  x · (1/s),  x · rcp(s)  or  x · (M/a)      QuantizerArithmetic; x · (1/s) in place of the last where s was rounded up
/// </code>
/// Rule N19. With a power of two the quotient is exact, so that all seven arithmetics give the same codes of numbers. rcp is Hopper's: <see cref="HopperMufu.ReciprocalFtz"/>.
/// </remarks>
public readonly record struct TileScale
{
    /// <summary>The least amax, and for <see cref="QuantizationClamp.Scale"/> the least scale: 1e-4 as a binary32, 0x38D1B717.</summary>
    public const float Least = 1e-4f;

    private TileScale(float scale, float factor, bool divides)
    {
        Scale = scale;
        Factor = factor;
        Divides = divides;
    }

    /// <summary>s, which dequantising multiplies by.</summary>
    public float Scale { get; }

    /// <summary>What x is multiplied by where it is not divided: 1/s, rcp(s) or M/a. Else 1/s, which nothing is multiplied by.</summary>
    internal float Factor { get; }

    /// <summary>True where y = x / s.</summary>
    internal bool Divides { get; }

    /// <summary>The scale of a tile.</summary>
    /// <param name="amax">max |x| over the tile; NaN if one of them is, where the arithmetic does not pass over NaNs.</param>
    /// <param name="largest">M, the format's largest value.</param>
    /// <param name="attributes">Arithmetic, scale format and clamp; the tile's shape does not matter here.</param>
    public static TileScale Of(float amax, float largest, QuantizeAttributes attributes)
    {
        if (attributes.Clamp == QuantizationClamp.Amax)
            amax = MathF.Max(amax, Least);
        float s = attributes.Arithmetic switch
        {
            QuantizerArithmetic.TritonActQuant or QuantizerArithmetic.DeepGemm or QuantizerArithmetic.DeepGemm2025 => amax / largest,
            QuantizerArithmetic.TritonActQuantHopper => amax * HopperMufu.ReciprocalFtz(largest),
            _ => amax * (1f / largest),
        };
        if (attributes.Clamp == QuantizationClamp.Scale)
            s = MathF.Max(s, Least);
        if (attributes.ScaleFormat == ScaleFormat.UE8M0)
            s = PowerOfTwoNotBelow(s);
        return attributes.Arithmetic switch
        {
            QuantizerArithmetic.TritonActQuant or QuantizerArithmetic.TileLang => new(s, 1f / s, divides: true),
            QuantizerArithmetic.DeepGemm or QuantizerArithmetic.TorchCuda => new(s, 1f / s, divides: false),
            QuantizerArithmetic.TritonActQuantHopper => new(s, HopperMufu.ReciprocalFtz(s), divides: false),
            _ => new(s, attributes.ScaleFormat == ScaleFormat.UE8M0 ? 1f / s : largest / amax, divides: false),
        };
    }

    /// <summary>Whether a tile's largest magnitude is that of its numbers alone; else a NaN makes it NaN.</summary>
    internal static bool PassesOverNaN(QuantizerArithmetic arithmetic) => arithmetic == QuantizerArithmetic.TritonActQuantHopper;

    /// <summary>The larger of a and |x|, as an arithmetic has it.</summary>
    internal static float Larger(float a, float x, QuantizerArithmetic arithmetic) => float.IsNaN(x) && PassesOverNaN(arithmetic) ? a : MathF.Max(a, MathF.Abs(x));

    /// <summary>The quotient y of an element, which the cast to the format then rounds once more.</summary>
    public float Quotient(float x) => Divides ? x / Scale : x * Factor;

    /// <summary>2^ceil(log2 s) by the bits of s: the exponent, one more where the fraction is not zero, kept within 1 to 254; a NaN or an infinity stays what it is.</summary>
    /// <remarks>DeepGEMM's, DeepEP's and DeepSeek-V3.2's recipe; the clamp is DeepGEMM's. s is not negative.</remarks>
    public static float PowerOfTwoNotBelow(float s)
    {
        if (!float.IsFinite(s))
            return s;
        uint u = BitConverter.SingleToUInt32Bits(s);
        uint e = (u >> 23) & 255;
        if ((u & 0x7FFFFF) != 0)
            e++;
        e = Math.Clamp(e, 1, 254);
        return BitConverter.UInt32BitsToSingle(e << 23);
    }
}
