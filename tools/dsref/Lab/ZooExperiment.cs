using System.Text.RegularExpressions;
using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Faulty;
using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Verification;

namespace DeepSeek.Reference.Tool.Lab;

/// <summary>What is run.</summary>
/// <param name="Seed">What the fresh seeds are drawn from.</param>
/// <param name="Seeds">Fresh seeds for each case of a bug; 0 leaves bugs out.</param>
/// <param name="Legitimate">Runs of legitimate variants in all, shared out over their cases.</param>
/// <param name="Filter">Names that are taken.</param>
/// <param name="Budget">Seconds for judging one run.</param>
internal sealed record ZooSettings(ulong Seed, int Seeds, int Legitimate, Regex Filter, double Budget);

/// <summary>One run that came out otherwise than it must.</summary>
internal sealed record ZooRun(string Name, string Case, Verdict Verdict, string Check, string Note);

/// <summary>What became of a bug.</summary>
/// <param name="Bug">The bug.</param>
/// <param name="Checks">The checks that caught it, the most frequent first.</param>
/// <param name="Escapes">Runs on which nothing caught it.</param>
/// <param name="Wrong">Share of elements whose bits differ, the mean over all runs.</param>
/// <param name="RelativeL2">The largest over all runs; NaN where masks differ.</param>
/// <param name="Peers">What three other harnesses would say of all runs.</param>
internal sealed record ZooBug(Variant Bug, IReadOnlyList<string> Checks, IReadOnlyList<ZooRun> Escapes, double Wrong, double RelativeL2, PeerVerdicts Peers)
{
    /// <summary>Every seed of every case was caught.</summary>
    public bool Caught => Escapes.Count == 0;
}

/// <summary>What became of the zoo.</summary>
internal sealed record ZooResult(IReadOnlyList<ZooBug> Bugs, int LegitimateVariants, int LegitimateRuns, IReadOnlyList<ZooRun> FalseAlarms);

/// <summary>Runs each bug of the zoo on fresh seeds and each legitimate variant on others, and asks the harness and the judge (docs/spec/zoo.md).</summary>
internal static class ZooExperiment
{
    /// <summary>The seed that goldens are made from; no fresh one is it.</summary>
    private const ulong Golden = 0x2a;

    /// <summary>The experiment.</summary>
    public static ZooResult Run(ZooSettings settings, Action<string, int, int> report)
    {
        Variant[] bugs = settings.Seeds == 0 ? [] : [.. Bugs.All.Where(b => settings.Filter.IsMatch(b.Name))];
        (Variant Variant, string Case)[] legitimate = [.. Legitimate.All.Where(v => settings.Filter.IsMatch(v.Name)).SelectMany(v => v.Cases.Select(c => (v, c)))];
        int runs = legitimate.Length == 0 ? 0 : settings.Legitimate;
        var caught = new List<ZooBug>();
        foreach (Variant bug in bugs)
        {
            report(bug.Name, caught.Count, bugs.Length + runs);
            caught.Add(RunBug(bug, settings));
        }

        var alarms = new List<ZooRun>();
        for (int i = 0; i < runs; i++)
        {
            (Variant variant, string c) = legitimate[i % legitimate.Length];
            report(variant.Name, bugs.Length + i, bugs.Length + runs);
            HarnessReport judged = RunOnce(variant, c, Fresh(settings.Seed, variant.Name, c, i / legitimate.Length), settings.Budget, out OperationCase seeded);
            if (!judged.Verdict.Passes())
                alarms.Add(new ZooRun(variant.Name, seeded.ToString(), judged.Verdict, judged.Check, judged.Note));
        }

        return new ZooResult(caught, legitimate.Select(l => l.Variant).Distinct().Count(), runs, alarms);
    }

    /// <summary>A bug on fresh seeds of each of its cases.</summary>
    public static ZooBug RunBug(Variant bug, ZooSettings settings)
    {
        var checks = new Dictionary<string, int>();
        var escapes = new List<ZooRun>();
        PeerVerdicts peers = PeerVerdicts.Unseen;
        double wrong = 0, relativeL2 = 0;
        int runs = 0;
        foreach (string c in bug.Cases)
        {
            for (int s = 0; s < settings.Seeds; s++)
            {
                HarnessReport judged = RunOnce(bug, c, Fresh(settings.Seed, bug.Name, c, s), settings.Budget, out OperationCase seeded);
                if (judged.Verdict is Verdict.Bound or Verdict.Suspect or Verdict.Fail)
                    checks[judged.Check] = checks.GetValueOrDefault(judged.Check) + 1;
                else
                    escapes.Add(new ZooRun(bug.Name, seeded.ToString(), judged.Verdict, judged.Check, judged.Note));
                if (judged.Candidate is null)
                    continue;
                PeerStatistics run = PeerStatistics.Of(judged.Candidate);
                wrong += run.Wrong;
                relativeL2 = double.IsNaN(run.RelativeL2) || double.IsNaN(relativeL2) ? double.NaN : Math.Max(relativeL2, run.RelativeL2);
                peers = peers.And(run.Verdicts);
                runs++;
            }
        }

        return new ZooBug(bug, [.. checks.OrderByDescending(c => c.Value).Select(c => c.Key)], escapes, runs == 0 ? double.NaN : wrong / runs, relativeL2, peers);
    }

    /// <summary>One run of one case, judged.</summary>
    public static HarnessReport RunOnce(Variant variant, string c, ulong seed, double budget, out OperationCase seeded)
    {
        seeded = CallHarness.WithSeed(OperationCase.Parse(c), seed);
        return CallHarness.Run(seeded, new FaultyBackend(variant), new HarnessOptions { FreeOrder = variant.FreeOrder, Judge = new JudgeOptions { Budget = budget } });
    }

    /// <summary>A seed that no golden was made from: 64 random bits by what is run.</summary>
    public static ulong Fresh(ulong seed, string name, string c, int number)
    {
        var random = new RandomStream(seed, $"{name} {c}");
        ulong fresh = (ulong)random.Word(2 * (ulong)number) << 32 | random.Word(2 * (ulong)number + 1);
        return fresh == Golden ? ~fresh : fresh;
    }
}
