using System.Runtime.CompilerServices;
using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Ops;

/// <summary>E4M3 codes decoded for the twin of a block-scaled product: values in binary32, and exponents as the matrix unit has them.</summary>
/// <remarks>
/// A panel holds 32 rows of the weight over 128 elements of k, turned so that the 32 values of one k lie together. NaN codes decode to 0 here:
/// a row with a NaN makes all its results NaN, whatever the accumulation, so that the twin writes those at the end.
/// A matrix unit's twin wants a zero as 2^-60 with exponent <see cref="ZeroExponent"/>: its products are cut to nothing, and its exponent never is the largest.
/// </remarks>
internal static unsafe class ScaledPanel
{
    /// <summary>Rows of the weight in a panel.</summary>
    public const int Columns = 32;

    /// <summary>Elements of k in a panel.</summary>
    public const int Depth = ScaledProduct.ScaleBlock;

    /// <summary>Below any exponent of a product (-12) even beside the largest exponent of E4M3 (8), and twice it still fits a byte.</summary>
    public const sbyte ZeroExponent = -60;

    private static readonly float[] Values = Table(0f);
    private static readonly float[] ValuesForUnit = Table(BitConverter.UInt32BitsToSingle((127 - 60) << 23));
    private static readonly sbyte[] Exponents = [.. Enumerable.Range(0, 256).Select(Exponent)];

    /// <summary>Whether a row has the code of a NaN.</summary>
    public static bool HasNaN(byte* codes, int count) => new ReadOnlySpan<byte>(codes, count).ContainsAny((byte)0x7F, (byte)0xFF);

    /// <summary>count elements (at most <see cref="Depth"/>) of one row of x; +0 behind them.</summary>
    public static void DecodeRow(byte* codes, int count, float* values, double* wide, sbyte* exponents)
    {
        for (int k = 0; k < count; k++)
        {
            values[k] = Values[codes[k]];
            wide[k] = values[k];
            exponents[k] = Exponents[codes[k]];
        }

        for (int k = count; k < Depth; k++)
        {
            values[k] = 0f;
            wide[k] = 0;
            exponents[k] = ZeroExponent;
        }
    }

    /// <summary>count elements of each of <paramref name="rows"/> rows of the weight, <paramref name="stride"/> bytes apart; zeros behind them.</summary>
    public static void Decode(byte* codes, nint stride, int rows, int count, bool forUnit, float* values, sbyte* exponents)
    {
        float[] table = forUnit ? ValuesForUnit : Values;
        if (rows < Columns || count < Depth)
        {
            new Span<float>(values, Columns * Depth).Fill(table[0]);
            new Span<sbyte>(exponents, Columns * Depth).Fill(ZeroExponent);
        }

        ref float value = ref table[0];
        ref sbyte exponent = ref Exponents[0];
        for (int n = 0; n < rows; n++)
        {
            byte* row = codes + n * stride;
            float* to = values + n;
            for (int k = 0; k < count; k++)
                to[k * Columns] = Unsafe.Add(ref value, row[k]);
            if (!forUnit)
                continue;
            sbyte* exponentTo = exponents + n;
            for (int k = 0; k < count; k++)
                exponentTo[k * Columns] = Unsafe.Add(ref exponent, row[k]);
        }
    }

    private static float[] Table(float zero)
    {
        float[] table = new float[256];
        for (int code = 0; code < table.Length; code++)
        {
            float value = Float8E4M3.FromBits((byte)code).ToSingle();
            table[code] = value == 0 || float.IsNaN(value) ? zero : value;
        }

        return table;
    }

    private static sbyte Exponent(int code)
    {
        int E = code >> 3 & 15, M = code & 7;
        if ((E == 0 && M == 0) || (code & 0x7F) == 0x7F)
            return ZeroExponent;
        return (sbyte)Math.Max(E - 7, -6);
    }
}
