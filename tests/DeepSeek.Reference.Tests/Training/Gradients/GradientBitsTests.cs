using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Ops;
using DeepSeek.Reference.Tests.Model;
using DeepSeek.Reference.Training;
using DeepSeek.Reference.Verification;
using Xunit;

namespace DeepSeek.Reference.Tests.Training;

/// <summary>Digests of gradients, the same on every instruction set and from version to version.</summary>
/// <remarks>Their bits are held to exact fractions in BackwardWitnessTests, whole models to float64 autograd in GradientOracleTests. Inputs are Philox's (rule N14), seed 0x24.</remarks>
[Trait(InstructionSets.Trait, InstructionSets.Every)]
public class GradientBitsTests
{
    private static readonly IBackwardBackend[] backends = [new ScalarBackend(), new SimdBackend(2)];

    [Theory]
    [InlineData("linear_dgrad", "cf4cfcebf2c02b47")]
    [InlineData("linear_wgrad", "32f84cdf0f0379d9")]
    [InlineData("grouped_wgrad", "29d1528638d5ee70")]
    [InlineData("rms_norm", "61f83020cb784b27")]
    [InlineData("swiglu", "c7275d9f10fc0a74")]
    [InlineData("rope", "3aec4396d0e4d8ba")]
    [InlineData("attention", "065e7f8cdb5536bd")]
    [InlineData("gate_sigmoid", "675f86fec3575a4c")]
    [InlineData("gate_softmax", "e1b5808cff28ffce")]
    [InlineData("combine", "f82c1d43d254c287")]
    [InlineData("dispatch", "d9152a7f15efe520")]
    [InlineData("embedding", "0bdf50c1a7181a79")]
    [InlineData("cross_entropy", "fcd921b675bfb3da")]
    [InlineData("balance_loss", "a2c464221cc5d33a")]
    public void Rule_N1_N24_an_operations_gradients_have_these_bits(string operation, string digest) =>
        Assert.All(backends, backend => Assert.Equal(digest, Digest(Operation(operation, backend))));

    [Theory]
    [InlineData("v3", "ddaa220b6a58f588")]
    [InlineData("v2", "ddf48699e08d7ad8")]
    [InlineData("mtp", "44f46082f7d0d78f")]
    public void Rule_N1_N16_a_models_gradients_have_these_bits(string name, string digest)
    {
        DeepSeekConfig config = name switch
        {
            "v2" => SyntheticModel.V2,
            "mtp" => SyntheticModel.V3 with { NumNextnPredictLayers = 1 },
            _ => SyntheticModel.V3,
        };
        var options = new LossOptions { MtpWeight = name == "mtp" ? 0.3 : 0, BalanceWeight = 0.01 };
        Assert.All(backends, backend =>
        {
            GradientSet gradients = new GradientModel(config, SyntheticModel.Weights(config).GetValueOrDefault, backend).Gradients([SyntheticModel.Ids(20, 1), SyntheticModel.Ids(11, 2)], options);
            Assert.Equal(digest, Digest([Tensor.From([gradients.Losses.Total], 1), .. gradients.Names.Select(n => gradients[n])]));
        });
    }

