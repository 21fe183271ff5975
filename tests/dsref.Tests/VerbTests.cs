using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Verification;

namespace DeepSeek.Reference.Tool.Tests;

/// <summary>Each verb on good input.</summary>
public sealed class VerbTests(Models models) : IClassFixture<Models>
{
    private string Short => models["fp32_short"];

    [Theory]
    [InlineData()]
    [InlineData("verify")]
    [InlineData("gen")]
    [InlineData("list")]
    [InlineData("show")]
    [InlineData("run")]
    [InlineData("generate")]
    [InlineData("grad")]
    [InlineData("diff")]
    [InlineData("inspect")]
    [InlineData("quantize")]
    [InlineData("dequantize")]
    [InlineData("lab")]
    [InlineData("lab", "exhaustive")]
    public void Help_has_an_example(params string[] verb)
    {
        Outcome outcome = CommandLine.Run([.. verb, "--help"]).Passes();
        Assert.Matches("Examples?:\\s+dsref " + string.Join(' ', verb), outcome.Out);
    }

    [Fact]
    public void Verify_lists_every_case_with_its_verdict_and_a_summary()
    {
        Outcome outcome = CommandLine.Run("verify", "--filter", "^add", "--level", "quick").Passes();
        string[] lines = outcome.Out.Split('\n');
        Assert.Equal(CaseCatalogue.All.Count(c => c.Operation == Backends.Operation.Add), lines.Count(l => l.StartsWith("BITS     add[", StringComparison.Ordinal)));
        Assert.Matches(@"OK: \d+ cases \(\d+ BITS\), backend simd, .+, level quick, ", outcome.Out);
        Assert.DoesNotContain('\u001b', outcome.Out);
    }

    [Fact]
    public void Verify_judges_a_case_that_no_golden_holds_by_the_definition() =>
        Assert.Contains("BITS     add[n=77,seed=0x7]", CommandLine.Run("verify", "add[n=77,seed=7]").Passes().Out, StringComparison.Ordinal);

    [Fact]
    public void Verify_takes_an_operations_name() => Assert.Contains("rms_norm[t=3,n=17]", CommandLine.Run("verify", "RMS_norm", "--level", "quick").Passes().Out, StringComparison.Ordinal);

    [Fact]
    public void Verify_takes_a_directory_anywhere_and_lists_its_tensors()
    {
        Outcome outcome = CommandLine.Run("verify", models.Copy("fp32_short")).Passes();
        Assert.Contains("NOISE    logits  relative L2 ", outcome.Out, StringComparison.Ordinal);
        Assert.Contains("BITS     layers.1.topk_indices", outcome.Out, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("scalar")]
    [InlineData("simd")]
    public void Verify_holds_a_models_logits_to_their_digests(string backend) =>
        Assert.Contains("BITS     model[case=fp32_mtp,contract=huggingface,attention=naive]",
            CommandLine.Run("verify", "model[attention=naive,case=fp32_mtp,contract=huggingface]", "--backend", backend).Passes().Out, StringComparison.Ordinal);

    [Fact]
    public void Verify_finds_a_wrong_weight()
    {
        string copy = models.Copy("fp32_short");
        byte[] weights = File.ReadAllBytes(Path.Combine(copy, "model.safetensors"));
        weights[^2] ^= 0x40;
        File.WriteAllBytes(Path.Combine(copy, "model.safetensors"), weights);
        Outcome outcome = CommandLine.Run("verify", copy);
        Assert.Equal(1, outcome.Exit);
        Assert.Contains("FAIL", outcome.Out, StringComparison.Ordinal);
        Assert.Contains("MISMATCH: 1 cases", outcome.Out, StringComparison.Ordinal);
    }

    [Fact]
    public void Verify_that_selects_nothing_exits_3() => CommandLine.Run("verify", "--filter", "no such case").RefusesWith(3, "nothing ran");

    [Fact]
    public void List_and_show_know_the_goldens()
    {
        Assert.Contains("quick  linear[t=3,n=13,k=67]  witness python", CommandLine.Run("list", "--filter", "^linear").Passes().Out, StringComparison.Ordinal);
        string shown = CommandLine.Run("show", "linear[t=3,n=13,k=67]").Passes().Out;
        Assert.Contains("output y: F32 [3, 13]", shown, StringComparison.Ordinal);
        Assert.Equal(3, shown.Split("(golden)").Length - 1);
    }

    [Fact]
    public void Gen_prints_the_line_that_the_manifest_holds()
    {
        string line = CommandLine.Run("gen", "add[n=131,b=bf16]").Passes().Out.Trim();
        Assert.Equal(GoldenManifest.Line(new GoldenSource(null).Manifest().Find("add[n=131,b=bf16]")!), line);
    }

    [Fact]
    public void Gen_update_needs_a_reason() => CommandLine.Run("gen", "--update").RefusesWith(2, "--reason");

    [Fact]
    public void Gen_check_finds_a_changed_byte_and_update_mends_it_and_writes_the_log()
    {
        string folder = Directory.CreateDirectory(models.NewPath()).FullName;
        string manifest = Path.Combine(folder, "manifest.jsonl");
        var made = new GoldenManifest(new GoldenSource(null).Manifest().Records.Take(3));
        Assert.Equal(0, InFolder(t => GoldenMaker.Update(folder, GoldenMaker.Kept(folder, mustExist: false), made, new ScalarBackend(), "First", t)).Exit);
        Assert.Equal(0, InFolder(t => GoldenMaker.Check(folder, GoldenMaker.Kept(folder, mustExist: true), made, new ScalarBackend(), t)).Exit);

        string text = File.ReadAllText(manifest);
        int digest = text.LastIndexOf("\"sha256\":\"", StringComparison.Ordinal) + "\"sha256\":\"".Length;
        File.WriteAllText(manifest, text[..digest] + (text[digest] == '0' ? '1' : '0') + text[(digest + 1)..]);
        Outcome check = InFolder(t => GoldenMaker.Check(folder, GoldenMaker.Kept(folder, mustExist: true), made, new ScalarBackend(), t));
        Assert.Equal(1, check.Exit);
        Assert.Equal("~ " + made.Records[2].Id, check.Out.Trim());

        Assert.Equal(0, InFolder(t => GoldenMaker.Update(folder, GoldenMaker.Kept(folder, mustExist: true), made, new ScalarBackend(), "Mend", t)).Exit);
        Assert.EndsWith("- +3 -0 ~0, showcase 23: First\n- +0 -0 ~1: Mend\n", File.ReadAllText(Path.Combine(folder, "CHANGELOG.md")), StringComparison.Ordinal);
        Assert.Equal(text, File.ReadAllText(manifest));
        Assert.Equal(["CHANGELOG.md", "manifest.jsonl"], Directory.GetFiles(folder).Select(f => Path.GetFileName(f)!).Order(StringComparer.Ordinal));
    }

    private static Outcome InFolder(Func<Terminal, int> command)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        int exit = command(new Terminal(output, error, outIsTerminal: false, errorIsTerminal: false, CancellationToken.None));
        return new Outcome(exit, output.ToString(), error.ToString());
    }

