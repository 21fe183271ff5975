using DeepSeek.Reference.Verification;

namespace DeepSeek.Reference.Tool.Tests;

/// <summary>Bad input: one line that says what, where and what to do; exit 2, for goldens 4; never a stack trace.</summary>
public sealed class BadInputTests(Models models) : IClassFixture<Models>
{
    private string Short => models["fp32_short"];

    private string Out => models.NewPath(".safetensors");

    [Theory]
    [InlineData("")]
    [InlineData("1,x,3", "--ids, position 1", "'x'")]
    [InlineData("1,,3", "--ids, position 1")]
    [InlineData("99999999999", "--ids, position 0")]
    [InlineData("1,96", "position 1", "id 96 is not in [0, 96)")]
    [InlineData("-1", "--ids, position 0", "'-1'")]
    public void Ids_that_are_none(string ids, params string[] says)
    {
        CommandLine.Run("run", "--model", Short, "--ids=" + ids, "--out", Out).RefusesWith(2, says);
        CommandLine.Run("generate", "--model", Short, "--ids=" + ids).RefusesWith(2, says);
    }

    [Theory]
    [InlineData("[]", "no rows")]
    [InlineData("[[]]", "row 0: the row is empty")]
    [InlineData("[[1],[2,\"a\"]]", "row 1, position 1")]
    [InlineData("[[1],[2,1.5]]", "row 1, position 1")]
    [InlineData("[1,2]", "expected rows of ids")]
    [InlineData("{}", "expected rows of ids")]
    [InlineData("[[1,2]", "not JSON")]
    [InlineData("", "not JSON")]
    [InlineData("hello", "not JSON")]
    public void Ids_files_that_are_none(string text, string says)
    {
        string file = models.Write(text, ".json");
        CommandLine.Run("run", "--model", Short, "--ids-file", file, "--out", Out).RefusesWith(2, file, says);
        CommandLine.Run("generate", "--model", Short, "--ids-file", file).RefusesWith(2, file, says);
    }

    [Fact]
    public void Rows_of_unequal_length_are_for_generate_alone() =>
        CommandLine.Run("run", "--model", Short, "--ids-file", models.Write("[[1,2],[3]]", ".json"), "--out", Out).RefusesWith(2, "row 1 has 1 ids but row 0 has 2", "generate");

    [Theory]
    [InlineData("--ids", "1", "--ids-file", "f.json", "--ids and --ids-file")]
    [InlineData("--ids", "1", "--contract", "vllm", "no contract is named 'vllm'")]
    [InlineData("--ids", "1", "--attention", "flash", "there are naive and absorbed")]
    [InlineData("--ids", "1", "--backend", "cuda", "a backend is scalar, simd")]
    [InlineData("--ids", "1", "--threads", "-1", "-1 threads")]
    [InlineData("--ids", "1", "--decode-from", "2", "the prompt has 1 ids")]
    [InlineData("--ids", "1", "--trace", "nothing.*", "no probe has such a name")]
    public void Options_of_run_that_fit_nothing(string a, string b, string c, string d, string says) =>
        CommandLine.Run("run", "--model", Short, a, b, c, d, "--out", Out).RefusesWith(2, says);

    [Theory]
    [InlineData("--max-tokens", "-1", "give a number from 0")]
    [InlineData("--temperature", "-1", "temperature")]
    [InlineData("--temperature", "NaN", "temperature")]
    [InlineData("--seed", "x", "--seed 'x'")]
    public void Options_of_generate_that_fit_nothing(string option, string value, string says) =>
        CommandLine.Run("generate", "--model", Short, "--ids", "1", $"{option}={value}").RefusesWith(2, says);

    [Theory]
    [InlineData("walk")]
    [InlineData("run")]
    [InlineData("verify", "--level")]
    [InlineData("verify", "--nonsense")]
    [InlineData("generate", "--model", "m", "--max-tokens", "many")]
    [InlineData("diff", "one")]
    public void Wrong_usage(params string[] args) => CommandLine.Run(args).RefusesWith(2, "--help");

    [Theory]
    [InlineData("verify", "--backend", "./kernels.so")]
    [InlineData("verify", "--level", "huge")]
    [InlineData("verify", "--filter", "(")]
    [InlineData("verify", "no/such/dir")]
    [InlineData("verify", "linear[t=1]")]
    [InlineData("verify", "model[case=fp32_short,contract=ideal,attention=naive]")]
    [InlineData("verify", "model[case=absent,contract=ideal,attention=absorbed]")]
    [InlineData("show", "linear")]
    [InlineData("gen")]
    [InlineData("gen", "--check", "--update", "--reason", "both")]
    [InlineData("gen", "add[n=1]", "--all")]
    [InlineData("lab", "exhaustive", "--function", "gamma")]
    [InlineData("lab", "exhaustive", "--function", "exp", "--count", "0")]
    [InlineData("inspect", "no/such/dir")]
    [InlineData("diff", "no/such/file.safetensors", "other.npy")]
    [InlineData("run", "--model", "no/such/dir", "--ids", "1", "--out", "x.safetensors")]
    [InlineData("generate", "--model", "no/such/dir", "--ids", "1")]
    public void Arguments_that_name_nothing(params string[] args) => CommandLine.Run(args).RefusesWith(2);

    [Fact]
    public void A_directory_without_an_oracle_is_no_case()
    {
        string copy = models.Copy("fp32_short");
        File.Delete(Path.Combine(copy, "oracle.safetensors"));
        CommandLine.Run("verify", copy).RefusesWith(2, copy, "oracle.safetensors");
    }

