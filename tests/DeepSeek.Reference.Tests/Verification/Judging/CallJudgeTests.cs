using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Ops;
using DeepSeek.Reference.Verification;
using Xunit;

namespace DeepSeek.Reference.Tests.Verification.Judging;

public class CallJudgeTests
{
    private const string Small = "scaled_linear[t=130,n=200,k=512,product=deepgemm-sm90,seed=0x9]";

    [Fact]
    public void The_reference_itself_is_BITS_and_some_of_it_is_recomputed_by_the_definitions()
    {
        OperationCall call = Ran(Small);

        CallReport report = CallJudge.Judge(call, null, new JudgeOptions());

        Assert.Equal((Verdict.Bits, "bits"), (report.Verdict, report.Check));
        Assert.True(report.Recomputed >= 1000);
        Assert.Contains("bits on all 26,000 elements", report.Proves, StringComparison.Ordinal);
    }

    [Fact]
    public void One_wrong_element_fails_by_its_bound_and_is_named()
    {
        OperationCall call = Ran(Small);
        call["y"].AsSpan<float>()[129 * 200 + 7] += 1;

        OutputReport report = CallJudge.Judge(call, null, new JudgeOptions()).Outputs[0];

        Assert.Equal((Verdict.Fail, "bound"), (report.Verdict, report.Check));
        Assert.Equal([129L, 7L], report.Errors!.First!.Index);
        Assert.Equal((1L, 0L), report.Errors.First.Tile);
        Assert.Contains("y[129, 7]", report.Note, StringComparison.Ordinal);
    }

    [Fact]
    public void A_NaN_that_is_swallowed_fails_by_the_mask()
    {
        CaseTensors tensors = OperationCase.Parse(Small).Prepare();
        tensors["x"].AsSpan<Float8E4M3>()[5 * 512 + 3] = Float8E4M3.NaN;
        OperationCall call = OperationCase.Parse(Small).Call(tensors);
        call.Run(new SimdBackend());
        call["y"].AsSpan<float>().Slice(5 * 200, 200).Clear();

        CallReport report = CallJudge.Judge(call, null, new JudgeOptions());

        Assert.Equal((Verdict.Fail, "mask"), (report.Verdict, report.Check));
    }

    [Fact]
    public void An_output_that_was_not_written_fails_as_poison()
    {
        OperationCall call = Prepared(Small);
        Tensor before = call["y"].Clone();

        CallReport report = CallJudge.Judge(call, new Dictionary<string, Tensor> { ["y"] = before }, new JudgeOptions());

        Assert.Equal((Verdict.Fail, "poison"), (report.Verdict, report.Check));
    }

