using System.Text.Json;

namespace DeepSeek.Reference.Tool.Tests;

/// <summary><c>dsref grad</c>: its file, its report, and what it refuses.</summary>
public sealed class GradVerbTests(Models models) : IClassFixture<Models>
{
    private string Grad => models["f64_grad"];

    [Theory]
    [InlineData("scalar")]
    [InlineData("simd")]
    public void Grad_writes_the_loss_and_every_gradient_of_the_oracle(string backend)
    {
        string path = models.NewPath(".safetensors");
        Outcome outcome = CommandLine.Run("grad", "--model", Grad, "--ids-file", OracleIds(), "--out", path, "--backend", backend).Passes();
        Assert.Contains("46 gradients, loss 7.7245", outcome.Out, StringComparison.Ordinal);

        using SafetensorsFile oracle = SafetensorsFile.Open(Path.Combine(Grad, "oracle.safetensors"));
        using SafetensorsFile written = SafetensorsFile.Open(path);
        Assert.Equal(
            oracle.Entries.Keys.Where(name => name == "loss" || name.StartsWith("grad.", StringComparison.Ordinal)).Order(StringComparer.Ordinal),
            written.Entries.Keys.Order(StringComparer.Ordinal));
        foreach (string name in written.Entries.Keys)
        {
            Assert.Equal(DType.F32, written.Get(name).DType);
            Assert.Equal(oracle.Get(name).Shape, written.Get(name).Shape);
            Assert.True(RelativeL2(oracle.Get(name), written.Get(name)) < 1e-5, $"{name}: relative L2 {RelativeL2(oracle.Get(name), written.Get(name))}");
        }
    }

    [Fact]
    public void Threads_and_backends_change_no_bit()
    {
        byte[] Run(params string[] more)
        {
            string path = models.NewPath(".safetensors");
            CommandLine.Run(["grad", "--model", Grad, "--ids", "5,6,7,8,9,10,11", "--balance-weight", "0.01", "--out", path, .. more]).Passes();
            return File.ReadAllBytes(path);
        }

        byte[] expected = Run("--backend", "scalar");
        Assert.Equal(expected, Run("--threads", "1"));
        Assert.Equal(expected, Run("--threads", "3"));
    }

    [Theory]
    [InlineData("bf16")]
    [InlineData("fp8_dequant")]
    [InlineData("fp32_noqlora")]
    public void Weights_of_any_format_have_gradients_in_binary32(string name)
    {
        string path = models.NewPath(".safetensors");
        CommandLine.Run("grad", "--model", models[name], "--ids", "1,2,3,4", "--out", path).Passes();
        using SafetensorsFile written = SafetensorsFile.Open(path);
        Assert.All(written.Entries.Values, t => Assert.Equal(DType.F32, t.DType));
        Assert.DoesNotContain(written.Entries.Keys, n => n.Contains("bias", StringComparison.Ordinal) || n.Contains("scale_inv", StringComparison.Ordinal));
    }

    [Fact]
    public void Json_has_the_losses_and_a_digest_of_each_gradient()
    {
        string path = models.NewPath(".safetensors");
        JsonElement json = CommandLine.Run(
            "grad", "--model", models["fp32_mtp"], "--ids", "1,2,3,4", "--mtp-weight", "0.3", "--balance-weight", "0.01", "--out", path, "--json").Passes().Json;
        Assert.Equal(["command", "out", "contract", "backend", "sequences", "targets", "loss", "loss_main", "loss_mtp", "loss_balance", "tensors"], json.EnumerateObject().Select(p => p.Name));
        Assert.Equal("grad", json.GetProperty("command").GetString());
        Assert.Equal(1, json.GetProperty("sequences").GetInt32());
        Assert.Equal(3, json.GetProperty("targets").GetInt32());
        Assert.Equal(
            json.GetProperty("loss").GetDouble(),
            json.GetProperty("loss_main").GetDouble() + json.GetProperty("loss_mtp").GetDouble() + json.GetProperty("loss_balance").GetDouble(), 1e-5);
        JsonElement first = json.GetProperty("tensors")[0];
        Assert.Equal(["name", "shape", "sha256"], first.EnumerateObject().Select(p => p.Name));
        Assert.Contains(json.GetProperty("tensors").EnumerateArray(), t => t.GetProperty("name").GetString()!.EndsWith("eh_proj.weight", StringComparison.Ordinal));
    }

