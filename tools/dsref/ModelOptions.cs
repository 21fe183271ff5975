using System.CommandLine;
using DeepSeek.Reference.Model;
using DeepSeek.Reference.Ops;
using DeepSeek.Reference.Verification;

namespace DeepSeek.Reference.Tool;

/// <summary>The options of the verbs that load a model, and those of prompts: run, generate, chat, eval.</summary>
internal sealed class ModelOptions
{
    private readonly Option<string?> model = new Option<string?>("--model") { Description = $"Directory with config.json and model.safetensors, or shards and their index; {EmbeddedModel.Default}.", HelpName = "DIR" }.NamesPath();
    private readonly Option<string?> ids = new("--ids") { Description = "One prompt, as token ids.", HelpName = "1,2,3" };
    private readonly Option<string?> idsFile = new Option<string?>("--ids-file") { Description = "Prompts as JSON, [[...],[...]], one array a row.", HelpName = "F.json" }.NamesPath();
    private readonly Option<string?> contract = new("--contract")
    {
        Description = "Canonical, DeepSeekInference, HopperFp8, HuggingFace or Ideal; by default Canonical for float32 checkpoints, else DeepSeekInference.",
        HelpName = "NAME",
    };

    private readonly Option<string?> attention = new("--attention") { Description = "How MLA is evaluated; by default as the contract says.", HelpName = "naive|absorbed" };
    private readonly Option<string?> fp8 = SharedOptions.Fp8();
    private readonly Option<string?> cache = new("--cache") { Description = "What the latent cache holds: the activations, these in bfloat16 or in binary32, or FP8 latents; by default as the contract says.", HelpName = "activations|bf16|f32|f8" };
    private readonly Option<string> backend = SharedOptions.Backend();
    private readonly Option<int> threads = SharedOptions.Threads();

    /// <summary>Adds the options to a command, those of prompts too unless it takes none.</summary>
    public void AddTo(Command command, bool prompts = true)
    {
        foreach (Option option in (Option[])[model, .. prompts ? (Option[])[ids, idsFile] : [], contract, attention, fp8, cache, backend, threads])
            command.Add(option);
    }

    /// <summary>What --cache calls a format.</summary>
    public static string NameOf(CacheFormat format) => format switch
    {
        CacheFormat.Fp8 => "f8",
        CacheFormat.BFloat16 => "bf16",
        CacheFormat.Float32 => "f32",
        _ => "activations",
    };

    /// <summary>Whether ids were given.</summary>
    public bool HasPrompts(ParseResult parsed) => parsed.GetValue(ids) is not null || parsed.GetValue(idsFile) is not null;

    /// <summary>The model's directory.</summary>
    public string Directory(ParseResult parsed) => parsed.GetValue(model) ?? EmbeddedModel.Directory;

    /// <summary>The prompts.</summary>
    public IReadOnlyList<int[]> Prompts(ParseResult parsed) => PromptIds.Read(parsed.GetValue(ids), parsed.GetValue(idsFile));

    /// <summary>Refuses an output path that cannot be written or is one of the run's own inputs, before any work is done.</summary>
    /// <exception cref="DataException">Its directory does not exist, it is a directory, or it is an input.</exception>
    public void RequireOutput(ParseResult parsed, string path) => RequireOutput(Directory(parsed), parsed.GetValue(idsFile), path);

    /// <inheritdoc cref="RequireOutput(ParseResult, string)"/>
    public static void RequireOutput(string directory, string? idsFile, string path)
    {
        string full = Path.GetFullPath(path);
        string inputs = Path.GetFullPath(directory);
        string name = Path.GetFileName(full);
        bool ofModel = Path.TrimEndingDirectorySeparator(inputs) == Path.GetDirectoryName(full)
            && (name == "config.json" || name.StartsWith("model", StringComparison.Ordinal) || name == ModelCase.OracleFile);
        if (ofModel || (idsFile is not null && Path.GetFullPath(idsFile) == full))
            throw new DataException($"--out {path}: this is an input of the run, which would be lost; name another file");
        if (System.IO.Directory.Exists(full))
            throw new DataException($"{path}: is a directory; name a file to write");
        if (Path.GetDirectoryName(full) is { } folder && !System.IO.Directory.Exists(folder))
            throw new DataException($"{path}: the directory does not exist; create it first");
    }

    /// <summary>Opens the model under the chosen contract, on the chosen backend; tells how FP8 products are computed where it was not asked for.</summary>
    public DeepSeekModel Open(ParseResult parsed, Terminal terminal)
    {
        string directory = Directory(parsed);
        var runs = SharedOptions.MakeBackend(parsed.GetValue(backend)!, parsed.GetValue(threads));
        Fp8Mode mode8 = SharedOptions.ParseFp8(parsed.GetValue(fp8));
        NumericContract chosen = parsed.GetValue(contract) is { } name
            ? NumericContract.Parse(name)
            : DeepSeekModel.DefaultContract(DeepSeekConfig.Load(Path.Combine(directory, "config.json")));
        chosen = chosen with
        {
            Attention = parsed.GetValue(attention)?.ToLowerInvariant() switch
            {
                null => chosen.Attention,
                "naive" => AttentionMode.Naive,
                "absorbed" => AttentionMode.Absorbed,
                var mode => throw new ContractException($"--attention '{mode}': there are naive and absorbed"),
            },
            Cache = parsed.GetValue(cache)?.ToLowerInvariant() switch
            {
                null => chosen.Cache,
                "activations" => CacheFormat.Activations,
                "bf16" => CacheFormat.BFloat16,
                "f32" => CacheFormat.Float32,
                "f8" => CacheFormat.Fp8,
                var format => throw new ContractException($"--cache '{format}': there are activations, bf16, f32 and f8"),
            },
        };
        DeepSeekModel loaded = DeepSeekModel.Load(directory, chosen, runs, mode8);
        if (mode8 == Fp8Mode.Auto && loaded.Fp8 is { } taken)
            terminal.Error.WriteLine($"FP8 weights, contract {loaded.Contract.Name}: {(taken == Fp8Mode.Gemm ? "FP8 products (--fp8 gemm)" : "dequantised (--fp8 dequantize)")}");
        return loaded;
    }
}
