using System.Diagnostics;

namespace DeepSeek.Reference.Verification;

/// <summary>What a run over a range of encodings found.</summary>
/// <param name="Function">The name of the function, or of the cast and its policy.</param>
/// <param name="Tested">Arguments tested.</param>
/// <param name="Wrong">Arguments whose result was another.</param>
/// <param name="BySpecial">Of a function: decided by the table of special values: NaN, infinities, zeros, constant ranges, outside the domain.</param>
/// <param name="ByFilter">Decided by a binary64 value and its margin.</param>
/// <param name="BySeries">Decided by the first terms of the series at a tiny argument.</param>
/// <param name="ByIntegers">Decided in fixed point of at least 320 bits.</param>
/// <param name="FirstWrong">The first wrong arguments by encoding, at most 64.</param>
/// <param name="Elapsed">Wall time.</param>
public sealed record ExhaustiveResult(
    string Function, ulong Tested, ulong Wrong, ulong BySpecial, ulong ByFilter, ulong BySeries, ulong ByIntegers,
    IReadOnlyList<WrongResult> FirstWrong, TimeSpan Elapsed);

/// <summary>An argument, as the encoding of a binary32, and two results.</summary>
/// <param name="Argument">x.</param>
/// <param name="Got">The result of the library: an encoding, of binary32 or of the format cast to.</param>
/// <param name="Want">The result by definition.</param>
public readonly record struct WrongResult(uint Argument, uint Got, uint Want);

/// <summary>Tests some encodings from the first on.</summary>
internal delegate void ExhaustiveTest(uint from, int count, ExhaustiveTally tally);

/// <summary>What one thread has found.</summary>
internal sealed class ExhaustiveTally
{
    private const int MostKept = 1 << 16;

    /// <summary>How many arguments each stage of the functions' oracle decided.</summary>
    public ulong[] Stage { get; } = new ulong[4];

    /// <summary>The first wrong results.</summary>
    public List<WrongResult> FirstWrong { get; } = [];

    /// <summary>How many there are.</summary>
    public ulong Wrong { get; private set; }

    /// <summary>Counts a result that is not what it should be.</summary>
    public void Compare(uint argument, uint got, uint want)
    {
        if (got == want)
            return;
        Wrong++;
        if (FirstWrong.Count < MostKept)
            FirstWrong.Add(new WrongResult(argument, got, want));
    }

    /// <summary>Takes over what another thread has found.</summary>
    public void Add(ExhaustiveTally other)
    {
        Wrong += other.Wrong;
        FirstWrong.AddRange(other.FirstWrong);
        for (int i = 0; i < Stage.Length; i++)
            Stage[i] += other.Stage[i];
    }
}

/// <summary>Shares a range of encodings among threads.</summary>
internal static class ExhaustiveRun
{
    /// <summary>The most encodings that a test is given at once.</summary>
    public const int Chunk = 1 << 16;

    private const int MostWrong = 64;

    /// <summary>Tests first, first + 1, ..., first + count - 1 (modulo 2^32); each thread makes a test of its own.</summary>
    public static ExhaustiveResult Over(string name, uint first, ulong count, int threads, IProgress<ulong>? progress, Func<ExhaustiveTest> make)
    {
        long start = Stopwatch.GetTimestamp();
        ulong chunks = (count + Chunk - 1) / Chunk, next = 0, done = 0;
        var total = new ExhaustiveTally();
        var gate = new Lock();

        void Work()
        {
            ExhaustiveTest test = make();
            var tally = new ExhaustiveTally();
            for (ulong chunk; (chunk = Interlocked.Increment(ref next) - 1) < chunks;)
            {
                int length = (int)Math.Min(Chunk, count - chunk * Chunk);
                test(unchecked(first + (uint)(chunk * Chunk)), length, tally);
                ulong now = Interlocked.Add(ref done, (ulong)length);
                if (chunk % 1024 == 1023)
                    progress?.Report(now);
            }
            lock (gate)
                total.Add(tally);
        }

        Thread[] others = [.. Enumerable.Range(1, Math.Max(1, threads) - 1).Select(_ => new Thread(Work))];
        foreach (Thread other in others)
            other.Start();
        Work();
        foreach (Thread other in others)
            other.Join();

        WrongResult[] wrong = [.. total.FirstWrong.OrderBy(w => w.Argument).Take(MostWrong)];
        return new ExhaustiveResult(name, count, total.Wrong, total.Stage[0], total.Stage[1], total.Stage[2], total.Stage[3], wrong, Stopwatch.GetElapsedTime(start));
    }
}
