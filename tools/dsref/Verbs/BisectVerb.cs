using System.CommandLine;
using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Model;
using DeepSeek.Reference.Verification;

namespace DeepSeek.Reference.Tool.Verbs;

/// <summary><c>dsref bisect</c>: where another engine's intermediates, or a backend's operations, first go wrong in a model.</summary>
internal static class BisectVerb
{
    public static Command Command(Terminal terminal)
    {
        var model = new BisectOptions();
        var candidate = new Option<string?>("--candidate") { Description = "Another engine's intermediates: .safetensors, .npz.", HelpName = "DUMP" }.NamesPath();
        var backend = new Option<string?>("--backend") { Description = "Judge a backend's operations inside the model instead of a dump.", HelpName = "NAME" };
        var names = new Option<string>("--names") { Description = "Whose names the dump has; auto tells by the names.", HelpName = "auto|dsref|huggingface|vllm", DefaultValueFactory = _ => "auto" };
        var rope = new Option<string?>("--rope") { Description = "Where the dump keeps the pairs of rotated keys and queries; by default as the table of names says, and for dsref's names as the contract does.", HelpName = "interleaved|half" };
        var orders = new Option<int>("--orders") { Description = "Other orders of the sums that give the limits; each is a pass of the model.", HelpName = "N", DefaultValueFactory = _ => 8 };
        Option<bool> json = SharedOptions.Json();
        var command = new Command("bisect",
            "Finds the first step that a dump of another engine, or a backend, gets wrong: each step recomputed from the candidate's own values before it.\n\nExamples:\n  dsref bisect --model path/to/model --candidate dump.safetensors\n  dsref bisect --model path/to/model --backend simd --ids 1,2,3");
        model.AddTo(command);
        foreach (Option option in (Option[])[candidate, backend, names, rope, orders, json])
            command.Add(option);
        command.SetAction(parsed =>
        {
            string? dump = parsed.GetValue(candidate);
            string? judged = parsed.GetValue(backend);
            if (dump is null == judged is null)
                throw new DataException("give one of --candidate DUMP, a dump of another engine, and --backend NAME");
            BisectModel chosen = model.Read(parsed);
            bool asJson = parsed.GetValue(json);
            if (judged is not null)
            {
                IBackend made = SharedOptions.MakeBackend(judged, 0);
                using var ends = made as IDisposable;
                return Backend(terminal, chosen, made, asJson);
            }

            return Dump(terminal, chosen, dump!, parsed.GetValue(names)!.ToLowerInvariant(), Rope(parsed.GetValue(rope)), parsed.GetValue(orders), asJson);
        });
        return command;
    }

    /// <summary>Judges a dump.</summary>
    public static int Dump(Terminal terminal, BisectModel model, string path, string names, DumpRope? rope, int orders, bool json)
    {
        using TensorFile file = TensorFile.Read(path);
        DeepSeekConfig config = model.Config;
        var dump = new CandidateDump(file.Tensors, names, config, model.Contract, rope);
        IReadOnlyList<int[]> rows = model.Rows ?? (dump.Ids is { } own ? DumpIds.Rows(own) : throw new DataException($"no ids; give --ids 1,2,3 or --ids-file F.json, or a tensor input_ids in {path}"));
        if (dump.Probes.Count == 0)
            throw new DataException($"{path}: none of its {file.Tensors.Count} tensors has a name of the table '{dump.Names}'; name the table with --names, and see docs/how-to/bisect-a-model.md");
        BisectionReport report;
        using (var progress = new Progress(terminal))
        {
            long steps = 0;
            report = ModelBisection.Run(model.Open, model.Contract, rows, dump, orders, at => progress.Report($"bisect, {at}, probe", ++steps));
        }

        int exit = report.Stages.Count == 0 ? ExitCode.NothingRan : report.FirstFailure is null ? ExitCode.Pass : ExitCode.Mismatch;
        if (json)
            BisectReports.WriteJson(terminal, report, exit);
        else
            BisectReports.Write(terminal, report, exit);
        return exit;
    }

    /// <summary>Judges a backend.</summary>
    public static int Backend(Terminal terminal, BisectModel model, IBackend backend, bool json)
    {
        IReadOnlyList<int[]> rows = model.Rows ?? throw new DataException("no ids; give --ids 1,2,3 or --ids-file F.json");
        BackendBisectionReport report;
        using (var progress = new Progress(terminal))
        {
            long steps = 0;
            report = BackendBisection.Run(model.Open, model.Contract, rows, backend, new JudgeOptions(), at => progress.Report($"bisect, {at}, step", ++steps));
        }

        bool any = report.Operations.Any(o => o.Verdict != Verdict.Skip);
        int exit = report.First is not null ? ExitCode.Mismatch : any ? ExitCode.Pass : ExitCode.NothingRan;
        if (json)
            BisectReports.WriteJson(terminal, backend.Name, report, exit);
        else
            BisectReports.Write(terminal, backend.Name, report, exit);
        return exit;
    }

    private static DumpRope? Rope(string? name) => name?.ToLowerInvariant() switch
    {
        null => null,
        "interleaved" => DumpRope.AsContract,
        "half" => DumpRope.Half,
        _ => throw new ContractException($"--rope '{name}': there are interleaved and half"),
    };
}
