using System.Text.Json;
using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Model;
using DeepSeek.Reference.Tool.Verbs;

namespace DeepSeek.Reference.Tool.Tests;

/// <summary><c>dsref bisect</c> on the oracles, on damaged copies of them, and on backends.</summary>
public sealed class BisectVerbTests(Models models) : IClassFixture<Models>
{
    private static string[] Fields(JsonElement element) => [.. element.EnumerateObject().Select(p => p.Name)];

    /// <summary>The oracle's tensors with one changed.</summary>
    private string Dump(string oracle, Action<Dictionary<string, Tensor>> change)
    {
        using SafetensorsFile file = SafetensorsFile.Open(Path.Combine(models[oracle], "oracle.safetensors"));
        Dictionary<string, Tensor> tensors = file.Entries.Keys.ToDictionary(n => n, n => file.Get(n).Clone(), StringComparer.Ordinal);
        change(tensors);
        string path = models.NewPath(".safetensors");
        SafetensorsWriter.Write(path, tensors);
        return path;
    }

    private static Outcome Backend(string directory, IBackend backend, bool json = false)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var terminal = new Terminal(output, error, outIsTerminal: false, errorIsTerminal: false, CancellationToken.None);
        int exit = BisectVerb.Backend(terminal, new BisectModel(directory, NumericContract.Canonical, Fp8Mode.Auto, [[1, 2, 3, 4]]), backend, json);
        return new Outcome(exit, output.ToString(), error.ToString());
    }

    [Fact]
    public void The_official_dump_passes_with_its_own_ids()
    {
        Outcome outcome = CommandLine.Run("bisect", "--model", models["fp32_short"], "--candidate", Path.Combine(models["fp32_short"], "oracle.safetensors")).Passes();
        Assert.Contains("OK: every stage passes; 23 stages, contract Canonical, attention absorbed, names dsref, 8 other orders; 3 UNJUDGED", outcome.Out, StringComparison.Ordinal);
        Assert.Contains("UNJUDGED 1: logits_hf: no probe of this model", outcome.Out, StringComparison.Ordinal);
    }

    [Fact]
    public void A_changed_tensor_is_the_first_failure_and_what_the_dump_lacks_is_said()
    {
        string path = Dump("fp32_short", t =>
        {
            t["layers.1.attn_out"].AsSpan<float>()[100] += 0.01f;
            t.Remove("layers.1.c_kv");
        });
        Outcome outcome = CommandLine.Run("bisect", "--model", models["fp32_short"], "--candidate", path, "--orders", "3");
        Assert.Equal(1, outcome.Exit);
        Assert.Contains("first failure: layers.1.attn_out: ", outcome.Out, StringComparison.Ordinal);
        Assert.Contains("recomputed from layers.0.hidden_after_mlp, layers.1.k_pe of the dump; not in the dump, so the fault may lie there too: ", outcome.Out, StringComparison.Ordinal);
        Assert.Contains("  6 stages before it pass; after it 14 pass on the dump's own values and 1 fail too: layers.1.hidden_after_attn", outcome.Out, StringComparison.Ordinal);
    }

    [Fact]
    public void A_dump_as_json()
    {
        string path = Dump("bf16", t => t["layers.0.c_kv"].AsSpan<BFloat16>()[..64].Clear());
        Outcome outcome = CommandLine.Run("bisect", "--model", models["bf16"], "--candidate", path, "--orders", "2", "--json");
        Assert.Equal(1, outcome.Exit);
        Assert.Equal(["command", "contract", "attention", "names", "orders", "first_failure", "stages", "unjudged", "exit"], Fields(outcome.Json));
        Assert.Equal("layers.0.c_kv", outcome.Json.GetProperty("first_failure").GetString());
        JsonElement stage = outcome.Json.GetProperty("stages")[0];
        Assert.Equal(["probe", "source", "verdict", "check", "note", "relative_l2", "limit", "mismatches", "explained", "count", "end_to_end", "propagated", "fed", "from", "missing"], Fields(stage));
        Assert.Equal(["name", "why"], Fields(outcome.Json.GetProperty("unjudged")[0]));
    }

    [Fact]
    public void A_backend_that_is_right_passes_every_operation()
    {
        Outcome outcome = CommandLine.Run("bisect", "--model", models["fp32_short"], "--backend", "scalar", "--ids", "1,2,3").Passes();
        Assert.Contains("operations pass on the reference's inputs", outcome.Out, StringComparison.Ordinal);
        Assert.Contains("BITS Linear", string.Join(' ', outcome.Out.Split(' ', StringSplitOptions.RemoveEmptyEntries)), StringComparison.Ordinal);
    }

    [Fact]
    public void A_backends_wrong_operation_is_named_with_its_place_and_its_effect()
    {
        // Wrong in its third call of Add, which leads to the second layer's hidden_after_attn.
        int adds = 0;
        var wrong = new OneWrong((call, right) =>
        {
            call.Run(right);
            if (call is AddCall add && adds++ % 6 == 2)
                add.Y.AsSpan<float>()[0] += 1;
        });
        Outcome outcome = Backend(models["fp32_short"], wrong, json: true);
        Assert.Equal(1, outcome.Exit);
        JsonElement json = outcome.Json;
        Assert.Equal(["command", "contract", "backend", "positions", "first", "operations", "exit"], Fields(json));
        Assert.Equal(["call", "operation", "toward", "note"], Fields(json.GetProperty("first")));
        Assert.Equal(("Add", "layers.1.hidden_after_attn"), (json.GetProperty("first").GetProperty("operation").GetString(), json.GetProperty("first").GetProperty("toward").GetString()));
        JsonElement[] operations = [.. json.GetProperty("operations").EnumerateArray()];
        Assert.All(operations, o => Assert.Equal(["operation", "verdict", "calls", "logits_relative_l2", "other_tokens", "note", "first"], Fields(o)));
        foreach (JsonElement o in operations)
        {
            bool add = o.GetProperty("operation").GetString() == "Add";
            Assert.Equal(add, o.GetProperty("first").ValueKind == JsonValueKind.Object);
            Assert.Equal(add, o.GetProperty("logits_relative_l2").GetDouble() > 0);
        }

        Assert.Equal(6, operations.Single(o => o.GetProperty("operation").GetString() == "Add").GetProperty("calls").GetInt32());
    }

    [Fact]
    public void Operations_that_a_backend_refuses_are_skipped_and_one_that_throws_is_wrong()
    {
        Outcome none = Backend(models["fp32_short"], new OneWrong((_, _) => throw new ContractException("not offered")));
        Assert.Equal(3, none.Exit);
        Assert.Contains("NOTHING RAN: ", none.Out, StringComparison.Ordinal);

        Outcome throws = Backend(models["fp32_short"], new OneWrong((call, right) =>
        {
            if (call is GateCall)
                throw new InvalidOperationException("no gate today");
            call.Run(right);
        }));
        Assert.Equal(1, throws.Exit);
        Assert.Contains("Gate, on the way to layers.1.router_scores: InvalidOperationException: no gate today", throws.Out, StringComparison.Ordinal);
    }

    [Fact]
    public void What_cannot_be_used_is_refused_in_one_line()
    {
        string model = models["fp32_short"];
        string oracle = Path.Combine(model, "oracle.safetensors");
        CommandLine.Run("bisect", "--model", model).RefusesWith(2, "--candidate DUMP", "--backend NAME");
        CommandLine.Run("bisect", "--model", model, "--candidate", oracle, "--backend", "simd").RefusesWith(2, "give one of");
        CommandLine.Run("bisect", "--model", model, "--backend", "simd").RefusesWith(2, "no ids", "--ids-file");
        CommandLine.Run("bisect", "--model", model, "--candidate", oracle, "--names", "sglang").RefusesWith(2, "--names 'sglang'", "huggingface");
        CommandLine.Run("bisect", "--model", model, "--candidate", oracle, "--rope", "quarter").RefusesWith(2, "--rope 'quarter'");
        CommandLine.Run("bisect", "--model", model, "--candidate", oracle, "--orders", "1").RefusesWith(2, "at least 2");
        CommandLine.Run("bisect", "--model", model, "--candidate", oracle, "--names", "vllm").RefusesWith(2, "none of its 27 tensors", "--names");
        CommandLine.Run("bisect", "--model", model, "--candidate", oracle, "--ids", "1,2,999").RefusesWith(2, "999");
        CommandLine.Run("bisect", "--model", model, "--candidate", models.NewPath(".safetensors")).RefusesWith(2, "safetensors");
        CommandLine.Run("bisect", "--model", model, "--candidate", oracle, "--attention", "both").RefusesWith(2, "--attention 'both'");
    }
}
