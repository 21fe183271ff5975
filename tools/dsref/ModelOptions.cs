using System.CommandLine;
using DeepSeek.Reference.Model;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Tool;

/// <summary>The options of the verbs that load a model and take prompts: run, generate.</summary>
internal sealed class ModelOptions
{
    private readonly Option<string> model = new("--model") { Description = "Directory with config.json and model.safetensors, or shards and their index.", HelpName = "DIR", Required = true };
    private readonly Option<string?> ids = new("--ids") { Description = "One prompt, as token ids.", HelpName = "1,2,3" };
    private readonly Option<string?> idsFile = new("--ids-file") { Description = "Prompts as JSON, [[...],[...]], one array a row.", HelpName = "F.json" };
    private readonly Option<string?> contract = new("--contract")
    {
        Description = "Canonical, DeepSeekInference, HuggingFace or Ideal; by default Canonical for float32 checkpoints, else DeepSeekInference.",
        HelpName = "NAME",
    };

    private readonly Option<string?> attention = new("--attention") { Description = "How MLA is evaluated; by default as the contract says.", HelpName = "naive|absorbed" };
    private readonly Option<string> backend = SharedOptions.Backend();
    private readonly Option<int> threads = SharedOptions.Threads();

    /// <summary>Adds the options to a command.</summary>
    public void AddTo(Command command)
    {
        foreach (Option option in (Option[])[model, ids, idsFile, contract, attention, backend, threads])
            command.Add(option);
    }

    /// <summary>The model's directory.</summary>
    public string Directory(ParseResult parsed) => parsed.GetRequiredValue(model);

    /// <summary>The prompts.</summary>
    public IReadOnlyList<int[]> Prompts(ParseResult parsed) => PromptIds.Read(parsed.GetValue(ids), parsed.GetValue(idsFile));

    /// <summary>Opens the model under the chosen contract, on the chosen backend.</summary>
    public DeepSeekModel Open(ParseResult parsed)
    {
        string directory = Directory(parsed);
        var runs = SharedOptions.MakeBackend(parsed.GetValue(backend)!, parsed.GetValue(threads));
        NumericContract? chosen = parsed.GetValue(contract) is { } name ? NumericContract.Parse(name) : null;
        if (parsed.GetValue(attention) is { } mode)
        {
            chosen ??= DeepSeekModel.DefaultContract(DeepSeekConfig.Load(Path.Combine(directory, "config.json")));
            chosen = chosen with
            {
                Attention = mode.ToLowerInvariant() switch
                {
                    "naive" => AttentionMode.Naive,
                    "absorbed" => AttentionMode.Absorbed,
                    _ => throw new ContractException($"--attention '{mode}': there are naive and absorbed"),
                },
            };
        }

        return DeepSeekModel.Load(directory, chosen, runs);
    }
}
