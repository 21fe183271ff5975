namespace DeepSeek.Reference.Verification;

/// <summary>How the elements of a tile come from their words; tile t has map t mod 14 (docs/spec/capture.md 3).</summary>
internal enum ElementMap
{
    /// <summary>Every code alike, NaN and infinities among them.</summary>
    Codes,

    /// <summary>Every finite code.</summary>
    Finite,

    /// <summary>Exponents -2 to 1.</summary>
    Near,

    /// <summary>Each binade half as often as the one above, from 1 down.</summary>
    Halving,

    /// <summary>Exponents -16 to 15 alike, as far as the format goes.</summary>
    Window,

    /// <summary>The second half of the instruction's products cancels the first, but for one in eight.</summary>
    Cancel,

    /// <summary>One large product and others 8 to 33 binades below.</summary>
    Gap,

    /// <summary>Powers of two and 1.5 times them.</summary>
    Powers,

    /// <summary>The smallest exponents; for 8-bit exponents products from 2^-174 to 2^-105, those of one dot product within 2^8 of each other.</summary>
    Tiny,

    /// <summary>The largest exponents.</summary>
    Huge,

    /// <summary>Every product is a zero, most of one row with one sign.</summary>
    Zeros,

    /// <summary>Three of four elements are zeros.</summary>
    Sparse,

    /// <summary>Few NaNs, infinities and zeros.</summary>
    Special,

    /// <summary>Whole numbers from -4 to 4: every unit sums them exactly.</summary>
    Integers,
}

/// <summary>How the accumulators of a tile come from their words; tile t has map (t / 14) mod 9.</summary>
internal enum AddendMap
{
    /// <summary>+0; wgmma is told to ignore it (scale-d = 0).</summary>
    None,

    /// <summary>+0 and -0.</summary>
    Zero,

    /// <summary>Every code.</summary>
    Codes,

    /// <summary>Every finite code.</summary>
    Finite,

    /// <summary>Exponents -4 to 3.</summary>
    Near,

    /// <summary>Exponents from 6.</summary>
    Large,

    /// <summary>Exponents from -8 down.</summary>
    Small,

    /// <summary>Subnormal numbers.</summary>
    Subnormal,

    /// <summary>Whole numbers from -8 to 8.</summary>
    Integers,
}

/// <summary>The maps themselves: integers alone, so that they are the same in any language.</summary>
internal static class CaptureMaps
{
    /// <summary>The name of this set of maps in a header.</summary>
    public const string Version = "1";

    /// <summary>Element maps in turn.</summary>
    public const int ElementMaps = 14;

    /// <summary>Addend maps in turn.</summary>
    public const int AddendMaps = 9;

    /// <summary>The element map of a tile.</summary>
    public static ElementMap ElementMapOf(long tile) => (ElementMap)(tile % ElementMaps);

    /// <summary>The addend map of a tile.</summary>
    public static AddendMap AddendMapOf(long tile) => (AddendMap)(tile / ElementMaps % AddendMaps);

    /// <summary>One row of one instruction: K codes from K words.</summary>
    /// <param name="f">The format.</param>
    /// <param name="map">The tile's map.</param>
    /// <param name="isA">A's row, not B's.</param>
    /// <param name="plan">The tile's word.</param>
    /// <param name="u">The words.</param>
    /// <param name="codes">The codes.</param>
    public static void Row(CaptureFormat f, ElementMap map, bool isA, uint plan, ReadOnlySpan<uint> u, Span<uint> codes)
    {
        int K = u.Length;
        for (int k = 0; k < K; k++)
        {
            codes[k] = map switch
            {
                ElementMap.Cancel when k >= K / 2 => Cancelling(f, isA, u[k], u[k - K / 2]),
                ElementMap.Gap => Gap(f, isA, plan, k, K, u[k]),
                ElementMap.Tiny when f.ExponentBits == 8 => f.Make(u[k] >> 31, 40 + ((u[0] >> 8) & 31) + (R(u[k]) & 3), u[k]),
                ElementMap.Zeros when isA => f.Make((u[0] >> 31) ^ ((R(u[k]) & 31) == 0 ? 1u : 0u), 0, 0),
                ElementMap.Zeros => Near(f, u[k] & 0x7FFFFFFF),
                _ => Element(f, map, u[k]),
            };
        }
    }

