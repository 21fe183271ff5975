using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Verification;
using Spectre.Console;

namespace DeepSeek.Reference.Tool.Verbs;

/// <summary><c>dsref shrink</c>: the smallest case that a backend still fails.</summary>
internal static class ShrinkVerb
{
    private const int TermsShown = 24;

    public static Command Command(Terminal terminal)
    {
        var id = new Argument<string>("CASE") { Description = "The id of a case that the backend fails (docs/spec/goldens.md)." };
        var backend = new Option<string>("--backend") { Description = "What fails.", HelpName = "NAME", Required = true };
        var bits = new Option<bool>("--bits") { Description = "Any bit that differs from the reference is a failure, whatever the verdict says." };
        var budget = new Option<double>("--budget") { Description = "Seconds; then the smallest found so far is taken.", HelpName = "SECONDS", DefaultValueFactory = _ => 30 };
        var output = new Option<string?>("--out") { Description = "Writes the tensors of the smallest failure to this file.", HelpName = "F.safetensors" }.NamesPath();
        Option<bool> json = SharedOptions.Json();
        var command = new Command("shrink",
            "Makes a failing case small: sizes, value map, seed, then values. Prints the dot product behind a wrong element of a matrix product, and ends with a line that repeats it. Exit 1 when the case fails, 0 when it passes.\n\nExample:\n  dsref shrink \"linear[t=64,n=256,k=7168]\" --backend simd")
        { id, backend, bits, budget, output, json };
        command.SetAction(parsed =>
        {
            double seconds = parsed.GetValue(budget);
            if (!(seconds > 0))
                throw new DataException($"--budget {seconds.ToString(CultureInfo.InvariantCulture)}: seconds above 0 are expected");
            string name = parsed.GetRequiredValue(backend);
            OperationCase start = OperationCase.Parse(parsed.GetRequiredValue(id));
            IBackend judged = SharedOptions.MakeBackend(name, 0);
            using var ends = judged as IDisposable;
            return Run(terminal, start, judged, name, parsed.GetValue(bits), seconds, parsed.GetValue(output), parsed.GetValue(json));
        });
        return command;
    }

    /// <summary>Shrinks a case and reports.</summary>
    public static int Run(Terminal terminal, OperationCase start, IBackend backend, string name, bool bits, double seconds, string? path, bool json)
    {
        if (path is not null && Path.GetDirectoryName(Path.GetFullPath(path)) is { } directory && !Directory.Exists(directory))
            throw new DataException($"{path}: the directory does not exist; create it first");
        long clock = Stopwatch.GetTimestamp();
        ShrinkReport report;
        using (var progress = new Progress(terminal))
        {
            long trials = 0;
            report = Shrink.Run(start, backend, bits, seconds, at => progress.Report($"shrink {at}, trial", ++trials));
        }

        int exit = report.First.Failure switch
        {
            Failure.None => ExitCode.Pass,
            Failure.Unsupported => ExitCode.NothingRan,
            _ => ExitCode.Mismatch,
        };
        bool writes = path is not null && exit == ExitCode.Mismatch;
        if (writes)
            WriteTensors(terminal, path!, report, name);
        double elapsed = Stopwatch.GetElapsedTime(clock).TotalSeconds;
        if (json)
            WriteJson(terminal, report, name, writes ? path : null, elapsed, exit);
        else
            Write(terminal, report, name, writes ? path : null, elapsed, exit);
        return exit;
    }

    private static string Repro(ShrinkReport report, string name) => $"dsref verify \"{report.Smallest.Id}\" --backend {name}";

    private static void WriteTensors(Terminal terminal, string path, ShrinkReport report, string name)
    {
        var tensors = new List<KeyValuePair<string, Tensor>>();
        foreach (Operand o in report.Last.Call.Operands)
            tensors.Add(new(o.Role == OperandRole.Input ? o.Name : $"candidate.{o.Name}", o.Tensor));
        foreach (Operand o in FailureTrial.Reference(report.Last.Call).Outputs)
            tensors.Add(new($"reference.{o.Name}", o.Tensor));
        terminal.BeginWriting();
        SafetensorsWriter.Write(path, tensors, new Dictionary<string, string> { ["case"] = report.Smallest.Id.ToString(), ["backend"] = name }, cancellationToken: terminal.Cancelled);
    }

