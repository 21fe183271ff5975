using DeepSeek.Reference.TensorCores;

namespace DeepSeek.Reference.Verification;

/// <summary>A format as the maps of a capture see it: the fields of a code, all of whose bits are drawn. TF32 is the binary32 pattern of its register.</summary>
internal sealed record CaptureFormat(string Name, ElementFormat Elements, int ExponentBits, int MantissaBits, int Bias, bool HasInfinity)
{
    private static readonly CaptureFormat[] Operands =
    [
        new("e4m3", ElementFormat.E4M3, 4, 3, 7, false),
        new("e5m2", ElementFormat.E5M2, 5, 2, 15, true),
        new("bf16", ElementFormat.BF16, 8, 7, 127, true),
        new("f16", ElementFormat.FP16, 5, 10, 15, true),
        new("tf32", ElementFormat.TF32, 8, 23, 127, true),
    ];

    private static readonly CaptureFormat[] Accumulators =
    [
        new("f32", ElementFormat.F32, 8, 23, 127, true),
        new("f16", ElementFormat.F16, 5, 10, 15, true),
    ];

    /// <summary>Bits of a code.</summary>
    public int Bits => 1 + ExponentBits + MantissaBits;

    /// <summary>Bytes of a code.</summary>
    public int Bytes => Bits / 8;

    /// <summary>The exponent field, all ones.</summary>
    public uint ExponentMask => (1u << ExponentBits) - 1;

    /// <summary>The mantissa field, all ones.</summary>
    public uint MantissaMask => (1u << MantissaBits) - 1;

    /// <summary>The largest exponent field of a finite number.</summary>
    public uint Top => HasInfinity ? ExponentMask - 1 : ExponentMask;

    /// <summary>The operand format of a name in PTX, or none.</summary>
    public static CaptureFormat? Operand(string name) => Array.Find(Operands, f => f.Name == name);

    /// <summary>The accumulator format of a name in PTX, or none.</summary>
    public static CaptureFormat? Accumulator(string name) => Array.Find(Accumulators, f => f.Name == name);

    /// <summary>The code of a sign, an exponent field and the low bits of a word as mantissa.</summary>
    public uint Make(uint sign, uint exponent, uint mantissa) => (sign << (Bits - 1)) | (exponent << MantissaBits) | (mantissa & MantissaMask);

    /// <summary>Whether the code is an infinity or NaN.</summary>
    public bool IsSpecial(uint code) =>
        ((code >> MantissaBits) & ExponentMask) == ExponentMask && (HasInfinity || (code & MantissaMask) == MantissaMask);

    /// <summary>Whether the code is a NaN.</summary>
    public bool IsNaN(uint code) => IsSpecial(code) && (!HasInfinity || (code & MantissaMask) != 0);

    /// <summary>The code, or where it is special the one with the lowest bit of its exponent cleared.</summary>
    public uint Finite(uint code) => IsSpecial(code) ? code ^ (1u << MantissaBits) : code;

    /// <summary>The code of a whole number that the format holds exactly.</summary>
    public uint WholeNumber(int n)
    {
        if (n == 0)
            return 0;
        uint magnitude = (uint)Math.Abs(n);
        int e = 31 - System.Numerics.BitOperations.LeadingZeroCount(magnitude);
        return Make(n < 0 ? 1u : 0u, (uint)(Bias + e), magnitude << (MantissaBits - e));
    }
}
