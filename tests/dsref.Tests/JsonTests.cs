using System.Text.Json;
using DeepSeek.Reference.TensorCores;
using DeepSeek.Reference.Tests.Verification;
using DeepSeek.Reference.Verification;

namespace DeepSeek.Reference.Tool.Tests;

/// <summary>The shapes of --json, field by field, as docs/spec/json.md gives them.</summary>
public sealed class JsonTests(Models models) : IClassFixture<Models>
{
    private static string[] Fields(JsonElement element) => [.. element.EnumerateObject().Select(p => p.Name)];

    [Fact]
    public void Verify()
    {
        JsonElement json = CommandLine.Run("verify", "add[n=1]", models["fp32_short"], "--json").Passes().Json;
        Assert.Equal(["command", "backend", "isa", "level", "cases", "counts", "required_missing", "seconds", "exit"], Fields(json));
        Assert.Equal("verify", json.GetProperty("command").GetString());
        JsonElement operation = json.GetProperty("cases")[0];
        Assert.Equal(["id", "kind", "verdict", "detail", "milliseconds"], Fields(operation));
        Assert.Equal(("add[n=1]", "operation", "BITS"), (operation.GetProperty("id").GetString(), operation.GetProperty("kind").GetString(), operation.GetProperty("verdict").GetString()));
        JsonElement model = json.GetProperty("cases")[1];
        Assert.Equal(["id", "kind", "verdict", "detail", "milliseconds", "contract", "tensors", "fp8"], Fields(model));
        Assert.Equal("model", model.GetProperty("kind").GetString());
        Assert.Equal(["name", "role", "verdict", "relative_l2", "max_abs", "limit", "bit_equal", "count", "note"], Fields(model.GetProperty("tensors")[0]));
        Assert.Equal(["BITS", "NOISE"], Fields(json.GetProperty("counts")));
        Assert.Equal(0, json.GetProperty("exit").GetInt32());
    }

    [Fact]
    public void List()
    {
        JsonElement json = CommandLine.Run("list", "--filter", "^cast", "--json").Passes().Json;
        Assert.Equal(["command", "cases"], Fields(json));
        Assert.Equal(["id", "level", "contract", "witness"], Fields(json.GetProperty("cases")[0]));
    }

    [Fact]
    public void Run()
    {
        JsonElement json = CommandLine.Run("run", "--model", models["fp32_short"], "--ids", "1,2", "--trace", "logits", "--out", models.NewPath(".safetensors"), "--json").Passes().Json;
        Assert.Equal(["command", "out", "contract", "attention", "backend", "tensors", "fp8", "cache"], Fields(json));
        Assert.Equal(["name", "dtype", "shape", "sha256"], Fields(json.GetProperty("tensors")[0]));
        Assert.Equal([1L, 2, 96], json.GetProperty("tensors")[0].GetProperty("shape").EnumerateArray().Select(d => d.GetInt64()));
    }

    [Fact]
    public void Generate()
    {
        JsonElement json = CommandLine.Run("generate", "--model", models["fp32_greedy"], "--ids", "1,2", "--max-tokens", "3", "--ignore-eos", "--json").Passes().Json;
        Assert.Equal(["command", "contract", "attention", "backend", "max_tokens", "temperature", "seed", "ignore_eos", "rows", "fp8", "cache", "cache_bytes_per_token"], Fields(json));
        JsonElement row = json.GetProperty("rows")[0];
        Assert.Equal(["prompt_tokens", "ids", "stop"], Fields(row));
        Assert.Equal((2, 3, "max_tokens"), (row.GetProperty("prompt_tokens").GetInt32(), row.GetProperty("ids").GetArrayLength(), row.GetProperty("stop").GetString()));
    }