    [Fact]
    public void Run_writes_the_oracles_names_and_diff_finds_them_equal_however_the_prompt_is_cut()
    {
        string whole = models.NewPath(".safetensors");
        string stepped = models.NewPath(".safetensors");
        CommandLine.Run("run", "--model", Short, "--ids", "1,2,3,4,5", "--out", whole).Passes();
        CommandLine.Run("run", "--model", Short, "--ids", "1,2,3,4,5", "--decode-from", "2", "--backend", "scalar", "--out", stepped).Passes();
        Outcome diff = CommandLine.Run("diff", whole, stepped).Passes();
        Assert.Contains("23 of 23 tensors equal in every bit", diff.Out, StringComparison.Ordinal);
        using TensorFile file = TensorFile.Read(whole);
        Assert.Equal("F32 [1, 5, 96]", file.Get("logits").ToString());
        Assert.Equal(DType.I32, file.Get("layers.1.topk_indices").DType);
        Assert.DoesNotContain(file.Tensors.Keys, n => n.StartsWith("mtp.", StringComparison.Ordinal));
    }

    [Fact]
    public void Run_writes_the_same_names_for_one_token_the_mtp_ones_empty()
    {
        string path = models.NewPath(".safetensors"), longer = models.NewPath(".safetensors");
        CommandLine.Run("run", "--model", models["fp32_mtp"], "--ids", "5", "--out", path).Passes();
        CommandLine.Run("run", "--model", models["fp32_mtp"], "--ids", "5,6,7", "--out", longer).Passes();
        using SafetensorsFile file = SafetensorsFile.Open(path);
        using SafetensorsFile other = SafetensorsFile.Open(longer);
        Assert.Equal(other.Entries.Keys.Order(), file.Entries.Keys.Order());
        Assert.Equal("F32 [1, 0, 96]", file.Get("mtp.logits").ToString());
        Assert.Equal(0, file.Get("mtp.topk_indices").Shape[0]);
    }

    [Fact]
    public void Run_writes_mtp_tensors_whenever_the_config_has_mtp_layers()
    {
        string path = models.NewPath(".safetensors");
        CommandLine.Run("run", "--model", models["fp32_mtp"], "--ids-file", models.Write("[[1,2,3],[4,5,6]]", ".json"), "--out", path).Passes();
        using TensorFile file = TensorFile.Read(path);
        Assert.Equal("F32 [2, 2, 96]", file.Get("mtp.logits").ToString());
    }

