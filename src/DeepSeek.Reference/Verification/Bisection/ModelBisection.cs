using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Model;
using DeepSeek.Reference.Ops;
using DeepSeek.Reference.Tracing;

namespace DeepSeek.Reference.Verification;

/// <summary>Judges another engine's intermediates stage by stage, each on the engine's own values before it.</summary>
/// <remarks>
/// One run of the reference by itself, for end-to-end differences; one <see cref="ForcedPass"/> under the contract, which gives every stage's result; and one in each of
/// several other orders of the sums, which say how far a right engine may be off there. Where a stage goes through results that the dump does not hold, roundings among
/// them near ties fall either way in those runs: elements within their range are counted as explained.
/// </remarks>
internal sealed class ModelBisection
{
    private readonly Func<NumericContract, IBackend, DeepSeekModel> open;
    private readonly NumericContract contract;
    private readonly IReadOnlyList<int[]> rows;
    private readonly CandidateDump dump;
    private readonly Action<string>? progress;
    private readonly HashSet<string> refused = new(StringComparer.Ordinal);
    private readonly Dictionary<string, StageState> states = new(StringComparer.Ordinal);
    private readonly List<string> order = [];
    private GateAttributes rule;
    private StageGraph? graph;

    private ModelBisection(Func<NumericContract, IBackend, DeepSeekModel> open, NumericContract contract, IReadOnlyList<int[]> rows, CandidateDump dump, Action<string>? progress)
    {
        this.open = open;
        this.contract = contract;
        this.rows = rows;
        this.dump = dump;
        this.progress = progress;
    }

    /// <summary>Judges a dump.</summary>
    /// <param name="open">The model under a contract, on a backend; it is closed here.</param>
    /// <param name="contract">What the engine declares.</param>
    /// <param name="rows">The prompts, of one length.</param>
    /// <param name="dump">The engine's tensors; names that are no probe of the model are dropped from it.</param>
    /// <param name="orders">Other orders of the sums, at least 2.</param>
    /// <param name="progress">Told what is at work.</param>
    public static BisectionReport Run(
        Func<NumericContract, IBackend, DeepSeekModel> open, NumericContract contract, IReadOnlyList<int[]> rows, CandidateDump dump, int orders = 8, Action<string>? progress = null)
    {
        if (orders < 2)
            throw new ContractException($"{orders} other orders of the sums were asked for; at least 2 give a limit");
        return new ModelBisection(open, contract, rows, dump, progress).Run(orders);
    }

    private BisectionReport Run(int orders)
    {
        var simd = new SimdBackend();
        IReadOnlyDictionary<string, Tensor> alone = Alone(simd);
        using (DeepSeekModel model = open(contract, simd))
        {
            ForcedPass.Run(model, rows, dump, refused, First, At("stages"));
            foreach (StageState state in states.Values.Where(s => s.IsChoice))
                state.Bias = model.RoutingBias(ProbeWeights.Split(state.Probe, model.Config).Layer)?.Clone();
            rule = model.GateRule;
            graph = new StageGraph(model.Config, contract);
        }

        foreach (string probe in dump.Probes.Keys.Where(p => !states.ContainsKey(p)).ToArray())
            dump.Drop(probe, $"no probe of this model under {contract.Name}, {contract.Attention.ToString().ToLowerInvariant()}, has the name {probe}");
        for (int i = 0; i < orders; i++)
        {
            (NumericContract other, IBackend backend) = Order(i, simd);
            using DeepSeekModel model = open(other, backend);
            ForcedPass.Run(model, rows, dump, refused, Another, At($"order {i + 1} of {orders}"));
        }

        return new BisectionReport
        {
            Contract = contract,
            Names = dump.Names,
            Stages = [.. order.Select(probe => Judge(states[probe], alone))],
            Unjudged = dump.Unjudged,
            Orders = orders,
        };
    }

    /// <summary>The reference by itself: the dump's probes of a whole run.</summary>
    private IReadOnlyDictionary<string, Tensor> Alone(IBackend backend)
    {
        using DeepSeekModel model = open(contract, backend);
        var trace = new TraceCollector(dump.Probes.Keys, rows.Count);
        bool mtp = model.HasMtp && dump.Probes.Keys.Any(p => p.StartsWith("mtp", StringComparison.Ordinal));
        model.Forward(rows, new ForwardOptions { Trace = trace, Mtp = mtp });
        return trace.Tensors();
    }

    /// <summary>An order of the sums: one chain, binary64, or drawn from a seed. The frequencies of RoPE are the other of the two tables in the first two.</summary>
    private (NumericContract Contract, IBackend Backend) Order(int i, SimdBackend simd)
    {
        RopeTableKind table = contract.RopeTable == RopeTableKind.RoundedOnce ? RopeTableKind.Float32Chain : RopeTableKind.RoundedOnce;
        return i switch
        {
            0 => (contract with { Accumulation = Accumulation.Sequential, RopeTable = table }, new ReorderedBackend(simd, 0x5eed)),
            1 => (contract with { Accumulation = Accumulation.Float64, RopeTable = table }, simd),
            _ => (contract, new ReorderedBackend(simd, (ulong)i)),
        };
    }

    private Action<string>? At(string pass) => progress is null ? null : name => progress($"{pass}, {name}");

    /// <summary>A stage's result under the contract.</summary>
    private void First(string probe, Tensor tensor, Tensor? scores)
    {
        order.Add(probe);
        Tensor? candidate = dump.Read(probe, tensor, out string note);
        bool held = probe.EndsWith("topk_indices", StringComparison.Ordinal) && dump.Probes.ContainsKey(RoutingMargin.ScoresOf(probe)) && !refused.Contains(RoutingMargin.ScoresOf(probe));
        var state = new StageState(probe, tensor.Clone(), candidate, note, scores?.Clone(), held);
        states[probe] = state;
        if (state.Refusal is not null)
            refused.Add(probe);
    }

    /// <summary>The same stage in another order of the sums.</summary>
    private void Another(string probe, Tensor tensor, Tensor? scores) => states[probe].Add(tensor, scores);

    private StageReport Judge(StageState state, IReadOnlyDictionary<string, Tensor> alone)
    {
        CandidateTensor source = dump.Probes[state.Probe];
        (IReadOnlyList<string> from, IReadOnlyList<string> missing) = graph!.Origin(state.Probe, p => dump.Probes.ContainsKey(p) && !refused.Contains(p));
        var report = new StageReport
        {
            Probe = state.Probe,
            Source = source.Name,
            Verdict = Verdict.Fail,
            Check = state.Refusal?.Check ?? "bits",
            Note = state.Refusal?.Note ?? state.Note,
            Count = state.Reference.ElementCount,
            From = from,
            Missing = missing,
            Fed = state.Refusal is null,
        };
        if (state.Candidate is null)
            return report;
        report = report with { EndToEnd = Deviation.Of(alone[state.Probe], state.Candidate).RelativeL2 };
        if (state.Refusal is not null)
            return report;
        return state.IsChoice ? state.JudgeChoice(report, rule, source.Rule?.AnyOrder == true) : state.Judge(report);
    }
}
