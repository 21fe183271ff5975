namespace DeepSeek.Reference.Verification;

/// <summary>The limits of a model case, with their reason (docs/spec/verdicts.md 4).</summary>
/// <param name="Logits">Relative L2 of logits where no binary64 yardstick decides.</param>
/// <param name="Intermediates">Relative L2 of intermediates.</param>
/// <param name="DistanceRatio">How many times the oracle's own distance from logits_f64 ours may be.</param>
/// <param name="DistanceAlone">True where that ratio alone judges logits that have the yardstick.</param>
/// <remarks>
/// binary32: DeepSeek's code, Hugging Face and a binary64 forward are up to 1.1e-6 apart, hence 3e-6 and 1e-5; and no further from binary64 than 1.5 times
/// the official code. BF16: the rounding points are the same, the order of sums is not, and alone moves logits by up to 2.8e-3; whoever keeps the
/// rounding points is as far from binary64 as the official logits are, to within 1.1 times; intermediates 1e-2.
/// </remarks>
internal readonly record struct ModelCaseLimits(double Logits, double Intermediates, double DistanceRatio, bool DistanceAlone)
{
    /// <summary>Relative L2 of gradients and loss against autograd in binary64, whatever the contract: they are computed in binary32 throughout.</summary>
    public double Gradients => 1e-5;

    /// <summary>The limits of a contract's activations, with a case's own over them.</summary>
    public static ModelCaseLimits For(NumericContract contract, ModelCaseOptions options)
    {
        bool wide = contract.Activations == DType.F32;
        return new ModelCaseLimits(
            options.LogitsLimit ?? (wide ? 3e-6 : 1e-2),
            options.IntermediatesLimit ?? (wide ? 1e-5 : 1e-2),
            options.DistanceRatioLimit ?? (wide ? 1.5 : 1.1),
            !wide && options.LogitsLimit is null);
    }
}
