using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Verification;

/// <summary>Which stage of the oracle decided.</summary>
internal enum OracleStage { Special, Filter, Series, Integers }

/// <summary>The correctly rounded result of one element function, by stages that share nothing with the kernels.</summary>
internal sealed class FunctionOracle(string function)
{
    private readonly Func<double, double> quick = Quick(function);
    private readonly bool positiveOnly = function is "log" or "log2" or "log1p" or "rsqrt";
    private readonly bool powerOfTwo = function is "exp2";

    /// <summary>The float nearest to the exact value at x; NaN is 0x7FC00000.</summary>
    public float Nearest(float x, out OracleStage stage)
    {
        stage = OracleStage.Special;
        if (Special(x, out float result))
            return result;

        stage = OracleStage.Filter;
        double y = quick(x);
        double margin = Math.Abs(y) * (1.0 / (1L << 44));
        float low = (float)(y - margin), high = (float)(y + margin);
        if (low == high && y != 0)
            return low;

        stage = OracleStage.Series;
        if (Math.Abs(x) < 1f / (1 << 26) && Series(x, out result))
            return result;

        stage = OracleStage.Integers;
        return ExactFunctions.Nearest(function, x);
    }

    /// <summary>NaN, infinities, zeros, poles, arguments outside the domain, and ranges where the result is constant.</summary>
    private bool Special(float x, out float result)
    {
        if (!powerOfTwo && (x is > 0 and <= 50 and not 1 || (x is < 0 and >= -50 && !positiveOnly)))
        {
            result = 0;
            return false;
        }
        const float inf = float.PositiveInfinity;
        bool negative = x < 0, found = true;
        result = function switch
        {
            _ when float.IsNaN(x) => Correct.NaN,
            "exp" or "exp2" or "cos" when x == 0 => 1,
            "exp" or "exp2" when x > 200 => inf,
            "exp" or "exp2" when x < -200 => 0,
            "exp2" when x == Math.Floor(x) => (float)Math.ScaleB(1.0, (int)x), // exact; 2^-150 is a tie and goes to 0
            "expm1" when x > 200 => inf,
            "expm1" when x < -200 => -1,
            "log" or "log2" or "rsqrt" when negative => Correct.NaN,
            "log" or "log2" when x == 0 => -inf,
            "log" or "log2" or "log1p" when x == inf => inf,
            "log" or "log2" when x == 1 => 0,
            "log1p" when x < -1 => Correct.NaN,
            "log1p" when x == -1 => -inf,
            "sin" or "cos" when float.IsInfinity(x) => Correct.NaN,
            "expm1" or "log1p" or "sin" or "tanh" or "silu" when x == 0 => x,
            "tanh" when Math.Abs(x) > 50 => negative ? -1 : 1,
            "sigmoid" when x == 0 => 0.5f,
            "sigmoid" when Math.Abs(x) > 200 => negative ? 0 : 1,
            "silu" when x > 200 => x,
            "silu" when x < -200 => -0f,
            "rsqrt" when x == 0 => float.IsNegative(x) ? -inf : inf,
            "rsqrt" when x == inf => 0,
            _ => Other(out found),
        };
        return found;

        static float Other(out bool found)
        {
            found = false;
            return 0;
        }
    }

    /// <summary>Arguments with 0 &lt; |x| &lt; 2^-26, from the first terms of the series and the sign of the rest.</summary>
    private bool Series(float x, out float result)
    {
        result = function switch
        {
            "exp" or "cos" => 1, // |f - 1| < 2^-25.9, and the nearest midpoint is 2^-25 away
            "sigmoid" => 0.5f, // |f - 1/2| < 2^-27.9, and the nearest midpoint is 2^-26 away
            "expm1" or "log1p" or "sin" or "tanh" => x, // |f - x| < x² < 2^-26 |x|; half a unit of x is at least 2^-25 |x|
            "silu" => (float)Math.BitIncrement(0.5 * x), // x/2 < f < x/2 + x²/2: where x/2 is a midpoint of subnormals, upwards
            _ => float.NaN,
        };
        return !float.IsNaN(result);
    }

    /// <summary>The binary64 value of the filter; relative error far below 2^-44.</summary>
    private static Func<double, double> Quick(string function) => function switch
    {
        "exp" => Math.Exp,
        "exp2" => static x => Math.Pow(2, x),
        "expm1" => static x => Math.Abs(x) < 0.5 ? 2 * Math.Sinh(x / 2) * Math.Exp(x / 2) : Math.Exp(x) - 1,
        "log" => Math.Log,
        "log2" => Math.Log2,
        "log1p" => static x => Math.Abs(x) < 0.5 ? 2 * Math.Atanh(x / (2 + x)) : Math.Log(1 + x),
        "sin" => Math.Sin,
        "cos" => Math.Cos,
        "tanh" => Math.Tanh,
        "sigmoid" => static x => 1 / (1 + Math.Exp(-x)),
        "silu" => static x => x / (1 + Math.Exp(-x)),
        "rsqrt" => static x => 1 / Math.Sqrt(x),
        _ => throw ExhaustiveFunctions.Unknown(function),
    };
}
