using System.Globalization;

namespace DeepSeek.Reference.Training;

/// <summary>Which parameters decay.</summary>
public enum DecayRule
{
    /// <summary>Those of two dimensions or more: projections, embedding, head. Norm weights and biases keep their size.</summary>
    Matrices,

    /// <summary>Every trained parameter, as a plain <c>torch.optim.AdamW(model.parameters())</c> does.</summary>
    All,
}

/// <summary>How the two moments are kept between steps.</summary>
public enum MomentFormat
{
    /// <summary>binary32.</summary>
    F32,

    /// <summary>bfloat16, rounded to nearest even after each step: DeepSeek-V3 report 3.3.3.</summary>
    BF16,
}

/// <summary>Which moments the update of the weight takes where they are kept in bfloat16; the report does not say.</summary>
public enum MomentUse
{
    /// <summary>Those of binary32, before they are rounded for keeping.</summary>
    BeforeRounding,

    /// <summary>The rounded ones, as they are kept.</summary>
    AsKept,
}

/// <summary>AdamW's settings; the defaults are DeepSeek-V3's (report 4.2) where it publishes them.</summary>
public sealed record AdamWOptions
{
    /// <summary>β1: how much of the first moment stays at each step.</summary>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>β2: how much of the second moment stays at each step.</summary>
    public double Beta2 { get; init; } = 0.95;

    /// <summary>ε, added to the root of the second moment; not published, PyTorch's default.</summary>
    public double Epsilon { get; init; } = 1e-8;

    /// <summary>λ, decoupled from the gradient.</summary>
    public double WeightDecay { get; init; } = 0.1;

    /// <summary>What decays.</summary>
    public DecayRule Decay { get; init; } = DecayRule.Matrices;

    /// <summary>How moments are kept.</summary>
    public MomentFormat Moments { get; init; } = MomentFormat.F32;

    /// <summary>Which moments the weight's update takes.</summary>
    public MomentUse MomentUse { get; init; } = MomentUse.BeforeRounding;

    /// <summary>Refuses settings under which the formula has no answer.</summary>
    /// <exception cref="ContractException">A β is not in [0, 1), ε is not positive in binary32, or λ is negative.</exception>
    public void Validate()
    {
        Within(nameof(Beta1), Beta1);
        Within(nameof(Beta2), Beta2);
        if (!((float)Epsilon > 0f && float.IsFinite((float)Epsilon)))
            throw new ContractException($"AdamW: ε is {Text(Epsilon)}; give a number that is positive in binary32, such as 1e-8");
        if (!(WeightDecay >= 0 && float.IsFinite((float)WeightDecay)))
            throw new ContractException($"AdamW: the weight decay is {Text(WeightDecay)}; give a number of 0 or more, such as 0.1");
    }

    private static void Within(string name, double beta)
    {
        if (!(beta >= 0 && beta < 1))
            throw new ContractException($"AdamW: {name} is {Text(beta)}; give a number from 0 to below 1");
    }

    private static string Text(double x) => x.ToString(CultureInfo.InvariantCulture);
}