    /// <summary>One accumulator.</summary>
    public static uint Addend(CaptureFormat f, AddendMap map, uint v)
    {
        uint sign = v >> 31, bias = (uint)f.Bias;
        return map switch
        {
            AddendMap.None => 0,
            AddendMap.Zero => f.Make(sign, 0, 0),
            AddendMap.Codes => f.Make(sign, R(v) & f.ExponentMask, v),
            AddendMap.Finite => f.Finite(f.Make(sign, R(v) & f.ExponentMask, v)),
            AddendMap.Near => f.Make(sign, bias - 4 + (R(v) & 7), v),
            AddendMap.Large => f.Make(sign, bias + 6 + R(v) % Math.Min(20, f.Top - bias - 5), v),
            AddendMap.Small => f.Make(sign, AtLeastZero(f.Bias - 8 - (int)(R(v) % 24)), v),
            AddendMap.Subnormal => f.Make(sign, 0, v),
            _ => f.WholeNumber((int)(R(v) % 17) - 8),
        };
    }

    /// <summary>Bits 23 to 30: what chooses an exponent or a class.</summary>
    private static uint R(uint u) => (u >> 23) & 0xFF;

    private static uint AtLeastZero(int e) => (uint)Math.Max(e, 0);

    private static uint Element(CaptureFormat f, ElementMap map, uint u)
    {
        uint sign = u >> 31, r = R(u);
        return map switch
        {
            ElementMap.Codes => f.Make(sign, r & f.ExponentMask, u),
            ElementMap.Finite => f.Finite(f.Make(sign, r & f.ExponentMask, u)),
            ElementMap.Near => Near(f, u),
            ElementMap.Window => Window(f, u, u),
            ElementMap.Powers => Window(f, u, (u & 3) == 0 ? 1u << (f.MantissaBits - 1) : 0),
            ElementMap.Tiny => f.Make(sign, r & 3, u),
            ElementMap.Huge => f.Finite(f.Make(sign, f.Top - (r & 3), u)),
            ElementMap.Sparse => (r & 12) != 0 ? f.Make(sign, 0, 0) : Near(f, u),
            ElementMap.Special => Special(f, u),
            ElementMap.Integers => f.WholeNumber((int)(r % 9) - 4),
            _ => Halving(f, u),
        };
    }

    private static uint Near(CaptureFormat f, uint u) => f.Make(u >> 31, (uint)f.Bias - 2 + (R(u) & 3), u);

    private static uint Halving(CaptureFormat f, uint u)
    {
        int zeros = Math.Min(7, System.Numerics.BitOperations.TrailingZeroCount(R(u)));
        return f.Make(u >> 31, AtLeastZero(f.Bias - zeros), u);
    }

    private static uint Window(CaptureFormat f, uint u, uint mantissa)
    {
        uint low = AtLeastZero(f.Bias - 16), high = Math.Min(f.Top, (uint)f.Bias + 15);
        return f.Finite(f.Make(u >> 31, low + ((R(u) * (high - low + 1)) >> 8), mantissa));
    }

    private static uint Cancelling(CaptureFormat f, bool isA, uint u, uint first)
    {
        uint code = Halving(f, first);
        return isA ? code : code ^ (1u << (f.Bits - 1)) ^ ((R(u) & 7) == 0 ? 1u : 0u);
    }

    private static uint Gap(CaptureFormat f, bool isA, uint plan, int k, int K, uint u)
    {
        int high = (int)Math.Min(f.Top - 1, (uint)f.Bias + 7);
        if (k == (int)(plan % (uint)K))
            return f.Make(u >> 31, (uint)high, u);
        int gap = 8 + (int)((plan >> 8) % 24), part = isA ? gap / 2 : gap - gap / 2;
        return f.Make(u >> 31, AtLeastZero(high - part - (int)(R(u) & 1)), u);
    }

    private static uint Special(CaptureFormat f, uint u)
    {
        uint sign = u >> 31, r = R(u);
        return r switch
        {
            0 when f.HasInfinity => f.Make(sign, f.ExponentMask, 0),
            0 or 1 => f.Make(sign, f.ExponentMask, f.HasInfinity ? u | 1 : f.MantissaMask),
            2 or 3 => f.Make(sign, 0, 0),
            _ => Halving(f, u),
        };
    }
}
