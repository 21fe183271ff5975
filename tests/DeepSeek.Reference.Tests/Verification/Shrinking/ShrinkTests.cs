using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Tests.Verification.Bisection;
using DeepSeek.Reference.Verification;
using Xunit;

namespace DeepSeek.Reference.Tests.Verification.Shrinking;

public class ShrinkTests
{
    private static ShrinkReport Run(string id, Func<OperationCall, IBackend, bool> plant, bool bits = false, double seconds = 600) =>
        Shrink.Run(OperationCase.Parse(id), new PlantedBackend((c, _, b) => plant(c, b)), bits, seconds);

    /// <summary>Wrong in column 17 alone, from K = 40 on.</summary>
    private static bool WrongColumn(OperationCall call, IBackend right)
    {
        if (call is not LinearCall { X: var x, Y: var y } || x.Shape[^1] < 40 || y.Shape[^1] <= 17)
            return false;
        call.Run(right);
        y.AsSpan<float>()[17] += 1;
        return true;
    }

    [Fact]
    public void An_element_wrong_in_a_column_from_some_K_on_gives_that_column_and_that_K()
    {
        ShrinkReport report = Run("linear[t=5,n=61,k=301,map=outlier,seed=0x77]", WrongColumn);
        Assert.Equal("linear[t=1,n=18,k=40,map=int]", report.Smallest.Id.ToString());
        Assert.Equal((0L, 17L), report.Dot!.At);
        Assert.Equal(40, report.Dot.K);
        Assert.Equal(Failure.Wrong, report.Last.Failure);
        Assert.False(report.RanOut);
        // The error does not hang on the values: all of them can be zero.
        Assert.True(report.ValuesChanged);
        Assert.Equal(0, report.NonZeros);
        Assert.Equal((0.0, 1.0, 0.0), (report.Dot.Reference.Value, report.Dot.Candidate.Value, report.Dot.Exact));
    }

    [Fact]
    public void A_sum_that_drops_its_last_term_comes_down_to_one_product()
    {
        ShrinkReport report = Run("linear[t=3,n=13,k=67]", (call, right) =>
        {
            if (call is not LinearCall c)
                return false;
            Tensor x = c.X.Clone();
            long K = x.Shape[^1];
            for (long t = 0; t < x.Shape[0]; t++)
                x.AsSpan<float>()[(int)((t * K) + K - 1)] = 0;
            (c with { X = x }).Run(right);
            return true;
        });
        Assert.Equal("linear[t=1,n=1,k=1,map=int]", report.Smallest.Id.ToString());
        DotTerm term = Assert.Single(report.Dot!.Terms);
        Assert.Equal((1.0, 1.0), (Math.Abs(term.A), Math.Abs(term.B)));
        Assert.Equal((0.0, term.A * term.B, term.A * term.B), (report.Dot.Candidate.Value, report.Dot.Reference.Value, report.Dot.Exact));
        Assert.Equal(2, report.NonZeros);
    }

    [Fact]
    public void A_dot_that_is_wrong_wherever_it_stands_is_taken_out_alone()
    {
        // Wrong where a row holds a large value, which no other map and hardly a small case has.
        ShrinkReport report = Run("linear[t=4,n=6,k=70,map=outlier]", (call, right) =>
        {
            call.Run(right);
            Span<float> y = call["y"].AsSpan<float>();
            bool any = false;
            foreach (ref float v in y)
            {
                any |= MathF.Abs(v) > 20;
                v = MathF.Abs(v) > 20 ? v * 2 : v;
            }

            return true;
        });
        Assert.Equal(Failure.Wrong, report.Last.Failure);
        Assert.Equal((1L, 1L), (report.Last.Call["y"].Shape[0], report.Last.Call["y"].Shape[1]));
        Assert.NotNull(report.Dot);
        Assert.True(Math.Abs(report.Dot.Reference.Value) > 20);
        Assert.Equal(2 * report.Dot.Reference.Value, report.Dot.Candidate.Value);
    }

    [Fact]
    public void Other_operations_lose_sizes_and_values_too()
    {
        ShrinkReport report = Run("rms_norm[t=7,n=130,map=outlier,contract=huggingface]", (call, right) =>
        {
            if (call is not RmsNormCall c)
                return false;
            call.Run(right);
            // Rows from the third on are left as they were before the call.
            if (c.X.Shape[0] > 2)
                new Tensor(c.Y.DType, c.Y.Shape[0] - 2, c.Y.Shape[1]).CopyTo(c.Y.Rows(2, c.Y.Shape[0] - 2).Reshape(c.Y.Shape[0] - 2, c.Y.Shape[1]));
            return true;
        });
        Assert.StartsWith("rms_norm[t=3,n=1", report.Smallest.Id.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("contract", report.Smallest.Id.ToString(), StringComparison.Ordinal);
        Assert.Null(report.Dot);
        Assert.InRange(report.NonZeros, 1, 2);
    }

    [Fact]
    public void An_exception_is_a_failure_and_stays_one()
    {
        ShrinkReport report = Run("attention[s=5,t=9,h=3,hk=3,d=12,dv=7]", (call, _) => call is AttentionCall { Q: var q } && q.Shape[0] >= 3 ? throw new InvalidOperationException("three rows") : false);
        Assert.Equal(Failure.Crash, report.Last.Failure);
        Assert.Equal("3", report.Smallest.Id["s"]);
        Assert.Contains("three rows", report.Last.Note, StringComparison.Ordinal);
    }

    [Fact]
    public void What_only_the_harness_sees_is_shrunk_too()
    {
        // An input is changed where there are three rows or more; the results are right.
        ShrinkReport mutation = Run("rms_norm[t=7,n=40]", (call, right) =>
        {
            call.Run(right);
            if (call is RmsNormCall { X: var x } && x.Shape[0] >= 3)
                x.AsSpan<float>()[0] += 1;
            return true;
        });
        Assert.Equal(Failure.Wrong, mutation.First.Failure);
        Assert.Contains("mutation", mutation.Last.Note, StringComparison.Ordinal);
        Assert.Equal("3", mutation.Smallest.Id["t"]);

        // The last element of an even number of them is not written.
        ShrinkReport poison = Run("add[n=100]", (call, right) =>
        {
            Tensor y = call["y"];
            int last = y.AsSpan<float>().Length - 1;
            float was = last < 0 ? 0 : y.AsSpan<float>()[last];
            call.Run(right);
            if (last % 2 == 1)
                y.AsSpan<float>()[last] = was;
            return true;
        });
        Assert.Contains("poison", poison.Last.Note, StringComparison.Ordinal);
        Assert.Equal("2", poison.Smallest.Id["n"]);
    }

    [Fact]
    public void What_passes_and_what_is_not_offered_is_not_shrunk()
    {
        Assert.Equal(Failure.None, Run("add[n=9]", (_, _) => false).First.Failure);
        ShrinkReport refused = Run("add[n=9]", (_, _) => throw new ContractException("not offered"));
        Assert.Equal((Failure.Unsupported, 1), (refused.First.Failure, refused.Trials));
    }

    [Fact]
    public void No_time_gives_the_case_as_it_was()
    {
        ShrinkReport report = Run("linear[t=5,n=61,k=301]", WrongColumn, seconds: 0);
        Assert.True(report.RanOut);
        Assert.Equal(report.Start.Id, report.Smallest.Id);
        Assert.Equal(Failure.Wrong, report.Last.Failure);
    }
}
