using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Model;

namespace DeepSeek.Reference.Verification;

/// <summary>A directory with a small model and what an implementation nobody here wrote computed with it: run and judged.</summary>
/// <remarks>
/// config.json, model.safetensors (or shards) and oracle.safetensors; an optional case.json overrides. What is run follows from the names in the oracle
/// (docs/spec/model-cases.md): plain names absorbed, <c>naive.*</c> and <c>*_naive</c> naive; with prefill_len a prefill and single steps;
/// generated_ids and ragged_generated greedy without an end; mtp.* the MTP modules.
/// </remarks>
public static class ModelCase
{
    /// <summary>The file that makes a directory a model case.</summary>
    public const string OracleFile = "oracle.safetensors";

    /// <summary>Whether the directory holds the three files.</summary>
    public static bool IsCase(string directory) =>
        File.Exists(Path.Combine(directory, "config.json"))
        && File.Exists(Path.Combine(directory, OracleFile))
        && (File.Exists(Path.Combine(directory, "model.safetensors")) || File.Exists(Path.Combine(directory, "model.safetensors.index.json")));

    /// <summary>Runs and judges a case.</summary>
    /// <param name="directory">The case.</param>
    /// <param name="backend">Runs the operations.</param>
    /// <param name="options">Overrides, stronger than case.json's for the contract.</param>
    /// <exception cref="DataException">A file is missing or unsound, or the oracle lacks an input.</exception>
    public static ModelCaseResult Run(string directory, IBackend backend, ModelCaseOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(directory);
        ArgumentNullException.ThrowIfNull(backend);
        options ??= new ModelCaseOptions();
        string caseFile = Path.Combine(directory, "case.json");
        if (File.Exists(caseFile))
            options = options.With(caseFile);

        DeepSeekConfig config = DeepSeekConfig.Load(Path.Combine(directory, "config.json"));
        NumericContract contract = options.Contract ?? DeepSeekModel.DefaultContract(config);
        using SafetensorsFile file = SafetensorsFile.Open(Path.Combine(directory, OracleFile));
        Dictionary<string, Tensor> oracle = file.Entries.Keys.ToDictionary(n => n, file.Get, StringComparer.Ordinal);
        OracleName[] names =
        [
            .. oracle.Keys.Where(n => !OracleName.IsInput(n)).Order(StringComparer.Ordinal)
                .Select(n => OracleName.Parse(n, oracle.ContainsKey("prefill_len"), oracle.ContainsKey("generated_ids"))),
        ];

        using Checkpoint checkpoint = Checkpoint.Open(directory);
        using var runs = new ModelCaseRuns(own => DeepSeekModel.Over(checkpoint, config, own, backend, options.Fp8), contract, oracle, names);
        var result = new ModelCaseResult { Name = new DirectoryInfo(directory).Name, Contract = contract.Name, Backend = backend.Name, Tensors = [] };
        try
        {
            var judge = new ModelCaseJudge(runs, oracle, ModelCaseLimits.For(contract, options), contract);
            TensorVerdict[] tensors = [.. names.Select(judge.Judge)];
            return result with { Tensors = tensors, Fp8 = runs.Fp8 };
        }
        catch (ShapeException e)
        {
            throw new DataException($"{directory}: {e.Message}", e);
        }
        catch (DataException e) when (!e.Message.StartsWith(directory, StringComparison.Ordinal))
        {
            throw new DataException($"{directory}: {e.Message}", e);
        }
        catch (ContractException e)
        {
            return result with { SkipReason = e.Message };
        }
    }
}
