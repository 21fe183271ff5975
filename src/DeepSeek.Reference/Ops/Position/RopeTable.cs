using System.Numerics;
using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Ops;

/// <summary>The numbers a model's config turns into: RoPE frequencies, the softmax scale and the magnitude of cos and sin.</summary>
/// <remarks>
/// <code>
/// f_i     = θ^(-2i/dr)                                         i = 0 .. dr/2 - 1
/// corr(ρ) = dr · ln(L / (2π ρ)) / (2 ln θ)                      L the original length
/// low     = max(⌊corr(β_fast)⌋, 0),  high = min(⌈corr(β_slow)⌉, dr - 1)
/// γ_i     = clamp((i - low)/(high - low), 0, 1)                 high + 0.001 when high = low
/// f'_i    = (f_i / s) γ_i + f_i (1 - γ_i)                       without YaRN f'_i = f_i
/// m(c)    = 0.1 c ln s + 1,  1 when s ≤ 1
/// scale   = (dn + dr)^-½ · m²,  magnitude = m(mscale) / m(mscale_all_dim)
/// </code>
/// Rule N13; docs/spec/rope.md 1, 2 and 4. No platform function takes part: logarithms and powers are computed in
/// <see cref="HighPrecision"/>, and each result is rounded once.
/// </remarks>
public static class RopeTable
{
    /// <summary>The dr/2 frequencies f'_i; yarn is null where YaRN is off.</summary>
    /// <exception cref="ContractException">dr is not even and positive, θ is not above 1, or YaRN's numbers are not positive.</exception>
    public static float[] Frequencies(int dr, double theta, YarnParameters? yarn, RopeTableKind kind)
    {
        if (dr <= 0 || dr % 2 != 0)
            throw new ContractException($"{dr} rotary channels do not make pairs");
        if (!(theta > 1) || double.IsInfinity(theta))
            throw new ContractException($"a RoPE base of {theta} is not above 1");
        (int low, int high) = yarn is null ? (0, 0) : Ramp(dr, theta, yarn);
        float[] frequencies = new float[dr / 2];
        for (int i = 0; i < frequencies.Length; i++)
        {
            frequencies[i] = kind switch
            {
                RopeTableKind.RoundedOnce => RoundedOnce(i, dr, theta, yarn, low, high),
                RopeTableKind.Float32Chain => Float32Chain(i, dr, theta, yarn, low, high),
                _ => throw new ContractException($"RopeTableKind {kind} is not defined"),
            };
        }

        return frequencies;
    }

    /// <summary>qkHeadDim^-½ · m², rounded once; m = 1 where YaRN is off. V3: qkHeadDim = dn + dr = 192, absorbed or not.</summary>
    public static float SoftmaxScale(int qkHeadDim, YarnParameters? yarn, MScaleSource source)
    {
        if (qkHeadDim <= 0)
            throw new ContractException($"heads of {qkHeadDim} channels have no softmax scale");
        HighPrecision m = yarn is null ? HighPrecision.One : Temperature(yarn, source == MScaleSource.AllDim ? yarn.MScaleAllDim : yarn.MScale);
        return (m * m / HighPrecision.Sqrt(HighPrecision.FromRatio(qkHeadDim, 1))).ToSingle();
    }

    /// <summary>
    /// What cos and sin are multiplied by, rounded once: m(mscale)/m(mscale_all_dim), as transformers has it m(1) where one of the two is 0;
    /// 1 where YaRN is off or the contract leaves them alone.
    /// </summary>
    public static float Magnitude(YarnParameters? yarn, MScaleSource source) => yarn is null || source == MScaleSource.MScale ? 1f
        : yarn.MScale == 0 || yarn.MScaleAllDim == 0 ? Temperature(yarn, 1).ToSingle()
        : (Temperature(yarn, yarn.MScale) / Temperature(yarn, yarn.MScaleAllDim)).ToSingle();

    /// <summary>The real f'_i, rounded once.</summary>
    private static float RoundedOnce(int i, int dr, double theta, YarnParameters? yarn, int low, int high)
    {
        HighPrecision f = HighPrecision.Pow(HighPrecision.FromDouble(theta), HighPrecision.FromRatio(-2 * i, dr));
        if (yarn is null)
            return f.ToSingle();
        HighPrecision ramp = high == low
            ? HighPrecision.FromRatio(i > low ? 1 : 0, 1)
            : HighPrecision.FromRatio(Math.Clamp((i - low) * Math.Sign(high - low), 0, Math.Abs(high - low)), Math.Abs(high - low));
        return (f / HighPrecision.FromDouble(yarn.Factor) * ramp + f * (HighPrecision.One - ramp)).ToSingle();
    }

    /// <summary>The demo's binary32 steps, with a correctly rounded power (a libm's may be one ulp off).</summary>
    private static float Float32Chain(int i, int dr, double theta, YarnParameters? yarn, int low, int high)
    {
        float e = (float)(2 * i) / dr;
        float p = HighPrecision.Pow(HighPrecision.FromDouble((float)theta), HighPrecision.FromDouble(e)).ToSingle();
        float f = 1f / p;
        if (yarn is null)
            return f;
        float ramp = Math.Clamp((i - low) / (high == low ? 0.001f : (float)(high - low)), 0f, 1f);
        float smooth = 1f - ramp;
        return f / (float)yarn.Factor * (1f - smooth) + f * smooth;
    }

    private static (int Low, int High) Ramp(int dr, double theta, YarnParameters yarn)
    {
        if (!(yarn.Factor > 0 && yarn.BetaFast > 0 && yarn.BetaSlow > 0 && yarn.OriginalLength > 0))
            throw new ContractException($"YaRN needs positive numbers, got {yarn}");
        // A base next to 1 puts them beyond every integer; the ramp is flat long before.
        var low = BigInteger.Clamp(Correction(dr, theta, yarn.OriginalLength, yarn.BetaFast).Floor(), 0, 1 << 29);
        var high = BigInteger.Clamp(Correction(dr, theta, yarn.OriginalLength, yarn.BetaSlow).Ceiling(), -(1 << 29), dr - 1);
        return ((int)low, (int)high);
    }

    /// <summary>The (fractional) pair that turns ρ times over the original length.</summary>
    private static HighPrecision Correction(int dr, double theta, int length, double rotations)
    {
        HighPrecision turns = HighPrecision.FromDouble(rotations) * HighPrecision.FromRatio(2, 1) * HighPrecision.Pi;
        HighPrecision log = HighPrecision.Ln(HighPrecision.FromRatio(length, 1) / turns);
        return HighPrecision.FromRatio(dr, 2) * log / HighPrecision.Ln(HighPrecision.FromDouble(theta));
    }

    private static HighPrecision Temperature(YarnParameters yarn, double mscale) => yarn.Factor <= 1
        ? HighPrecision.One
        : HighPrecision.FromRatio(1, 10) * HighPrecision.FromDouble(mscale) * HighPrecision.Ln(HighPrecision.FromDouble(yarn.Factor)) + HighPrecision.One;
}