    private static Tensor[] Operation(string operation, IBackwardBackend b)
    {
        const int T = 37, N = 21, K = 35, E = 20, S = 3;
        switch (operation)
        {
            case "linear_dgrad":
                return One(New(T, K), dx => b.LinearDgrad(Bell("dy", T, N), Bell("weight", N, K), Accumulation.Lanes16, dx));
            case "linear_wgrad":
                return One(Bell("held", N, K), dW => b.LinearWgrad(Bell("dy", T, N), Bell("x", T, K), Accumulation.Lanes16, dW));
            case "grouped_wgrad":
                Tensor[] groups = [Bell("held.0", N, K), Bell("held.1", N, K), Bell("held.2", N, K)];
                b.GroupedLinearWgrad(Bell("dy", T, N), Bell("x", T, K), [0, 17, 17, T], Accumulation.Lanes16, groups);
                return groups;
            case "rms_norm":
                return Two(New(T, K), Bell("held", K), (dx, dw) => b.RmsNormBackward(Bell("dy", T, K), Bell("x", T, K), Bell("weight", K), 1e-6f, dx, dw));
            case "swiglu":
                return Two(New(T, K), New(T, K), (da, db) => b.SwiGluBackward(Bell("dy", T, K), Bell("gate", T, K), Bell("up", T, K), da, db));
            case "rope":
                Tensor positions = Tensor.From([.. Enumerable.Range(5, T)], T), frequencies = Tensor.From([1f, 0.5f, 0.25f], 3);
                return One(New(T, 2, 9), dx => b.RopeBackward(Bell("dy", T, 2, 9), positions, frequencies, new RopeAttributes(RopeLayout.Interleaved, RopeRotation.Fused), dx));
            case "attention":
                var attributes = new AttentionAttributes(0.3f, 0, AttentionRounding.None, 0, Accumulation.Lanes16);
                Tensor q = Bell("q", T, 2, 9), k = Bell("keys", T, 2, 9), v = Bell("values", T, 2, 7), y = New(T, 2, 7), lse = New(T, 2);
                b.Attention(q, k, v, attributes, y, lse);
                Tensor[] all = [New(T, 2, 9), New(T, 2, 9), New(T, 2, 7), New(T, 2, 10), New(T, 6)];
                b.AttentionBackward(q, k, v, y, lse, Bell("dy", T, 2, 7), attributes, all[0], all[1], all[2]);
                b.ExpandKeysBackward(all[1], all[2], all[3], all[4]);
                return all;
            case "gate_sigmoid" or "gate_softmax":
                ScoringFunction scoring = operation == "gate_softmax" ? ScoringFunction.Softmax : ScoringFunction.Sigmoid;
                var gate = new GateAttributes(scoring, 1, 1, GroupScore.Max, GroupMask.NegativeInfinity, true, 0f, 2.5f, GateRounding.None);
                Tensor logits = Bell("logits", T, E), scores = New(T, E), chosen = new(DType.I32, T, S);
                b.Gate(logits, null, gate, scores, chosen, New(T, S));
                return One(New(T, E), dl => b.GateBackward(logits, scores, chosen, gate, Bell("dw", T, S), Bell("ds", T, E), dl));
            case "combine":
                return Two(New(T * S, K), New(T, S), (o, w) => b.CombineBackward(Bell("dy", T, K), Bell("outputs", T * S, K), Plan(T, S, E), Bell("weights", T, S), o, w));
            case "dispatch":
                return One(New(T, K), dx => b.DispatchBackward(Bell("dy", T * S, K), Plan(T, S, E), dx));
            case "embedding":
                return One(Bell("held", 5, K), dW => b.EmbeddingBackward(Bell("dy", T, K), Tensor.From([.. Enumerable.Range(0, T).Select(t => t * t % 4)], T), dW));
            case "cross_entropy":
                Tensor x = Bell("x", T, K), targets = Tensor.From([.. Enumerable.Range(-1, T).Select(t => t % K)], T), statistics = New(T, 2);
                return [.. Two(New(T), statistics, (losses, stat) => b.CrossEntropy(x, targets, losses, stat)), .. One(New(T, K), dl => b.CrossEntropyBackward(x, 0, targets, statistics, 0.01f, dl))];
            default:
                Tensor s = New(T, E);
                Correct.Sigmoid(Bell("logits", T, E).AsReadOnlySpan<float>(), s.AsSpan<float>());
                return Two(New(1), New(T, E), (loss, ds) => b.BalanceLoss(s, Choice(T, S, E), 1e-4f, loss, ds));
        }
    }

    private static Tensor Choice(int T, int K, int E) => Tensor.From([.. Enumerable.Range(0, T * K).Select(i => (i / K * 7 + i % K * 3) % E)], T, K);

    private static ExpertPlan Plan(int T, int K, int E) => new(Choice(T, K, E).AsReadOnlySpan<int>(), K, E);

    private static Tensor Bell(string name, params ReadOnlySpan<long> shape)
    {
        var t = new Tensor(DType.F32, shape);
        new RandomStream(0x24, name).Fill(ValueMap.Bell, 0, t.AsSpan<float>());
        return t;
    }

    private static Tensor New(params ReadOnlySpan<long> shape) => new(DType.F32, shape);

    private static Tensor[] One(Tensor result, Action<Tensor> run)
    {
        run(result);
        return [result];
    }

    private static Tensor[] Two(Tensor first, Tensor second, Action<Tensor, Tensor> run)
    {
        run(first, second);
        return [first, second];
    }

    /// <summary>The first 16 digits of the SHA-256 of all elements in order (rule N15).</summary>
    private static string Digest(Tensor[] tensors)
    {
        float[] all = [.. tensors.SelectMany(t => t.AsReadOnlySpan<float>().ToArray())];
        return CanonicalHash.Of(Tensor.From(all, all.Length))[..16];
    }
}
