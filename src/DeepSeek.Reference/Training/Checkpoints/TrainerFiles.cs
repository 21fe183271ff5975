using System.Text.Json;
using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Training;

/// <summary>A training run's state to and from the files of a checkpoint.</summary>
/// <remarks>
/// <code>
/// config.json, tokenizer.json     as the run was given them
/// model.safetensors               the weights under the checkpoint's names, in the config's torch_dtype; balance biases F32
/// optimizer.safetensors           master.NAME F32, m.NAME and v.NAME F32 or BF16, ema.NAME F32
/// trainer.json                    step, tokens, position, seed, precision, hashes of the recipe and of the data
/// </code>
/// The first three are a model's directory: <c>dsref run</c> takes a checkpoint as it is.
/// </remarks>
internal static class TrainerFiles
{
    public const string Model = "model.safetensors", Optimizer = "optimizer.safetensors", Trainer = "trainer.json";

    private const int Format = 1;

    /// <summary>The three files of a model.</summary>
    public static IReadOnlyList<CheckpointPart> ModelParts(TrainerState state, TrainerInputs inputs, bool average = false) =>
    [
        new("config.json", stream => stream.Write(inputs.Config)),
        new("tokenizer.json", inputs.WriteTokenizer),
        new(Model, stream => SafetensorsWriter.Write(stream, Model, Stored(state, inputs.StoredType, average), new Dictionary<string, string> { ["format"] = "pt" }, NaNBits.Canonical)),
    ];

    /// <summary>All files of a checkpoint.</summary>
    public static IReadOnlyList<CheckpointPart> Parts(TrainerState state, TrainerInputs inputs) =>
    [
        .. ModelParts(state, inputs),
        new(Optimizer, stream => SafetensorsWriter.Write(stream, Optimizer, Kept(state), null, NaNBits.AsStored)),
        new(Trainer, stream => WriteTrainer(stream, state, inputs)),
    ];

    /// <summary>Reads a checkpoint into a state of the same parameters.</summary>
    /// <exception cref="DataException">The checkpoint is of another recipe, model or corpus, or lacks a tensor.</exception>
    public static void Load(string directory, TrainerState state, TrainerInputs inputs)
    {
        LoadTrainer(Path.Combine(directory, Trainer), state, inputs);
        string path = Path.Combine(directory, Optimizer);
        using SafetensorsFile file = SafetensorsFile.Open(path);
        foreach ((string name, Tensor tensor) in Kept(state))
        {
            if (!file.TryGet(name, out Tensor? kept))
                throw new DataException($"{path}: no tensor '{name}'; resume with the train.json that the run began with");
            if (kept.DType != tensor.DType || kept.Shape != tensor.Shape)
                throw new DataException($"{path}: '{name}' is {kept}, but the run has {tensor}; resume with the train.json that the run began with");
            kept.CopyTo(tensor);
        }
    }

    private static IEnumerable<KeyValuePair<string, Tensor>> Stored(TrainerState state, DType type, bool average)
    {
        foreach (ParameterState p in state.Parameters)
        {
            Tensor weight = average ? p.Average ?? p.Master : p.Master;
            yield return new(p.Parameter.Name, p.Parameter.Kind == ParameterKind.BalanceBias || type == DType.F32 ? weight : Rounded(weight));
        }
    }

    private static Tensor Rounded(Tensor weight)
    {
        var stored = new Tensor(DType.BF16, weight.Shape);
        BFloat16Spans.Round(weight.AsReadOnlySpan<float>(), stored.AsSpan<BFloat16>());
        return stored;
    }

    private static IEnumerable<KeyValuePair<string, Tensor>> Kept(TrainerState state)
    {
        foreach (ParameterState p in state.Parameters)
        {
            yield return new($"master.{p.Parameter.Name}", p.Master);
            foreach ((string kind, Tensor? tensor) in ((string, Tensor?)[])[("m", p.M), ("v", p.V), ("ema", p.Average)])
            {
                if (tensor is not null)
                    yield return new($"{kind}.{p.Parameter.Name}", tensor);
            }
        }
    }

    private static void WriteTrainer(Stream stream, TrainerState state, TrainerInputs inputs)
    {
        using var json = new Utf8JsonWriter(stream, new JsonWriterOptions { Indented = true, NewLine = "\n" });
        json.WriteStartObject();
        json.WriteNumber("format", Format);
        json.WriteNumber("step", state.Step);
        json.WriteNumber("tokens", state.Tokens);
        json.WriteNumber("position", state.Position);
        json.WriteNumber("seed", inputs.Seed);
        json.WriteString("precision", inputs.Precision);
        json.WriteString("recipe", inputs.RecipeHash);
        json.WriteString("data", inputs.DataHash);
        json.WriteEndObject();
    }

    private static void LoadTrainer(string path, TrainerState state, TrainerInputs inputs)
    {
        using var file = new MappedFile(path);
        var json = new JsonCursor(file.Slice(0, checked((int)file.Length)), path, 0);
        var numbers = new Dictionary<string, long>();
        var texts = new Dictionary<string, string>();
        json.Next();
        json.ExpectObject("trainer.json");
        while (json.NextMember(out string name, out _))
        {
            if (name is "recipe" or "data" or "precision")
                texts[name] = json.String(name);
            else if (name is "format" or "step" or "tokens" or "position")
                numbers[name] = json.Count(name);
            else if (name != "seed")
                throw json.Fail($"unknown member '{name}'", "resume with the version that wrote it");
        }

        json.End();
        long Number(string name) => numbers.TryGetValue(name, out long n) ? n : throw new DataException($"{path}: no '{name}'; take another checkpoint");
        if (Number("format") != Format)
            throw new DataException($"{path}: format {Number("format")}, where {Format} is known; resume with the version that wrote it");
        // Those of the first version have none, and are binary32's.
        string precision = texts.GetValueOrDefault("precision", "fp32");
        if (precision != inputs.Precision)
            throw new DataException($"{path}: the run is in {precision}, not in {inputs.Precision}; resume in {precision}, or begin a new run in an empty directory");
        if (texts.GetValueOrDefault("recipe") != inputs.RecipeHash)
            throw new DataException($"{path}: the run has another recipe (settings of train.json that decide bits, or the model's config.json); resume with those it began with, or begin a new run in an empty directory");
        if (texts.GetValueOrDefault("data") != inputs.DataHash)
            throw new DataException($"{path}: the run has other data (documents, tokenizer or packing); resume with the corpus it began with, or begin a new run in an empty directory");
        (state.Step, state.Tokens, state.Position) = (Number("step"), Number("tokens"), Number("position"));
    }
}

/// <summary>What a run was given, as its checkpoints name it.</summary>
/// <param name="Config">The bytes of the model's config.json.</param>
/// <param name="StoredType">The dtype of the weights in model.safetensors, F32 or BF16.</param>
/// <param name="WriteTokenizer">Writes tokenizer.json.</param>
/// <param name="Seed">The run's seed, for a person.</param>
/// <param name="Precision">The recipe of casts.</param>
/// <param name="RecipeHash">Names the settings and the config.</param>
/// <param name="DataHash">Names the windows and their order.</param>
internal sealed record TrainerInputs(byte[] Config, DType StoredType, Action<Stream> WriteTokenizer, ulong Seed, string Precision, string RecipeHash, string DataHash);
