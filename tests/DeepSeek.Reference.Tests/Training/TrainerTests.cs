using System.Text;
using System.Text.Json;
using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Tests.Checkpoints;
using DeepSeek.Reference.Training;
using Xunit;

namespace DeepSeek.Reference.Tests.Training;

public sealed class TrainerTests : IDisposable
{
    private const string Poem = "Whose woods these are I think I know. His house is in the village though; he will not see me stopping here to watch his woods fill up with snow.";

    private static readonly ByteVocabulary Bytes = new();
    private static readonly TrainOptions Plain = new()
    {
        Seed = 5,
        Steps = 12,
        CheckpointEvery = 3,
        CheckpointKeep = 2,
        InitialDeviation = 0.1,
        AverageDecay = 0.9,
        Data = new TrainingDataOptions { SequenceLength = 16, Seed = 5 },
        Batch = new BatchSizeSchedule { First = 2, Last = 6, RampTokens = 300 },
        LearningRate = new LearningRateSchedule { Peak = 0.05, Floor = 0.01, Last = 0.001, WarmupSteps = 3, ConstantTokens = 200, CosineTokens = 400, FloorTokens = 100 },
        Balance = new BalanceOptions { Speed = new TokenStep(0.01, 500, 0.001) },
        MtpWeight = new TokenStep(0.3, 400, 0.1),
    };

