using System.Globalization;

namespace DeepSeek.Reference.Verification;

/// <summary>The columns of encode tables: each is an implementation, and here is which cast of the library it equals.</summary>
/// <remarks>
/// Three implementations answer a few special arguments in a way that the library has no policy for; those are written out below, so that every row is compared.
/// NaNs are compared by class where the column's implementation has a payload or sign of its own.
/// </remarks>
internal static class EncodeColumns
{
    /// <summary>From x to a code.</summary>
    private delegate uint Encoder(float x);

    /// <summary>An implementation: its name, the library's cast, how many hexadecimal digits a code has, which codes are NaN, and whether NaNs count as one.</summary>
    private sealed record Column(string Name, int Digits, Encoder Encode, Func<uint, bool> IsNaN, bool NaNByClass);

    /// <summary>Whether tables of the format are known.</summary>
    public static bool Knows(string format) => Of(format).Length > 0;

    /// <summary>The columns that tables of the format may have.</summary>
    public static IEnumerable<string> Names(string format) => Of(format).Select(c => c.Name);

    /// <summary>From a row to what differs in it; null when a column is not known.</summary>
    public static Func<string[], string?>? Judge(string format, string[] names)
    {
        Column[] known = Of(format);
        Column?[] found = [.. names.Skip(1).Select(name => Array.Find(known, c => c.Name == name))];
        if (Array.Exists(found, c => c is null))
            return null;
        return row =>
        {
            float x = VectorTables.Single(row[0]);
            for (int i = 0; i < found.Length; i++)
            {
                Column column = found[i]!;
                uint want = uint.Parse(row[i + 1], NumberStyles.HexNumber, CultureInfo.InvariantCulture);
                uint got = column.Encode(x);
                if (got != want && !(column.NaNByClass && column.IsNaN(got) && column.IsNaN(want)))
                    return string.Create(CultureInfo.InvariantCulture, $"{format} of {row[0]} as {column.Name} is {got.ToString($"x{column.Digits}", CultureInfo.InvariantCulture)}, the table says {row[i + 1]}");
            }

            return null;
        };
    }

    private static Column[] Of(string format) => format switch
    {
        "e4m3fn" => E4M3,
        "e5m2" => E5M2,
        "e8m0fnu" => E8M0,
        "bf16" => [.. new[] { "eigen_rne", "torch_rne", "cuda_rn" }.Select(name => new Column(name, 4, x => BFloat16.Round(x).Bits, IsBFloat16NaN, true))],
        "fp16" => [.. new[] { "hw_f16c", "eigen_rne", "cuda_rn" }.Select(name => new Column(name, 4, x => BitConverter.HalfToUInt16Bits((Half)x), IsHalfNaN, true))],
        _ => [],
    };

    private static readonly Column[] E4M3 =
    [
        new("ml_dtypes_nosat", 2, x => Float8E4M3.FromSingle(x, Fp8Overflow.NaN).Bits, IsE4M3NaN, false),
        // An infinity stays without a value: no kernel has this, and neither has the library.
        new("ml_dtypes_sat", 2, x => Float8E4M3.FromSingle(x, float.IsFinite(x) ? Fp8Overflow.Saturate : Fp8Overflow.NaN).Bits, IsE4M3NaN, false),
        new("torch_le_2_11", 2, x => Float8E4M3.FromSingle(x, Fp8Overflow.NaN).Bits, IsE4M3NaN, false),
        new("nv_nosat", 2, x => Float8E4M3.FromSingle(x, Fp8Overflow.NaN).Bits, IsE4M3NaN, true),
        new("nv_satfinite", 2, x => Float8E4M3.FromSingle(x, Fp8Overflow.Saturate).Bits, IsE4M3NaN, false),
        new("via_bf16_nv_satfinite", 2, x => Float8E4M3.FromBFloat16(BFloat16.Round(x), Fp8Overflow.Saturate).Bits, IsE4M3NaN, false),
    ];

    private static readonly Column[] E5M2 =
    [
        new("ml_dtypes_nosat", 2, x => Float8E5M2.FromSingle(x, Fp8Overflow.Infinity).Bits, IsE5M2NaN, true),
        // An infinity stays one.
        new("ml_dtypes_sat", 2, x => Float8E5M2.FromSingle(x, float.IsFinite(x) ? Fp8Overflow.Saturate : Fp8Overflow.Infinity).Bits, IsE5M2NaN, true),
        new("torch_le_2_11", 2, x => Float8E5M2.FromSingle(x, Fp8Overflow.Infinity).Bits, IsE5M2NaN, false),
        new("nv_nosat", 2, x => Float8E5M2.FromSingle(x, Fp8Overflow.Infinity).Bits, IsE5M2NaN, true),
        new("nv_satfinite", 2, x => Float8E5M2.FromSingle(x, Fp8Overflow.Saturate).Bits, IsE5M2NaN, false),
        new("via_bf16_nv_satfinite", 2, x => Float8E5M2.FromBFloat16(BFloat16.Round(x), Fp8Overflow.Saturate).Bits, IsE5M2NaN, false),
    ];

    private static readonly Column[] E8M0 =
    [
        // Zero, which the format lacks, is NaN there.
        new("ml_dtypes_nosat", 2, x => x == 0 ? Float8E8M0.NaN.Bits : Float8E8M0.FromSingle(x, PowerOfTwoRounding.Nearest, Fp8Overflow.NaN).Bits, IsE8M0NaN, false),
        // An infinity stays without a value.
        new("ml_dtypes_sat", 2, x => Float8E8M0.FromSingle(x, PowerOfTwoRounding.Nearest, float.IsFinite(x) ? Fp8Overflow.Saturate : Fp8Overflow.NaN).Bits, IsE8M0NaN, false),
        new("torch_rne", 2, x => Float8E8M0.FromSingle(x, PowerOfTwoRounding.Nearest, Fp8Overflow.NaN).Bits, IsE8M0NaN, false),
        new("deepgemm_ceil", 2, x => Float8E8M0.FromSingle(x, PowerOfTwoRounding.Up, Fp8Overflow.Saturate).Bits, IsE8M0NaN, false),
    ];

    private static bool IsE4M3NaN(uint code) => Float8E4M3.IsNaN(Float8E4M3.FromBits((byte)code));

    private static bool IsE5M2NaN(uint code) => Float8E5M2.IsNaN(Float8E5M2.FromBits((byte)code));

    private static bool IsE8M0NaN(uint code) => code == 0xFF;

    private static bool IsBFloat16NaN(uint code) => BFloat16.IsNaN(BFloat16.FromBits((ushort)code));

    private static bool IsHalfNaN(uint code) => Half.IsNaN(BitConverter.UInt16BitsToHalf((ushort)code));
}
