using System.Text;
using DeepSeek.Reference.Tests.Checkpoints;
using DeepSeek.Reference.Tests.House;
using DeepSeek.Reference.Training;
using Xunit;

namespace DeepSeek.Reference.Tests.Training;

public sealed class TrainOptionsTests
{
    [Fact]
    public void What_is_left_out_is_DeepSeek_V3s()
    {
        TrainOptions options = Parse("{}");
        Assert.Equal(new TrainOptions(), options);
        Assert.Equal((0.9, 0.95, 0.1, 1.0, 0.006), (options.Optimizer.Beta1, options.Optimizer.Beta2, options.Optimizer.WeightDecay, options.ClipNorm, options.InitialDeviation));
        Assert.Equal((4096, 0.1, 3072, 15360), (options.Data.SequenceLength, options.Data.FimRate, options.Batch.First, options.Batch.Last));
    }

    [Fact]
    public void The_page_shows_every_field_with_its_default()
    {
        string page = Repository.ReadText("docs", "spec", "training-recipe.md");
        int start = page.IndexOf("```json\n", StringComparison.Ordinal) + "```json\n".Length;
        string shown = page[start..page.IndexOf("```", start, StringComparison.Ordinal)];
        Assert.Equal(new TrainOptions(), Parse(shown));
        string complaint = Assert.Throws<DataException>(() => Parse("""{"none": 1}""")).Message;
        string[] missing = [.. complaint[(complaint.IndexOf("fields are ", StringComparison.Ordinal) + "fields are ".Length)..].Split(", ").Where(f => !shown.Contains($"\"{f[(f.LastIndexOf('.') + 1)..]}\":", StringComparison.Ordinal))];
        Assert.Empty(missing);
    }

    [Fact]
    public void Every_field_is_read()
    {
        TrainOptions options = Parse("""
            {
              // comments and a last comma are allowed
              "model": "m/config.json", "precision": "fp8", "bf16": { "accumulation": "hopper" }, "fp8": { "accumulation": "exact", "scales": "tensor" }, "seed": 18446744073709551615, "steps": 7, "initial_deviation": 0.02, "clip_norm": 0.5, "ema_decay": 0.99,
              "data": { "sequence_length": 64, "packing": "concatenated", "fim_rate": 0.5, "begin_of_sentence": false },
              "batch": { "first": 2, "last": 8, "ramp_tokens": 1e3, "multiple": 2 },
              "learning_rate": { "peak": 1e-3, "floor": 1e-4, "last": 1e-5, "warmup_steps": 5, "constant_tokens": 1000, "cosine_tokens": 2000, "floor_tokens": 3000 },
              "optimizer": { "beta1": 0.8, "beta2": 0.9, "epsilon": 1e-6, "weight_decay": 0.01, "decay": "all", "moments": "bf16", "moment_use": "as_kept" },
              "balance": { "method": "aux-loss", "speed": 0.01, "speed_until_tokens": 100, "speed_then": 0.005, "alpha": 0.001 },
              "mtp": { "weight": 0.2, "weight_until_tokens": 10, "weight_then": 0.05 },
              "checkpoints": { "every": 3, "keep": 2 },
            }
            """);
        Assert.Equal(
            new TrainOptions
            {
                Model = "m/config.json",
                Precision = "fp8",
                BFloat16Accumulation = "hopper",
                Fp8Accumulation = "exact",
                Fp8Scales = Fp8Scaling.Tensor,
                Seed = ulong.MaxValue,
                Steps = 7,
                InitialDeviation = 0.02,
                ClipNorm = 0.5,
                AverageDecay = 0.99,
                Data = new TrainingDataOptions { SequenceLength = 64, Packing = WindowPacking.Concatenated, FimRate = 0.5, BeginOfSentence = false, Seed = ulong.MaxValue },
                Batch = new BatchSizeSchedule { First = 2, Last = 8, RampTokens = 1000, Multiple = 2 },
                LearningRate = new LearningRateSchedule { Peak = 1e-3, Floor = 1e-4, Last = 1e-5, WarmupSteps = 5, ConstantTokens = 1000, CosineTokens = 2000, FloorTokens = 3000 },
                Optimizer = new AdamWOptions
                {
                    Beta1 = 0.8,
                    Beta2 = 0.9,
                    Epsilon = 1e-6,
                    WeightDecay = 0.01,
                    Decay = DecayRule.All,
                    Moments = MomentFormat.BF16,
                    MomentUse = MomentUse.AsKept,
                },
                Balance = new BalanceOptions { Method = BalanceMethod.AuxLoss, Speed = new TokenStep(0.01, 100, 0.005), Alpha = 0.001 },
                MtpWeight = new TokenStep(0.2, 10, 0.05),
                CheckpointEvery = 3,
                CheckpointKeep = 2,
            },
            options);
    }

