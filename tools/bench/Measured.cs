using System.Diagnostics;

namespace DeepSeek.Reference.Bench;

/// <summary>Kernels timed interleaved in one run, so that a noisy machine disturbs all of them alike; the best and the median of many repeats.</summary>
internal sealed class Measured(string name, double work, Action run)
{
    private readonly Action action = run;
    private readonly List<double> seconds = [];

    public string Name { get; } = name;

    /// <summary>Work of one run (flops, bytes, elements) over the best time.</summary>
    public double Best => work / seconds.Min();

    /// <summary>Work of one run over the median time.</summary>
    public double Median => work / seconds.Order().ElementAt(seconds.Count / 2);

    /// <summary>Runs every kernel in turn, repeatedly, for about the given time.</summary>
    public static void Interleave(double totalSeconds, params ReadOnlySpan<Measured> kernels)
    {
        foreach (Measured kernel in kernels)
            kernel.action();
        long end = Stopwatch.GetTimestamp() + (long)(totalSeconds * Stopwatch.Frequency);
        int rounds = 0;
        while (rounds < 5 || Stopwatch.GetTimestamp() < end)
        {
            foreach (Measured kernel in kernels)
            {
                long start = Stopwatch.GetTimestamp();
                kernel.action();
                kernel.seconds.Add((Stopwatch.GetTimestamp() - start) / (double)Stopwatch.Frequency);
            }

            rounds++;
        }
    }
}
