using System.Numerics;

namespace DeepSeek.Reference.Verification;

/// <summary>
/// The element functions of rule N5 in integers of hundreds of bits: Taylor series in fixed point, shared with no kernel.
/// Slow (microseconds) and certain: a result is returned only when both ends of its enclosure round to the same float.
/// </summary>
/// <remarks>
/// A value v stands as the integer V ≈ v 2^W, W = P + 64. Each operation below errs by a few units of 2^-W, at most a few
/// hundred operations follow one another, and squaring back the exponential multiplies by 2^8: all together stays far below
/// 2^-P max(1, |v|), which is the half-width of the enclosure. P = 320 first, doubled while undecided.
/// </remarks>
internal static class ExactFunctions
{
    /// <summary>The float nearest to function(x), for a finite x at which the function is real, finite and irrational.</summary>
    public static float Nearest(string function, float x)
    {
        for (int P = 320; P <= 5120; P *= 2)
        {
            int W = P + 64;
            BigInteger v = Evaluate(function, x, W);
            BigInteger e = (BigInteger.One << 64) + (BigInteger.Abs(v) >> P);
            uint low = Round(v - e, W), high = Round(v + e, W);
            if (low == high)
                return BitConverter.UInt32BitsToSingle(low);
        }
        throw new InvalidOperationException($"{function}({x:R}) lies on a midpoint of two floats: the series cannot show an exact value.");
    }

    /// <summary>V 2^-W rounded to nearest even, as a binary32 encoding; overflow gives infinity.</summary>
    public static uint Round(BigInteger v, int W)
    {
        uint sign = v.Sign < 0 ? 0x80000000u : 0;
        BigInteger a = BigInteger.Abs(v);
        if (a.IsZero)
            return sign;
        int exponent = (int)a.GetBitLength() - 1 - W;
        int unit = Math.Max(exponent - 23, -149); // the result is a multiple of 2^unit
        int drop = unit + W;
        BigInteger m = a >> drop;
        BigInteger rest = a - (m << drop), half = BigInteger.One << (drop - 1);
        int order = rest.CompareTo(half);
        if (order > 0 || (order == 0 && !m.IsEven))
            m += 1;
        if (m.GetBitLength() > 24)
        {
            m >>= 1;
            unit++;
        }
        if (unit + 23 > 127)
            return sign | 0x7F800000;
        uint u = (uint)m;
        return sign | (u < 0x800000 ? u : (u & 0x7FFFFF) | (uint)(unit + 150) << 23);
    }

    private static BigInteger Evaluate(string function, float x, int W)
    {
        (BigInteger m, int e) = Parts(x);
        BigInteger X = Scale(m, e + W);
        BigInteger one = BigInteger.One << W;
        switch (function)
        {
            case "exp": return Exp(X, W);
            case "exp2": return Exp(X * Ln2(W) >> W, W);
            case "expm1": return Exp(X, W) - one;
            case "log": return Log(m, e, W);
            case "log2": return (Log(m, e, W) << W) / Ln2(W);
            case "log1p": return e >= 0 ? Log((m << e) + 1, 0, W) : Log(m + (BigInteger.One << -e), e, W);
            case "sin": return Sine(m, e, 0, W);
            case "cos": return Sine(m, e, 1, W);
            case "tanh":
                BigInteger E = Exp(2 * X, W);
                return ((E - one) << W) / (E + one);
            case "sigmoid": return (one << W) / (one + Exp(-X, W));
            case "silu": return (X << W) / (one + Exp(-X, W));
            case "rsqrt": return SquareRoot(Scale(BigInteger.One, 2 * W - e) / m);
            default: throw new ContractException($"No element function is named {function}: one of {string.Join(", ", ExhaustiveFunctions.Names)}.");
        }
    }

    /// <summary>x = m 2^e.</summary>
    private static (BigInteger M, int E) Parts(float x)
    {
        uint bits = BitConverter.SingleToUInt32Bits(x);
        int field = (int)(bits >> 23 & 0xFF);
        BigInteger m = field == 0 ? bits & 0x7FFFFF : bits & 0x7FFFFF | 0x800000;
        return (x < 0 ? -m : m, Math.Max(field, 1) - 150);
    }