    [Theory]
    [InlineData("logits", 1)]
    [InlineData("layers.0.*", 5)]
    public void Run_traces_what_is_asked_for(string trace, int atLeast)
    {
        string path = models.NewPath(".safetensors");
        CommandLine.Run("run", "--model", Short, "--ids", "1,2", "--trace", trace, "--out", path).Passes();
        using TensorFile file = TensorFile.Read(path);
        Assert.True(file.Tensors.Count >= atLeast);
        Assert.All(file.Tensors.Keys, n => Assert.StartsWith(trace.TrimEnd('*'), n, StringComparison.Ordinal));
    }

    [Fact]
    public void Run_under_another_contract_gives_its_dtype_and_other_bits()
    {
        string canonical = models.NewPath(".safetensors");
        string demo = models.NewPath(".safetensors");
        CommandLine.Run("run", "--model", Short, "--ids", "1,2", "--trace", "logits", "--contract", "canonical", "--attention", "naive", "--out", canonical).Passes();
        CommandLine.Run("run", "--model", Short, "--ids", "1,2", "--trace", "logits", "--contract", "DEEPSEEKINFERENCE", "--out", demo).Passes();
        Outcome diff = CommandLine.Run("diff", canonical, demo);
        Assert.Equal(1, diff.Exit);
        Assert.Contains("EXPECTED is F32, ACTUAL is BF16", diff.Out, StringComparison.Ordinal);
    }

    [Fact]
    public void Generate_gives_each_row_of_a_ragged_batch_what_it_has_alone()
    {
        string batch = CommandLine.Run("generate", "--model", models["fp32_greedy"], "--ids-file", models.Write("[[1,2,3],[4,5,6,7,8]]", ".json"), "--max-tokens", "5", "--ignore-eos").Passes().Out;
        string first = CommandLine.Run("generate", "--model", models["fp32_greedy"], "--ids", "1,2,3", "--max-tokens", "5", "--ignore-eos").Passes().Out;
        string second = CommandLine.Run("generate", "--model", models["fp32_greedy"], "--ids", "4,5,6,7,8", "--max-tokens", "5", "--ignore-eos").Passes().Out;
        Assert.Equal(first + second, batch);
        Assert.Equal(5, first.Split(',').Length);
    }

    [Fact]
    public void Generate_draws_the_same_tokens_from_the_same_seed()
    {
        string[] args = ["generate", "--model", models["fp32_greedy"], "--ids", "1,2,3", "--max-tokens", "8", "--ignore-eos", "--temperature", "1.5", "--seed"];
        string once = CommandLine.Run([.. args, "7"]).Passes().Out;
        Assert.Equal(once, CommandLine.Run([.. args, "0x7", "--backend", "scalar"]).Passes().Out);
        Assert.NotEqual(once, CommandLine.Run([.. args, "8"]).Passes().Out);
    }

    [Fact]
    public void Inspect_counts_parameters_from_the_config_alone_and_checks_weights()
    {
        Assert.Contains("parameters, all: ", CommandLine.Run("inspect", Path.Combine(Short, "config.json")).Passes().Out, StringComparison.Ordinal);
        Outcome outcome = CommandLine.Run("inspect", Short, "--check").Passes();
        Assert.Contains("weights: every tensor is there", outcome.Out, StringComparison.Ordinal);
        Assert.Contains(" 0 with NaN or infinity", outcome.Out, StringComparison.Ordinal);
    }

    [Fact]
    public void Lab_exhaustive_tests_a_range_of_arguments() => Assert.Contains(
        "exp: 0 wrong of 65536", CommandLine.Run("lab", "exhaustive", "--function", "exp", "--first", "1065353216", "--count", "65536", "--threads", "1").Passes().Out, StringComparison.Ordinal);

    [Fact]
    public void Lab_exhaustive_tests_a_format_under_every_policy()
    {
        string text = CommandLine.Run("lab", "exhaustive", "--function", "e5m2", "--first", "0x476f0000", "--count", "65536", "--threads", "1").Passes().Out;
        Assert.Contains("e5m2-saturate: 0 wrong of 65536", text, StringComparison.Ordinal);
        Assert.Contains("e5m2-infinity: 0 wrong of 65536", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Interrupted_commands_write_nothing()
    {
        string folder = Directory.CreateDirectory(models.NewPath()).FullName;
        string path = Path.Combine(folder, "out.safetensors");
        var cancelled = new CancellationToken(canceled: true);
        CommandLine.Run(cancelled, "run", "--model", Short, "--ids", "1,2", "--out", path).RefusesWith(130, "interrupted");
        CommandLine.Run(cancelled, "gen", "--update", "--reason", "never", "--golden", folder).RefusesWith(130, "interrupted");
        CommandLine.Run(cancelled, "generate", "--model", Short, "--ids", "1,2").RefusesWith(130, "interrupted");
        CommandLine.Run(cancelled, "lab", "exhaustive", "--function", "exp").RefusesWith(130, "interrupted");
        Assert.Equal(130, CommandLine.Run(cancelled, "verify").Exit);
        Assert.Empty(Directory.GetFileSystemEntries(folder));
    }
}
