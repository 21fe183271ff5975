using System.CommandLine;
using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Verification;

namespace DeepSeek.Reference.Tool.Verbs;

/// <summary><c>dsref gen</c>: makes manifest lines; checks or rewrites golden/manifest.jsonl.</summary>
internal static class GenVerb
{
    public static Command Command(Terminal terminal)
    {
        var cases = new Argument<string[]>("CASE") { Description = "Case ids whose manifest lines to print.", Arity = ArgumentArity.ZeroOrMore };
        var all = new Option<bool>("--all") { Description = "Every case of the catalogue." };
        var check = new Option<bool>("--check") { Description = "Write nothing; exit 1 if any byte of the manifest, of the showcase or of their embedded copy would change." };
        var update = new Option<bool>("--update") { Description = "Rewrite the manifest and the showcase, and add a line to CHANGELOG.md beside them." };
        var showcase = new Option<bool>("--showcase") { Description = "With --check: the files of showcase/ alone." };
        var reason = new Option<string?>("--reason") { Description = "Why the goldens change; needed by --update.", HelpName = "TEXT" };
        var golden = new Option<string>("--golden") { Description = "The folder of the manifest.", HelpName = "DIR", DefaultValueFactory = _ => "golden" };
        (Option<string[]> discriminate, Option<string?> output) = Discrimination.Options();
        Option<string> backend = SharedOptions.Backend("scalar");
        Option<int> threads = SharedOptions.Threads();
        var command = new Command("gen",
            "Makes goldens: prints manifest lines, checks that no byte would change, or rewrites the manifest with a reason.\n\nExamples:\n  dsref gen --check\n  dsref gen \"linear[t=3,n=13,k=67]\"\n  dsref gen --update --reason \"Add cases for empty rows\"")
        { cases, all, check, update, showcase, reason, golden, discriminate, output, backend, threads };
        command.SetAction(parsed =>
        {
            string[] ids = parsed.GetValue(cases) ?? [];
            bool writes = parsed.GetValue(update);
            bool checks = parsed.GetValue(check);
            if (Discrimination.IsAsked(parsed, discriminate, output))
                return Discrimination.Run(terminal, parsed.GetValue(discriminate)!, parsed.GetValue(output), ids, alone: !writes && !checks && !parsed.GetValue(all));
            if (writes && string.IsNullOrWhiteSpace(parsed.GetValue(reason)))
                throw new CaseException("gen --update needs --reason TEXT: a golden changes only with a reason, which CHANGELOG.md keeps");
            if (writes && checks)
                throw new CaseException("gen takes --check or --update, not both");
            if (ids.Length > 0 && (writes || checks || parsed.GetValue(all)))
                throw new CaseException("gen with case ids prints their lines; --all, --check and --update take every case of the catalogue");
            if (ids.Length == 0 && !writes && !checks && !parsed.GetValue(all))
                throw new CaseException("gen needs case ids, --all, --check or --update; `dsref gen --help` shows the usage");

            IBackend runs = SharedOptions.MakeBackend(parsed.GetValue(backend)!, parsed.GetValue(threads));
            string folder = parsed.GetValue(golden)!;
            if (ids.Length > 0)
            {
                foreach (string id in ids)
                    terminal.Out.WriteLine(GoldenManifest.Line(GoldenMaker.Operation(OperationCase.Parse(id), runs)));
                return ExitCode.Pass;
            }

            if (parsed.GetValue(showcase))
                return checks ? ShowcaseFiles.Check(folder, runs, terminal) : throw new CaseException("gen --showcase goes with --check; --update writes all goldens");
            GoldenManifest? kept = writes || checks ? GoldenMaker.Kept(folder, mustExist: checks) : null;
            GoldenManifest made = GoldenMaker.All(folder, runs, terminal);
            if (writes)
                return GoldenMaker.Update(folder, kept!, made, runs, parsed.GetValue(reason)!, terminal);
            if (checks)
                return GoldenMaker.Check(folder, kept!, made, runs, terminal);
            foreach (GoldenRecord record in made.Records)
                terminal.Out.WriteLine(GoldenManifest.Line(record));
            return ExitCode.Pass;
        });
        return command;
    }
}