    [Fact]
    public void Diff()
    {
        string a = models.NewPath(".safetensors");
        string b = models.NewPath(".safetensors");
        SafetensorsWriter.Write(a, [new("x", Tensor.From([1f, 2f, float.NaN], 3)), new("only", Tensor.From([1f], 1)), new("same", Tensor.From([1], 1))]);
        SafetensorsWriter.Write(b, [new("x", Tensor.From([1f, 2.5f, 3f], 3)), new("same", Tensor.From([1], 1))]);
        Outcome outcome = CommandLine.Run("diff", a, b, "--json");
        Assert.Equal(1, outcome.Exit);
        JsonElement json = outcome.Json;
        Assert.Equal(["command", "tensors", "exit"], Fields(json));
        JsonElement[] tensors = [.. json.GetProperty("tensors").EnumerateArray()];
        Assert.Equal(["only", "same", "x"], tensors.Select(t => t.GetProperty("name").GetString()));
        Assert.Equal(["name", "dtype", "shape", "equal", "note"], Fields(tensors[0]));
        Assert.Equal(
            ["name", "dtype", "shape", "equal", "note", "nan_mismatches", "inf_mismatches", "max_abs", "max_rel", "relative_l2", "max_ulp", "calc_diff", "count", "mismatches", "first_mismatch"],
            Fields(tensors[2]));
        Assert.Equal((1, 2, 0.5), (tensors[2].GetProperty("nan_mismatches").GetInt32(), tensors[2].GetProperty("mismatches").GetInt32(), tensors[2].GetProperty("max_abs").GetDouble()));
        Assert.Equal([1], tensors[2].GetProperty("first_mismatch").EnumerateArray().Select(i => i.GetInt32()));
        Assert.True(tensors[1].GetProperty("equal").GetBoolean());
    }

    [Fact]
    public void Inspect()
    {
        JsonElement json = CommandLine.Run("inspect", models["fp32_short"], "--check", "--json").Passes().Json;
        Assert.Equal(
            ["command", "tensors", "parameters_main", "parameters_mtp", "parameters_mtp_duplicates", "parameters_total", "parameters_activated", "parameters_activated_without_embedding", "bytes", "cache_values_per_token_and_layer", "cache_bytes_per_token_bf16", "cache_bytes_per_token_f32", "weights", "scanned_tensors", "findings", "parameters_fp8", "bytes_fp8_scales", "cache_bytes_per_token_fp8"],
            Fields(json));
    }

    [Fact]
    public void Vectors()
    {
        string file = models.Write("""{"id":0,"a":"3c003c003c003c00","b":"3c003c003c003c00","c":"3f800000","d":"40a00001","note":"x"}""", "_volta_mma_fp16_f32.jsonl");
        Outcome outcome = CommandLine.Run("vectors", file, "--json");
        Assert.Equal(1, outcome.Exit);
        Assert.Equal(["command", "files", "total", "equal", "exit"], Fields(outcome.Json));
        JsonElement report = outcome.Json.GetProperty("files")[0];
        Assert.Equal(["path", "kind", "total", "equal", "first_difference", "not_evaluated"], Fields(report));
        Assert.Equal("line 1: d is 40a00000 here and 40a00001 in the file", report.GetProperty("first_difference").GetString());
        Assert.Equal(["note"], report.GetProperty("not_evaluated").EnumerateArray().Select(f => f.GetString()));
    }

    [Fact]
    public void Mma()
    {
        string[] run = ["mma", "--unit", "volta-mma-fp16-f32", "--a", "3c003c003c000000", "--b", "3c003c003c003c00", "--c", "3f800000", "--json"];
        JsonElement plain = CommandLine.Run(run).Passes().Json;
        Assert.Equal(["command", "unit", "d", "value"], Fields(plain));
        Assert.Equal(("0x40800000", 4.0), (plain.GetProperty("d").GetString(), plain.GetProperty("value").GetDouble()));
        JsonElement json = CommandLine.Run([.. run, "--explain"]).Passes().Json;
        Assert.Equal(["command", "unit", "d", "value", "sums", "additions", "promotions"], Fields(json));
        JsonElement sum = json.GetProperty("sums")[0];
        Assert.Equal(["accumulator", "terms", "largest_exponent", "sum", "sum_exponent", "result"], Fields(sum));
        Assert.Equal(["k", "a", "b", "value", "exponent", "significand", "aligned", "bits_cut"], Fields(sum.GetProperty("terms")[0]));
        Assert.Equal(["k", "a", "b", "value"], Fields(sum.GetProperty("terms")[3]));
        Assert.Equal(["value", "exponent", "significand", "aligned", "bits_cut"], Fields(sum.GetProperty("terms")[4]));
        JsonElement late = CommandLine.Run("mma", "--unit", "hopper-mma-e4m3-f32", "--a", new string('0', 64), "--b", new string('0', 64), "--json", "--explain").Passes().Json;
        Assert.Equal(["sum", "accumulator", "result"], Fields(late.GetProperty("additions")[0]));
        JsonElement promoted = CommandLine.Run("mma", "--unit", "hopper-wgmma-e4m3-f32", "--a", new string('0', 64), "--b", new string('0', 64), "--promotion", "32", "--json", "--explain").Passes().Json;
        Assert.Equal(["scale", "sum", "before", "after"], Fields(promoted.GetProperty("promotions")[0]));
    }

