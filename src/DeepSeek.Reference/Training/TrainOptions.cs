using System.Security.Cryptography;
using System.Text;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Training;

/// <summary>The settings of a training run: what <c>train.json</c> says, and DeepSeek-V3's values for what it does not.</summary>
/// <remarks>docs/spec/training-recipe.md 10 lists the fields.</remarks>
public sealed record TrainOptions
{
    /// <summary>Path of the model's config.json, relative to train.json.</summary>
    public string Model { get; init; } = "config.json";

    /// <summary>The arithmetic of the forward and backward pass: <c>fp32</c>, <c>bf16</c> or <c>fp8</c>.</summary>
    public string Precision { get; init; } = "fp32";

    /// <summary>How products of bfloat16 values are added up: <c>contract</c>, <c>hopper</c> or <c>exact</c>. Without a meaning in fp32.</summary>
    public string BFloat16Accumulation { get; init; } = "contract";

    /// <summary>How FP8 products are added up: <c>hopper</c>, <c>hopper-without-promotion</c>, <c>exact</c> or <c>lanes16</c>. Without a meaning in other precisions.</summary>
    public string Fp8Accumulation { get; init; } = "hopper";

    /// <summary>Which elements share a scale in FP8 products. Without a meaning in other precisions.</summary>
    public Fp8Scaling Fp8Scales { get; init; }

    /// <summary>Seed of weights and data.</summary>
    public ulong Seed { get; init; }

    /// <summary>Steps of the whole run.</summary>
    public long Steps { get; init; } = 1000;

    /// <summary>Standard deviation of the initial weights.</summary>
    public double InitialDeviation { get; init; } = 0.006;

    /// <summary>The largest norm of the gradients; 0 clips nothing.</summary>
    public double ClipNorm { get; init; } = 1.0;

    /// <summary>d of the weights' moving average; 0 keeps none.</summary>
    public double AverageDecay { get; init; }

    /// <summary>How documents become batches.</summary>
    public TrainingDataOptions Data { get; init; } = new();

    /// <summary>Sequences of a batch.</summary>
    public BatchSizeSchedule Batch { get; init; } = new();

    /// <summary>The learning rate.</summary>
    public LearningRateSchedule LearningRate { get; init; } = new();

    /// <summary>AdamW.</summary>
    public AdamWOptions Optimizer { get; init; } = new();

    /// <summary>The balance of experts.</summary>
    public BalanceOptions Balance { get; init; } = new();

    /// <summary>λ of multi-token prediction.</summary>
    public TokenStep MtpWeight { get; init; } = TokenStep.MtpWeight;

    /// <summary>Steps between checkpoints.</summary>
    public long CheckpointEvery { get; init; } = 1000;

    /// <summary>Checkpoints that stay.</summary>
    public int CheckpointKeep { get; init; } = 3;

    /// <summary>Reads a file.</summary>
    /// <exception cref="DataException">It cannot be read, or a field is unknown, given twice, of the wrong kind or out of range; the message names the line.</exception>
    public static TrainOptions Load(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        using var file = new MappedFile(path);
        if (file.Length > 1 << 20)
            throw new DataException($"{path}: {file.Length} bytes are too many for settings; name a train.json");
        return Parse(file.Slice(0, (int)file.Length), path);
    }

    /// <summary>Reads UTF-8 JSON; <paramref name="source"/> names it in errors.</summary>
    /// <exception cref="DataException">A field is unknown, given twice, of the wrong kind or out of range; the message names the line.</exception>
    public static TrainOptions Parse(ReadOnlySpan<byte> utf8, string source)
    {
        var fields = new TrainFields(utf8, source);
        TrainOptions options = Walk(fields, new TrainOptions());
        fields.RefuseTheRest();
        return options;
    }

