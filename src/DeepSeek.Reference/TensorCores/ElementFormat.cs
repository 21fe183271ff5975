namespace DeepSeek.Reference.TensorCores;

/// <summary>Which codes of a format stand for no number.</summary>
public enum SpecialCodes
{
    /// <summary>The top exponent holds the infinities (fraction 0) and NaNs, as in IEEE-754.</summary>
    Ieee,

    /// <summary>No infinity; the code of all ones behind the sign is the only NaN (OCP E4M3).</summary>
    OnlyAllOnesIsNaN,

    /// <summary>Every code is a finite number (OCP E2M1, E2M3, E3M2).</summary>
    None,
}

/// <summary>A binary floating-point format as a matrix unit reads it: sign, exponent, fraction, most significant first.</summary>
/// <remarks>
/// <code>
/// normal      (-1)^S 2^(E - bias) (1 + M / 2^fraction)
/// subnormal   (-1)^S 2^(1 - bias) (M / 2^fraction)          E = 0; not renormalised by the unit
/// </code>
/// OCP 8-bit Floating Point Specification 1.0; OCP Microscaling Formats 1.0; IEEE-754; for TF32 the PTX ISA, "Alternate Floating-Point Data Formats".
/// </remarks>
/// <param name="Name">The name units use, such as "e4m3".</param>
/// <param name="ExponentBits">Width of the exponent field.</param>
/// <param name="FractionBits">Width of the fraction field.</param>
/// <param name="Bias">What the exponent field exceeds the exponent by.</param>
/// <param name="Specials">Infinities and NaNs.</param>
/// <param name="IgnoredBits">Low bits of a stored code that the unit does not look at: 13 of TF32's 32.</param>
public sealed record ElementFormat(string Name, int ExponentBits, int FractionBits, int Bias, SpecialCodes Specials, int IgnoredBits = 0)
{
    /// <summary>OCP E4M3 ("fn"): maximum 448, no infinity.</summary>
    public static ElementFormat E4M3 { get; } = new("e4m3", 4, 3, 7, SpecialCodes.OnlyAllOnesIsNaN);

    /// <summary>OCP E5M2: maximum 57344.</summary>
    public static ElementFormat E5M2 { get; } = new("e5m2", 5, 2, 15, SpecialCodes.Ieee);

    /// <summary>OCP E3M2, six bits: maximum 28.</summary>
    public static ElementFormat E3M2 { get; } = new("e3m2", 3, 2, 3, SpecialCodes.None);

    /// <summary>OCP E2M3, six bits: maximum 7.5.</summary>
    public static ElementFormat E2M3 { get; } = new("e2m3", 2, 3, 1, SpecialCodes.None);

    /// <summary>OCP E2M1, four bits: maximum 6.</summary>
    public static ElementFormat E2M1 { get; } = new("e2m1", 2, 1, 1, SpecialCodes.None);

    /// <summary>bfloat16.</summary>
    public static ElementFormat BF16 { get; } = new("bf16", 8, 7, 127, SpecialCodes.Ieee);

    /// <summary>IEEE binary16.</summary>
    public static ElementFormat FP16 { get; } = new("fp16", 5, 10, 15, SpecialCodes.Ieee);

    /// <summary>TF32: a binary32 code of which the low 13 bits are ignored (cut, not rounded).</summary>
    public static ElementFormat TF32 { get; } = new("tf32", 8, 10, 127, SpecialCodes.Ieee, IgnoredBits: 13);

    /// <summary>IEEE binary32, the wide accumulator.</summary>
    public static ElementFormat F32 { get; } = new("f32", 8, 23, 127, SpecialCodes.Ieee);

    /// <summary>IEEE binary16 as an accumulator.</summary>
    public static ElementFormat F16 { get; } = new("f16", 5, 10, 15, SpecialCodes.Ieee);

    /// <summary>Bits of a stored code.</summary>
    public int StorageBits => 1 + ExponentBits + FractionBits + IgnoredBits;

    /// <summary>Hexadecimal digits of a stored code.</summary>
    public int Digits => (StorageBits + 3) / 4;

    /// <summary>The exponent of subnormals and of the smallest normal number.</summary>
    public int MinExponent => 1 - Bias;

    /// <summary>The code of +infinity; only where <see cref="Specials"/> is <see cref="SpecialCodes.Ieee"/>.</summary>
    public uint Infinity => ((1u << ExponentBits) - 1) << (FractionBits + IgnoredBits);

