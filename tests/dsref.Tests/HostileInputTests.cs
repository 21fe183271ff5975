namespace DeepSeek.Reference.Tool.Tests;

/// <summary>What someone in a hurry, or in a bad mood, types: still one line and the documented exit code, and nothing lost.</summary>
public sealed class HostileInputTests(Models models) : IClassFixture<Models>
{
    private string Short => models["fp32_short"];

    private string Out => models.NewPath(".safetensors");

    [Theory]
    [InlineData("--model is empty", "run", "--model", "", "--ids", "1", "--out", "x.safetensors")]
    [InlineData("--out is empty", "run", "--model", "m", "--ids", "1", "--out", "")]
    [InlineData("--ids-file is empty", "generate", "--model", "m", "--ids-file", "")]
    [InlineData("EXPECTED is empty", "diff", "", "")]
    [InlineData("config.json is empty", "inspect", "")]
    [InlineData("--golden is empty", "verify", "--golden", "")]
    public void An_empty_path_is_named(string says, params string[] args) => CommandLine.Run(args).RefusesWith(2, says, "--help");

    [Theory]
    [InlineData("'walk' is none of verify", "walk")]
    [InlineData("`dsref lab exhaustive --help`", "lab", "exhaustive", "--function")]
    [InlineData("'x' for option '--threads': a whole number", "generate", "--model", "m", "--threads", "x")]
    public void A_wrong_word_is_named_in_words_of_the_command_line(string says, params string[] args)
    {
        string line = CommandLine.Run(args).RefusesWith(2, says).Error;
        Assert.DoesNotContain("System.", line, StringComparison.Ordinal);
    }

    [Fact]
    public void Negative_threads_are_refused_by_every_backend() =>
        CommandLine.Run("run", "--model", Short, "--ids", "1", "--out", Out, "--backend", "scalar", "--threads", "-1").RefusesWith(2, "-1 threads");

    [Fact]
    public void A_decimal_comma_is_refused_not_read_as_a_larger_number() =>
        CommandLine.Run("generate", "--model", Short, "--ids", "1", "--temperature", "0,5").RefusesWith(2, "--temperature '0,5'");

    [Fact]
    public void A_directory_in_place_of_the_ids_file_is_named() =>
        CommandLine.Run("run", "--model", Short, "--ids-file", models.Folder, "--out", Out).RefusesWith(2, models.Folder, "is a directory");

    [Fact]
    public void A_case_beyond_memory_is_refused() => CommandLine.Run("verify", "linear[t=16777216,n=16777216,k=1]").RefusesWith(2, "bytes");

    [Fact]
    public void A_run_never_replaces_what_it_reads()
    {
        string copy = models.Copy("fp32_short");
        string ids = models.Write("[[1,2]]", ".json");
        foreach (string input in (string[])["model.safetensors", "config.json", "oracle.safetensors"])
        {
            byte[] before = File.ReadAllBytes(Path.Combine(copy, input));
            CommandLine.Run("run", "--model", copy, "--ids", "1", "--out", Path.Combine(copy, input)).RefusesWith(2, input, "an input of the run");
            Assert.Equal(before, File.ReadAllBytes(Path.Combine(copy, input)));
        }

        CommandLine.Run("run", "--model", copy, "--ids-file", ids, "--out", ids).RefusesWith(2, ids, "an input of the run");
        CommandLine.Run("run", "--model", copy, "--ids-file", ids, "--out", Path.Combine(copy, "out.safetensors")).Passes();
    }

    [Fact]
    public void A_missing_output_directory_is_found_before_the_model_is_read() =>
        CommandLine.Run("run", "--model", "no/such/model", "--ids", "1", "--out", Path.Combine(models.Folder, "no", "out.safetensors")).RefusesWith(2, "the directory does not exist");

