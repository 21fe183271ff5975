using System.Globalization;

namespace DeepSeek.Reference.Training;

/// <summary>The constants of one AdamW step, each computed in binary64 and rounded to binary32 once (rule N25).</summary>
/// <remarks>
/// <code>
/// b1 = rn32(β1)   c1 = rn32(1 - β1)   k1 = rn32(1 / (1 - β1^t))
/// b2 = rn32(β2)   c2 = rn32(1 - β2)   k2 = rn32(1 / (1 - β2^t))
/// β^t: r = 1; for each bit of t from the highest: r = r·r, and r = r·β where the bit is 1; binary64 throughout
/// </code>
/// t counts steps from 1.
/// </remarks>
public readonly record struct AdamWStep
{
    /// <summary>The constants of step t at a learning rate.</summary>
    /// <param name="options">The optimizer's settings.</param>
    /// <param name="t">The step, from 1.</param>
    /// <param name="learningRate">η.</param>
    /// <param name="decays">Whether the parameter decays.</param>
    /// <param name="gradientScale">What each gradient is multiplied with first; 1 where nothing is clipped.</param>
    /// <exception cref="ContractException">t is below 1, a rate that is negative or infinite, or settings under which the formula has no answer.</exception>
    public AdamWStep(AdamWOptions options, long t, double learningRate, bool decays = true, float gradientScale = 1f)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        if (t < 1)
            throw new ContractException($"AdamW: step {t}; steps count from 1");
        if (!((float)learningRate >= 0f && float.IsFinite((float)learningRate)))
            throw new ContractException(string.Create(CultureInfo.InvariantCulture, $"AdamW: the learning rate is {learningRate}; give a number of 0 or more that binary32 holds"));
        Beta1 = (float)options.Beta1;
        Beta2 = (float)options.Beta2;
        Rest1 = (float)(1 - options.Beta1);
        Rest2 = (float)(1 - options.Beta2);
        Correction1 = (float)(1 / (1 - Power(options.Beta1, t)));
        Correction2 = (float)(1 / (1 - Power(options.Beta2, t)));
        Epsilon = (float)options.Epsilon;
        WeightDecay = decays ? (float)options.WeightDecay : 0f;
        LearningRate = (float)learningRate;
        GradientScale = gradientScale;
        UsesKept = options.MomentUse == MomentUse.AsKept;
    }

    /// <summary>b1.</summary>
    public float Beta1 { get; }

    /// <summary>b2.</summary>
    public float Beta2 { get; }

    /// <summary>c1.</summary>
    public float Rest1 { get; }

    /// <summary>c2.</summary>
    public float Rest2 { get; }

    /// <summary>k1.</summary>
    public float Correction1 { get; }

    /// <summary>k2.</summary>
    public float Correction2 { get; }

    /// <summary>ε.</summary>
    public float Epsilon { get; }

    /// <summary>λ, or 0 where the parameter does not decay.</summary>
    public float WeightDecay { get; }

    /// <summary>η.</summary>
    public float LearningRate { get; }

    /// <summary>s, by which gradients are clipped.</summary>
    public float GradientScale { get; }

    /// <summary>Whether the update takes moments as they are kept, <see cref="MomentUse.AsKept"/>.</summary>
    public bool UsesKept { get; }

    private static double Power(double beta, long t)
    {
        double r = 1;
        for (int bit = 63 - System.Numerics.BitOperations.LeadingZeroCount((ulong)t); bit >= 0; bit--)
        {
            r *= r;
            if ((t >> bit & 1) != 0)
                r *= beta;
        }

        return r;
    }
}
