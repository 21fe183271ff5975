using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;

namespace DeepSeek.Reference.Fuzz;

/// <summary>Executions of one target until a time or a number is reached, under a watchdog.</summary>
internal sealed partial class FuzzRun(Target target, ulong seed, string scratch, string findings)
{
    /// <summary>An execution takes microseconds; on a machine where others work too, this long means that it never ends.</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromSeconds(20);

    private readonly Dictionary<string, NamedFile> kinds = [];
    private readonly HashSet<string> found = [];
    private long current = -1;
    private long currentStart;

    /// <summary>Executions done.</summary>
    public long Executions { get; private set; }

    /// <summary>Those whose file was refused.</summary>
    public long Refused { get; private set; }

    /// <summary>Different findings.</summary>
    public int Findings => found.Count;

    /// <summary>The most that one allocated beyond its file's share, in bytes.</summary>
    public long MostBeyond { get; private set; } = long.MinValue;

    /// <summary>The longest one, in milliseconds.</summary>
    public double Slowest { get; private set; }

    /// <summary>The smallest refused file of each kind of message.</summary>
    public IReadOnlyDictionary<string, NamedFile> Kinds => kinds;

    /// <summary>Runs executions first, first + 1, ...</summary>
    public void Run(TimeSpan time, long first, long most)
    {
        using var watchdog = new Timer(_ => Watch(), null, Longest, TimeSpan.FromSeconds(1));
        long start = Stopwatch.GetTimestamp();
        for (long i = first; Executions < most && Stopwatch.GetElapsedTime(start) < time; i++)
            One(i, target.Mutant(seed, i));
        Volatile.Write(ref current, -1);
    }

    private void One(long number, NamedFile mutant)
    {
        string path = Path.Combine(scratch, mutant.Name);
        File.WriteAllBytes(path, mutant.Bytes);
        long length = Oracle.UnpackedLength(mutant.Bytes);
        long began = Stopwatch.GetTimestamp();
        Volatile.Write(ref currentStart, began);
        Volatile.Write(ref current, number);
        Execution execution = Oracle.Run(target.Name, path, length);
        Volatile.Write(ref current, -1);
        Slowest = Math.Max(Slowest, Stopwatch.GetElapsedTime(began).TotalMilliseconds);
        Executions++;
        MostBeyond = Math.Max(MostBeyond, execution.Allocated - Oracle.FactorOf(target.Name) * length);
        if (execution.Refusal is not null)
        {
            Refused++;
            Keep(execution.Refusal.Replace(path, "", StringComparison.Ordinal), mutant);
        }

        if (execution.Finding is { } finding && found.Add(Varying().Replace(finding, "#")))
            Report(number, mutant, finding);
    }

    private void Keep(string refusal, NamedFile mutant)
    {
        string kind = Quoted().Replace(refusal, "'...'");
        kind = Varying().Replace(kind, "#");
        if (!kinds.TryGetValue(kind, out NamedFile? kept) || kept.Bytes.Length > mutant.Bytes.Length)
            kinds[kind] = mutant;
    }

    private void Report(long number, NamedFile mutant, string finding)
    {
        string folder = Directory.CreateDirectory(Path.Combine(findings, target.Name, number.ToString(CultureInfo.InvariantCulture))).FullName;
        File.WriteAllBytes(Path.Combine(folder, mutant.Name), mutant.Bytes);
        Console.WriteLine($"FINDING {target.Name}, execution {number}, {mutant.Bytes.Length} bytes in {folder}: {finding}");
    }

    private void Watch()
    {
        long number = Volatile.Read(ref current);
        if (number < 0 || Stopwatch.GetElapsedTime(Volatile.Read(ref currentStart)) < Longest)
            return;
        Report(number, target.Mutant(seed, number), $"has not ended after {Longest.TotalSeconds} seconds");
        // The thread that hangs cannot be ended otherwise.
        Environment.Exit(1);
    }

    [GeneratedRegex("'[^']*'|\"[^\"]*\"")]
    private static partial Regex Quoted();

    [GeneratedRegex("0x[0-9a-fA-F]+|[0-9]+|\\[[^\\]]*\\]")]
    private static partial Regex Varying();
}
