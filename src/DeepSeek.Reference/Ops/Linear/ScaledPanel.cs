using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.TensorCores;

namespace DeepSeek.Reference.Ops;

/// <summary>E4M3 codes decoded for the twin of a block-scaled product: values in binary32, and exponents as the matrix unit has them.</summary>
/// <remarks>
/// A panel holds 32 rows of the weight over 128 elements of k, turned so that the 32 values of one k lie together. NaN codes decode to a number here:
/// a row with a NaN makes all its results NaN, whatever the accumulation, so that the twin writes those at the end.
/// A matrix unit's twin wants a zero as 2^-60 with exponent <see cref="ZeroExponent"/>: its products are cut to nothing, and its exponent never is the largest.
/// </remarks>
internal static unsafe class ScaledPanel
{
    /// <summary>Rows of the weight in a panel.</summary>
    public const int Columns = 32;

    /// <summary>Elements of k in a panel.</summary>
    public const int Depth = ScaledProduct.ScaleBlock;

    /// <summary>Below any exponent of a product (-12, and -18 where the unit widens) even beside the largest exponent of E4M3 (8), and twice it still fits a byte.</summary>
    public const sbyte ZeroExponent = -60;

    /// <summary>Elements of an instruction whose order is <see cref="FusedOrder.PairsOfFour"/>.</summary>
    public const int Pairs = 32;

    /// <summary>Whether a row has the code of a NaN.</summary>
    public static bool HasNaN(byte* codes, int count) => new ReadOnlySpan<byte>(codes, count).ContainsAny((byte)0x7F, (byte)0xFF);

    /// <summary>count elements (at most <see cref="Depth"/>) of one row of x, as binary32, as binary64 where asked, and as exponents; +0 behind them.</summary>
    public static void DecodeRow<V>(byte* codes, int count, TensorCore? unit, bool asDouble, float* values, double* wide, sbyte* exponents) where V : struct, IColumnLanes<V>
    {
        sbyte* row = (sbyte*)codes;
        bool pairs = InPairs(unit);
        if (count < Depth || pairs)
        {
            sbyte* ordered = stackalloc sbyte[Depth];
            new Span<sbyte>(ordered, Depth).Clear();
            for (int k = 0; k < count; k++)
                ordered[pairs ? PlaceInPairs(k) : k] = row[k];
            row = ordered;
        }

        for (int k = 0; k < Depth; k += V.Count)
            V.Store(Widen(V.WidenBytes(row + k), V.OfInteger(0)), values + k);
        for (int k = 0; k < Depth; k += Columns)
            ExponentsOf(Vector256.Load(row + k), unit?.WidensTo is not null).Store(exponents + k);
        for (int k = 0; asDouble && k < Depth; k++)
            wide[k] = values[k];
    }

    /// <summary>count elements of each of <paramref name="rows"/> rows of the weight, <paramref name="stride"/> bytes apart; zeros behind them.</summary>
    public static void Decode<V>(byte* codes, nint stride, int rows, int count, TensorCore? unit, float* values, sbyte* exponents) where V : struct, IColumnLanes<V>
    {
        byte* turned = stackalloc byte[Columns * ByteTurn.Side];
        bool pairs = InPairs(unit);
        V zero = unit is not null ? V.OfInteger((127 + ZeroExponent) << 23) : V.OfInteger(0);
        for (int k = 0; k < Depth; k += ByteTurn.Side)
        {
            for (int n = 0; n < Columns; n += ByteTurn.Side)
                ByteTurn.Square(codes + n * stride + k, stride, rows - n, count - k, turned + n, Columns);
            for (int j = 0; j < ByteTurn.Side; j++)
            {
                sbyte* row = (sbyte*)turned + j * Columns;
                int place = pairs ? PlaceInPairs(k + j) : k + j;
                for (int n = 0; n < Columns; n += V.Count)
                    V.Store(Widen(V.WidenBytes(row + n), zero), values + place * Columns + n);
                if (unit is not null)
                    ExponentsOf(Vector256.Load(row), unit.WidensTo is not null).Store(exponents + place * Columns);
            }
        }
    }

    /// <summary>The values of codes given as signed integers: with e = max(E, 1), magnitude (|code| - 8 (e - 1)) · 2^(e - 10).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Widen<V>(V code, V zero) where V : struct, IColumnLanes<V>
    {
        V magnitude = V.And(code, V.OfInteger(0x7F));
        V e = V.MaxIntegers(V.ShiftRight(magnitude, 3), V.OfInteger(1));
        V significand = V.AddIntegers(V.SubtractIntegers(magnitude, V.ShiftLeft(e, 3)), V.OfInteger(8));
        V value = V.AddIntegers(V.FromIntegers(significand), V.ShiftLeft(V.SubtractIntegers(e, V.OfInteger(10)), 23));

        // A significand of 0 became a negative integer here; every other value lies above both zeros.
        return V.AddIntegers(V.MaxIntegers(value, zero), V.And(code, V.OfInteger(int.MinValue)));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<sbyte> ExponentsOf(Vector256<sbyte> codes, bool widened)
    {
        Vector256<sbyte> magnitude = codes & Vector256.Create((sbyte)0x7F);
        Vector256<sbyte> E = (magnitude.AsUInt16() >> 3).AsSByte() & Vector256.Create((sbyte)15);
        Vector256<sbyte> e = Vector256.Max(E, Vector256.Create((sbyte)1)) - Vector256.Create((sbyte)7);
        if (widened)
        {
            // Subnormal codes 1, 2 and 3, 4 to 7 are 2^-9, 2^-8, 2^-7 and more: three, two, one below the least normal exponent.
            Vector256<sbyte> subnormal = Vector256.Equals(E, Vector256<sbyte>.Zero);
            e += subnormal + (subnormal & Vector256.LessThan(magnitude, Vector256.Create((sbyte)4))) + (subnormal & Vector256.LessThan(magnitude, Vector256.Create((sbyte)2)));
        }

        return Vector256.ConditionalSelect(Vector256.Equals(magnitude, Vector256<sbyte>.Zero), Vector256.Create(ZeroExponent), e);
    }

    private static bool InPairs(TensorCore? unit) => unit?.Order == FusedOrder.PairsOfFour;

    /// <summary>Where element k lies, so that the sums of an instruction are consecutive: of each four the first two in the lower half, the others in the upper.</summary>
    private static int PlaceInPairs(int k) => (k & -Pairs) + (k % 4 / 2 * (Pairs / 2)) + (k % Pairs / 4 * 2) + (k % 2);
}
