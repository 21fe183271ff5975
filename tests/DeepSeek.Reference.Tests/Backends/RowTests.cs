using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Ops;
using Xunit;

namespace DeepSeek.Reference.Tests.Backends;

/// <summary>Rules N1 and N8: a row is worked on alone, whatever lies beside it and whichever thread takes it.</summary>
[Trait(InstructionSets.Trait, InstructionSets.Every)]
public class RowTests
{
    private const int T = 211;
    private const int D = 1024;
    private static readonly Tensor Frequencies = Tensor.From(RopeTable.Frequencies(64, 10000, null, RopeTableKind.RoundedOnce), 32);
    private static readonly GateAttributes V3 =
        new(ScoringFunction.Sigmoid, 8, 4, GroupScore.TopTwoSum, GroupMask.NegativeInfinity, true, 0f, 2.5f, GateRounding.None);

    public static TheoryData<string> Operations => ["RmsNorm", "SwiGlu", "Rope", "Softmax", "LogSoftmax", "Add", "Cast", "Gate", "MtpInput"];

    [Theory]
    [MemberData(nameof(Operations))]
    public void Rule_N8_the_number_of_threads_changes_no_bit(string operation)
    {
        Tensor x = new Samples(3).Tensor(DType.BF16, true, T, D);
        Tensor expected = Run(new ScalarBackend(), operation, x, 0);
        foreach (int threads in (int[])[1, 2, 7])
            Assert.True(Samples.Same(expected, Run(new SimdBackend(threads), operation, x, 0)), $"{threads} threads");
    }

    [Theory]
    [MemberData(nameof(Operations))]
    public void Rule_N1_a_row_alone_equals_the_row_in_a_batch(string operation)
    {
        Tensor x = new Samples(4).Tensor(DType.F32, true, T, D);
        foreach (IBackend backend in (IBackend[])[new ScalarBackend(), new SimdBackend(7)])
        {
            Tensor batch = Run(backend, operation, x, 0);
            foreach (int t in (int[])[0, 1, 100, T - 1])
                Assert.True(Samples.Same(batch.Rows(t, 1), Run(backend, operation, x.Rows(t, 1), t)), $"{backend.Name}, row {t}");
        }
    }

    [Fact]
    public void An_output_may_be_an_input_where_the_interface_says_so()
    {
        Tensor x = new Samples(5).Tensor(DType.BF16, true, 70, 4, 96);
        Tensor other = new Samples(6).Tensor(DType.BF16, true, 70, 4, 96);
        Tensor positions = Positions(70, 0);
        foreach (IBackend backend in (IBackend[])[new ScalarBackend(), new SimdBackend(2)])
        {
            InPlace(x, y => backend.Add(x, other, y), y => backend.Add(y, other, y));
            InPlace(x, y => backend.Add(other, x, y), y => backend.Add(other, y, y));
            InPlace(x, y => backend.SwiGlu(x, other, SwiGluRounding.None, y), y => backend.SwiGlu(y, other, SwiGluRounding.None, y));
            InPlace(x, y => backend.SwiGlu(other, x, SwiGluRounding.AfterSilu, y), y => backend.SwiGlu(other, y, SwiGluRounding.AfterSilu, y));
            foreach (RopeLayout layout in Enum.GetValues<RopeLayout>())
            {
                var attributes = new RopeAttributes(layout, RopeRotation.Fused);
                InPlace(x, y => backend.Rope(x, positions, Frequencies, attributes, y), y => backend.Rope(y, positions, Frequencies, attributes, y));
            }
        }
    }

    [Fact]
    public void Rule_N3_a_NaN_in_the_gate_names_the_lowest_token_row()
    {
        Tensor logits = new Samples(7).Tensor(DType.F32, true, T, 256);
        logits.AsSpan<float>()[190 * 256 + 3] = float.NaN;
        logits.AsSpan<float>()[77 * 256 + 255] = float.NaN;
        foreach (IBackend backend in (IBackend[])[new ScalarBackend(), new SimdBackend(1), new SimdBackend(7)])
        {
            var error = Assert.Throws<NotANumberException>(() => Run(backend, "Gate", logits, 0));
            Assert.Contains("token row 77 ", error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void An_id_outside_the_vocabulary_is_named()
    {
        var y = new Tensor(DType.F32, 2, 4);
        foreach (IBackend backend in (IBackend[])[new ScalarBackend(), new SimdBackend(2)])
        {
            var error = Assert.Throws<ShapeException>(() => backend.Embedding(new Tensor(DType.F32, 5, 4), Tensor.From([4, 5], 2), y));
            Assert.Contains("id 5 at position 1", error.Message, StringComparison.Ordinal);
        }
    }

    private static void InPlace(Tensor x, Action<Tensor> apart, Action<Tensor> inPlace)
    {
        var expected = new Tensor(x.DType, x.Shape);
        apart(expected);
        Tensor y = x.Clone();
        inPlace(y);
        Assert.True(Samples.Same(expected, y));
    }

    private static Tensor Positions(int count, int first) => Tensor.From([.. Enumerable.Range(first, count)], count);

    private static Tensor Run(IBackend backend, string operation, Tensor x, int firstPosition)
    {
        long rows = x.Shape[0];
        var y = new Tensor(DType.F32, x.Shape);
        switch (operation)
        {
            case "RmsNorm":
                backend.RmsNorm(x, new Samples(8).Tensor(DType.BF16, true, D), 1e-6f, RmsNormRounding.None, y);
                return y;
            case "SwiGlu":
                backend.SwiGlu(x, x, SwiGluRounding.None, y);
                return y;
            case "Rope":
                backend.Rope(x.Reshape(rows, 8, 128), Positions((int)rows, firstPosition), Frequencies, new RopeAttributes(RopeLayout.Interleaved, RopeRotation.Fused), y.Reshape(rows, 8, 128));
                return y;
            case "Softmax":
                backend.Softmax(x, y);
                return y;
            case "LogSoftmax":
                backend.LogSoftmax(x, y);
                return y;
            case "Add":
                backend.Add(x, x, y);
                return y;
            case "Cast":
                backend.Cast(x, y);
                return y;
            case "MtpInput":
                y = new Tensor(DType.F32, rows, 2 * x.Shape[1]);
                backend.MtpInput(x, x, MtpConcat.EmbeddingFirst, y);
                return y;
            default:
                var weights = new Tensor(DType.F32, rows, 8);
                backend.Gate(x, null, V3, y, new Tensor(DType.I32, rows, 8), weights);
                return weights;
        }
    }
}
