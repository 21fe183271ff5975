using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Verification;
using Xunit;

namespace DeepSeek.Reference.Tests.Verification.Judging;

public class BudgetTests
{
    // 2^27.6 multiply-adds: more than are done without asking for the time.
    private const string Large = "scaled_linear[t=640,n=1280,k=256,y=bf16,product=deepgemm-sm90,seed=0x11]";

    [Fact]
    public void A_budget_of_nothing_samples_and_says_what_it_does_not_prove()
    {
        OperationCall call = CallJudgeTests.Ran(Large);

        CallReport report = CallJudge.Judge(call, null, new JudgeOptions { Budget = 0 });

        Assert.Equal(Verdict.Bits, report.Verdict);
        Assert.True(report.Outputs[0].Compared < call["y"].ElementCount);
        Assert.Contains("would be missed with p < 1%", report.Proves, StringComparison.Ordinal);
        Assert.True(report.Recomputed > 0);
    }

    [Fact]
    public void A_single_NaN_is_found_by_the_mask_whatever_the_budget()
    {
        OperationCall call = CallJudgeTests.Ran(Large);
        call["y"].AsSpan<BFloat16>()[333 * 1280 + 777] = BFloat16.NaN;

        CallReport report = CallJudge.Judge(call, null, new JudgeOptions { Budget = 0 });

        Assert.Equal((Verdict.Fail, "mask"), (report.Verdict, report.Check));
    }

    [Fact]
    public void Full_compares_everything_whatever_the_budget()
    {
        OperationCall call = CallJudgeTests.Ran(Large);

        CallReport report = CallJudge.Judge(call, null, new JudgeOptions { Budget = 0, Full = true });

        Assert.Equal(call["y"].ElementCount, report.Outputs[0].Compared);
        Assert.True(CallJudge.Estimate(call) > 0);
    }

    [Theory]
    [InlineData(1e6)]
    [InlineData(0)]
    public void A_look_at_the_whole_finds_one_wrong_element_of_a_million(double seconds)
    {
        OperationCall call = CallJudgeTests.Ran(Large);
        const int row = 333, column = 777;
        double scale = call["y"].AsReadOnlySpan<BFloat16>().ToArray().Average(v => Math.Abs(v.ToSingle()));
        Span<BFloat16> y = call["y"].AsSpan<BFloat16>();
        y[row * 1280 + column] = BFloat16.Round((float)(y[row * 1280 + column].ToSingle() + 2 * scale));

        // No time at all leaves checksums, which have their share without end here.
        var pass = ProductPass.Run(CallSampler.Of(call)!, seconds, 1, 1e6)!;

        Assert.Equal(seconds > 0 ? "a binary32 product" : "checksums", pass.Kind);
        Assert.Equal(call["y"].ElementCount, pass.Covered);
        Assert.Contains((row, column), pass.Standing);
    }

    [Fact]
    public void What_the_look_finds_is_judged_by_its_bound()
    {
        OperationCall call = CallJudgeTests.Ran(Large);
        call["y"].AsSpan<BFloat16>()[333 * 1280 + 777] = BFloat16.Round(1e3f);
        var clock = System.Diagnostics.Stopwatch.StartNew();
        var run = new ReferenceRun(call, null, new JudgeOptions { Budget = 0 }, clock);
        run.Compute();
        run.AddChosen([(333, 777)]);

        OutputReport report = new OutputJudge(call, "y", run.Pieces, run.Sampler, new JudgeOptions(), clock).Judge(null);

        Assert.Equal((Verdict.Fail, "bound"), (report.Verdict, report.Check));
        Assert.Contains("y[333, 777]", report.Note, StringComparison.Ordinal);
    }

    [Fact]
    public void The_first_sample_holds_both_ends_of_every_group()
    {
        // Group 0 has 100 of 300 rows, group 1 none, group 2 all: the rest is not written.
        var counts = Tensor.From(new[] { 100, 0, 300 }, 3);
        var call = (MaskedScaledLinearCall)CallJudgeTests.Prepared("masked_scaled_linear[m=300,g=3,n=640,k=256]") with { Counts = counts };
        CallSampler sampler = CallSampler.Of(call)!;

        (int[] rows, int[] columns) = new SamplePlan(sampler, 1).Places(1 << 20);

        Assert.Superset(new HashSet<int> { 0, 99, 600, 899 }, new HashSet<int>(rows));
        Assert.All(rows, t => Assert.True(t < 100 || t >= 600));
        Assert.Equal(64, rows.Select(t => t % 64).Distinct().Count());
        Assert.Equal(256, columns.Select(n => n % 256).Distinct().Count());
        for (int edge = 128; edge < 640; edge += 128)
            Assert.Superset(new HashSet<int> { edge - 1, edge }, new HashSet<int>(columns));
    }

    [Fact]
    public void Attention_is_sampled_by_whole_queries_on_both_sides_of_every_block_of_keys()
    {
        CallSampler sampler = CallSampler.Of(CallJudgeTests.Prepared("attention[s=200,t=230,h=3,hk=1,d=24,dv=16,latent=yes]"))!;

        (int[] rows, int[] columns) = new SamplePlan(sampler, 1).Places(1 << 20);

        Assert.Equal([0, 1, 2], columns);
        Assert.NotEmpty(sampler.RowEdges);
        foreach (int edge in sampler.RowEdges)
            Assert.Superset(new HashSet<int> { edge - 1, edge }, new HashSet<int>(rows));
        CallSample sample = sampler.Take([Edge(sampler)], [1]).Single();
        Assert.Equal(16, sample.Elements["y"].Length);

        static int Edge(CallSampler s) => s.RowEdges.First();
    }

    [Fact]
    public void The_first_sample_holds_edges_and_every_residue()
    {
        OperationCall call = CallJudgeTests.Prepared("indexed_scaled_linear[r=1024,g=3,n=1024,k=128,align=128]");
        CallSampler sampler = CallSampler.Of(call)!;

        (int[] rows, int[] columns) = new SamplePlan(sampler, 1).Places(1 << 20);

        Assert.Superset(new HashSet<int> { 0, 128, 126, 1022 }, new HashSet<int>(rows));
        Assert.DoesNotContain(127, rows);
        Assert.Equal(64, rows.Select(r => r % 64).Distinct().Count());
        Assert.Superset(new HashSet<int> { 0, 127, 128, 895, 896, 1023 }, new HashSet<int>(columns));
        Assert.Equal(256, columns.Select(c => c % 256).Distinct().Count());
        foreach (int edge in sampler.RowEdges.Where(sampler.IsWritten))
            Assert.Contains(edge, rows);
    }
}