    private static BigInteger Scale(BigInteger m, int e) => e >= 0 ? m << e : m >> -e;

    /// <summary>e^x: x = k ln 2 + r, then (e^{r/256})^256 by Taylor.</summary>
    private static BigInteger Exp(BigInteger X, int W)
    {
        BigInteger ln2 = Ln2(W);
        var k = (int)((X << 1) / ln2 >> 1);
        BigInteger r = X - k * ln2 >> 8;
        BigInteger sum = BigInteger.One << W, term = sum;
        for (int n = 1; BigInteger.Abs(term) > 1; n++)
        {
            term = (term * r >> W) / n;
            sum += term;
        }
        for (int i = 0; i < 8; i++)
            sum = sum * sum >> W;
        return Scale(sum, k);
    }

    /// <summary>log(m 2^e) = j ln 2 + 2 atanh((m - 2^b) / (m + 2^b)), 2^b the power of two nearest to m.</summary>
    private static BigInteger Log(BigInteger m, int e, int W)
    {
        int b = (int)m.GetBitLength() - 1;
        if (m * m > BigInteger.One << (2 * b + 1))
            b++;
        BigInteger power = BigInteger.One << b;
        return (b + e) * Ln2(W) + 2 * InverseTangentSeries((m - power << W) / (m + power), 1, W);
    }

    /// <summary>s + σ s³/3 + s⁵/5 + ...: atanh for σ = 1, atan for σ = -1.</summary>
    private static BigInteger InverseTangentSeries(BigInteger s, int sigma, int W)
    {
        BigInteger square = sigma * (s * s >> W), power = s, sum = s;
        for (int n = 3; BigInteger.Abs(power) > 1; n += 2)
        {
            power = power * square >> W;
            sum += power / n;
        }
        return sum;
    }

    /// <summary>sin(m 2^e + quarters π/2), with π long enough for the largest float.</summary>
    private static BigInteger Sine(BigInteger m, int e, int quarters, int W)
    {
        int wide = W + 192;
        BigInteger X = Scale(m, e + wide), halfPi = Pi(wide) >> 1;
        BigInteger q = (X << 1) / halfPi + (X.Sign < 0 ? -1 : 1) >> 1;
        BigInteger r = X - q * halfPi >> 192;
        var quadrant = (int)(((q + quarters) % 4 + 4) % 4);

        bool cosine = (quadrant & 1) == 1;
        BigInteger square = r * r >> W, term = cosine ? BigInteger.One << W : r, sum = term;
        for (int n = cosine ? 1 : 2; BigInteger.Abs(term) > 1; n += 2)
        {
            term = -(term * square >> W) / (n * (n + 1));
            sum += term;
        }
        return (quadrant & 2) != 0 ? -sum : sum;
    }

    private static BigInteger SquareRoot(BigInteger a)
    {
        BigInteger x = BigInteger.One << (int)(a.GetBitLength() / 2 + 1);
        while (true)
        {
            BigInteger next = x + a / x >> 1;
            if (next >= x)
                return x;
            x = next;
        }
    }

    private static readonly Dictionary<int, BigInteger> ln2 = [], pi = [];

    /// <summary>ln 2 = 2 atanh(1/3).</summary>
    private static BigInteger Ln2(int W) => Remember(ln2, W, static w => 2 * InverseTangentSeries((BigInteger.One << w + 32) / 3, 1, w + 32) >> 32);

    /// <summary>π = 16 atan(1/5) - 4 atan(1/239).</summary>
    private static BigInteger Pi(int W) => Remember(pi, W, static w =>
        (16 * InverseTangentSeries((BigInteger.One << w + 32) / 5, -1, w + 32) - 4 * InverseTangentSeries((BigInteger.One << w + 32) / 239, -1, w + 32)) >> 32);

    private static BigInteger Remember(Dictionary<int, BigInteger> known, int W, Func<int, BigInteger> make)
    {
        lock (known)
        {
            if (!known.TryGetValue(W, out BigInteger value))
                known[W] = value = make(W);
            return value;
        }
    }
}