    private readonly string folder = Directory.CreateTempSubdirectory("dsref-train-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    /// <summary>At least twenty ends at drawn moments, in a computation or at a change to the disk, and each time a new process: the last checkpoint has the bytes of the run that never ended.</summary>
    [Theory]
    [InlineData(1, MomentFormat.F32, DType.F32)]
    [InlineData(2, MomentFormat.BF16, DType.BF16)]
    public void Rule_N29_a_run_that_was_killed_again_and_again_has_every_bit_of_one_that_was_not(int seed, MomentFormat moments, DType stored)
    {
        TrainOptions options = Plain with { Steps = 60, CheckpointEvery = 2, Optimizer = new AdamWOptions { Moments = moments } };
        Trainer whole = Make(options, "whole", storedType: stored);
        using (MetricsFile metrics = MetricsFile.Open(Path.Combine(folder, "whole.jsonl"), 0))
            whole.Run(metrics.Write);

        var random = new Random(seed);
        int kills = 0;
        for (bool done = false; !done;)
        {
            var model = new ToyModel(random.Next(2) == 0 && kills < 30 ? random.Next(0, 4) : -1);
            var files = new KillingFiles(kills < 30 ? random.Next(0, 60) : -1);
            Trainer run = Make(options, "killed", model, files, stored, threads: random.Next(1, 4));
            try
            {
                run.Resume();
                using MetricsFile metrics = MetricsFile.Open(Path.Combine(folder, "killed.jsonl"), run.Step);
                run.Run(metrics.Write);
                done = true;
            }
            catch (SimulatedKill)
            {
                kills++;
            }
        }

        Assert.InRange(kills, 20, 30);
        foreach (string file in (string[])["config.json", "tokenizer.json", "model.safetensors", "optimizer.safetensors", "trainer.json", "SHA256SUMS"])
            Assert.Equal(File.ReadAllBytes(Path.Combine(folder, "whole", "step-000000060", file)), File.ReadAllBytes(Path.Combine(folder, "killed", "step-000000060", file)));
        Assert.Equal(Timeless("whole.jsonl"), Timeless("killed.jsonl"));
        Assert.Equal(60, Timeless("whole.jsonl").Length);
    }

    /// <summary>Every quantity of the loop once more, from the definitions and one step at a time.</summary>
    [Fact]
    public void Rule_N25_N26_N28_the_loop_is_the_rules_one_after_the_other()
    {
        Trainer run = Make(Plain, "run");
        var reports = new List<StepReport>();
        run.Run(reports.Add);

        TrainingData data = Data(Plain);
        var model = new ToyModel();
        float[] table = new float[ToyModel.Vocabulary * ToyModel.Width], norm = [1, 1, 1, 1], bias = new float[4];
        NormalInitialization.Fill(Plain.Seed, ToyModel.Table, Plain.InitialDeviation, table);
        float[] average = [.. table], m = new float[table.Length], v = new float[table.Length], mNorm = new float[4], vNorm = new float[4];
        long tokens = 0, position = 0;
        for (int step = 1; step <= Plain.Steps; step++)
        {
            int rows = Plain.Batch.At(tokens);
            var weights = new Dictionary<string, Tensor> { [ToyModel.Table] = Tensor.From(table, 264, 4), [ToyModel.Norm] = Tensor.From(norm, 4), [ToyModel.Bias] = Tensor.From(bias, 4) };
            StepGradients found = model.Compute(data.Batch(position, rows), weights, default);
            float[] g = found.Gradients[ToyModel.Table].AsReadOnlySpan<float>().ToArray(), gNorm = found.Gradients[ToyModel.Norm].AsReadOnlySpan<float>().ToArray();
            // The ordinal order of the names: embed_tokens before norm.
            float size = GradientNorm.Of([GradientNorm.DefineSquares(g), GradientNorm.DefineSquares(gNorm)]);
            float scale = GradientNorm.ClipScale(size, 1f);
            double rate = Plain.LearningRate.At(step, tokens);
            AdamW.Define(table, g, m, v, new AdamWStep(Plain.Optimizer, step, rate, true, scale));
            AdamW.Define(norm, gNorm, mNorm, vNorm, new AdamWStep(Plain.Optimizer, step, rate, false, scale));
            WeightAverage.Define(average, table, 0.9);
            found.Loads[ToyModel.Bias].MoveBias(bias, tokens < 500 ? 0.01 : 0.001);

            StepReport report = reports[step - 1];
            Assert.Equal((step, found.Loss, rate, size, scale, rows), (report.Step, report.Loss, report.LearningRate, report.GradientNorm, report.GradientScale, report.Batch));
            Assert.Equal((found.Loads[ToyModel.Bias].MaxVio(), tokens < 500 ? 0.01 : 0.001), (report.MaxVio, report.BiasSpeed));
            tokens += rows * 16;
            position += rows;
            Assert.Equal(tokens, report.Tokens);
        }

        Assert.Equal(table, run.Weights[ToyModel.Table].AsReadOnlySpan<float>().ToArray());
        Assert.Equal(norm, run.Weights[ToyModel.Norm].AsReadOnlySpan<float>().ToArray());
        Assert.Equal(bias, run.Weights[ToyModel.Bias].AsReadOnlySpan<float>().ToArray());
        Assert.Equal(average, run.Average(ToyModel.Table)!.AsReadOnlySpan<float>().ToArray());
        Assert.True(reports[0].GradientNorm is > 0 and < 1 && reports[^1].Loss < reports[0].Loss, $"{reports[0]} {reports[^1]}");
        Assert.Contains(reports, r => r.Batch == 6);
        Assert.Contains(reports, r => r.LearningRate == 0.001);
    }

    /// <summary>The order in which sums of squares are added (N26), whatever order the model names its parameters in.</summary>
    [Fact]
    public void Rule_N26_parameters_stand_in_the_ordinal_order_of_their_names()
    {
        TrainedParameter[] given = [.. ((string[])["b.10", "b.9", "a", "B", "b.1.x"]).Select(name => new TrainedParameter(name, new Shape(1), ParameterKind.Weight))];
        Assert.Equal(["B", "a", "b.1.x", "b.10", "b.9"], TrainerState.Initial(given, Plain).Parameters.Select(p => p.Parameter.Name));
    }

    [Fact]
    public void A_large_gradient_is_clipped_to_the_norm()
    {
        var model = new ToyModel { Change = f => Scaled(f, 1e6f) };
        TrainOptions options = Plain with { Steps = 2 };
        Make(options, "run", model).Run(r =>
        {
            Assert.True(r.GradientNorm > 1000, $"{r}");
            Assert.Equal(1, r.GradientNorm * (double)r.GradientScale, 1e-6);
        });
        Make(options with { ClipNorm = 0 }, "free", new ToyModel { Change = f => Scaled(f, 1e6f) }).Run(r => Assert.Equal(1f, r.GradientScale));
    }

    [Fact]
    public void The_settings_of_a_step_are_the_schedules()
    {
        var model = new ToyModel();
        Make(Plain, "run", model).Run();
        long tokens = 0;
        for (int i = 0; i < Plain.Steps; i++)
        {
            Assert.Equal(new StepSettings(i + 1, tokens, 0.0001, tokens < 400 ? 0.3 : 0.1), model.Seen[i]);
            tokens += 16L * Plain.Batch.At(tokens);
        }
    }

    [Fact]
    public void Without_the_method_the_bias_stays()
    {
        foreach (BalanceMethod method in (BalanceMethod[])[BalanceMethod.AuxLoss, BalanceMethod.None])
        {
            Trainer run = Make(Plain with { Balance = new BalanceOptions { Method = method } }, $"{method}");
            run.Run();
            Assert.Equal(new float[4], run.Weights[ToyModel.Bias].AsReadOnlySpan<float>().ToArray());
        }
    }

    [Fact]
    public void A_checkpoint_is_a_models_directory_with_the_optimizers_state()
    {
        Trainer run = Make(Plain, "run", storedType: DType.BF16);
        run.Run();
        string directory = new CheckpointStore(Path.Combine(folder, "run"), 2).Newest()!.Directory;
        Assert.Equal("{}", File.ReadAllText(Path.Combine(directory, "config.json")));
        using SafetensorsFile weights = SafetensorsFile.Open(Path.Combine(directory, "model.safetensors")), kept = SafetensorsFile.Open(Path.Combine(directory, "optimizer.safetensors"));
        Assert.Equal([ToyModel.Table, ToyModel.Bias, ToyModel.Norm], weights.Entries.Keys.Order(StringComparer.Ordinal));
        Assert.Equal(DType.BF16, weights.Get(ToyModel.Table).DType);
        Assert.Equal(DType.F32, weights.Get(ToyModel.Bias).DType);
        float[] master = kept.Get($"master.{ToyModel.Table}").AsReadOnlySpan<float>().ToArray();
        Assert.Equal(run.Weights[ToyModel.Table].AsReadOnlySpan<float>().ToArray(), master);
        Assert.Equal(Array.ConvertAll(master, BFloat16.RoundToFloat), Array.ConvertAll(weights.Get(ToyModel.Table).AsReadOnlySpan<BFloat16>().ToArray(), b => b.ToSingle()));
        Assert.Equal(9, kept.Entries.Count);
        string published = run.Publish("model-ema", average: true);
        using SafetensorsFile average = SafetensorsFile.Open(Path.Combine(published, "model.safetensors"));
        Assert.Equal(run.Average(ToyModel.Table)!.AsReadOnlySpan<float>()[7], average.Get(ToyModel.Table).AsReadOnlySpan<BFloat16>()[7].ToSingle(), 2e-2f);
    }

    [Fact]
    public void Another_recipe_model_or_corpus_does_not_go_on()
    {
        Make(Plain with { Steps = 3 }, "run").Run();
        Refusal.Of(() => Make(Plain with { ClipNorm = 2 }, "run").Resume(), "trainer.json", "another recipe");
        Refusal.Of(() => Make(Plain with { Optimizer = new AdamWOptions { Epsilon = 1e-7 } }, "run").Resume(), "another recipe");
        Refusal.Of(() => Make(Plain, "run", config: "{ }").Resume(), "another recipe");
        Refusal.Of(() => Make(Plain, "run", text: Poem + "!").Resume(), "other data");
        Trainer longer = Make(Plain with { Steps = 4, CheckpointEvery = 1, CheckpointKeep = 9 }, "run");
        Assert.True(longer.Resume());
        Assert.Equal(3, longer.Step);
        longer.Run();
        Assert.Equal(4, longer.Step);
    }

    [Fact]
    public void A_damaged_checkpoint_costs_the_steps_since_the_one_before()
    {
        Make(Plain, "run").Run();
        string newest = Path.Combine(folder, "run", "step-000000012"), file = Path.Combine(newest, "optimizer.safetensors");
        byte[] expected = File.ReadAllBytes(file);
        File.WriteAllBytes(file, expected[..^9]);
        Trainer run = Make(Plain, "run");
        string? told = null;
        Assert.True(run.Resume(line => told = line));
        Assert.Contains("optimizer.safetensors has another SHA-256", told, StringComparison.Ordinal);
        Assert.Equal(9, run.Step);
        run.Run();
        Assert.Equal(expected, File.ReadAllBytes(file));
    }

    [Fact]
    public void What_is_not_finite_ends_the_run_by_name()
    {
        string Message(Func<StepGradients, StepGradients> change) =>
            Assert.Throws<NotANumberException>(() => Make(Plain, "run", new ToyModel { Change = change }).Run()).Message;
        Assert.Contains("step 1: the loss is NaN", Message(f => new StepGradients { Loss = double.NaN, Gradients = f.Gradients }), StringComparison.Ordinal);
        Assert.Contains($"the gradient of '{ToyModel.Norm}' is NaN at element 2", Message(f =>
        {
            f.Gradients[ToyModel.Norm].AsSpan<float>()[2] = float.NaN;
            return f;
        }), StringComparison.Ordinal);
        Assert.Empty(new CheckpointStore(Path.Combine(folder, "run"), 1).Steps());
    }

    [Fact]
    public void What_is_not_offered_is_refused()
    {
        Assert.Contains("ask for bf16, the model computes in fp32", Assert.Throws<ContractException>(() => Make(Plain with { Precision = "bf16" }, "run")).Message, StringComparison.Ordinal);
        Assert.Contains("F16", Assert.Throws<ContractException>(() => Make(Plain, "run", storedType: DType.F16)).Message, StringComparison.Ordinal);
        Assert.Throws<ContractException>(() => Make(Plain with { Optimizer = new AdamWOptions { Epsilon = 0 } }, "run"));
    }

    [Fact]
    public void Gradients_that_do_not_fit_are_refused()
    {
        Assert.Contains("no gradient of", Assert.Throws<ShapeException>(() =>
            Make(Plain, "run", new ToyModel { Change = f => new StepGradients { Loss = 1, Gradients = new Dictionary<string, Tensor>() } }).Run()).Message, StringComparison.Ordinal);
        Assert.Throws<ShapeException>(() =>
            Make(Plain, "run", new ToyModel { Change = f => new StepGradients { Loss = 1, Gradients = f.Gradients.ToDictionary(g => g.Key, g => new Tensor(DType.F32, 1)) } }).Run());
    }

    [Fact]
    public void A_cancelled_run_saves_and_goes_on()
    {
        using var source = new CancellationTokenSource();
        Assert.Throws<OperationCanceledException>(() => Make(Plain, "run").Run(r =>
        {
            if (r.Step == 5)
                source.Cancel();
        }, source.Token));
        Trainer run = Make(Plain, "run");
        Assert.True(run.Resume());
        Assert.Equal(5, run.Step);
        run.Run();
        Trainer whole = Make(Plain, "whole");
        whole.Run();
        Assert.Equal(whole.Weights[ToyModel.Table].AsReadOnlySpan<float>().ToArray(), run.Weights[ToyModel.Table].AsReadOnlySpan<float>().ToArray());
    }

    private static StepGradients Scaled(StepGradients found, float by)
    {
        foreach (Tensor g in found.Gradients.Values)
        {
            foreach (ref float x in g.AsSpan<float>())
                x *= by;
        }

        return found;
    }

    private static TrainingData Data(TrainOptions options, string text = Poem) =>
        TrainingData.Of(text.Split('.', ';').Select((part, i) => new TextDocument($"{i}", part)), Bytes, options.Data);

    private Trainer Make(
        TrainOptions options, string name, ToyModel? model = null, ICheckpointFiles? files = null, DType storedType = DType.F32, int threads = 1, string text = Poem, string config = "{}") =>
        new(options, model ?? new ToyModel(), Data(options, text), Bytes, Encoding.UTF8.GetBytes(config), storedType,
            new CheckpointStore(Path.Combine(folder, name), options.CheckpointKeep, files ?? new DiskFiles()), threads);

    /// <summary>The lines of metrics without the time that a step took.</summary>
    private string[] Timeless(string name) => [.. File.ReadLines(Path.Combine(folder, name)).Select(line =>
    {
        using var document = JsonDocument.Parse(line);
        return string.Join(' ', document.RootElement.EnumerateObject().Where(m => m.Name != "seconds").Select(m => $"{m.Name}={m.Value}"));
    })];
}
