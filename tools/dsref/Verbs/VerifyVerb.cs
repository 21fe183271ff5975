using System.CommandLine;
using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Tool.Reports;
using DeepSeek.Reference.Verification;

namespace DeepSeek.Reference.Tool.Verbs;

/// <summary><c>dsref verify</c>: runs cases on a backend and judges them.</summary>
internal static class VerifyVerb
{
    public static Command Command(Terminal terminal)
    {
        var targets = new Argument<string[]>("DIR|CASE")
        {
            Description = "Model directories (config.json, model.safetensors, oracle.safetensors), case ids, or operation names; without any, all of golden/.",
            Arity = ArgumentArity.ZeroOrMore,
        };
        Option<string> backend = SharedOptions.Backend();
        Option<string?> filter = SharedOptions.Filter();
        var level = new Option<string>("--level")
        {
            Description = "quick: cases of at most 2^22 multiply-adds, and the models; full: all cases.",
            HelpName = "quick|full",
            DefaultValueFactory = _ => "full",
        };
        Option<string?> fp8 = SharedOptions.Fp8();
        Option<int> threads = SharedOptions.Threads();
        Option<string?> golden = SharedOptions.Golden();
        Option<double> budget = JudgeOptionsOf.Budget();
        Option<bool> full = JudgeOptionsOf.Full();
        Option<string?> accept = JudgeOptionsOf.Accept();
        var repeat = new Option<int>("--repeat")
        {
            Description = "How often another backend makes each operation's call; all bits must be the same. 1 makes no call on other values before; 3.",
            HelpName = "N",
            DefaultValueFactory = _ => 3,
        };
        var freeOrder = new Option<bool>("--free-order") { Description = "The backend declares no order of its sums: its runs may differ, each is judged, and the case is labelled NONDETERMINISTIC." };
        var require = new Option<string[]>("--require")
        {
            Description = "Operations of which at least one case must pass: a backend that offers few cannot pass for all.",
            HelpName = "OPS",
            AllowMultipleArgumentsPerToken = true,
        };
        (Option<string> modes, Option<string?> wrap, Option<double> timeout) = WorkerOptionsOf.Options();
        Option<string?> layouts = WorkerOptionsOf.Layouts();
        Option<bool> inProcess = WorkerOptionsOf.InProcess();
        Option<double> generate = WorkerOptionsOf.Generate();
        Option<bool> json = SharedOptions.Json();
        var junit = new Option<string?>("--junit") { Description = "Also write the results as JUnit XML, which CI systems read.", HelpName = "FILE" }.NamesPath();
        var html = new Option<string?>("--html") { Description = "Also write the results as one page for a browser, complete in itself.", HelpName = "FILE" }.NamesPath();
        var command = new Command("verify",
            "Runs cases on a backend and judges each: by its golden's digest, another backend's results also by their error (docs/spec/verdicts.md).\n\nExamples:\n  dsref verify\n  dsref verify --level quick --filter \"^linear\"\n  dsref verify path/to/model \"attention[s=2,t=19,h=3,hk=1,d=20,dv=13,latent=yes]\"")
        { targets, backend, filter, level, budget, full, accept, repeat, freeOrder, require, modes, wrap, timeout, inProcess, layouts, generate, fp8, threads, golden, json, junit, html };
        command.SetAction(parsed =>
        {
            CaseLevel highest = parsed.GetValue(level)!.ToLowerInvariant() switch
            {
                "quick" => CaseLevel.Quick,
                "full" => CaseLevel.Full,
                var other => throw new CaseException($"--level '{other}': there are quick and full"),
            };
            IBackend runs = WorkerOptionsOf.MakeBackend(parsed, backend, threads, modes, wrap, timeout, inProcess, layouts, generate);
            using var ends = runs as IDisposable;
            Verdict weakest = JudgeOptionsOf.Weakest(parsed.GetValue(accept));
            JudgeOptions options = JudgeOptionsOf.Of(terminal, parsed.GetValue(budget), parsed.GetValue(full));
            int runsOfCase = parsed.GetValue(repeat);
            if (runsOfCase is < 1 or > 10_000)
                throw new CaseException($"--repeat {runsOfCase}: take 1 to 10000 runs of each case");
            var harness = new HarnessOptions { Repeat = runsOfCase, FreeOrder = parsed.GetValue(freeOrder), Judge = options };
            string[] required = RequiredOperations.Parse(parsed.GetValue(require) ?? []);
            using var source = new GoldenSource(parsed.GetValue(golden));
            var selection = new CaseSelection(source, highest, SharedOptions.MakeFilter(parsed.GetValue(filter)), SharedOptions.ParseFp8(parsed.GetValue(fp8)), harness);
            IReadOnlyList<SelectedCase> cases = selection.Of(parsed.GetValue(targets) ?? []);
            using var files = new ReportFiles(parsed.GetValue(junit), parsed.GetValue(html));
            string[] given = Given(parsed, backend, modes, wrap, inProcess, layouts, generate, fp8, accept, repeat, freeOrder);
            var verification = new Verification(terminal, runs, highest, weakest, required, given, parsed.GetValue(json));
            int exit = verification.Run(cases);
            string? end = (runs as WorkerBackend)?.Finish();
            if (end is not null && exit is (ExitCode.Pass or ExitCode.NothingRan))
                exit = ExitCode.Crashed;
            files.Write(verification.Report(exit));
            if (end is not null)
                terminal.Fail($"the worker did not end well: {end}");
            return exit;
        });
        return command;
    }

    /// <summary>Names and values of options that were given, the backend's always: those without which a case would not come out as it did.</summary>
    private static string[] Given(ParseResult parsed, Option<string> backend, params Option[] others)
    {
        IEnumerable<Option> given = others.Where(option => parsed.GetResult(option) is { Implicit: false });
        return ["--backend", parsed.GetValue(backend)!, .. given.SelectMany(option => parsed.GetResult(option)!.Tokens.Select(t => t.Value).Prepend(option.Name))];
    }
}
