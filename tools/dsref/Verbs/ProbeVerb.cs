using System.CommandLine;
using System.Text.Json;
using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Ops;
using DeepSeek.Reference.TensorCores;
using DeepSeek.Reference.Verification.Probing;
using Spectre.Console;

namespace DeepSeek.Reference.Tool.Verbs;

/// <summary><c>dsref probe</c>: how an unknown matrix kernel adds products.</summary>
internal static class ProbeVerb
{
    public static Command Command(Terminal terminal)
    {
        Option<string> backend = SharedOptions.Backend();
        var kernel = new Option<string>("--kernel")
        {
            Description = "linear-f32, linear-bf16, or scaled-linear (E4M3 codes, scales of 1).",
            HelpName = "linear-f32|linear-bf16|scaled-linear",
            DefaultValueFactory = _ => "linear-bf16",
        };
        var sum = new Option<string?>("--sum") { Description = "The accumulation that linear kernels are asked for: a kind or a matrix unit, as in case ids; lanes16 by default.", HelpName = "NAME" };
        var product = new Option<string?>("--product") { Description = "The preset that scaled-linear is asked for; deepgemm-sm90 by default.", HelpName = "NAME" };
        Option<bool> json = SharedOptions.Json();
        var command = new Command("probe",
            "Feeds designed inputs to a backend's matrix product and tells how it adds: bits kept, rounding, fused length, promotion interval, order of summation. Exit 0 when a sum with all the bits was found, else 1.\n\nExample:\n  dsref probe --backend simd --kernel scaled-linear --product deepgemm-sm90")
        { backend, kernel, sum, product, json };
        command.SetAction(parsed =>
        {
            IBackend runs = SharedOptions.MakeBackend(parsed.GetValue(backend)!, 1);
            using var ends = runs as IDisposable;
            string which = parsed.GetValue(kernel)!.ToLowerInvariant();
            (DotKernel dot, ElementFormat format) = which switch
            {
                "linear-f32" => (DotKernels.OfLinear(runs, DType.F32, Asked(parsed.GetValue(sum))), ElementFormat.F32),
                "linear-bf16" => (DotKernels.OfLinear(runs, DType.BF16, Asked(parsed.GetValue(sum))), ElementFormat.BF16),
                "scaled-linear" => (DotKernels.OfScaledLinear(runs, ScaledProduct.Parse(parsed.GetValue(product) ?? ScaledProduct.DeepGemmSm90.Name)), ElementFormat.E4M3),
                _ => throw new ContractException($"--kernel '{which}': there are linear-f32, linear-bf16 and scaled-linear"),
            };
            ProbeFinding finding = KernelProbe.Run(dot, format);
            int exit = finding.IsFound ? ExitCode.Pass : ExitCode.Mismatch;
            if (parsed.GetValue(json))
                WriteJson(terminal, runs.Name, which, finding, exit);
            else
                WriteText(terminal, finding);
            return exit;
        });
        return command;
    }

    /// <summary>The accumulation of a name: a kind or a matrix unit.</summary>
    private static Accumulation Asked(string? name)
    {
        if (name is null)
            return Accumulation.Lanes16;
        return Enum.TryParse(name, ignoreCase: true, out AccumulationKind kind) && kind != AccumulationKind.TensorCore && Enum.IsDefined(kind)
            ? new Accumulation(kind)
            : Accumulation.TensorCore(TensorCore.Parse(name));
    }

    private static void WriteText(Terminal terminal, ProbeFinding f)
    {
        Line(f.Sentence);
        Line($"tree          {f.Tree}");
        Line($"bits kept     {(f.FractionBits is { } F ? $"{F} below the largest term" : "all that the format can express")}");
        if (f.Alignment is { } alignment)
            Line($"alignment     {alignment}");
        if (f.OutputFractionBits is { } bits)
            Line($"output        {bits} fraction bits, {f.Rounding}");
        if (f.FusedLength is { } length)
            Line($"fused length  {length}");
        if (f.Promotion is { } promotion)
            Line($"promotion     {(promotion == 0 ? "none" : $"every {promotion}")}");
        if (f.NormalisesProducts is { } normalises)
            Line($"products      {(normalises ? "normalised before they are aligned" : "not normalised")}");
        Line($"subnormals    {(f.FlushesSubnormals ? "flushed" : "kept")}{(f.FlushesSubnormalResults is { } flushed ? flushed ? ", flushed in results" : ", kept in results" : "")}");
        if (f.Names.Count > 0)
            Line($"units         {string.Join(", ", f.Names)}");
        Line($"asked         {f.Questions} dot products");

        void Line(string text) => terminal.Display.WriteLine(Terminal.Plain(text));
    }

    private static void WriteJson(Terminal terminal, string backend, string kernel, ProbeFinding f, int exit) => JsonOutput.Write(terminal, "probe", json =>
    {
        json.WriteString("backend", backend);
        json.WriteString("kernel", kernel);
        json.WriteBoolean("found", f.IsFound);
        json.WriteString("sentence", f.Sentence);
        json.WriteStartObject("contract");
        json.WriteString("operands", f.Operands.Name);
        json.WriteString("tree", f.Tree);
        Whole(json, "lanes", f.IsFound && f.Tree == "lanes" ? f.Sums[0].Sum.Lanes : null);
        Whole(json, "fraction_bits", f.FractionBits);
        Word(json, "alignment", f.Alignment?.ToString());
        Whole(json, "output_fraction_bits", f.OutputFractionBits);
        Word(json, "output_rounding", f.Rounding?.ToString());
        Whole(json, "fused_length", f.FusedLength);
        Word(json, "fused_order", f.IsFound ? f.Sums[0].Sum.Unit?.Order.ToString() : null);
        Whole(json, "promotion", f.Promotion);
        Flag(json, "normalises_products", f.NormalisesProducts);
        Flag(json, "flushes_subnormals", f.FlushesSubnormals);
        Flag(json, "flushes_subnormal_results", f.FlushesSubnormalResults);
        json.WriteEndObject();
        json.WriteStartArray("units");
        foreach (string name in f.Names)
            json.WriteStringValue(name);
        json.WriteEndArray();
        json.WriteNumber("alternatives", f.Sums.Count);
        json.WriteNumber("questions", f.Questions);
        json.WriteNumber("exit", exit);
    });

    private static void Whole(Utf8JsonWriter json, string key, int? value)
    {
        if (value is { } number)
            json.WriteNumber(key, number);
        else
            json.WriteNull(key);
    }

    private static void Word(Utf8JsonWriter json, string key, string? value)
    {
        if (value is null)
            json.WriteNull(key);
        else
            json.WriteString(key, value.ToLowerInvariant());
    }

    private static void Flag(Utf8JsonWriter json, string key, bool? value)
    {
        if (value is { } flag)
            json.WriteBoolean(key, flag);
        else
            json.WriteNull(key);
    }
}
