using System.Diagnostics;
using System.Text.Json;

namespace DeepSeek.Reference.Tool.Tests;

/// <summary><c>dsref train</c> from files to a model, and what it refuses.</summary>
public sealed class TrainVerbTests : IDisposable
{
    private const string Model = """
        {
          "model_type": "deepseek_v3", "hidden_size": 16, "intermediate_size": 24, "moe_intermediate_size": 8, "num_hidden_layers": 2, "first_k_dense_replace": 1,
          "num_attention_heads": 2, "num_key_value_heads": 2, "q_lora_rank": null, "kv_lora_rank": 8, "qk_nope_head_dim": 4, "qk_rope_head_dim": 4, "v_head_dim": 4,
          "n_routed_experts": 4, "n_shared_experts": 1, "num_experts_per_tok": 2, "n_group": 1, "topk_group": 1, "topk_method": "noaux_tc", "scoring_func": "sigmoid",
          "norm_topk_prob": true, "routed_scaling_factor": 2.5, "max_position_embeddings": 64, "rope_theta": 10000, "torch_dtype": "float32", "bos_token_id": 0, "eos_token_id": 1,
          "vocab_size": 264
        }
        """;

    private readonly string folder = Directory.CreateTempSubdirectory("dsref-train-verb-").FullName;

    public TrainVerbTests()
    {
        File.WriteAllText(At("config.json"), Model);
        File.WriteAllText(At("train.json"), Settings(30));
        Directory.CreateDirectory(At("texts"));
        File.WriteAllText(At("texts", "a.txt"), string.Join(' ', Enumerable.Range(0, 200).Select(i => $"line {i} of a text")));
        File.WriteAllText(At("texts", "b.jsonl"), "{\"text\":\"one\"}\n{\"text\":\"two\"}\n");
    }

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void A_model_is_trained_resumed_and_run()
    {
        JsonElement json = Train("run", "--json").Passes().Json;
        Assert.Equal(["command", "model", "metrics", "parameters", "windows", "steps", "resumed_at", "tokens", "loss", "seconds"], json.EnumerateObject().Select(p => p.Name));
        Assert.Equal((30, 0, 30 * 2 * 16), (json.GetProperty("steps").GetInt32(), json.GetProperty("resumed_at").GetInt32(), json.GetProperty("tokens").GetInt32()));
        double[] losses = [.. File.ReadLines(At("run", "metrics.jsonl")).Select(l => JsonDocument.Parse(l).RootElement.GetProperty("loss").GetDouble())];
        Assert.Equal(30, losses.Length);
        Assert.True(losses[^1] < losses[0] - 1, $"loss {losses[0]} to {losses[^1]}");

        File.WriteAllText(At("train.json"), Settings(32));
        JsonElement more = Train("run", "--resume", "--json", "--threads", "1").Passes().Json;
        Assert.Equal((32, 30), (more.GetProperty("steps").GetInt32(), more.GetProperty("resumed_at").GetInt32()));
        Assert.Equal(32, File.ReadLines(At("run", "metrics.jsonl")).Count());
        Assert.Equal(["metrics.jsonl", "model", "model-ema", "step-000000030", "step-000000032"], Directory.GetFileSystemEntries(At("run")).Select(Path.GetFileName).Order(StringComparer.Ordinal));

        foreach (string model in (string[])["model", "model-ema", "step-000000030"])
            CommandLine.Run("run", "--model", At("run", model), "--ids", "0,100,101", "--trace", "logits", "--out", At("logits.safetensors")).Passes();
        CommandLine.Run("generate", "--model", At("run", "model"), "--ids", "0,100", "--max-tokens", "3").Passes();
        CommandLine.Run("inspect", At("run", "model")).Passes();
    }

