using System.Diagnostics;
using System.Globalization;
using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Training;

/// <summary>A training run: batch, gradients, clipping, AdamW, average, balance, checkpoint; again.</summary>
/// <remarks>
/// <code>
/// B = batch(tokens);  g, loads = model(batch at position, θ)
/// s = clip(‖g‖);  θ = AdamW(θ, g · s, η(step, tokens));  e = average(e, θ)
/// b = b + γ(tokens) · sign(mean - n);  position += B;  tokens += B · T
/// </code>
/// A run that was ended at any moment and resumed has the bits of one that was not: a checkpoint holds all that a step depends on. Threads share out parameters and change
/// no bit (rule N8). Rules N25 to N29; docs/spec/training-recipe.md.
/// </remarks>
public sealed class Trainer
{
    private readonly TrainOptions options;
    private readonly ITrainingStep model;
    private readonly TrainingData data;
    private readonly CheckpointStore store;
    private readonly TrainerInputs inputs;
    private readonly ParallelOptions threads;
    private TrainerState state;

    /// <summary>A run at its beginning.</summary>
    /// <param name="options">Its settings.</param>
    /// <param name="model">Gives losses and gradients.</param>
    /// <param name="data">Gives batches.</param>
    /// <param name="tokenizer">Written into each checkpoint.</param>
    /// <param name="config">The bytes of the model's config.json, written into each checkpoint.</param>
    /// <param name="storedType">The dtype of the weights in model.safetensors, F32 or BF16.</param>
    /// <param name="store">Where checkpoints go.</param>
    /// <param name="threads">Threads of the optimizer; 0 takes as many as there are processors.</param>
    /// <exception cref="ContractException">A precision or a dtype that is not offered, or settings of the optimizer under which it has no answer.</exception>
    public Trainer(TrainOptions options, ITrainingStep model, TrainingData data, ITrainingTokenizer tokenizer, ReadOnlySpan<byte> config, DType storedType, CheckpointStore store, int threads = 0)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(data);
        ArgumentNullException.ThrowIfNull(tokenizer);
        ArgumentNullException.ThrowIfNull(store);
        options.Optimizer.Validate();
        TrainingPrecision asked = options.Arithmetic();
        if (model.Precision != asked)
            throw new ContractException($"the settings ask for {asked.Name}, the model computes in {model.Precision.Name}, or its sums of products differ; make it with the settings' arithmetic");
        if (storedType is not (DType.F32 or DType.BF16))
            throw new ContractException($"weights of {storedType.Name()} cannot be trained; set torch_dtype of config.json to float32 or bfloat16");
        this.options = options;
        this.model = model;
        this.data = data;
        this.store = store;
        this.threads = new ParallelOptions { MaxDegreeOfParallelism = threads == 0 ? Environment.ProcessorCount : threads };
        inputs = new TrainerInputs(config.ToArray(), storedType, tokenizer.Write, options.Seed, options.Precision, options.RecipeHash(config), data.Digest);
        state = TrainerState.Initial(model.Parameters, options);
    }

    /// <summary>Steps done.</summary>
    public long Step => state.Step;

    /// <summary>Tokens taken.</summary>
    public long Tokens => state.Tokens;

    /// <summary>The weights by name, F32.</summary>
    public IReadOnlyDictionary<string, Tensor> Weights => state.Weights;

    /// <summary>The moving average of a weight; null where none is kept.</summary>
    public Tensor? Average(string name) => state.Parameters.FirstOrDefault(p => p.Parameter.Name == name)?.Average;

    /// <summary>Goes to the newest sound checkpoint; false where there is none, and the run is at its beginning.</summary>
    /// <param name="skipped">Told of each damaged checkpoint, in one line.</param>
    /// <exception cref="DataException">The checkpoint is of another recipe, model or corpus.</exception>
    public bool Resume(Action<string>? skipped = null)
    {
        state = TrainerState.Initial(model.Parameters, options);
        if (store.Newest(skipped) is not { } newest)
            return false;
        TrainerFiles.Load(newest.Directory, state, inputs);
        return true;
    }

    /// <summary>Trains to the last step, saving checkpoints on the way and at the end. When cancelled it ends after a step, with a checkpoint.</summary>
    /// <param name="afterStep">Told of each step.</param>
    /// <param name="cancellationToken">Ends the run.</param>
    /// <exception cref="NotANumberException">The loss or a gradient is not finite.</exception>
    /// <exception cref="DataException">A checkpoint cannot be written.</exception>
    /// <exception cref="OperationCanceledException">The run was cancelled; its state is saved.</exception>
    public void Run(Action<StepReport>? afterStep = null, CancellationToken cancellationToken = default)
    {
        while (state.Step < options.Steps)
        {
            StepReport report = TrainStep();
            afterStep?.Invoke(report);
            if (state.Step % options.CheckpointEvery == 0 || state.Step == options.Steps || cancellationToken.IsCancellationRequested)
                store.Save(state.Step, TrainerFiles.Parts(state, inputs));
            if (state.Step < options.Steps)
                cancellationToken.ThrowIfCancellationRequested();
        }
    }

    /// <summary>Writes the weights, or their moving average, as a model's directory beside the checkpoints; returns its path.</summary>
    /// <exception cref="DataException">The directory cannot be written.</exception>
    public string Publish(string name, bool average = false) => store.Publish(name, TrainerFiles.ModelParts(state, inputs, average));

    /// <summary>One step, without a checkpoint.</summary>
    internal StepReport TrainStep()
    {
        long started = Stopwatch.GetTimestamp();
        long step = state.Step + 1;
        int rows = options.Batch.At(state.Tokens);
        TrainingBatch batch = data.Batch(state.Position, rows);
        var settings = new StepSettings(step, state.Tokens, options.Balance.LossWeight, options.MtpWeight.At(state.Tokens));
        StepGradients found = model.Compute(batch, state.Weights, settings);
        if (!double.IsFinite(found.Loss))
            throw new NotANumberException($"step {step}: the loss is {found.Loss.ToString(CultureInfo.InvariantCulture)}; resume from a checkpoint with a lower learning rate, or look for the first NaN with `dsref run`");

        (Tensor Gradient, ParameterState Parameter)[] gradients = Gradients(found.Gradients, step);
        float norm = Norm(gradients, step);
        float scale = options.ClipNorm > 0 ? GradientNorm.ClipScale(norm, (float)options.ClipNorm) : 1f;
        double rate = options.LearningRate.At(step, state.Tokens);
        Parallel.ForEach(gradients, threads, pair => Update(pair.Parameter, pair.Gradient, new AdamWStep(options.Optimizer, step, rate, pair.Parameter.Decays, scale)));

        double speed = options.Balance.SpeedAt(state.Tokens);
        foreach ((string bias, ExpertLoad load) in found.Loads)
        {
            // A gate that chooses by scores alone has loads, and no bias to move.
            if (speed > 0 && state.Weights.TryGetValue(bias, out Tensor? b))
                load.MoveBias(b.AsSpan<float>(), speed);
        }

        state.Step = step;
        state.Position += rows;
        state.Tokens += (long)rows * batch.Length;
        return new StepReport
        {
            Step = step,
            Tokens = state.Tokens,
            Loss = found.Loss,
            LearningRate = rate,
            GradientNorm = norm,
            GradientScale = scale,
            Batch = rows,
            MaxVio = found.Loads.Count == 0 ? null : found.Loads.Values.Max(l => l.MaxVio()),
            BiasSpeed = speed,
            Figures = found.Figures,
            Duration = Stopwatch.GetElapsedTime(started),
        };
    }

    /// <summary>The gradients in the order of the parameters' names, each checked for its dtype and shape.</summary>
    private (Tensor Gradient, ParameterState Parameter)[] Gradients(IReadOnlyDictionary<string, Tensor> found, long step)
    {
        var pairs = new List<(Tensor, ParameterState)>(state.Parameters.Count);
        foreach (ParameterState p in state.Parameters)
        {
            if (p.M is null)
                continue;
            if (!found.TryGetValue(p.Parameter.Name, out Tensor? g))
                throw new ShapeException($"step {step}: the model gave no gradient of '{p.Parameter.Name}'; give zeros where nothing reached it");
            if (g.DType != DType.F32 || g.Shape != p.Parameter.Shape)
                throw new ShapeException($"step {step}: the gradient of '{p.Parameter.Name}' is {g}, the parameter F32 {p.Parameter.Shape}");
            pairs.Add((g, p));
        }

        return [.. pairs];
    }

    private float Norm((Tensor Gradient, ParameterState Parameter)[] gradients, long step)
    {
        double[] squares = new double[gradients.Length];
        Parallel.For(0, gradients.Length, threads, i => squares[i] = GradientNorm.Squares(gradients[i].Gradient.AsReadOnlySpan<float>()));
        int bad = Array.FindIndex(squares, s => !double.IsFinite(s));
        if (bad >= 0)
        {
            ReadOnlySpan<float> g = gradients[bad].Gradient.AsReadOnlySpan<float>();
            int i = 0;
            while (float.IsFinite(g[i]))
                i++;
            throw new NotANumberException($"step {step}: the gradient of '{gradients[bad].Parameter.Parameter.Name}' is {g[i].ToString(CultureInfo.InvariantCulture)} at element {i}; resume from a checkpoint with a lower learning rate");
        }

        return GradientNorm.Of(squares);
    }

    private void Update(ParameterState p, Tensor gradient, in AdamWStep step)
    {
        Span<float> theta = p.Master.AsSpan<float>();
        ReadOnlySpan<float> g = gradient.AsReadOnlySpan<float>();
        if (p.M!.DType == DType.F32)
            AdamW.Simd(theta, g, p.M.AsSpan<float>(), p.V!.AsSpan<float>(), step);
        else
            AdamW.Simd(theta, g, p.M.AsSpan<BFloat16>(), p.V!.AsSpan<BFloat16>(), step);
        if (p.Average is { } average)
            WeightAverage.Simd(average.AsSpan<float>(), theta, options.AverageDecay);
    }
}
