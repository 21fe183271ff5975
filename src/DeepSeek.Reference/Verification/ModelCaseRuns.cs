using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Inference;
using DeepSeek.Reference.Model;
using DeepSeek.Reference.Ops;
using DeepSeek.Reference.Tracing;
using DeepSeek.Reference.Training;

namespace DeepSeek.Reference.Verification;

/// <summary>The runs a model case asks for, each made once, when the first of its tensors is wanted.</summary>
internal sealed class ModelCaseRuns : IDisposable
{
    private readonly Func<NumericContract, DeepSeekModel> open;
    private readonly NumericContract contract;
    private readonly IReadOnlyDictionary<string, Tensor> oracle;
    private readonly ILookup<OracleRun, string> wanted;
    private readonly Dictionary<NumericContract, DeepSeekModel> models = [];
    private readonly Dictionary<OracleRun, IReadOnlyDictionary<string, Tensor>> results = [];

    public ModelCaseRuns(Func<NumericContract, DeepSeekModel> open, NumericContract contract, IReadOnlyDictionary<string, Tensor> oracle, IEnumerable<OracleName> names)
    {
        this.open = open;
        this.contract = contract;
        this.oracle = oracle;
        wanted = names.ToLookup(n => n.Run, n => n.Probe);
    }

    /// <summary>The counterpart of an oracle's tensor; null where no run gives one.</summary>
    public Tensor? Find(OracleName name) => name.Run != OracleRun.None && Result(name.Run).TryGetValue(name.Probe, out Tensor? t) ? t : null;

    /// <summary>The model of a run.</summary>
    public DeepSeekModel Model(OracleRun run)
    {
        NumericContract own = contract with { Attention = run is OracleRun.Naive or OracleRun.DecodeNaive ? AttentionMode.Naive : AttentionMode.Absorbed };
        if (run == OracleRun.PreNormMtp)
            own = own with { MtpHidden = MtpHidden.PreNorm };
        if (run == OracleRun.ZeroFirstMtp)
            own = own with { MtpZeroFirstEmbedding = true };
        if (!models.TryGetValue(own, out DeepSeekModel? model))
            models[own] = model = open(own);
        return model;
    }

    /// <summary>How the runs' FP8 products were computed; the same in all of them.</summary>
    public Fp8Mode? Fp8 => models.Values.FirstOrDefault()?.Fp8;

    /// <summary>Closes the models.</summary>
    public void Dispose()
    {
        foreach (DeepSeekModel model in models.Values)
            model.Dispose();
    }

    /// <summary>Everything a run gave, by probe name.</summary>
    public IReadOnlyDictionary<string, Tensor> Result(OracleRun run)
    {
        if (!results.TryGetValue(run, out IReadOnlyDictionary<string, Tensor>? result))
            results[run] = result = Make(run);
        return result;
    }

    private Dictionary<string, Tensor> Make(OracleRun run) => run switch
    {
        OracleRun.Greedy => Generate(Rows("input_ids"), Width("generated_ids"), "generated_ids"),
        OracleRun.Ragged => Generate(Rows("ragged_prompts"), Width("ragged_generated"), "ragged_generated"),
        OracleRun.Gradients => Gradients(),
        OracleRun.Decode or OracleRun.DecodeNaive => Pass(run, PrefillLength()),
        _ => Pass(run, null),
    };

    /// <summary>input_ids in one pass, or a prefill of that many tokens and single steps.</summary>
    private Dictionary<string, Tensor> Pass(OracleRun run, int? prefill)
    {
        DeepSeekModel model = Model(run);
        int[][] rows = Rows("input_ids");
        int T = rows[0].Length;
        if (Array.FindIndex(rows, r => r.Length != T) is var ragged and >= 0)
            throw new DataException($"oracle tensor 'input_ids': row {ragged} has {rows[ragged].Length} ids but row 0 has {T}; rows of unequal length belong in ragged_prompts");
        bool mtp = model.HasMtp && wanted[run].Any(p => p.StartsWith("mtp.", StringComparison.Ordinal));
        string[] scores = [.. wanted[run].Where(p => p.Contains("topk_", StringComparison.Ordinal)).Select(RoutingMargin.ScoresOf)];
        var trace = new TraceCollector(["logits", .. wanted[run], .. scores], rows.Length);
        var options = new ForwardOptions { Trace = trace, Mtp = mtp };
        LatentCache[] caches = [.. rows.Select(_ => model.NewCache(T))];
        model.Forward(Slice(rows, 0, prefill ?? T), caches, options);
        for (int t = prefill ?? T; t < T; t++)
            model.Forward(Slice(rows, t, 1), caches, options);

        var all = new Dictionary<string, Tensor>(trace.Tensors(), StringComparer.Ordinal);
        if (prefill is { } P)
        {
            all["prefill_logits"] = Positions(all["logits"], 0, P);
            all["step_logits"] = Positions(all["logits"], P, T - P);
        }

        return all;
    }