    [Fact]
    public void A_truncated_checkpoint_names_its_file()
    {
        string copy = models.Copy("fp32_short");
        string file = Path.Combine(copy, "model.safetensors");
        File.WriteAllBytes(file, File.ReadAllBytes(file)[..^100]);
        CommandLine.Run("run", "--model", copy, "--ids", "1", "--out", Out).RefusesWith(2, file);
        CommandLine.Run("inspect", copy).RefusesWith(2, file);
        CommandLine.Run("verify", copy).RefusesWith(2, file);
    }

    [Fact]
    public void A_config_that_the_weights_do_not_fit_names_the_tensor()
    {
        string copy = models.Copy("fp32_short");
        string config = Path.Combine(copy, "config.json");
        File.WriteAllText(config, File.ReadAllText(config).Replace("\"vocab_size\": 96", "\"vocab_size\": 97", StringComparison.Ordinal));
        CommandLine.Run("run", "--model", copy, "--ids", "1", "--out", Out).RefusesWith(2, "model.embed_tokens.weight");
        CommandLine.Run("inspect", copy).RefusesWith(2, "model.embed_tokens.weight");
    }

    [Fact]
    public void A_NaN_among_the_weights_is_found_by_inspect_and_named_by_run()
    {
        string copy = models.Copy("fp32_short");
        string file = Path.Combine(copy, "model.safetensors");
        long offset;
        using (SafetensorsFile weights = SafetensorsFile.Open(file))
            offset = weights.Entries["model.layers.1.mlp.gate.weight"].FileOffset;
        byte[] bytes = File.ReadAllBytes(file);
        BitConverter.GetBytes(float.NaN).CopyTo(bytes, offset + 12);
        File.WriteAllBytes(file, bytes);
        CommandLine.Run("inspect", copy, "--check").RefusesWith(2, file, "model.layers.1.mlp.gate.weight", "element 3", $"byte {offset + 12}", "1 NaN");
        string[] says = ["the first NaN is in layers.1.mlp.gate.logits, row 0, position 0", $"{file}: tensor 'model.layers.1.mlp.gate.weight' at byte {offset} has a NaN at element 3"];
        CommandLine.Run("run", "--model", copy, "--ids", "1,2", "--out", Out).RefusesWith(2, says);
        CommandLine.Run("generate", "--model", copy, "--ids", "1,2").RefusesWith(2, says);
    }

    [Fact]
    public void An_output_that_cannot_be_written_names_its_path() =>
        CommandLine.Run("run", "--model", Short, "--ids", "1", "--out", Path.Combine(models.Folder, "no", "such", "dir.safetensors")).RefusesWith(2, "dir.safetensors");

    [Fact]
    public void Inspect_check_needs_weights() => CommandLine.Run("inspect", Path.Combine(Short, "config.json"), "--check").RefusesWith(2, "--check reads weights");

    [Fact]
    public void A_missing_or_damaged_manifest_exits_4()
    {
        string folder = Directory.CreateDirectory(models.NewPath()).FullName;
        CommandLine.Run("verify", "--golden", folder).RefusesWith(4, "manifest.jsonl", "no such file");
        File.WriteAllText(Path.Combine(folder, "manifest.jsonl"), "{\"id\":\"add[n=1]\"\n");
        CommandLine.Run("verify", "--golden", folder).RefusesWith(4, "manifest.jsonl, line 1");
        CommandLine.Run("list", "--golden", folder).RefusesWith(4, "manifest.jsonl, line 1");
        CommandLine.Run("gen", "--check", "--golden", folder, "--backend", "simd").RefusesWith(4, "manifest.jsonl, line 1");
    }

    [Fact]
    public void A_manifest_line_that_no_version_runs_exits_4()
    {
        string folder = Directory.CreateDirectory(models.NewPath()).FullName;
        string line = CommandLine.Run("gen", "add[n=1]").Passes().Out;
        File.WriteAllText(Path.Combine(folder, "manifest.jsonl"), line.Replace("add[n=1]", "add[n=1,turns=2]", StringComparison.Ordinal));
        CommandLine.Run("verify", "--golden", folder).RefusesWith(4, "'add' has no 'turns'");
    }

    [Fact]
    public void An_oracle_of_the_goldens_that_is_missing_damaged_or_another_exits_4()
    {
        string folder = Directory.CreateDirectory(models.NewPath()).FullName;
        string line = CommandLine.Run("list", "--filter", "^model.case=fp32_short,contract=ideal").Passes().Out;
        Assert.Contains("model[case=fp32_short,contract=ideal,attention=absorbed]", line, StringComparison.Ordinal);
        var manifest = new GoldenManifest([new GoldenSource(null).Manifest().Find("model[case=fp32_short,contract=ideal,attention=absorbed]")!]);
        File.WriteAllBytes(Path.Combine(folder, "manifest.jsonl"), manifest.ToBytes());
        CommandLine.Run("verify", "--golden", folder).RefusesWith(4, "has no oracles/fp32_short");

        string oracle = Path.Combine(folder, "oracles", "fp32_short");
        Directory.CreateDirectory(Path.Combine(folder, "oracles"));
        Directory.Move(models.Copy("fp32_short"), oracle);
        CommandLine.Run("verify", "--golden", folder).Passes();

        string weights = Path.Combine(oracle, "model.safetensors");
        byte[] bytes = File.ReadAllBytes(weights);
        bytes[^2] ^= 0x40;
        File.WriteAllBytes(weights, bytes);
        CommandLine.Run("verify", "--golden", folder).RefusesWith(4, "'model.safetensors' is not the file");
        File.WriteAllBytes(weights, bytes[..^8]);
        CommandLine.Run("verify", "--golden", folder).RefusesWith(4, "model.safetensors");
    }
}