    /// <summary>
    /// The process itself is killed twenty times, at moments drawn by chance: at its start, in a step, while a checkpoint is written. What it leaves in the end has the bytes of a run
    /// that nobody touched.
    /// </summary>
    [Fact]
    public void A_process_killed_twenty_times_goes_on_to_the_same_bytes()
    {
        const int Kills = 20;
        var random = new Random(20);
        File.WriteAllText(At("train.json"), Settings(1_000_000));
        int advanced = 0;
        for (int kill = 0; kill < Kills; kill++)
        {
            int seen = Lines();
            using Process child = CommandLine.Start([], "train", "--config", At("train.json"), "--data", At("texts"), "--out", At("killed"), "--resume", "--threads", "1");
            // Read, so that a full pipe never holds it up.
            _ = child.StandardError.ReadToEndAsync();
            // Each fifth time in what comes before the first step; else once it has done some steps, of which it may have to do some again.
            if (kill % 5 != 0)
            {
                int further = random.Next(4);
                while (Lines() <= seen + further && !child.HasExited)
                    Thread.Sleep(1);
            }

            Thread.Sleep(random.Next(60));
            Assert.False(child.HasExited, $"process {kill} ended by itself");
            child.Kill();
            child.WaitForExit();
            advanced += Lines() > seen ? 1 : 0;
        }

        Assert.True(advanced >= Kills / 2, $"{advanced} of {Kills} processes came to a step");
        // How many steps a run has is no part of what it is: both end a little beyond the last kill.
        int steps = Directory.GetDirectories(At("killed"), "step-*").Max(d => int.Parse(Path.GetFileName(d)["step-".Length..], System.Globalization.CultureInfo.InvariantCulture)) + 3;
        File.WriteAllText(At("train.json"), Settings(steps));
        foreach (string run in (string[])["killed", "whole"])
            Train(run, "--resume").Passes();
        string last = $"step-{steps:d9}";
        foreach (string name in (string[])["model.safetensors", "optimizer.safetensors", "trainer.json", "SHA256SUMS"])
            Assert.Equal(File.ReadAllBytes(At("whole", last, name)), File.ReadAllBytes(At("killed", last, name)));
        Assert.Equal(steps, Lines());

        int Lines()
        {
            try
            {
                return File.Exists(At("killed", "metrics.jsonl")) ? File.ReadAllText(At("killed", "metrics.jsonl")).Count(c => c == '\n') : 0;
            }
            catch (IOException)
            {
                return 0;
            }
        }
    }

    /// <summary>Each precision from files to a model, and on; another is refused, also where train.json says nothing of it.</summary>
    [Theory]
    [InlineData("bf16", "fp8")]
    [InlineData("fp8", "fp32")]
    public void A_model_is_trained_in_each_precision(string precision, string other)
    {
        File.WriteAllText(At("train.json"), Settings(4));
        Train("whole", "--precision", precision).Passes();
        File.WriteAllText(At("train.json"), Settings(2));
        Train("run", "--precision", precision).Passes();
        File.WriteAllText(At("train.json"), Settings(4).Replace("\"seed\"", $"\"precision\": \"{precision}\", \"seed\"", StringComparison.Ordinal));
        Train("run", "--resume", "--precision", other).RefusesWith(2, $"the run is in {precision}, not in {other}");
        Train("run", "--resume").Passes();
        Assert.Equal(File.ReadAllBytes(At("whole", "step-000000004", "optimizer.safetensors")), File.ReadAllBytes(At("run", "step-000000004", "optimizer.safetensors")));
    }