    [Fact]
    public void Lab_exhaustive()
    {
        JsonElement json = CommandLine.Run("lab", "exhaustive", "--function", "tanh", "--count", "4096", "--threads", "1", "--json").Passes().Json;
        Assert.Equal(["command", "functions"], Fields(json));
        Assert.Equal(["function", "tested", "wrong", "seconds", "first_wrong"], Fields(json.GetProperty("functions")[0]));
    }

    [Fact]
    public void Capture()
    {
        string dots = SyntheticCapture.Dots(models.NewPath(".capture"), SyntheticCapture.WgmmaE4M3, wrong: TensorCore.HopperWgmmaE4M3F32 with { FractionBits = 12 });
        string convert = SyntheticCapture.Scalars(models.NewPath(".capture"), "convert", "cvt.rn.bf16.f32", edges: true, 64, 2, 0, 0, (i, y) => i == 3 ? 7 : y);
        Outcome outcome = CommandLine.Run("capture", dots, convert, "--differences", "2", "--json");
        Assert.Equal(1, outcome.Exit);
        Assert.Equal(["command", "files", "exit"], Fields(outcome.Json));
        JsonElement file = outcome.Json.GetProperty("files")[0];
        Assert.Equal(["file", "kind", "origin", "instruction", "device", "model", "judged", "total", "equal", "differences", "first"], Fields(file));
        Assert.Equal(["sign_of_zero", "code_of_nan", "special", "last_place", "value"], Fields(file.GetProperty("differences")));
        Assert.Equal(2, file.GetProperty("first").GetArrayLength());
        Assert.Equal(["tile", "row", "column", "a", "b", "c", "captured", "model"], Fields(file.GetProperty("first")[0]));
        file = outcome.Json.GetProperty("files")[1];
        Assert.Equal(["file", "kind", "origin", "instruction", "device", "model", "judged", "total", "equal", "largest_distance", "first"], Fields(file));
        Assert.Equal(["argument", "captured", "expected"], Fields(file.GetProperty("first")[0]));

        outcome = CommandLine.Run("capture", models.Write("rcp.approx.f32 0x00000000 1 " + new string('0', 64), ".sweep"), "--json");
        Assert.Equal(1, outcome.Exit);
        file = outcome.Json.GetProperty("files")[0];
        Assert.Equal(["file", "kind", "origin", "instruction", "device", "model", "judged", "total", "equal", "digests", "different"], Fields(file));
        Assert.Equal(["instruction", "first", "count"], Fields(file.GetProperty("different")[0]));
    }

    [Fact]
    public void Lab_accumulation()
    {
        JsonElement json = CommandLine.Run("lab", "accumulation", "--k", "64", "--size", "2", "--json").Passes().Json;
        Assert.Equal(["command", "unit", "data", "seed", "size", "rows"], Fields(json));
        Assert.Equal(["k", "promotion", "median", "p95", "rms", "max", "norm", "max_over_max"], Fields(json.GetProperty("rows")[0]));
    }

