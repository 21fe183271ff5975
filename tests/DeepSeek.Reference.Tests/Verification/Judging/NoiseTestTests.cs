using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Verification;
using Xunit;

namespace DeepSeek.Reference.Tests.Verification.Judging;

/// <summary>Each statistic, over synthetic errors of known shape: silent on what it should pass, and able to fail.</summary>
public class NoiseTestTests
{
    private const int Rows = 256;
    private const int Columns = 256;

    [Fact]
    public void Independent_errors_of_the_same_size_are_silent_on_300_seeds()
    {
        for (ulong seed = 0; seed < 300; seed++)
            Assert.Null(Judge(seed, 64, 128, (_, _, e) => e, DType.F32).Failed);
    }

    [Theory]
    [InlineData("rms", 1.4, 0)]
    [InlineData("bias", 1, 0.2)]
    public void A_statistic_of_the_whole_fails(string check, double size, double toward) =>
        Assert.Equal(check, Judge(1, Rows, Columns, (_, _, e) => size * e + toward, DType.F32).Failed!.Check);

    [Fact]
    public void A_rate_below_the_output_rounding_fails() =>
        Assert.Equal("rate", Judge(1, Rows, Columns, (_, _, e) => 1.5 * e, DType.BF16, 0.0005).Failed!.Check);

    [Theory]
    [InlineData("tile", 128, 255, 128, 255, 1)]
    [InlineData("row mod 64", 0, 255, 0, 255, 64)]
    [InlineData("last row", 255, 255, 0, 255, 1)]
    [InlineData("last column", 0, 255, 255, 255, 1)]
    public void A_local_defect_does_not_average_out(string grouping, int top, int bottom, int left, int right, int every)
    {
        // Errors of five times the size in one group: R of the whole stays where it was, or nearly.
        NoiseTest test = Judge(1, Rows, Columns, (t, n, e) => t >= top && t <= bottom && n >= left && n <= right && (every == 1 || t % every == 5) ? 5 * e : e, DType.F32);

        Assert.Contains(test.Findings, f => !f.Holds && f.Check == "rms, " + grouping);
    }

    [Fact]
    public void A_column_residue_fails() =>
        Assert.Contains(Judge(1, Rows, Columns, (_, n, e) => n % 64 == 9 ? 5 * e : e, DType.F32).Findings, f => !f.Holds && f.Check == "rms, column mod 64");

    [Fact]
    public void Smaller_errors_are_silent() => Assert.Null(Judge(1, Rows, Columns, (_, _, e) => 0.01 * e, DType.F32).Failed);

    [Fact]
    public void Local_limits_widen_with_the_number_of_groups()
    {
        Assert.True(NoiseLimits.Local(1) >= NoiseLimits.Whole);
        Assert.True(NoiseLimits.Local(1000) > NoiseLimits.Local(10));
    }

    /// <summary>Results 1 to 2 whose emulation has bell-shaped errors; the candidate has others of the same shape, changed by the function of row, column and error.</summary>
    private static NoiseTest Judge(ulong seed, int rows, int columns, Func<int, int, double, double> change, DType output, double size = 0.001)
    {
        int count = rows * columns;
        long[] index = [.. Enumerable.Range(0, count).Select(i => (long)i)];
        double[] y = new double[count], e = new double[count];
        var measured = new Measurement[count];
        RandomStream first = new(seed, "first"), second = new(seed, "second"), value = new(seed, "value");
        for (int i = 0; i < count; i++)
        {
            double exact = 1 + value.Word((ulong)i) / 4294967296.0;
            double error = second.Value(ValueMap.Bell, (ulong)i);
            e[i] = StoredValue.Round(exact + size * first.Value(ValueMap.Bell, (ulong)i), output);
            y[i] = StoredValue.Round(exact + size * change(i / columns, i % columns, error), output);
            measured[i] = new Measurement(exact, 0.1);
        }

        return NoiseTest.Of(new JudgedElements(output, columns, index, y, e, measured), rows, OrderAllowance.None);
    }
}
