using System.Diagnostics;
using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Model;
using DeepSeek.Reference.Ops;
using DeepSeek.Reference.Tracing;

namespace DeepSeek.Reference.Verification;

/// <summary>The bits of a whole model's logits: a model directory under one contract, kept as digests beside the operations'.</summary>
/// <remarks>
/// Where <see cref="ModelCase"/> judges how near the logits are to another implementation's, this says that they are the same on every machine (rule N1).
/// The id is <c>model[case=NAME,contract=..,attention=..]</c>, with <c>cache=f8</c> for an FP8 cache; ids are the directory's oracle tensor <c>input_ids</c>; outputs are <c>logits</c>, and <c>mtp.logits</c>
/// where the model has MTP modules.
/// </remarks>
public static class ModelOutputs
{
    /// <summary>The name of these ids.</summary>
    public const string IdName = "model";

    /// <summary>The contracts and modes that a model with FP8 weights is kept under besides <see cref="Contracts"/>.</summary>
    private static readonly NumericContract[] Fp8Contracts =
    [
        NumericContract.HopperFp8,
        NumericContract.HopperFp8 with { Attention = AttentionMode.Naive },
        NumericContract.DeepSeekInference with { Cache = CacheFormat.Fp8 },
    ];

    /// <summary>The contracts and modes that each model is kept under.</summary>
    public static IReadOnlyList<NumericContract> Contracts { get; } =
    [
        NumericContract.Canonical,
        NumericContract.Canonical with { Attention = AttentionMode.Naive },
        NumericContract.DeepSeekInference,
        NumericContract.DeepSeekInference with { Attention = AttentionMode.Naive },
        NumericContract.HuggingFace,
        NumericContract.Ideal,
    ];

    /// <summary>The contracts and modes that the model of a directory is kept under.</summary>
    /// <exception cref="DataException">Its config.json is missing or unsound.</exception>
    public static IReadOnlyList<NumericContract> ContractsOf(string directory)
    {
        ArgumentException.ThrowIfNullOrEmpty(directory);
        return DeepSeekConfig.Load(Path.Combine(directory, "config.json")).QuantizationConfig is null ? Contracts : [.. Contracts, .. Fp8Contracts];
    }

    /// <summary>The id of a model under a contract.</summary>
    public static CaseId Id(string name, NumericContract contract)
    {
        ArgumentNullException.ThrowIfNull(contract);
        var arguments = new List<KeyValuePair<string, string>>
        {
            new("case", name), new("contract", contract.Name.ToLowerInvariant()), new("attention", contract.Attention.ToString().ToLowerInvariant()),
        };
        if (contract.Cache == CacheFormat.Fp8)
            arguments.Add(new("cache", "f8"));
        return new CaseId(IdName, [.. arguments]);
    }

    /// <summary>The directory's name and the contract that an id stands for.</summary>
    /// <exception cref="CaseException">An argument is missing, unknown, or names no contract or mode.</exception>
    public static (string Name, NumericContract Contract) Parse(CaseId id)
    {
        ArgumentNullException.ThrowIfNull(id);
        string name = id["case"] ?? throw new CaseException($"case '{id}': the key 'case' is missing; it names the model's directory");
        foreach (NumericContract contract in Contracts.Concat(Fp8Contracts))
        {
            CaseId kept = Id(name, contract);
            if (kept.Arguments.Count == id.Arguments.Count && kept.Arguments.All(a => id[a.Key] == a.Value))
                return (name, contract);
        }

        throw new CaseException($"case '{id}': model cases are {string.Join(", ", Contracts.Concat(Fp8Contracts).Select(c => Id(name, c)))}");
    }

    /// <summary>The manifest's line for a model under a contract.</summary>
    /// <exception cref="DataException">A file is missing or unsound.</exception>
    public static GoldenRecord Record(string name, string directory, NumericContract contract, IBackend backend)
    {
        ArgumentException.ThrowIfNullOrEmpty(directory);
        Run run = Forward(directory, contract, backend);
        return new GoldenRecord
        {
            Id = Id(name, contract).ToString(),
            Level = CaseLevel.Quick,
            Contract = contract.Name,
            Seed = 0,
            Inputs = Inputs(directory, run.Ids),
            Outputs = [.. run.Outputs.Select(o => new KeyValuePair<string, GoldenTensor>(o.Key, GoldenTensor.OfOutput(o.Value)))],
        };
    }