    [Fact]
    public void What_has_no_gradient_is_refused()
    {
        string path = models.NewPath(".safetensors");
        void Refuses(string part, params string[] arguments)
        {
            CommandLine.Run(["grad", "--out", path, .. arguments]).RefusesWith(2, part);
            Assert.False(File.Exists(path));
        }

        Refuses("nothing to predict", "--model", Grad, "--ids", "1");
        Refuses("no ids", "--model", Grad);
        Refuses("row 0, position 1: id 48", "--model", Grad, "--ids", "1,48");
        Refuses("no MTP module", "--model", Grad, "--ids", "1,2", "--mtp-weight", "0.3");
        Refuses("take 0 or a positive number", "--model", Grad, "--ids", "1,2", "--balance-weight", "-1");
        Refuses("the weight of the balance loss is 1E+300", "--model", Grad, "--ids", "1,2", "--balance-weight", "1e300");
        Refuses("rounds to bfloat16", "--model", Grad, "--ids", "1,2", "--contract", "deepseekinference");
        Refuses("gradients are computed by scalar and simd", "--model", Grad, "--ids", "1,2", "--backend", "faulty:dgrad");
        Refuses("--threads", "--model", Grad, "--ids", "1,2", "--threads", "many");
        CommandLine.Run("grad", "--model", Grad, "--ids", "1,2", "--out", Path.Combine(Grad, "model.safetensors")).RefusesWith(2, "an input of the run");
    }

    [Fact]
    public void A_loss_that_is_no_number_is_said()
    {
        string folder = models.Copy("f64_grad"), path = Path.Combine(folder, "model.safetensors");
        byte[] bytes = File.ReadAllBytes(path);
        using (Checkpoint checkpoint = Checkpoint.Open(folder))
            BitConverter.TryWriteBytes(bytes.AsSpan((int)checkpoint.Entry("model.norm.weight").FileOffset), float.NaN);
        File.WriteAllBytes(path, bytes);
        Outcome outcome = CommandLine.Run("grad", "--model", folder, "--ids", "1,2", "--out", models.NewPath(".safetensors")).Passes();
        Assert.Contains("the loss is not finite", outcome.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("not finite", CommandLine.Run("grad", "--model", Grad, "--ids", "1,2", "--out", models.NewPath(".safetensors")).Passes().Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_balance_loss_of_a_model_without_experts_is_refused()
    {
        string folder = models.Copy("f64_grad"), path = Path.Combine(folder, "config.json");
        string dense = System.Text.RegularExpressions.Regex.Replace(File.ReadAllText(path), "\"first_k_dense_replace\": *[0-9]+", "\"first_k_dense_replace\": 99");
        File.WriteAllText(path, dense);
        CommandLine.Run("grad", "--model", folder, "--ids", "1,2", "--out", models.NewPath(".safetensors"), "--balance-weight", "1").RefusesWith(2, "no layer of", "has experts to balance");
    }

    /// <summary>The oracle's input_ids as rows of JSON.</summary>
    private string OracleIds()
    {
        using SafetensorsFile oracle = SafetensorsFile.Open(Path.Combine(Grad, "oracle.safetensors"));
        Tensor ids = oracle.Get("input_ids");
        IEnumerable<string> rows = ids.AsReadOnlySpan<long>().ToArray().Chunk((int)ids.Shape[1]).Select(row => $"[{string.Join(',', row)}]");
        return models.Write($"[{string.Join(',', rows)}]", ".json");
    }

    private static double RelativeL2(Tensor expected, Tensor actual)
    {
        double difference = 0, norm = 0;
        foreach ((double e, float a) in expected.AsReadOnlySpan<double>().ToArray().Zip(actual.AsReadOnlySpan<float>().ToArray()))
            (difference, norm) = (difference + (e - a) * (e - a), norm + e * e);
        return Math.Sqrt(norm == 0 ? difference : difference / norm);
    }
}