    [Fact]
    public void What_cannot_be_trained_is_one_line()
    {
        Train("run", "--precision", "fp16").RefusesWith(2, "no precision is named 'fp16'", "fp32, bf16 or fp8");
        File.WriteAllText(At("train.json"), Settings(30).Replace("\"seed\"", "\"precision\": \"fp8\", \"fp8\": { \"accumulation\": \"hopper-without-promotion\" }, \"seed\"", StringComparison.Ordinal));
        Train("run").RefusesWith(2, "fp8.scales tensor");
        File.WriteAllText(At("train.json"), Settings(30));
        CommandLine.Run("train", "--config", At("none.json"), "--data", At("texts"), "--out", At("run")).RefusesWith(2, "none.json", "no such file");
        CommandLine.Run("train", "--config", At("train.json"), "--data", At("none"), "--out", At("run")).RefusesWith(2, "none", "no such file");
        Train("run", "--backend", "faulty:zero-output").RefusesWith(2, "--backend");
        File.WriteAllText(At("train.json"), "{\n\"stepz\": 3}");
        Train("run").RefusesWith(2, "train.json line 2", "unknown field 'stepz'");
        File.WriteAllText(At("train.json"), Settings(30).Replace("\"sequence_length\": 16", "\"sequence_length\": 65", StringComparison.Ordinal));
        Train("run").RefusesWith(2, "data.sequence_length is 65", "max_position_embeddings");
        File.WriteAllText(At("train.json"), Settings(30));
        File.WriteAllText(At("config.json"), Model.Replace("264", "263", StringComparison.Ordinal));
        Train("run").RefusesWith(2, "vocab_size is 263", "264");
        File.WriteAllText(At("config.json"), Model);
        Assert.False(Directory.Exists(At("run")));

        File.WriteAllText(At("train.json"), Settings(1));
        Train("run").Passes();
        Train("run").RefusesWith(2, "holds checkpoints of a run", "--resume");
        File.WriteAllText(At("train.json"), Settings(2).Replace("\"seed\": 1", "\"seed\": 2", StringComparison.Ordinal));
        Train("run", "--resume").RefusesWith(2, "another recipe");
    }

    /// <summary>Longer tokens: fewer windows of the same texts; what comes out holds the tokenizer and reads text.</summary>
    [Fact]
    public void A_tokenizer_of_ones_own_is_trained_on()
    {
        CommandLine.Run("tokenizer", "train", "--in", At("texts", "a.txt"), "--vocab-size", "300", "--out", At("tokenizer.json")).Passes();
        Train("small", "--tokenizer", At("tokenizer.json")).RefusesWith(2, "vocab_size is 264", "tokenizer.json has", "or more");
        Train("none", "--tokenizer", At("none.json")).RefusesWith(2, "none.json");
        File.WriteAllText(At("config.json"), Model.Replace("264", "300", StringComparison.Ordinal));
        int bytes = Train("bytes", "--json").Passes().Json.GetProperty("windows").GetInt32();
        int ids = Train("ids", "--json", "--tokenizer", At("tokenizer.json")).Passes().Json.GetProperty("windows").GetInt32();
        Assert.InRange(ids, 1, bytes / 2);
        Assert.Equal(File.ReadAllBytes(At("tokenizer.json")), File.ReadAllBytes(At("ids", "model", "tokenizer.json")));
        CommandLine.Run("generate", "--model", At("ids", "model"), "--prompt", "line", "--max-tokens", "3").Passes();
        Train("ids", "--resume").RefusesWith(2, "other data");
    }