    private Dictionary<string, Tensor> Generate(int[][] prompts, int count, string name)
    {
        DeepSeekModel model = Model(OracleRun.Greedy);
        int V = model.Config.VocabSize;
        var steps = new Tensor(model.Contract.Logits, prompts.Length, count, V);
        var options = new GenerationOptions
        {
            MaxTokens = count,
            IgnoreEos = true,
            OnLogits = (row, step, logits) => logits.CopyTo(steps.Rows(row, 1).Reshape(count, V).Rows(step, 1)),
        };
        IReadOnlyList<GeneratedSequence> rows = new Generator(model).Generate(prompts, options);
        var ids = new Tensor(DType.I64, prompts.Length, count);
        for (int r = 0; r < rows.Count; r++)
        {
            for (int i = 0; i < count; i++)
                ids.AsSpan<long>()[(r * count) + i] = i < rows[r].Ids.Count ? rows[r].Ids[i] : -1;
        }

        return new Dictionary<string, Tensor>(StringComparer.Ordinal) { [name] = ids, ["step_logits"] = steps };
    }

    /// <summary>The loss of input_ids and every gradient, on backends that have a backward; nothing on others.</summary>
    private Dictionary<string, Tensor> Gradients()
    {
        DeepSeekModel model = Model(OracleRun.Naive);
        if (model.Backend is not IBackwardBackend backend)
            return [];
        GradientSet gradients = new GradientModel(model.Config, model.FindWeight, backend).Gradients(Rows("input_ids"));
        var all = gradients.Names.ToDictionary(name => $"grad.{name}", name => gradients[name], StringComparer.Ordinal);
        all["loss"] = Tensor.From([gradients.Losses.Total], 1);
        return all;
    }

    /// <summary>A case's ids as rows; -1 pads a row at its end.</summary>
    private int[][] Rows(string name)
    {
        Tensor t = Required(name, 2);
        var rows = new int[t.Shape[0]][];
        for (int r = 0; r < rows.Length; r++)
        {
            var row = new List<int>();
            for (long i = 0; i < t.Shape[1]; i++)
            {
                Int128 id = ElementReader.Integer(t, (r * t.Shape[1]) + i);
                if (id < -1 || id > int.MaxValue)
                    throw new DataException($"oracle tensor '{name}', row {r}, position {i}: id {id} is not a token id");
                if (id >= 0 && row.Count < i)
                    throw new DataException($"oracle tensor '{name}', row {r}, position {i}: an id after the padding -1; padding ends a row");
                if (id >= 0)
                    row.Add((int)id);
            }

            rows[r] = [.. row];
        }

        return rows;
    }

    private int PrefillLength()
    {
        Int128 length = ElementReader.Integer(Required("prefill_len", 1), 0);
        long T = Required("input_ids", 2).Shape[1];
        if (length < 1 || length > T)
            throw new DataException($"oracle tensor 'prefill_len' is {length}, but input_ids has {T} positions");
        return (int)length;
    }

    private int Width(string name) => (int)Required(name, 2).Shape[1];

    private Tensor Required(string name, int rank)
    {
        if (!oracle.TryGetValue(name, out Tensor? t))
            throw new DataException($"oracle.safetensors has no tensor '{name}', which the case needs");
        if (!ElementReader.IsInteger(t.DType) || t.Shape.Rank != rank || t.ElementCount == 0)
            throw new DataException($"oracle tensor '{name}' is {t}; expected whole numbers in {rank} dimensions");
        return t;
    }

    private static int[] Slice(int[][] rows, int from, int count) => [.. rows.SelectMany(r => r.Skip(from).Take(count))];

    private static Tensor Positions(Tensor logits, long from, long count)
    {
        (long B, long T, long V) = (logits.Shape[0], logits.Shape[1], logits.Shape[2]);
        var y = new Tensor(logits.DType, B, count, V);
        for (long b = 0; b < B; b++)
            Columns.Copy(logits, T * V, from * V, y, count * V, 0, count * V, 1, b, b);
        return y;
    }
}