    /// <summary>The code of -0.</summary>
    public uint NegativeZero => 1u << (StorageBits - 1);

    /// <summary>What a code stands for.</summary>
    /// <exception cref="DataException">The code has more bits than the format.</exception>
    public Element Decode(uint code)
    {
        if (StorageBits < 32 && code >> StorageBits != 0)
            throw new DataException($"0x{code:x} is not a code of {Name}, which has {StorageBits} bits");

        bool negative = (code & NegativeZero) != 0;
        uint magnitude = (code & (NegativeZero - 1)) >> IgnoredBits;
        int E = (int)(magnitude >> FractionBits);
        uint M = magnitude & ((1u << FractionBits) - 1);
        int top = (1 << ExponentBits) - 1;

        if (Specials == SpecialCodes.Ieee && E == top)
            return new Element(M == 0 ? ElementKind.Infinity : ElementKind.NaN, negative, 0, 0);
        if (Specials == SpecialCodes.OnlyAllOnesIsNaN && E == top && M == (1u << FractionBits) - 1)
            return new Element(ElementKind.NaN, negative, 0, 0);
        if (magnitude == 0)
            return new Element(ElementKind.Zero, negative, 0, 0);
        return E == 0
            ? new Element(ElementKind.Subnormal, negative, MinExponent, M)
            : new Element(ElementKind.Normal, negative, E - Bias, (1u << FractionBits) | M);
    }

    /// <summary>The code of a value that the format has; no rounding.</summary>
    /// <exception cref="ContractException">The format does not have it.</exception>
    public uint Encode(float x)
    {
        uint sign = float.IsNegative(x) ? NegativeZero : 0;
        if (x == 0)
            return sign;
        if (float.IsNaN(x) && Specials != SpecialCodes.None)
            return sign | (Specials == SpecialCodes.Ieee ? Infinity | 1u << (FractionBits + IgnoredBits - 1) : NegativeZero - 1);
        if (float.IsInfinity(x) && Specials == SpecialCodes.Ieee)
            return sign | Infinity;

        // |x| = whole · 2^quantum, where quantum is the format's last place there.
        int quantum = Math.Max(float.IsFinite(x) ? Math.ILogB(x) : MinExponent, MinExponent) - FractionBits;
        double whole = Math.ScaleB(Math.Abs((double)x), -quantum);
        int top = (1 << ExponentBits) - (Specials == SpecialCodes.Ieee ? 2 : 1);
        long code = double.IsFinite(whole) && whole == Math.Floor(whole) ? ((long)(quantum + FractionBits + Bias - 1) << FractionBits) + (long)whole : long.MaxValue;
        long largest = ((long)(top + 1) << FractionBits) - (Specials == SpecialCodes.OnlyAllOnesIsNaN ? 2 : 1);
        if (code > largest)
            throw new ContractException($"{x:R} is no value of {Name}; a matrix unit takes operands of its own format, without rounding");
        return sign | (uint)code << IgnoredBits;
    }

    /// <summary>The value of a code, exactly; NaN and infinities as themselves.</summary>
    public double ToDouble(uint code)
    {
        Element element = Decode(code);
        double magnitude = element.Kind switch
        {
            ElementKind.NaN => double.NaN,
            ElementKind.Infinity => double.PositiveInfinity,
            _ => Math.ScaleB(element.Significand, element.Exponent - FractionBits),
        };
        return element.Negative ? -magnitude : magnitude;
    }

    /// <inheritdoc/>
    public override string ToString() => Name;
}

/// <summary>The class of a code.</summary>
public enum ElementKind
{
    /// <summary>+0 or -0.</summary>
    Zero,

    /// <summary>A number below the smallest normal one.</summary>
    Subnormal,

    /// <summary>A normal number.</summary>
    Normal,

    /// <summary>An infinity.</summary>
    Infinity,

    /// <summary>Not a number.</summary>
    NaN,
}

/// <summary>What a code stands for: (-1)^Negative · Significand · 2^(Exponent - the format's fraction bits).</summary>
/// <param name="Kind">The class.</param>
/// <param name="Negative">The sign bit.</param>
/// <param name="Exponent">The exponent; 0 where there is none.</param>
/// <param name="Significand">The fraction with its leading 1, which a subnormal number lacks.</param>
public readonly record struct Element(ElementKind Kind, bool Negative, int Exponent, uint Significand);