    [Fact]
    public void A_row_of_padding_must_stay_as_it_was()
    {
        OperationCall call = Prepared("indexed_scaled_linear[r=16,g=2,n=32,k=128,align=4]");
        Tensor before = call["y"].Clone();
        call.Run(new SimdBackend());
        var outputs = new Dictionary<string, Tensor> { ["y"] = before };
        Assert.Equal(Verdict.Bits, CallJudge.Judge(call, outputs, new JudgeOptions()).Verdict);

        call["y"].AsSpan<BFloat16>()[3 * 32] = BFloat16.One;

        CallReport report = CallJudge.Judge(call, outputs, new JudgeOptions());
        Assert.Equal((Verdict.Fail, "untouched"), (report.Verdict, report.Check));
        Assert.Contains("y[3, 0]", report.Outputs[0].Note, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("indexed_scaled_linear[r=16,g=2,n=32,k=128,align=4,y=f32]")]
    [InlineData("masked_scaled_linear[m=8,g=3,n=32,k=128,y=f32]")]
    public void Rows_left_alone_are_not_judged_where_nobody_knows_what_they_held(string id)
    {
        OperationCall call = Ran(id);
        CallSampler sampler = CallSampler.Of(call)!;
        int left = Enumerable.Range(0, sampler.Rows).First(t => !sampler.IsWritten(t));
        call["y"].AsSpan<float>().Slice(left * 32, 32).Fill(float.NaN);

        OutputReport report = CallJudge.Judge(call, null, new JudgeOptions()).Outputs[0];

        Assert.Equal(Verdict.Bits, report.Verdict);
        Assert.Equal(32L * Enumerable.Range(0, sampler.Rows).Count(sampler.IsWritten), report.Compared);
        Assert.True(report.Compared < call["y"].ElementCount);

        // Their values count for no figure either.
        call["y"].AsSpan<float>().Slice(left * 32, 32).Fill(1e30f);
        call["y"].AsSpan<float>()[0] = MathF.BitIncrement(call["y"].AsSpan<float>()[0]);
        ErrorStatistics errors = CallJudge.Judge(call, null, new JudgeOptions()).Outputs[0].Errors!;
        Assert.Equal((1L, 1.0), (errors.MismatchCount, errors.MaxUlp));
        Assert.InRange(errors.RelativeL2, 1e-12, 1e-6); // one unit of one element among thousands: at most 2^-23, and not 0
    }

    [Fact]
    public void A_report_holds_every_figure_of_a_difference()
    {
        OperationCall call = Ran(Small);
        Span<float> y = call["y"].AsSpan<float>();
        y[3 * 200 + 5] = MathF.BitIncrement(y[3 * 200 + 5]);
        y[129 * 200 + 199] *= 1.5f;

        CallReport report = CallJudge.Judge(call, null, new JudgeOptions { Repro = "dsref verify this" });

        ErrorStatistics errors = report.Outputs[0].Errors!;
        Assert.Equal((26000L, 2L, 0L), (errors.Count, errors.MismatchCount, errors.MaskMismatchCount));
        Assert.Equal((1L, 2L), (errors.UlpHistogram[0], errors.UlpHistogram.Sum()));
        Assert.Equal([3L, 5L], errors.First!.Index);
        Assert.Equal([129L, 199L], errors.Worst!.Index);
        Assert.Equal([129L, 199L], errors.MaxAbs.At);
        Assert.Equal(0.5, errors.MaxRel.Value, 6);
        Assert.Equal(((1L, 1L), 3), (errors.Worst.Tile, errors.Worst.Neighbourhood.Count));
        Assert.Equal(errors.Worst.Actual, errors.Worst.Neighbourhood[1].Split(' ')[1]);
        Assert.NotEqual(errors.Worst.Actual, errors.Worst.Reference);
        Assert.NotNull(errors.Worst.Exact);
        Assert.Equal(errors.Nmse, errors.RelativeL2 * errors.RelativeL2);
        Assert.Equal(errors.RelativeL2 * errors.RelativeL2 / 2, errors.CalcDiff, 0.1 * errors.CalcDiff); // one element of 26,000 half as large again: e·e of the others cancels, and half the NMSE is left up to its own size
        Assert.InRange(1 - errors.Cosine, 0, errors.Nmse); // the angle is at most the relative error
        Assert.Equal("dsref verify this", report.Repro);
    }

    [Fact]
    public void A_tile_of_coarser_arithmetic_is_found_by_the_statistics_of_its_tile()
    {
        // Errors of up to 5e-4 of the result in one tile of 128 x 128 lie within the bounds of a unit that keeps 13 bits, and are no errors of its.
        var call = (ScaledLinearCall)Ran("scaled_linear[t=256,n=256,k=512,product=deepgemm-sm90,seed=0x9]");
        Tensor y = call.Y.Clone();
        ScaledLinearCall coarse = call with { Y = y };
        Span<float> right = call.Y.AsSpan<float>(), values = y.AsSpan<float>();
        for (int t = 128; t < 256; t++)
        {
            for (int n = 128; n < 256; n++)
                values[t * 256 + n] = right[t * 256 + n] * (1 + ((t * 131 + n * 17) % 7 - 3) * 1.6e-4f);
        }

        OutputReport report = CallJudge.Judge(coarse, null, new JudgeOptions()).Outputs[0];

        Assert.False(report.Verdict.Passes(), report.Note);
        Assert.Contains(report.Noise!.Findings, f => !f.Holds && f.Where == "tile (1, 1)");
    }

    [Fact]
    public void A_cast_that_is_not_bit_equal_fails()
    {
        OperationCall call = Ran("cast[n=64,x=f32,y=bf16]");
        call["y"].AsSpan<ushort>()[9] ^= 1;

        CallReport report = CallJudge.Judge(call, null, new JudgeOptions());

        Assert.Equal((Verdict.Fail, "bits"), (report.Verdict, report.Check));
    }

    [Theory]
    [InlineData("linear[t=64,n=96,k=600,x=bf16]")]
    [InlineData("linear[t=64,n=96,k=600,x=bf16,y=bf16]")]
    [InlineData("linear[t=64,n=96,k=2600,map=outlier]")]
    [InlineData("linear[t=64,n=96,k=600,map=logspread]")]
    public void Rule_N7_a_chain_of_fma_is_noise_where_the_declared_order_is_no_kernels(string id)
    {
        var call = (LinearCall)Prepared(id);
        (call with { Accumulation = Accumulation.Sequential }).Run(new SimdBackend());

        OutputReport report = CallJudge.Judge(call, null, new JudgeOptions()).Outputs[0];

        Assert.True(report.Verdict == Verdict.Noise, $"{report.Verdict} {report.Check}: {report.Note}");
    }

    [Fact]
    public void An_accumulator_in_bfloat16_is_not_noise()
    {
        var call = (LinearCall)Ran("linear[t=64,n=96,k=600,x=bf16,y=bf16]");
        ReadOnlySpan<float> x = Operands.Widen(call.X), w = Operands.Widen(call.Weight);
        for (int t = 0; t < 64; t++)
        {
            for (int n = 0; n < 96; n++)
            {
                float low = 0, high = 0;
                for (int k = 0; k < 300; k++)
                    (low, high) = (low + x[t * 600 + k] * w[n * 600 + k], high + x[t * 600 + 300 + k] * w[n * 600 + 300 + k]);
                call.Y.AsSpan<BFloat16>()[t * 96 + n] = BFloat16.Round(BFloat16.RoundToFloat(low) + BFloat16.RoundToFloat(high));
            }
        }

        CallReport report = CallJudge.Judge(call, null, new JudgeOptions());

        Assert.False(report.Verdict.Passes(), report.Outputs[0].Note);
    }

    [Fact]
    public void Zeros_where_the_bound_is_as_large_as_the_result_are_suspect()
    {
        // Products that cancel to a few units of the accumulator's last place.
        var x = new Tensor(DType.F32, 64, 4096);
        var w = new Tensor(DType.F32, 64, 4096);
        for (int i = 0; i < 64 * 4096; i++)
        {
            x.AsSpan<float>()[i] = i % 2 == 0 ? 1 + i % 4096 * 1e-7f : -1;
            w.AsSpan<float>()[i] = 1;
        }

        var call = new LinearCall(x, w, Accumulation.Lanes16, new Tensor(DType.F32, 64, 64));

        CallReport report = CallJudge.Judge(call, null, new JudgeOptions());

        Assert.True(report.Verdict is Verdict.Suspect or Verdict.Fail, $"{report.Verdict}: {report.Outputs[0].Note}");
    }

    internal static OperationCall Prepared(string id)
    {
        OperationCase c = OperationCase.Parse(id);
        return c.Call(c.Prepare());
    }

    internal static OperationCall Ran(string id)
    {
        OperationCall call = Prepared(id);
        call.Run(new SimdBackend());
        return call;
    }
}