    [Fact]
    public void A_first_batch_alone_is_the_batch() => Assert.Equal((4, 4), (Parse("""{"batch":{"first":4}}""").Batch.First, Parse("""{"batch":{"first":4}}""").Batch.At(10)));

    [Theory]
    [InlineData("{\n \"stepz\": 3}", "line 2", "unknown field 'stepz'", "steps")]
    [InlineData("{\n\n \"learning_rate\": {\n  \"paek\": 1 } }", "line 4", "unknown field 'learning_rate.paek'", "learning_rate.peak")]
    [InlineData("{\"peak\": 1}", "line 1", "unknown field 'peak'", "did you mean learning_rate.peak?")]
    [InlineData("{\"steps\": 1,\n\"steps\": 2}", "line 2", "'steps' stands a second time")]
    [InlineData("{\"steps\": \"3\"}", "line 1", "'steps' is \"3\"", "a whole number")]
    [InlineData("{\"steps\": 1.5}", "'steps' is 1.5", "a whole number")]
    [InlineData("{\"steps\": 0}", "'steps' is 0", "from 1")]
    [InlineData("{\"seed\": -1}", "'seed' is -1", "from 0 to 2^64 - 1")]
    [InlineData("{\n\"optimizer\": {\"beta1\": 1}}", "line 2", "'optimizer.beta1' is 1")]
    [InlineData("{\"optimizer\": {\"epsilon\": 0}}", "'optimizer.epsilon' is 0")]
    [InlineData("{\"ema_decay\": 1}", "'ema_decay' is 1")]
    [InlineData("{\"clip_norm\": 1e999}", "'clip_norm' is 1e999")]
    [InlineData("{\"data\": {\"packing\": \"tight\"}}", "'data.packing' is \"tight\"", "best_fit, concatenated")]
    [InlineData("{\"data\": {\"begin_of_sentence\": 1}}", "'data.begin_of_sentence' is 1", "true or false")]
    [InlineData("{\"data\": 3}", "unknown field 'data'")]
    [InlineData("{\n\"extra\": {}}", "line 2", "unknown field 'extra'")]
    [InlineData("{\"steps\": {}}", "unknown field 'steps'")]
    [InlineData("{\"data\": {\"fim\": {\"rate\": 1}}}", "unknown field 'data.fim")]
    [InlineData("{\"steps\": [3]}", "'steps' is an array")]
    [InlineData("{\"batch\": {\"first\": 8, \"last\": 4}}", "'batch.last' is 4", "from 8")]
    [InlineData("{\"steps\": null}", "'steps' is null")]
    [InlineData("[]", "an array where an object is expected")]
    [InlineData("3", "not an object")]
    [InlineData("{\n\n\"steps\" 3}", "not JSON at line 3")]
    [InlineData("", "not JSON at line 1")]
    [InlineData("{\"model\": \"\\uD800\"}", "surrogate")]
    public void What_cannot_be_meant_is_refused_with_its_line(string json, params string[] parts) => Refusal.Of(() => Parse(json), ["train.json", .. parts]);

    [Fact]
    public void The_hash_of_a_recipe_names_what_decides_bits_and_nothing_else()
    {
        var options = new TrainOptions();
        string hash = options.RecipeHash("{}"u8);
        Assert.Equal(hash, (options with { Steps = 9, CheckpointEvery = 9, CheckpointKeep = 9, Model = "other" }).RecipeHash("{}"u8));
        Assert.Equal(hash, (options with { Fp8Accumulation = "exact", Fp8Scales = Fp8Scaling.Tensor }).RecipeHash("{}"u8));
        TrainOptions[] others =
        [
            options with { Seed = 1 }, options with { Precision = "bf16" }, options with { Precision = "fp8" }, options with { Precision = "fp8", Fp8Accumulation = "exact" }, options with { Precision = "fp8", Fp8Scales = Fp8Scaling.Tensor }, options with { ClipNorm = 2 }, options with { AverageDecay = 0.5 }, options with { InitialDeviation = 1 },
            options with { Data = new TrainingDataOptions { SequenceLength = 3 } }, options with { Batch = new BatchSizeSchedule { Multiple = 2 } },
            options with { LearningRate = new LearningRateSchedule { Last = 1 } }, options with { Optimizer = new AdamWOptions { MomentUse = MomentUse.AsKept } },
            options with { Balance = new BalanceOptions { Alpha = 1 } }, options with { MtpWeight = new TokenStep(0, 0, 0) },
        ];
        Assert.Equal(others.Length + 2, others.Select(o => o.RecipeHash("{}"u8)).Append(hash).Append(options.RecipeHash("{ }"u8)).Distinct().Count());
    }

    private static TrainOptions Parse(string json) => TrainOptions.Parse(Encoding.UTF8.GetBytes(json), "train.json");
}