    [Fact]
    public void Lab_quantisation()
    {
        JsonElement json = CommandLine.Run("lab", "quantisation", "--rows", "3", "--columns", "130", "--json").Passes().Json;
        Assert.Equal(["command", "seed", "rows", "columns", "results"], Fields(json));
        Assert.Equal(["data", "format", "scales", "tile", "decibels", "element_decibels", "zeros"], Fields(json.GetProperty("results")[0]));
    }

    [Fact]
    public void Lab_bounds()
    {
        JsonElement json = CommandLine.Run("lab", "bounds", "--cases", "48", "--seed", "5", "--json").Passes().Json;
        Assert.Equal(["command", "seed", "cases", "elements", "free", "violations", "rows"], Fields(json));
        Assert.Equal(0, json.GetProperty("violations").GetInt64());
        Assert.Equal(CaseOperations.ByName.Keys, json.GetProperty("rows").EnumerateArray().Select(r => r.GetProperty("operation").GetString()));
        Assert.Equal(["operation", "cases", "elements", "free", "violations", "largest", "largest_f32", "first", "worst"], Fields(json.GetProperty("rows")[0]));
    }

    [Fact]
    public void Lab_fp8_vs_bf16()
    {
        JsonElement json = CommandLine.Run("lab", "fp8-vs-bf16", "--quick", "--steps", "2", "--json").Passes().Json;
        Assert.Equal(["command", "steps", "seed", "claim", "holds", "runs"], Fields(json));
        Assert.Equal(["name", "loss", "difference", "largest_of_last_half", "largest", "tokens_per_second", "losses", "differences"], Fields(json.GetProperty("runs")[0]));
        Assert.Equal(["name", "scales", "product", "loss", "difference", "largest_of_last_half", "largest", "tokens_per_second", "losses", "differences"], Fields(json.GetProperty("runs")[2]));
    }

    [Fact]
    public void Lab_balance()
    {
        JsonElement json = CommandLine.Run("lab", "balance", "--quick", "--steps", "2", "--json").Json;
        Assert.Equal(["command", "steps", "seed", "holds", "runs"], Fields(json));
        JsonElement run = json.GetProperty("runs")[0];
        Assert.Equal(["name", "max_vio_of_last_quarter", "held_out_max_vio", "held_out_loss", "specialisation", "max_vio", "domains"], Fields(run));
        Assert.Equal(["name", "loss", "loads"], Fields(run.GetProperty("domains")[0]));
    }

    [Fact]
    public void Lab_mtp()
    {
        JsonElement json = CommandLine.Run("lab", "mtp", "--quick", "--steps", "2", "--json").Json;
        Assert.Equal(["command", "steps", "seed", "holds", "runs"], Fields(json));
        JsonElement run = json.GetProperty("runs")[0];
        Assert.Equal(["name", "held_out_loss", "drafts", "accepted", "losses", "domains"], Fields(run));
        Assert.Equal(["name", "loss"], Fields(run.GetProperty("domains")[0]));
    }

    [Fact]
    public void Lab_mla()
    {
        JsonElement json = CommandLine.Run("lab", "mla", "--quick", "--json").Passes().Json;
        Assert.Equal(["command", "seed", "heads", "claim", "holds", "caches", "decode"], Fields(json));
        Assert.Equal(["form", "values", "bytes_per_token", "groups"], Fields(json.GetProperty("caches")[0]));
        Assert.Equal(["context", "form", "cache_bytes", "products", "microseconds", "to_mha"], Fields(json.GetProperty("decode")[0]));
    }

    [Fact]
    public void Quantize_and_dequantize()
    {
        string made = models.NewPath(), back = models.NewPath();
        JsonElement json = CommandLine.Run("quantize", models["bf16"], made, "--json").Passes().Json;
        Assert.Equal(["command", "out", "scale_format", "shards", "shards_kept", "converted", "copied", "source_bytes", "target_bytes"], Fields(json));
        json = CommandLine.Run("dequantize", made, back, "--json").Passes().Json;
        Assert.Equal(["command", "out", "shards", "shards_kept", "converted", "copied", "source_bytes", "target_bytes"], Fields(json));
    }
}
