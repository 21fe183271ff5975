using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Model;

/// <summary>What follows from a configuration and a contract together: attributes, frequencies, scales. Made once a model.</summary>
internal sealed class ModelNumerics
{
    public ModelNumerics(DeepSeekConfig config, NumericContract contract, IBackend backend)
    {
        Config = config;
        Contract = contract;
        Backend = backend;
        Products = new QuantizedProducts(config, contract, backend);
        if (contract.Activations is not (DType.F32 or DType.BF16) || contract.Logits is not (DType.F32 or DType.BF16) || contract.GateLogits is not (DType.F32 or DType.BF16))
            throw new ContractException($"contract {contract.Name} asks for activations {contract.Activations}, logits {contract.Logits}, gate logits {contract.GateLogits}; each is F32 or BF16");
        Operands.RequireDefined(contract.Cache);
        Operands.RequireDefined(contract.Fp8Scales);
        if (!config.RopeInterleave)
            throw new ContractException("rope_interleave is false in config.json: checkpoints whose rotary pairs are (i, i + dr/2) are not supported; DeepSeek's are interleaved, as they are where the field is left out");

        YarnParameters? yarn = RopeYarn(config, contract);
        Frequencies = Tensor.From(RopeTable.Frequencies(config.QkRopeHeadDim, config.RopeTheta, yarn, contract.RopeTable), config.QkRopeHeadDim / 2);
        Rope = new RopeAttributes(contract.RopeLayout, contract.RopeRotation, RopeTable.Magnitude(yarn, contract.MScale));
        SoftmaxScale = RopeTable.SoftmaxScale(config.QkHeadDim, yarn, contract.MScale);
        Epsilon = (float)config.RmsNormEps;

        bool grouped = config.TopkMethod != TopkMethod.Greedy;
        Gate = new GateAttributes(
            config.ScoringFunc == ScoringFunc.Sigmoid ? ScoringFunction.Sigmoid : ScoringFunction.Softmax,
            grouped ? config.NGroup : 1,
            grouped ? config.TopkGroup : 1,
            config.TopkMethod == TopkMethod.NoAuxTc ? GroupScore.TopTwoSum : GroupScore.Max,
            contract.GroupMask,
            config.NormTopkProb,
            contract.GateEpsilon,
            (float)config.RoutedScalingFactor,
            contract.Gate);
    }

    public DeepSeekConfig Config { get; }

    public NumericContract Contract { get; }

    public IBackend Backend { get; }

    /// <summary>Dtype of every activation.</summary>
    public DType Activations => Contract.Activations;

    /// <summary>RoPE frequencies, F32 [dr/2].</summary>
    public Tensor Frequencies { get; }

    public RopeAttributes Rope { get; }

    /// <summary>(dn + dr)^-0.5 · m².</summary>
    public float SoftmaxScale { get; }

    public float Epsilon { get; }

    public GateAttributes Gate { get; }

    /// <summary>The products of projections, which may be FP8.</summary>
    public QuantizedProducts Products { get; }

    /// <summary>y = x Wᵀ of a projection.</summary>
    public Tensor Linear(Tensor x, Projection projection, Tensor y)
    {
        Products.Linear(x, projection, y);
        return y;
    }

    /// <summary>y = x Wᵀ of a weight that is never FP8, in the contract's accumulation.</summary>
    public Tensor Linear(Tensor x, Tensor weight, Tensor y)
    {
        Backend.Linear(x, weight, Contract.Accumulation, y);
        return y;
    }

    /// <summary>y = RMSNorm(x)·w in the contract's rounding.</summary>
    public Tensor Norm(Tensor x, Tensor weight, Tensor y)
    {
        Backend.RmsNorm(x, weight, Epsilon, Contract.RmsNorm, y);
        return y;
    }

    private static YarnParameters? RopeYarn(DeepSeekConfig config, NumericContract contract) =>
        YarnParameters.Active(config.RopeScaling?.Parameters(contract.MScale), contract.Yarn, config.MaxPositionEmbeddings);
}
