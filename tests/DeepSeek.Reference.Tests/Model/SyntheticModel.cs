using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Model;
using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Tests.Model;

/// <summary>Small models made from a seed: every parameter of a configuration, from its name.</summary>
internal static class SyntheticModel
{
    public static DeepSeekConfig V3 { get; } = new()
    {
        VocabSize = 50,
        HiddenSize = 24,
        IntermediateSize = 28,
        MoeIntermediateSize = 10,
        NumHiddenLayers = 3,
        FirstKDenseReplace = 1,
        NumAttentionHeads = 3,
        NumKeyValueHeads = 3,
        QLoraRank = 12,
        KvLoraRank = 18,
        QkNopeHeadDim = 7,
        QkRopeHeadDim = 6,
        VHeadDim = 5,
        NRoutedExperts = 8,
        NSharedExperts = 1,
        NumExpertsPerTok = 3,
        NGroup = 4,
        TopkGroup = 2,
        NormTopkProb = true,
        RoutedScalingFactor = 2.5,
        MaxPositionEmbeddings = 200,
        RopeScaling = new RopeScaling { Factor = 4, OriginalMaxPositionEmbeddings = 16, MScale = 1, MScaleAllDim = 1 },
        TorchDtype = DType.F32,
        EosTokenId = 1,
    };

    /// <summary>V2-Lite's choices: no query compression, softmax scores, no bias, no groups, tied head.</summary>
    public static DeepSeekConfig V2 { get; } = V3 with
    {
        QLoraRank = null,
        ScoringFunc = ScoringFunc.Softmax,
        TopkMethod = TopkMethod.Greedy,
        NormTopkProb = false,
        NGroup = 1,
        TopkGroup = 1,
        RoutedScalingFactor = 1,
        NSharedExperts = 2,
        TieWordEmbeddings = true,
    };

    public static Dictionary<string, Tensor> Weights(DeepSeekConfig config, DType dtype = DType.F32, ulong seed = 1) =>
        new ParameterTable(config).Parameters.ToDictionary(p => p.Name, p => Make(p, dtype, seed));

    public static DeepSeekModel Make(DeepSeekConfig config, NumericContract contract, IBackend backend, DType dtype = DType.F32) =>
        Make(config, contract, backend, Weights(config, dtype));

    public static DeepSeekModel Make(DeepSeekConfig config, NumericContract contract, IBackend backend, Dictionary<string, Tensor> weights) =>
        new(config, weights.GetValueOrDefault, contract, backend, "synthetic");

    /// <summary>Ids of the vocabulary, from a seed.</summary>
    public static int[] Ids(int count, int seed, int vocab = 50)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => random.Next(vocab))];
    }

    private static Tensor Make(Parameter p, DType dtype, ulong seed)
    {
        bool bias = p.Name.EndsWith("bias", StringComparison.Ordinal);
        bool norm = p.Shape.Rank == 1 && !bias;
        float scale = bias ? 0.2f : norm ? 0.3f : 2f / MathF.Sqrt(p.Shape[^1]);
        var values = new float[p.ElementCount];
        new RandomStream(seed, p.Name).Fill(ValueMap.Bell, 0, values);
        for (int i = 0; i < values.Length; i++)
            values[i] = (values[i] * scale) + (norm ? 1 : 0);
        Tensor wide = Tensor.From(values, p.Shape.Dimensions);
        if (dtype == DType.F32 || bias)
            return wide;
        var narrow = new Tensor(dtype, p.Shape);
        new ScalarBackend().Cast(wide, narrow);
        return narrow;
    }
}
