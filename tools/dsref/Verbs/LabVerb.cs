using System.CommandLine;
using System.Globalization;
using DeepSeek.Reference.Verification;

namespace DeepSeek.Reference.Tool.Verbs;

/// <summary><c>dsref lab</c>: longer experiments; here <c>exhaustive</c>, element functions and casts against an independent evaluation, over all binary32 arguments.</summary>
internal static class LabVerb
{
    private const ulong AllArguments = 1UL << 32;
    private const ulong Slice = 1UL << 26;

    public static Command Command(Terminal terminal) => new("lab", "Longer experiments.\n\nExample:\n  dsref lab exhaustive --function exp")
    {
        Exhaustive(terminal), AccumulationVerb.Command(terminal), QuantisationVerb.Command(terminal), NoiseVerb.Command(terminal),
        BudgetVerb.Command(terminal), ZooVerb.Command(terminal), BoundsVerb.Command(terminal), PrecisionVerb.Command(terminal),
        BalanceVerb.Command(terminal), MtpVerb.Command(terminal), LatentVerb.Command(terminal),
    };

    private static Command Exhaustive(Terminal terminal)
    {
        var function = new Option<string>("--function") { Description = $"all, or one of {string.Join(", ", ExhaustiveFunctions.Names)}; a format ({string.Join(", ", ExhaustiveCasts.Formats)}) for its casts under every policy, or one cast, such as {ExhaustiveCasts.Names[0]}.", HelpName = "NAME", Required = true };
        var first = new Option<string>("--first") { Description = "First argument's encoding, decimal or 0x hexadecimal.", HelpName = "BITS", DefaultValueFactory = _ => "0" };
        var count = new Option<ulong>("--count") { Description = "How many encodings from there; by default all 2^32.", HelpName = "N", DefaultValueFactory = _ => AllArguments };
        var threads = new Option<int>("--threads") { Description = "Threads; 0 takes all processors.", HelpName = "N", DefaultValueFactory = _ => 0 };
        Option<bool> json = SharedOptions.Json();
        var command = new Command("exhaustive",
            "Checks for every binary32 argument that an element function is correctly rounded (rule N5), or that a cast gives the code it should (rule N18), against an evaluation that shares no code with it. Exit 1 if any result is wrong.\n\nExamples:\n  dsref lab exhaustive --function exp --threads 2\n  dsref lab exhaustive --function e4m3\n  dsref lab exhaustive --function e4m3-nan --first 0x43e00000 --count 1048576")
        { function, first, count, threads, json };
        command.SetAction(parsed =>
        {
            string name = parsed.GetRequiredValue(function).ToLowerInvariant();
            string[] names = Named(name);
            ulong arguments = parsed.GetValue(count);
            if (arguments is 0 or > AllArguments)
                throw new ContractException($"--count {arguments}: there are 1 to 2^32 encodings");
            uint start = SharedOptions.Encoding("--first", parsed.GetRequiredValue(first));
            int workers = SharedOptions.Workers(parsed.GetValue(threads));

            var results = new List<ExhaustiveResult>();
            foreach (string each in names)
            {
                using var progress = new Progress(terminal);
                results.Add(InSlices(each, start, arguments, workers, progress));
                progress.Clear();
                if (!parsed.GetValue(json))
                    WriteLines(terminal, results[^1]);
            }

            if (parsed.GetValue(json))
                WriteJson(terminal, results);
            return results.TrueForAll(r => r.Wrong == 0) ? ExitCode.Pass : ExitCode.Mismatch;
        });
        return command;
    }

    /// <summary>What a name stands for: a function, a cast, the casts of a format, or all.</summary>
    private static string[] Named(string name)
    {
        if (name == "all")
            return [.. ExhaustiveFunctions.Names, .. ExhaustiveCasts.Names];
        if (ExhaustiveFunctions.Names.Contains(name))
            return [name];
        string[] casts = [.. ExhaustiveCasts.Named(name)];
        return casts.Length > 0 ? casts : throw new ContractException(
            $"--function {name}: no function and no format has that name; take all, or one of {string.Join(", ", [.. ExhaustiveFunctions.Names, .. ExhaustiveCasts.Formats])}");
    }

    /// <summary>One slice after another, so that Ctrl-C takes effect between two.</summary>
    private static ExhaustiveResult InSlices(string function, uint first, ulong count, int workers, Progress progress)
    {
        ExhaustiveResult? total = null;
        for (ulong at = 0; at < count; at += Slice)
        {
            progress.Report(function, (long)at, (long)count);
            var steps = new Steps(progress, function, at, count);
            (uint from, ulong length) = (unchecked(first + (uint)at), Math.Min(Slice, count - at));
            ExhaustiveResult part = ExhaustiveCasts.Names.Contains(function)
                ? ExhaustiveCasts.Run(function, from, length, workers, steps)
                : ExhaustiveFunctions.Run(function, from, length, workers, steps);
            total = total is null ? part : Joined(total, part);
        }

        return total!;
    }

    private static ExhaustiveResult Joined(ExhaustiveResult a, ExhaustiveResult b) => a with
    {
        Tested = a.Tested + b.Tested,
        Wrong = a.Wrong + b.Wrong,
        BySpecial = a.BySpecial + b.BySpecial,
        ByFilter = a.ByFilter + b.ByFilter,
        BySeries = a.BySeries + b.BySeries,
        ByIntegers = a.ByIntegers + b.ByIntegers,
        FirstWrong = [.. a.FirstWrong.Concat(b.FirstWrong).Take(64)],
        Elapsed = a.Elapsed + b.Elapsed,
    };

    private static void WriteLines(Terminal terminal, ExhaustiveResult r)
    {
        bool staged = r.BySpecial + r.ByFilter + r.BySeries + r.ByIntegers > 0;
        string stages = staged ? string.Create(CultureInfo.InvariantCulture, $" (special {r.BySpecial}, filter {r.ByFilter}, series {r.BySeries}, integers {r.ByIntegers})") : "";
        terminal.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{r.Function}: {r.Wrong} wrong of {r.Tested}{stages}, {r.Elapsed.TotalSeconds:F1} s"));
        foreach (WrongResult wrong in r.FirstWrong)
            terminal.Out.WriteLine($"  0x{wrong.Argument:x8} gives 0x{wrong.Got:x8}, by definition 0x{wrong.Want:x8}");
    }

    private static void WriteJson(Terminal terminal, List<ExhaustiveResult> results) => JsonOutput.Write(terminal, "lab exhaustive", json =>
    {
        json.WriteStartArray("functions");
        foreach (ExhaustiveResult r in results)
        {
            json.WriteStartObject();
            json.WriteString("function", r.Function);
            json.WriteNumber("tested", r.Tested);
            json.WriteNumber("wrong", r.Wrong);
            json.WriteNumber("seconds", Math.Round(r.Elapsed.TotalSeconds, 3));
            json.WriteStartArray("first_wrong");
            foreach (WrongResult wrong in r.FirstWrong)
            {
                json.WriteStartObject();
                json.WriteString("argument", $"0x{wrong.Argument:x8}");
                json.WriteString("got", $"0x{wrong.Got:x8}");
                json.WriteString("want", $"0x{wrong.Want:x8}");
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        json.WriteEndArray();
    });

    /// <summary>Told from worker threads, one at a time.</summary>
    private sealed class Steps(Progress progress, string name, ulong before, ulong total) : IProgress<ulong>
    {
        private readonly Lock gate = new();

        public void Report(ulong value)
        {
            lock (gate)
                progress.Show(name, (long)(before + value), (long)total);
        }
    }
}
