using System.Diagnostics;
using System.Globalization;
using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Text;
using DeepSeek.Reference.Training;

namespace DeepSeek.Reference.Tool;

/// <summary>One call of <c>dsref train</c>: reads what it was given, trains, tells how it goes.</summary>
internal sealed class TrainRun
{
    private readonly Terminal terminal;
    private readonly string output, dataPath;
    private readonly TrainOptions options;
    private readonly byte[] configBytes;
    private readonly DeepSeekConfig config;
    private readonly ITrainingTokenizer tokenizer;
    private double lastLoss = double.NaN;

    public TrainRun(Terminal terminal, string configPath, string? precision, string? tokenizerPath, string dataPath, string output)
    {
        this.terminal = terminal;
        this.dataPath = dataPath;
        this.output = output;
        options = TrainOptions.Load(configPath);
        options = options with { Precision = precision ?? options.Precision };
        _ = options.Arithmetic();
        string modelPath = Path.Combine(Path.GetDirectoryName(Path.GetFullPath(configPath))!, options.Model);
        config = DeepSeekConfig.Load(modelPath);
        configBytes = File.ReadAllBytes(modelPath);
        tokenizer = tokenizerPath is null ? new ByteVocabulary() : TrainingTokenizer.Load(tokenizerPath);
        if (config.VocabSize < tokenizer.VocabularySize)
            throw new DataException($"{modelPath}: vocab_size is {config.VocabSize}, but {tokenizerPath ?? "the byte vocabulary"} has {tokenizer.VocabularySize} tokens; set it to {tokenizer.VocabularySize} or more");
        if (config.MaxPositionEmbeddings < options.Data.SequenceLength)
            throw new DataException($"{configPath}: data.sequence_length is {options.Data.SequenceLength}, but max_position_embeddings of {modelPath} is {config.MaxPositionEmbeddings}; shorten the one or raise the other");
    }

    public string ModelPath => Path.Combine(output, "model");

    public string MetricsPath => Path.Combine(output, "metrics.jsonl");

    public long ParameterCount { get; private set; }

    public int Windows { get; private set; }

    public long Steps { get; private set; }

    public long ResumedAt { get; private set; }

    public long Tokens { get; private set; }

    public double LastLoss => lastLoss;

    public double Seconds { get; private set; }

    public void Train(IBackwardBackend backend, int threads, bool resume)
    {
        var store = new CheckpointStore(output, options.CheckpointKeep);
        if (!resume && store.Steps().Count > 0)
            throw new DataException($"{output}: holds checkpoints of a run; go on with --resume, or name another directory");
        using var progress = new Progress(terminal);
        progress.Report("read documents", 0);
        TrainingData data = TrainingData.Of(Counted(progress), tokenizer, options.Data);
        Windows = data.WindowCount;
        var model = new ModelTrainingStep(config, backend, options.Arithmetic());
        ParameterCount = model.Parameters.Sum(p => p.Shape.ElementCount);
        var trainer = new Trainer(options, model, data, tokenizer, configBytes, config.TorchDtype, store, threads);
        if (resume)
        {
            trainer.Resume(skipped =>
            {
                progress.Clear();
                terminal.Error.WriteLine(Terminal.Plain(skipped));
            });
        }

        ResumedAt = trainer.Step;
        Directory.CreateDirectory(output);
        long started = Stopwatch.GetTimestamp(), before = trainer.Tokens;
        using (MetricsFile metrics = MetricsFile.Open(MetricsPath, trainer.Step))
        {
            trainer.Run(report =>
            {
                metrics.Write(report);
                lastLoss = report.Loss;
                progress.Show(Line(report, (report.Tokens - before) / Stopwatch.GetElapsedTime(started).TotalSeconds), report.Step, options.Steps);
            }, terminal.Cancelled);
        }

        progress.Show("write the model", options.Steps, options.Steps);
        trainer.Publish("model");
        if (options.AverageDecay > 0)
            trainer.Publish("model-ema", average: true);
        (Steps, Tokens, Seconds) = (trainer.Step, trainer.Tokens, Stopwatch.GetElapsedTime(started).TotalSeconds);
    }

    private IEnumerable<TextDocument> Counted(Progress progress)
    {
        int count = 0;
        foreach (TextDocument document in TextDocuments.Read(dataPath))
        {
            yield return document;
            progress.Report("read documents", ++count);
        }
    }

    /// <summary>At most 79 characters with the steps behind it, the first of them those that matter most.</summary>
    private string Line(StepReport r, double tokensPerSecond)
    {
        double left = (double)(options.Steps - r.Step) * r.Batch * options.Data.SequenceLength / tokensPerSecond;
        string vio = r.MaxVio is { } v ? string.Create(CultureInfo.InvariantCulture, $" vio {v:F2}") : "";
        return string.Create(CultureInfo.InvariantCulture,
            $"loss {r.Loss:F4} {tokensPerSecond:F0} tok/s{vio} norm {r.GradientNorm:G3} lr {r.LearningRate:G3} left {TimeSpan.FromSeconds(Math.Min(left, 8e7)):d\\.hh\\hmm\\mss} step");
    }
}