    private static void Write(Terminal terminal, ShrinkReport report, string name, string? path, double elapsed, int exit)
    {
        if (exit == ExitCode.Pass)
        {
            terminal.Display.WriteLine($"OK: {report.Start.Id} passes on backend {name} ({report.First.Note}); there is nothing to shrink");
            return;
        }

        if (exit == ExitCode.NothingRan)
        {
            terminal.Display.WriteLine(Terminal.Plain($"NOTHING RAN: backend {name} does not offer {report.Start.Id}: {report.First.Note}"));
            return;
        }

        void Line(string text) => terminal.Display.WriteLine(Terminal.Plain(text));
        Line($"given     {report.Start.Id}: {report.First.Note}");
        Line($"smallest  {report.Smallest.Id}: {report.Last.Note}");
        Line(string.Create(CultureInfo.InvariantCulture, $"          {report.Trials} trials, {elapsed:F1} s{(report.RanOut ? "; the time ran out, --budget takes more" : "")}"));
        if (report.IsAlone)
            Line("          fails with the one dot product alone, 1 x 1 x K");
        if (report.Last.Failure >= Failure.Wrong)
            Line(string.Create(CultureInfo.InvariantCulture, $"          {report.NonZeros} values of the inputs are not zero{(report.ValuesChanged ? ", simplified from the case's" : "")}"));
        if (report.Dot is { } dot)
            WriteDot(Line, dot);
        if (path is not null)
            Line($"tensors   {path}");
        else if (report.ValuesChanged)
            Line("tensors   changed; --out F.safetensors keeps them");
        Line($"repeat    {Repro(report, name)}");
    }

    private static void WriteDot(Action<string> line, FailingDot dot)
    {
        line($"element   [{dot.At.Row}, {dot.At.Column}], K = {dot.K}");
        line($"candidate {Hex(dot.Candidate.Bits, dot.DTypes.Y)}  {Real(dot.Candidate.Value)}");
        line($"reference {Hex(dot.Reference.Bits, dot.DTypes.Y)}  {Real(dot.Reference.Value)}");
        line($"exact     {new string(' ', Hex(0, dot.DTypes.Y).Length)}  {Real(dot.Exact)}");
        bool scaled = dot.Terms.Any(t => t.Scale != 1);
        foreach (DotTerm t in dot.Terms.Take(TermsShown))
            line($"  k = {t.K,-6} {Hex(t.ABits, dot.DTypes.A)} x {Hex(t.BBits, dot.DTypes.B)}  {Real(t.A)} x {Real(t.B)}{(scaled ? $" x {Real(t.Scale)}" : "")}");
        if (dot.Terms.Count > TermsShown)
            line($"  ... {dot.Terms.Count - TermsShown} more terms that are not zero");
    }

    private static void WriteJson(Terminal terminal, ShrinkReport report, string name, string? path, double elapsed, int exit) => JsonOutput.Write(terminal, "shrink", json =>
    {
        json.WriteString("case", report.Start.Id.ToString());
        json.WriteString("backend", name);
        json.WriteString("failure", Word(report.First.Failure));
        json.WriteString("note", report.First.Note);
        json.WriteString("smallest", report.Smallest.Id.ToString());
        json.WriteString("smallest_note", report.Last.Note);
        json.WriteNumber("trials", report.Trials);
        json.WriteNumber("seconds", Math.Round(elapsed, 3));
        json.WriteBoolean("ran_out", report.RanOut);
        json.WriteBoolean("alone", report.IsAlone);
        json.WriteBoolean("values_changed", report.ValuesChanged);
        json.WriteNumber("non_zeros", report.NonZeros);
        Dot(json, report.Dot);
        json.WriteString("out", path);
        json.WriteString("repeat", exit == ExitCode.Mismatch ? Repro(report, name) : null);
        json.WriteNumber("exit", exit);
    });

    private static void Dot(Utf8JsonWriter json, FailingDot? dot)
    {
        if (dot is null)
        {
            json.WriteNull("dot");
            return;
        }

        json.WriteStartObject("dot");
        json.WriteNumber("row", dot.At.Row);
        json.WriteNumber("column", dot.At.Column);
        json.WriteNumber("k", dot.K);
        json.WriteString("candidate", Hex(dot.Candidate.Bits, dot.DTypes.Y));
        json.WriteString("reference", Hex(dot.Reference.Bits, dot.DTypes.Y));
        json.WriteReal("exact", dot.Exact);
        json.WriteStartArray("terms");
        foreach (DotTerm t in dot.Terms)
        {
            json.WriteStartObject();
            json.WriteNumber("k", t.K);
            json.WriteString("a", Hex(t.ABits, dot.DTypes.A));
            json.WriteString("b", Hex(t.BBits, dot.DTypes.B));
            json.WriteReal("scale", t.Scale);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static string Word(Failure failure) => failure switch
    {
        Failure.None => "none",
        Failure.Unsupported => "unsupported",
        Failure.Doubtful => "doubtful",
        Failure.Wrong => "wrong",
        _ => "crash",
    };

    private static string Hex(ulong bits, DType dtype) => "0x" + bits.ToString($"x{dtype.Bits() / 4}", CultureInfo.InvariantCulture);

    private static string Real(double value) => value.ToString("R", CultureInfo.InvariantCulture);
}
