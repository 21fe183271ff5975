using System.CommandLine;
using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Model;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Tool;

/// <summary>A model to bisect in: its directory, the contract, and the prompts where they were given.</summary>
internal sealed record BisectModel(string Directory, NumericContract Contract, Fp8Mode Fp8, IReadOnlyList<int[]>? Rows)
{
    /// <summary>The model's sizes.</summary>
    public DeepSeekConfig Config { get; } = DeepSeekConfig.Load(Path.Combine(Directory, "config.json"));

    /// <summary>The model under a contract, on a backend.</summary>
    public DeepSeekModel Open(NumericContract contract, IBackend backend) => DeepSeekModel.Load(Directory, contract, backend, Fp8);
}

/// <summary>The options of bisect that choose the model: as run's, without a backend, and with ids that a dump may bring itself.</summary>
internal sealed class BisectOptions
{
    private readonly Option<string?> model = new Option<string?>("--model") { Description = $"Directory with config.json and model.safetensors, or shards and their index; {EmbeddedModel.Default}.", HelpName = "DIR" }.NamesPath();
    private readonly Option<string?> ids = new("--ids") { Description = "One prompt, as token ids; by default the dump's input_ids.", HelpName = "1,2,3" };
    private readonly Option<string?> idsFile = new Option<string?>("--ids-file") { Description = "Prompts of one length as JSON, [[...],[...]], one array a row.", HelpName = "F.json" }.NamesPath();
    private readonly Option<string?> contract = new("--contract") { Description = "What the candidate declares: Canonical, DeepSeekInference, HopperFp8, HuggingFace or Ideal; by default Canonical for float32 checkpoints, else DeepSeekInference.", HelpName = "NAME" };
    private readonly Option<string?> attention = new("--attention") { Description = "How MLA is evaluated; by default as the contract says.", HelpName = "naive|absorbed" };
    private readonly Option<string?> fp8 = SharedOptions.Fp8();

    /// <summary>Adds the options to a command.</summary>
    public void AddTo(Command command)
    {
        foreach (Option option in (Option[])[model, ids, idsFile, contract, attention, fp8])
            command.Add(option);
    }

    /// <summary>What was given.</summary>
    /// <exception cref="DataException">No such model, or prompts that are none or not of one length.</exception>
    /// <exception cref="ContractException">No such contract or mode.</exception>
    public BisectModel Read(ParseResult parsed)
    {
        string directory = parsed.GetValue(model) ?? EmbeddedModel.Directory;
        NumericContract chosen = parsed.GetValue(contract) is { } name
            ? NumericContract.Parse(name)
            : DeepSeekModel.DefaultContract(DeepSeekConfig.Load(Path.Combine(directory, "config.json")));
        chosen = parsed.GetValue(attention)?.ToLowerInvariant() switch
        {
            null => chosen,
            "naive" => chosen with { Attention = AttentionMode.Naive },
            "absorbed" => chosen with { Attention = AttentionMode.Absorbed },
            var mode => throw new ContractException($"--attention '{mode}': there are naive and absorbed"),
        };
        return new BisectModel(directory, chosen, SharedOptions.ParseFp8(parsed.GetValue(fp8)), Rows(parsed));
    }

    private IReadOnlyList<int[]>? Rows(ParseResult parsed)
    {
        if (parsed.GetValue(ids) is null && parsed.GetValue(idsFile) is null)
            return null;
        IReadOnlyList<int[]> rows = PromptIds.Read(parsed.GetValue(ids), parsed.GetValue(idsFile));
        for (int r = 1; r < rows.Count; r++)
        {
            if (rows[r].Length != rows[0].Length)
                throw new DataException($"row {r} has {rows[r].Length} ids but row 0 has {rows[0].Length}; `dsref bisect` takes rows of one length");
        }

        return rows;
    }
}