    /// <summary>What a training step rounds where, under these settings.</summary>
    /// <exception cref="ContractException">A precision or an accumulation that is not offered, or parts that do not fit together.</exception>
    public TrainingPrecision Arithmetic()
    {
        TrainingPrecision precision = TrainingPrecision.Parse(Precision);
        if (precision.Recipe == PrecisionRecipe.Fp32)
            return precision;
        (string Name, Accumulation? Sums) wide = Array.Find(TrainingPrecision.WideSums, p => p.Name == BFloat16Accumulation);
        if (wide.Name is null)
            throw new ContractException($"bf16.accumulation '{BFloat16Accumulation}' is not offered; take one of {string.Join(", ", TrainingPrecision.WideSums.Select(p => p.Name))}");
        precision = precision with { BFloat16Sums = wide.Sums };
        if (precision.Recipe != PrecisionRecipe.Fp8)
            return precision;
        (string Name, ScaledProduct Product) named = Array.Find(TrainingPrecision.Products, p => p.Name == Fp8Accumulation);
        if (named.Name is null)
            throw new ContractException($"fp8.accumulation '{Fp8Accumulation}' is not offered; take one of {string.Join(", ", TrainingPrecision.Products.Select(p => p.Name))}");
        precision = precision with { Product = named.Product, Scaling = Fp8Scales };
        precision.Require();
        return precision;
    }

    /// <summary>SHA-256 over every setting that decides bits, and over the model's configuration: not over the number of steps or how checkpoints are kept.</summary>
    internal string RecipeHash(ReadOnlySpan<byte> config)
    {
        var fields = new TrainFields(this with { Steps = 1, CheckpointEvery = 1, CheckpointKeep = 1, Model = "" });
        Walk(fields, fields.Given!);
        using var sha = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        sha.AppendData(Encoding.UTF8.GetBytes(fields.Told));
        sha.AppendData(config);
        return Convert.ToHexStringLower(sha.GetHashAndReset());
    }

    /// <summary>Every field once: its name in the file, what it is by default, what it may be.</summary>
    private static TrainOptions Walk(TrainFields f, TrainOptions d)
    {
        ulong seed = f.Seed("seed", d.Seed);
        string model = f.Text("model", d.Model);
        string precision = f.OneOf("precision", d.Precision, ["fp32", "bf16", "fp8"]);
        // A setting that decides no bit here is no part of the recipe's hash. Nor is contract, whatever the default will be: runs were begun with it before it had a name.
        bool fp8 = f.Given is null || precision == "fp8";
        bool wide = f.Given is null || (precision != "fp32" && d.BFloat16Accumulation != "contract");
        return new TrainOptions
        {
            Model = model,
            Precision = precision,
            BFloat16Accumulation = wide ? f.OneOf("bf16.accumulation", d.BFloat16Accumulation, Array.ConvertAll(TrainingPrecision.WideSums, p => p.Name)) : d.BFloat16Accumulation,
            Fp8Accumulation = fp8 ? f.OneOf("fp8.accumulation", d.Fp8Accumulation, Array.ConvertAll(TrainingPrecision.Products, p => p.Name)) : d.Fp8Accumulation,
            Fp8Scales = fp8 ? f.OneOf("fp8.scales", d.Fp8Scales, [("tiles", Fp8Scaling.Tiles), ("tensor", Fp8Scaling.Tensor)]) : d.Fp8Scales,
            Seed = seed,
            Steps = f.Count("steps", d.Steps, 1),
            InitialDeviation = f.Number("initial_deviation", d.InitialDeviation, 0, 10),
            ClipNorm = f.Number("clip_norm", d.ClipNorm, 0, 1e30),
            AverageDecay = f.Number("ema_decay", d.AverageDecay, 0, 1 - 1e-12),
            Data = new TrainingDataOptions
            {
                SequenceLength = (int)f.Count("data.sequence_length", d.Data.SequenceLength, 1, 1 << 24),
                Packing = f.OneOf("data.packing", d.Data.Packing, [("best_fit", WindowPacking.BestFit), ("concatenated", WindowPacking.Concatenated)]),
                FimRate = f.Number("data.fim_rate", d.Data.FimRate, 0, 1),
                BeginOfSentence = f.Switch("data.begin_of_sentence", d.Data.BeginOfSentence),
                Seed = seed,
            },
            Batch = ReadBatch(f, d.Batch),
            LearningRate = ReadLearningRate(f, d.LearningRate),
            Optimizer = ReadOptimizer(f, d.Optimizer),
            Balance = ReadBalance(f, d.Balance),
            MtpWeight = ReadTokenStep(f, "mtp.weight", d.MtpWeight),
            CheckpointEvery = f.Count("checkpoints.every", d.CheckpointEvery, 1),
            CheckpointKeep = (int)f.Count("checkpoints.keep", d.CheckpointKeep, 1, 1 << 20),
        };
    }

