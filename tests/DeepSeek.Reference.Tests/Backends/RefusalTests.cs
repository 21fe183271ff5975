using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Ops;
using DeepSeek.Reference.Tests.Checkpoints;
using Xunit;

namespace DeepSeek.Reference.Tests.Backends;

/// <summary>What a backend cannot do as asked, it refuses: it neither writes into a mapped file nor takes one decision for another.</summary>
public sealed class RefusalTests
{
    private const float Epsilon = 1e-6f;
    private static readonly ExpertPlan Plan = new([0, 1, 1, 0], 2, 2);
    private static readonly RopeAttributes Rotation = new(RopeLayout.Interleaved, RopeRotation.Fused);
    private static readonly AttentionAttributes Causal = new(1f, 1, AttentionRounding.None, 0, Accumulation.Lanes16);

    private static readonly GateAttributes Choice =
        new(ScoringFunction.Sigmoid, 1, 1, GroupScore.Max, GroupMask.NegativeInfinity, true, 0f, 1f, GateRounding.None);

    public static TheoryData<int> Threads => [0, 1, 2];

    [Theory]
    [MemberData(nameof(Threads))]
    public void An_output_in_a_mapped_checkpoint_is_refused_before_anything_is_written(int threads)
    {
        IBackend b = Backend(threads);
        foreach (DType type in (DType[])[DType.F32, DType.BF16])
        {
            using var folder = new SafetensorsBytes();
            string path = folder.At("mapped.safetensors");
            SafetensorsWriter.Write(path, [new("y", new Tensor(type, 8)), new("i", new Tensor(DType.I32, 4)), new("l", new Tensor(DType.F32, 4))]);
            using SafetensorsFile file = SafetensorsFile.Open(path);
            Tensor y = file.Get("y"), x = new(type, 2, 4), w = new(type, 4, 4), heads = new(type, 2, 2, 2);

            Refused(() => b.Embedding(w, Tensor.From([1, 2], 2), y.Reshape(2, 4)));
            Refused(() => b.Cast(x, y.Reshape(2, 4)));
            Refused(() => b.Add(x, x, y.Reshape(2, 4)));
            Refused(() => b.RmsNorm(x, new Tensor(type, 4), Epsilon, RmsNormRounding.None, y.Reshape(2, 4)));
            Refused(() => b.Linear(x, w, Accumulation.Lanes16, y.Reshape(2, 4)));
            Refused(() => b.GroupedLinear(x, [0, 1, 2], [w, w], Accumulation.Lanes16, y.Reshape(2, 4)));
            Refused(() => b.Rope(heads, Tensor.From([0, 1], 2), new Tensor(DType.F32, 1), Rotation, y.Reshape(2, 2, 2)));
            Refused(() => b.AbsorbQuery(heads, new Tensor(type, 2, 3, 1), Accumulation.Lanes16, y.Reshape(2, 2, 2)));
            Refused(() => b.AbsorbOutput(heads, new Tensor(type, 2, 3, 2), Accumulation.Lanes16, y.Reshape(2, 2, 2)));
            Refused(() => b.ExpandKeys(new Tensor(type, 2, 2, 3), new Tensor(type, 2, 1), y.Reshape(2, 2, 2), new Tensor(type, 2, 2, 2)));
            Refused(() => b.ExpandKeys(new Tensor(type, 2, 2, 3), new Tensor(type, 2, 1), new Tensor(type, 2, 2, 2), y.Reshape(2, 2, 2)));
            Refused(() => b.Attention(heads, heads, heads, Causal, y.Reshape(2, 2, 2)));
            Refused(() => b.Attention(heads, heads, heads, Causal, new Tensor(type, 2, 2, 2), file.Get("l").Reshape(2, 2)));
            Refused(() => b.SwiGlu(x, x, SwiGluRounding.None, y.Reshape(2, 4)));
            Refused(() => b.Gate(x, null, Choice, y.Reshape(2, 4), new Tensor(DType.I32, 2, 2), new Tensor(type, 2, 2)));
            Refused(() => b.Gate(x, null, Choice, new Tensor(type, 2, 4), file.Get("i").Reshape(2, 2), new Tensor(type, 2, 2)));
            Refused(() => b.Gate(x, null, Choice, new Tensor(type, 2, 4), new Tensor(DType.I32, 2, 4), y.Reshape(2, 4)));
            Refused(() => b.Dispatch(new Tensor(type, 2, 2), Plan, y.Reshape(4, 2)));
            Refused(() => b.Combine(new Tensor(type, 4, 4), Plan, new Tensor(type, 2, 2), null, CombineRounding.Fused, y.Reshape(2, 4)));
            Refused(() => b.Softmax(x, y.Reshape(2, 4)));
            Refused(() => b.LogSoftmax(x, y.Reshape(2, 4)));
            Refused(() => b.MtpInput(new Tensor(type, 2, 2), new Tensor(type, 2, 2), MtpConcat.EmbeddingFirst, y.Reshape(2, 4)));
        }
    }

    [Theory]
    [MemberData(nameof(Threads))]
    public void A_decision_that_does_not_exist_is_refused(int threads)
    {
        IBackend b = Backend(threads);
        Tensor x = new(DType.F32, 2, 4), y = new(DType.F32, 2, 4), heads = new(DType.F32, 2, 2, 2), at = Tensor.From([0, 1], 2), f = new(DType.F32, 1);
        Tensor indices = new(DType.I32, 2, 2), weights = new(DType.F32, 2, 2);

        Undefined(() => b.RmsNorm(x, new Tensor(DType.F32, 4), Epsilon, (RmsNormRounding)9, y));
        Undefined(() => b.SwiGlu(x, x, (SwiGluRounding)9, y));
        Undefined(() => b.Rope(heads, at, f, Rotation with { Layout = (RopeLayout)9 }, heads));
        Undefined(() => b.Rope(heads, at, f, Rotation with { Rotation = (RopeRotation)9 }, heads));
        Undefined(() => b.Gate(x, null, Choice with { Scoring = (ScoringFunction)9 }, y, indices, weights));
        Undefined(() => b.Gate(x, null, Choice with { GroupScore = (GroupScore)9 }, y, indices, weights));
        Undefined(() => b.Gate(x, null, Choice with { Mask = (GroupMask)9 }, y, indices, weights));
        Undefined(() => b.Gate(x, null, Choice with { Rounding = (GateRounding)9 }, y, indices, weights));
        Undefined(() => b.Combine(new Tensor(DType.F32, 4, 4), Plan, weights, null, (CombineRounding)9, y));
        Undefined(() => b.MtpInput(new Tensor(DType.F32, 2, 2), new Tensor(DType.F32, 2, 2), (MtpConcat)9, y));
        Undefined(() => b.Attention(heads, heads, heads, Causal with { Rounding = (AttentionRounding)9 }, heads.Clone()));
    }

    [Fact]
    public void An_error_inside_a_thread_comes_out_as_itself()
    {
        var error = Assert.Throws<ContractException>(() => new SimdBackend(2).For(100, 1, (from, _) => throw new ContractException($"at {from}")));
        Assert.StartsWith("at ", error.Message, StringComparison.Ordinal);
    }

    private static IBackend Backend(int threads) => threads == 0 ? new ScalarBackend() : new SimdBackend(threads);

    private static void Refused(Action write) => Assert.Contains("read-only", Assert.Throws<ShapeException>(write).Message, StringComparison.Ordinal);

    private static void Undefined(Action run) => Assert.Throws<ContractException>(run);
}