    /// <summary>Judges a backend by the manifest's digests.</summary>
    /// <exception cref="GoldenException">The model's files are not the golden's.</exception>
    public static OperationVerdict Judge(GoldenRecord golden, string directory, IBackend backend)
    {
        ArgumentNullException.ThrowIfNull(golden);
        (_, NumericContract contract) = Parse(CaseId.Parse(golden.Id));
        long start = Stopwatch.GetTimestamp();
        try
        {
            Run run = Forward(directory, contract, backend);
            TimeSpan elapsed = Stopwatch.GetElapsedTime(start);
            foreach (var (kept, found) in golden.Inputs.Zip(Inputs(directory, run.Ids)))
            {
                if (kept.Key != found.Key || kept.Value.Sha256 != found.Value.Sha256)
                    throw new GoldenException($"golden '{golden.Id}': {directory}: '{found.Key}' is not the file that the golden was made from; restore it from version control");
            }

            foreach ((string name, GoldenTensor expected) in golden.Outputs)
            {
                if (!run.Outputs.TryGetValue(name, out Tensor? actual) || CanonicalHash.Of(actual) != expected.Sha256)
                    return new OperationVerdict(golden.Id, Verdict.Fail, Explain(name, actual, directory, contract, backend), elapsed);
            }

            return new OperationVerdict(golden.Id, Verdict.Bits, "", elapsed);
        }
        catch (DataException e)
        {
            throw new GoldenException($"golden '{golden.Id}': {e.Message}", e);
        }
        catch (ContractException e)
        {
            return new OperationVerdict(golden.Id, Verdict.Skip, e.Message, Stopwatch.GetElapsedTime(start));
        }
    }

    private static string Explain(string name, Tensor? actual, string directory, NumericContract contract, IBackend backend)
    {
        if (actual is null)
            return $"{name} did not come out";
        Tensor expected = Forward(directory, contract, new ScalarBackend()).Outputs[name];
        for (long i = 0; i < expected.ElementCount; i++)
        {
            string bits = CanonicalHash.ElementBits(expected, i);
            if (CanonicalHash.ElementBits(actual, i) != bits)
                return $"{name}, element {i} is {CanonicalHash.ElementBits(actual, i)} on {backend.Name}, {bits} by definition";
        }

        return $"{name}: {backend.Name} equals the definition, but not the golden digest";
    }

    private static Run Forward(string directory, NumericContract contract, IBackend backend)
    {
        using SafetensorsFile oracle = SafetensorsFile.Open(Path.Combine(directory, ModelCase.OracleFile));
        Tensor ids = oracle.Get("input_ids");
        using DeepSeekModel model = DeepSeekModel.Load(directory, contract, backend);
        if (ids.Shape.Rank != 2 || ids.DType is not (DType.I64 or DType.I32))
            throw new DataException($"{oracle.Path}: tensor 'input_ids' is {ids}; expected whole numbers [B, T]");
        int[][] rows = new int[ids.Shape[0]][];
        for (int b = 0; b < rows.Length; b++)
        {
            rows[b] = new int[ids.Shape[1]];
            for (int t = 0; t < rows[b].Length; t++)
                rows[b][t] = checked((int)ElementReader.Integer(ids, ((long)b * rows[b].Length) + t));
        }

        var trace = new TraceCollector(model.HasMtp ? ["mtp.logits", "mtp.*.logits"] : [], rows.Length);
        Tensor logits = model.Forward(rows, new ForwardOptions { Trace = trace, Mtp = model.HasMtp });
        var outputs = new SortedDictionary<string, Tensor>(trace.Tensors().ToDictionary(), StringComparer.Ordinal) { ["logits"] = logits };
        return new Run(ids.Clone(), outputs);
    }

    private static List<KeyValuePair<string, GoldenTensor>> Inputs(string directory, Tensor ids)
    {
        var inputs = new List<KeyValuePair<string, GoldenTensor>>();
        foreach (string file in (string[])["config.json", "model.safetensors"])
        {
            string path = Path.Combine(directory, file);
            inputs.Add(new(file, new GoldenTensor("file", DType.U8, new Shape(new FileInfo(path).Length), CanonicalHash.OfFile(path))));
        }

        inputs.Add(new("input_ids", new GoldenTensor("oracle", ids.DType, ids.Shape, CanonicalHash.Of(ids))));
        return inputs;
    }

    private sealed record Run(Tensor Ids, IReadOnlyDictionary<string, Tensor> Outputs);
}