    private static BatchSizeSchedule ReadBatch(TrainFields f, BatchSizeSchedule d)
    {
        int first = (int)f.Count("batch.first", d.First, 1, 1 << 24);
        return new BatchSizeSchedule
        {
            First = first,
            Last = (int)f.Count("batch.last", f.Has("batch.first") && !f.Has("batch.last") ? first : d.Last, first, 1 << 24),
            RampTokens = f.Count("batch.ramp_tokens", d.RampTokens, 0),
            Multiple = (int)f.Count("batch.multiple", d.Multiple, 1, 1 << 24),
        };
    }

    private static LearningRateSchedule ReadLearningRate(TrainFields f, LearningRateSchedule d) => new()
    {
        Peak = f.Number("learning_rate.peak", d.Peak, 0, 1e6),
        Floor = f.Number("learning_rate.floor", d.Floor, 0, 1e6),
        Last = f.Number("learning_rate.last", d.Last, 0, 1e6),
        WarmupSteps = f.Count("learning_rate.warmup_steps", d.WarmupSteps, 0),
        ConstantTokens = f.Count("learning_rate.constant_tokens", d.ConstantTokens, 0),
        CosineTokens = f.Count("learning_rate.cosine_tokens", d.CosineTokens, 0),
        FloorTokens = f.Count("learning_rate.floor_tokens", d.FloorTokens, 0),
    };

    private static AdamWOptions ReadOptimizer(TrainFields f, AdamWOptions d) => new()
    {
        Beta1 = f.Number("optimizer.beta1", d.Beta1, 0, 1 - 1e-12),
        Beta2 = f.Number("optimizer.beta2", d.Beta2, 0, 1 - 1e-12),
        Epsilon = f.Number("optimizer.epsilon", d.Epsilon, 1e-38, 1),
        WeightDecay = f.Number("optimizer.weight_decay", d.WeightDecay, 0, 1e6),
        Decay = f.OneOf("optimizer.decay", d.Decay, [("matrices", DecayRule.Matrices), ("all", DecayRule.All)]),
        Moments = f.OneOf("optimizer.moments", d.Moments, [("f32", MomentFormat.F32), ("bf16", MomentFormat.BF16)]),
        MomentUse = f.OneOf("optimizer.moment_use", d.MomentUse, [("before_rounding", MomentUse.BeforeRounding), ("as_kept", MomentUse.AsKept)]),
    };

    private static BalanceOptions ReadBalance(TrainFields f, BalanceOptions d) => new()
    {
        Method = f.OneOf("balance.method", d.Method, [("aux-free", BalanceMethod.AuxFree), ("aux-loss", BalanceMethod.AuxLoss), ("none", BalanceMethod.None)]),
        Speed = ReadTokenStep(f, "balance.speed", d.Speed),
        Alpha = f.Number("balance.alpha", d.Alpha, 0, 1e6),
    };

    /// <summary>name, name_until_tokens, name_then.</summary>
    private static TokenStep ReadTokenStep(TrainFields f, string name, TokenStep d) =>
        new(f.Number(name, d.First, 0, 1e6), f.Count($"{name}_until_tokens", d.UntilTokens, 0), f.Number($"{name}_then", d.Then, 0, 1e6));
}