    [Fact]
    public void A_wrong_shape_or_format_names_file_tensor_and_byte()
    {
        string copy = models.Copy("fp32_short");
        string config = Path.Combine(copy, "config.json");
        File.WriteAllText(config, File.ReadAllText(config).Replace("\"vocab_size\": 96", "\"vocab_size\": 97", StringComparison.Ordinal));
        CommandLine.Run("run", "--model", copy, "--ids", "1", "--out", Out).RefusesWith(2, Path.Combine(copy, "model.safetensors"), "model.embed_tokens.weight", "at byte");
        CommandLine.Run("verify", copy).RefusesWith(2, Path.Combine(copy, "model.safetensors"), "at byte");
    }

    [Fact]
    public void An_oracle_is_not_taken_for_the_weights()
    {
        string copy = models.Copy("fp32_short");
        File.Delete(Path.Combine(copy, "model.safetensors"));
        CommandLine.Run("run", "--model", copy, "--ids", "1", "--out", Out).RefusesWith(2, "no safetensors file");
        Directory.CreateDirectory(Path.Combine(copy, "model.safetensors"));
        CommandLine.Run("run", "--model", copy, "--ids", "1", "--out", Out).RefusesWith(2, "model.safetensors", "is a directory");
    }

    [Fact]
    public void Files_without_tensors_are_not_equal_but_nothing()
    {
        string empty = Out;
        SafetensorsWriter.Write(empty, []);
        CommandLine.Run("diff", empty, empty).RefusesWith(2, "no tensors");
    }

    [Fact]
    public void Formats_without_values_are_compared_by_bytes()
    {
        (string a, string b) = (Out, Out);
        SafetensorsWriter.Write(a, new Dictionary<string, Tensor> { ["z"] = new(DType.C64, 2) });
        byte[] bytes = File.ReadAllBytes(a);
        bytes[^1] ^= 1;
        File.WriteAllBytes(b, bytes);
        CommandLine.Run("diff", a, a).Passes();
        Outcome differs = CommandLine.Run("diff", a, b);
        Assert.Equal(1, differs.Exit);
        Assert.Contains("bytes differ", differs.Out, StringComparison.Ordinal);
    }

    [Fact]
    public void Control_characters_of_a_file_do_not_reach_the_terminal()
    {
        string file = Out;
        SafetensorsWriter.Write(file, new Dictionary<string, Tensor> { ["a\n\u001b[31m"] = Tensor.From([1f], 1) });
        string text = CommandLine.Run("diff", file, file).Passes().Out;
        Assert.Contains("a??[31m F32 [1]", text, StringComparison.Ordinal);
        Assert.DoesNotContain('\u001b', text);
    }

    [Fact]
    public void Tokens_asked_for_take_no_memory_until_they_come()
    {
        string copy = models.Copy("fp32_short");
        string config = Path.Combine(copy, "config.json");
        File.WriteAllText(config, System.Text.RegularExpressions.Regex.Replace(File.ReadAllText(config), "\"max_position_embeddings\": \\d+", "\"max_position_embeddings\": 2147483647"));
        long before = GC.GetTotalAllocatedBytes();
        using var soon = new CancellationTokenSource(TimeSpan.FromSeconds(1));
        CommandLine.Run(soon.Token, "generate", "--model", copy, "--ids", "1,2", "--max-tokens", "2147483647", "--ignore-eos").RefusesWith(ExitCode.Interrupted, "interrupted");
        Assert.InRange(GC.GetTotalAllocatedBytes() - before, 0, 1L << 30);
    }

    [Fact]
    public void An_unknown_name_in_an_oracle_is_counted_in_the_case_s_line()
    {
        string copy = models.Copy("fp32_short");
        string oracle = Path.Combine(copy, "oracle.safetensors");
        string other = models.Copy("fp32_short");
        using (SafetensorsFile file = SafetensorsFile.Open(Path.Combine(other, "oracle.safetensors")))
            SafetensorsWriter.Write(oracle, file.Entries.Keys.ToDictionary(n => n == "final_norm_out" ? "final_norm_outt" : n, file.Get));
        Assert.Contains("1 of unknown name UNJUDGED", CommandLine.Run("verify", copy, other).Passes().Out, StringComparison.Ordinal);
    }
}
