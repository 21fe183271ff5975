namespace DeepSeek.Reference.Verification;

/// <summary>Element functions as far off as a correct kernel's may be: docs/spec/bounds.md 6.</summary>
internal sealed class VariantFunctions(Random random)
{
    /// <summary>e^x: within 2 ulp, or by way of a product with log2 e and an exponential to base 2.</summary>
    public float Exp(float x)
    {
        if (random.Next(2) == 0)
            return Near(Math.Exp(x), ElementFunctions.ExpUlps);
        float scaled = x * 1.4426950408889634f;
        return Near(Math.Pow(2, scaled), 1.5);
    }

    /// <summary>1/√x.</summary>
    public float ReciprocalRoot(float x) => Near(1 / Math.Sqrt(x), ElementFunctions.ReciprocalRootUlps);

    /// <summary>ln x.</summary>
    public float Log(float x) => Near(Math.Log(x), ElementFunctions.LogUlps);

    /// <summary>cos x.</summary>
    public float Cos(float x) => Near(Math.Cos(x), ElementFunctions.SineUlps);

    /// <summary>sin x.</summary>
    public float Sin(float x) => Near(Math.Sin(x), ElementFunctions.SineUlps);

    /// <summary>a / b: IEEE's, within 2 ulp, or a reciprocal and a product.</summary>
    public float Quotient(float a, float b) => random.Next(3) switch
    {
        0 => a / b,
        1 => Near((double)a / b, ElementFunctions.QuotientUlps),
        _ => MathF.Abs(b) is > 1e-30f and < 1e30f ? a * (1f / b) : a / b,
    };

    /// <summary>1/(1 + e^-x).</summary>
    public float Sigmoid(float x) => Quotient(1f, 1f + Exp(-x));

    /// <summary>x/(1 + e^-x).</summary>
    public float SiLU(float x) => random.Next(2) == 0 ? Quotient(x, 1f + Exp(-x)) : x * Sigmoid(x);

    /// <summary>A binary32 within that many units in the last place of a value.</summary>
    private float Near(double value, double ulps)
    {
        if (!double.IsFinite(value) || value == 0 || Math.Abs(value) >= Roundoff.SingleOverflow)
            return (float)value;
        double ulp = Math.ScaleB(1, Math.Max(Math.ILogB(value), -126) - 23);
        return (float)(value + (2 * random.NextDouble() - 1) * (ulps - 0.5) * ulp);
    }
}