    /// <summary>What the model was trained on costs it less than another text of the same length; folders are counted apart, and add up.</summary>
    [Fact]
    public void Eval_counts_bits_a_byte()
    {
        Train("run").Passes();
        Directory.CreateDirectory(At("held", "known"));
        Directory.CreateDirectory(At("held", "other", "deeper"));
        File.WriteAllText(At("held", "known", "a.txt"), "line 7 of a text line 8 of a text line 9 of a text");
        File.WriteAllText(At("held", "other", "deeper", "b.txt"), "QZ\u00ff!QZ#!\u00e9%QZXW~~{}QZ\u00fcQXJ^QZKV|QZQ");
        string[] eval = ["eval", "--model", At("run", "model"), "--data", At("held"), "--window", "16"];
        JsonElement json = CommandLine.Run([.. eval, "--json"]).Passes().Json;
        Assert.Equal(["command", "contract", "backend", "window", "context", "groups", "documents", "bytes", "tokens", "nats", "bits_per_byte"], json.EnumerateObject().Select(p => p.Name));
        Assert.Equal((16, 8, 2), (json.GetProperty("window").GetInt32(), json.GetProperty("context").GetInt32(), json.GetProperty("documents").GetInt32()));
        JsonElement known = json.GetProperty("groups")[0], other = json.GetProperty("groups")[1];
        Assert.Equal(["name", "documents", "bytes", "tokens", "nats", "bits_per_byte"], known.EnumerateObject().Select(p => p.Name));
        Assert.Equal(("known", "other"), (known.GetProperty("name").GetString(), other.GetProperty("name").GetString()));
        // A byte vocabulary: a token for each byte, and one for the end.
        Assert.Equal(known.GetProperty("bytes").GetInt32() + 1, known.GetProperty("tokens").GetInt32());
        Assert.True(known.GetProperty("bits_per_byte").GetDouble() + 1 < other.GetProperty("bits_per_byte").GetDouble());
        Assert.Equal(json.GetProperty("nats").GetDouble(), known.GetProperty("nats").GetDouble() + other.GetProperty("nats").GetDouble(), 1e-9);
        Assert.Equal(json.GetProperty("nats").GetDouble() / Math.Log(2) / json.GetProperty("bytes").GetInt32(), json.GetProperty("bits_per_byte").GetDouble(), 1e-12);

        string lines = CommandLine.Run(eval).Passes().Out;
        Assert.Equal(["known", "other", "all", "windows of 16 ids, 8 of them context; contract Canonical"], lines.Split(Environment.NewLine, StringSplitOptions.RemoveEmptyEntries).Select(l => l.Split(':')[0]));
        Assert.StartsWith(".: ", CommandLine.Run("eval", "--model", At("run", "model"), "--data", At("held", "known"), "--window", "16").Passes().Out, StringComparison.Ordinal);

        CommandLine.Run([.. eval, "--window", "65"]).RefusesWith(2, "--window");
        CommandLine.Run("eval", "--model", At("run", "model"), "--data", At("held"), "--window", "65").RefusesWith(2, "window of 65", "64");
        CommandLine.Run([.. eval, "--context", "16"]).RefusesWith(2, "context of 16");
        CommandLine.Run([.. eval, "--backend", "faulty:zero-output"]).RefusesWith(2, "take scalar or simd");
        CommandLine.Run("eval", "--model", At("run", "model"), "--data", At("none"), "--window", "16").RefusesWith(2, "none", "no such file");
        Directory.CreateDirectory(At("empty"));
        CommandLine.Run("eval", "--model", At("run", "model"), "--data", At("empty"), "--window", "16").RefusesWith(2, "empty", "no text");
    }

    [Fact]
    public void An_interrupted_run_is_saved()
    {
        using var cancelled = new CancellationTokenSource();
        cancelled.Cancel();
        Outcome outcome = CommandLine.Run(cancelled.Token, "train", "--config", At("train.json"), "--data", At("texts"), "--out", At("run"));
        Assert.Equal(ExitCode.Interrupted, outcome.Exit);
    }

    private static string Settings(int steps) => $$"""
        {
          "model": "config.json", "seed": 1, "steps": {{steps}}, "initial_deviation": 0.05, "ema_decay": 0.9,
          "data": { "sequence_length": 16 }, "batch": { "first": 2 },
          "learning_rate": { "peak": 0.01, "warmup_steps": 3 },
          "checkpoints": { "every": 2, "keep": 2 }
        }
        """;

    private Outcome Train(string output, params string[] options) =>
        CommandLine.Run(["train", "--config", At("train.json"), "--data", At("texts"), "--out", At(output), .. options]);

    private string At(params string[] parts) => Path.Combine([folder, .. parts]);
}
