using System.Globalization;
using System.Text.Json;

namespace DeepSeek.Reference.Verification;

/// <summary>One line of a file of vectors: a JSON object whose bit patterns are hexadecimal text.</summary>
internal readonly record struct VectorLine(string Path, int Number, JsonElement Json)
{
    /// <summary>Whether the field is there.</summary>
    public bool Has(string field) => Json.TryGetProperty(field, out _);

    /// <summary>Whether the sign of a zero result is not established on this line ("amb": 1).</summary>
    public bool ZeroSignIsOpen => Json.TryGetProperty("amb", out JsonElement amb) && amb.ValueKind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.Number => amb.TryGetInt32(out int n) && n != 0,
        _ => false,
    };

    /// <summary>The text of a field.</summary>
    /// <exception cref="DataException">It is not there, or is no text.</exception>
    public string Text(string field)
    {
        if (!Json.TryGetProperty(field, out JsonElement value))
            throw Bad($"has no field '{field}'", "give it as hexadecimal text");
        return value.ValueKind == JsonValueKind.String ? value.GetString()! : throw Bad($"'{field}' is {value.ValueKind}, not text", "give hexadecimal digits in quotes");
    }

    /// <summary>The whole number of a field.</summary>
    /// <exception cref="DataException">It is no whole number.</exception>
    public int Whole(string field) =>
        Json.GetProperty(field) is { ValueKind: JsonValueKind.Number } value && value.TryGetInt32(out int n) ? n : throw Bad($"'{field}' is no whole number", "give one");

    /// <summary>Codes of a fixed number of digits, joined, element 0 first.</summary>
    /// <exception cref="DataException">Other characters, or no whole number of codes.</exception>
    public uint[] Codes(string field, int digits)
    {
        string text = Text(field);
        if (text.Length % digits != 0)
            throw Bad($"'{field}' has {text.Length} digits, no whole number of codes of {digits}", $"give {digits} digits for each element");
        uint[] codes = new uint[text.Length / digits];
        for (int i = 0; i < codes.Length; i++)
        {
            if (!uint.TryParse(text.AsSpan(digits * i, digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out codes[i]))
                throw Bad($"'{field}' has '{text.Substring(digits * i, digits)}' where {digits} hexadecimal digits belong", "give 0-9 and a-f alone");
        }

        return codes;
    }

    /// <summary>Exactly this many codes.</summary>
    /// <exception cref="DataException">More, fewer, or other characters.</exception>
    public uint[] Codes(string field, int digits, int count)
    {
        uint[] codes = Codes(field, digits);
        return codes.Length == count ? codes : throw Bad($"'{field}' has {codes.Length} codes", $"give {count}");
    }

    /// <summary>The one code of a field.</summary>
    /// <exception cref="DataException">More than one, or other characters.</exception>
    public uint Code(string field, int digits) => Codes(field, digits, 1)[0];

    /// <summary>The error of this line.</summary>
    public DataException Bad(string what, string remedy) => new($"{Path}:{Number}: {what}; {remedy}");
}

/// <summary>The first value of a file that differs.</summary>
/// <param name="Line">Line of the file, from 1.</param>
/// <param name="Field">The column.</param>
/// <param name="Got">Bits computed here.</param>
/// <param name="Want">Bits in the file.</param>
internal sealed record VectorDifference(int Line, string Field, string Got, string Want)
{
    /// <inheritdoc/>
    public override string ToString() => $"line {Line}: {Field} is {Got} here and {Want} in the file";

    /// <summary>None, or the difference of two codes; NaNs may be told apart, and zeros of both signs may be one.</summary>
    public static VectorDifference? Of(VectorLine line, string field, uint got, int digits, bool anyNaN = true)
    {
        uint want = line.Code(field, digits);
        uint sign = 1u << (4 * digits - 1);
        bool zeros = line.ZeroSignIsOpen && ((got | want) & ~sign) == 0;
        bool nans = anyNaN && IsNaN(got, digits) && IsNaN(want, digits);
        return got == want || zeros || nans ? null : new VectorDifference(line.Number, field, Hex(got, digits), Hex(want, digits));
    }

    /// <summary>A code as it is written in files.</summary>
    public static string Hex(uint code, int digits) => code.ToString($"x{digits}", CultureInfo.InvariantCulture);

    /// <summary>NaN of binary32 (8 digits) or bfloat16 (4).</summary>
    private static bool IsNaN(uint code, int digits) => float.IsNaN(BitConverter.UInt32BitsToSingle(digits == 8 ? code : code << 16));
}
