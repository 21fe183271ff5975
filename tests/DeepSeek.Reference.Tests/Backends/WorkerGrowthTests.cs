using DeepSeek.Reference.Backends;
using Xunit;

namespace DeepSeek.Reference.Tests.Backends;

/// <summary>When a worker's growing memory is a leak, by sizes given; tests/External has a plug-in that leaks.</summary>
public sealed class WorkerGrowthTests
{
    private const long Step = WorkerGrowth.Least;

    [Theory]
    [InlineData(true, 9, 9, 1, 1, 1, 1, 1)]
    [InlineData(true, 0, 0, 1, 1, 1, 1, 1)]
    [InlineData(false, 1, 1, 1, 1, 1, 1)]
    [InlineData(false, 9, 9, 1, 1, 1, 1, 0)]
    [InlineData(false, 1, 1, 1, 1, -5, 1, 1, 1, 1)]
    [InlineData(true, 1, 1, 1, 1, -5, 1, 1, 1, 1, 1)]
    public void Growth_at_every_one_of_five_equal_calls_is_a_leak(bool leak, params int[] steps)
    {
        var growth = new WorkerGrowth();
        string? found = null;
        long size = 100 * Step;
        foreach (int step in steps)
            found = growth.After(Add(8), size += step * Step);
        Assert.Equal(leak, found is not null);
    }

    [Fact]
    public void Other_shapes_begin_anew_and_so_does_a_leak_that_was_told()
    {
        var growth = new WorkerGrowth();
        string?[] found = [.. Enumerable.Range(0, 20).Select(i => growth.After(Add(i < 6 ? 8 : 9), i * Step))];
        Assert.Equal([12, 19], Enumerable.Range(0, 20).Where(i => found[i] is not null));
        Assert.Equal("Add: the worker's memory grew at each of 5 equal calls in a row, by 0.06 MiB a call, though all was given back: a leak", found[12]);
    }

    private static AddCall Add(int n) => new(new Tensor(DType.F32, new Shape(n)), new Tensor(DType.F32, new Shape(n)), new Tensor(DType.F32, new Shape(n)));
}
