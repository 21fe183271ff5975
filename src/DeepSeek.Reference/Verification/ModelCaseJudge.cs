using System.Globalization;
using DeepSeek.Reference.Model;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Verification;

/// <summary>Judges each tensor of an oracle against what the runs gave.</summary>
internal sealed class ModelCaseJudge(ModelCaseRuns runs, IReadOnlyDictionary<string, Tensor> oracle, ModelCaseLimits limits, NumericContract contract)
{
    /// <summary>The verdict on one tensor.</summary>
    public TensorVerdict Judge(OracleName name)
    {
        Tensor expected = oracle[name.Name];
        Tensor? actual = name.Role == TensorRole.Unknown ? null : runs.Find(name);
        if (actual is null)
            return new TensorVerdict { Name = name.Name, Verdict = Verdict.Unjudged, Role = name.Role == TensorRole.Judged ? TensorRole.Unknown : name.Role, Count = expected.ElementCount, Note = "nothing in a run has this name" };
        if (actual.Shape != expected.Shape)
        {
            string note = $"expected shape {expected.Shape}, got {actual.Shape}";
            return new TensorVerdict { Name = name.Name, Verdict = name.Role == TensorRole.Judged ? Verdict.Fail : Verdict.Unjudged, Role = name.Role, Count = expected.ElementCount, Note = note };
        }

        if (!(ElementReader.IsReal(expected.DType) || ElementReader.IsInteger(expected.DType)))
            throw new DataException($"oracle tensor '{name.Name}' is {expected}, whose values cannot be compared; convert it to F32 or I32");
        TensorComparison c = TensorComparison.Compare(expected, actual);
        var verdict = new TensorVerdict
        {
            Name = name.Name,
            Verdict = Verdict.Unjudged,
            Role = name.Role,
            RelativeL2 = c.RelativeL2,
            MaxAbs = c.MaxAbs,
            BitEqualCount = c.BitEqualCount,
            Count = c.Count,
            Comparison = c,
        };
        if (name.Role == TensorRole.Information)
            return verdict with { Note = "for information" };
        if (c.IsBitEqual)
            return verdict with { Verdict = Verdict.Bits };
        if (!c.MasksAgree)
            return verdict with { Verdict = Verdict.Fail, Note = Invariant($"{c.NaNMismatchCount} NaNs and {c.InfinityMismatchCount} infinities differ; first mismatch at {At(c)}") };
        if (ElementReader.IsInteger(expected.DType))
            return Integers(name, expected, actual, verdict, c);
        if (name.Probe.EndsWith("topk_weights", StringComparison.Ordinal) && contract.Activations == DType.BF16)
            return Weights(name, expected, actual, verdict);
        if (name.Run == OracleRun.Gradients)
            return Within(verdict, limits.Gradients, c);
        return name.IsLogits ? Logits(name, expected, actual, verdict, c) : Within(verdict, limits.Intermediates, c);
    }

    private static TensorVerdict Within(TensorVerdict verdict, double limit, TensorComparison c) => c.RelativeL2 <= limit
        ? verdict with { Verdict = Verdict.Noise, Limit = limit }
        : verdict with { Verdict = Verdict.Fail, Limit = limit, Note = Invariant($"relative L2 {c.RelativeL2:E2} above {limit:E0}; first mismatch at {At(c)}") };

    private TensorVerdict Logits(OracleName name, Tensor expected, Tensor actual, TensorVerdict verdict, TensorComparison c)
    {
        Tensor? truth = oracle.TryGetValue("logits_f64", out Tensor? t) && t.Shape == expected.Shape && name.Name is "logits" or "logits_naive" ? t : null;
        if (truth is null)
            return Within(verdict, limits.Logits, c);

        double official = TensorComparison.Compare(truth, expected).RelativeL2;
        double ours = TensorComparison.Compare(truth, actual).RelativeL2;
        string note = Invariant($"distance from logits_f64 {ours:E3}, the oracle's {official:E3}, ratio {ours / official:F3} of at most {limits.DistanceRatio}");
        if (!(ours <= limits.DistanceRatio * official))
            return verdict with { Verdict = Verdict.Fail, Note = note };
        if (limits.DistanceAlone)
            return verdict with { Verdict = Verdict.Noise, Note = note };
        TensorVerdict within = Within(verdict, limits.Logits, c);
        return within.Verdict == Verdict.Fail ? within : within with { Note = note };
    }

    private TensorVerdict Integers(OracleName name, Tensor expected, Tensor actual, TensorVerdict verdict, TensorComparison c)
    {
        if (contract.Activations != DType.BF16 || !name.Probe.EndsWith("topk_indices", StringComparison.Ordinal))
            return verdict with { Verdict = Verdict.Fail, Note = Invariant($"{c.MismatchCount} of {c.Count} differ; first mismatch at {At(c)}") };

        int K = (int)expected.Shape[^1];
        long clear = 0, wrong = 0;
        string first = "";
        for (long r = 0; r < expected.Shape[0]; r++)
        {
            RoutingMargin.Clarity clarity = Clarity(name, r, K);
            Int128[] e = [.. Enumerable.Range(0, K).Select(k => ElementReader.Integer(expected, (r * K) + k))];
            Int128[] a = [.. Enumerable.Range(0, K).Select(k => ElementReader.Integer(actual, (r * K) + k))];
            clear += clarity.SetIsClear ? 1 : 0;
            bool same = clarity.OrderIsClear ? e.SequenceEqual(a) : !clarity.SetIsClear || e.Order().SequenceEqual(a.Order());
            if (!same && wrong++ == 0)
                first = Invariant($"; first at row {r}");
        }

        string note = Invariant($"{clear} of {expected.Shape[0]} rows are clear of BF16 noise, {wrong} of these differ{first}");
        return verdict with { Verdict = wrong == 0 ? Verdict.Noise : Verdict.Fail, Note = note };
    }

    /// <summary>Weights expert by expert, over the experts that both chose.</summary>
    private TensorVerdict Weights(OracleName name, Tensor expected, Tensor actual, TensorVerdict verdict)
    {
        string indices = name.Name.Replace("topk_weights", "topk_indices", StringComparison.Ordinal);
        string probe = name.Probe.Replace("topk_weights", "topk_indices", StringComparison.Ordinal);
        if (!oracle.TryGetValue(indices, out Tensor? expectedIds) || !runs.Result(name.Run).TryGetValue(probe, out Tensor? actualIds) || expectedIds.Shape != expected.Shape)
            return Within(verdict, limits.Intermediates, verdict.Comparison!);

        int K = (int)expected.Shape[^1];
        double diff = 0, norm = 0;
        long unmatched = 0;
        for (long i = 0; i < expected.ElementCount; i++)
        {
            long row = i / K * K;
            Int128 id = ElementReader.Integer(expectedIds, i);
            int slot = Enumerable.Range(0, K).FirstOrDefault(k => ElementReader.Integer(actualIds, row + k) == id, -1);
            double e = ElementReader.Value(expected, i);
            if (slot < 0)
            {
                unmatched++;
                continue;
            }

            norm += e * e;
            diff += Math.Pow(ElementReader.Value(actual, row + slot) - e, 2);
        }

        if (unmatched > 0 && unmatched == expected.ElementCount)
            return verdict with { Verdict = Verdict.Fail, Note = "no token chose an expert of the oracle's: there is no weight to compare" };

        double relative = norm == 0 ? 0 : Math.Sqrt(diff / norm);
        string note = unmatched == 0 ? "" : Invariant($"{unmatched} weights belong to experts within the routing noise");
        return verdict with { RelativeL2 = relative, Limit = limits.Intermediates, Verdict = relative <= limits.Intermediates ? Verdict.Noise : Verdict.Fail, Note = note };
    }

    private RoutingMargin.Clarity Clarity(OracleName name, long row, int K)
    {
        DeepSeekModel model = runs.Model(name.Run);
        DeepSeekConfig config = model.Config;
        string scoresName = RoutingMargin.ScoresOf(name.Probe);
        Tensor ours = runs.Result(name.Run)[scoresName];
        Tensor scores = oracle.TryGetValue(RoutingMargin.ScoresOf(name.Name), out Tensor? s) && s.Shape == ours.Shape ? s : ours;
        Tensor? bias = model.RoutingBias(LayerOf(name.Probe, config));
        int E = (int)scores.Shape[^1];
        double[] values = [.. Enumerable.Range(0, E).Select(e => ElementReader.Value(scores, (row * E) + e))];
        double[] biases = bias is null ? [] : [.. Enumerable.Range(0, E).Select(e => ElementReader.Value(bias, e))];
        bool grouped = config.TopkMethod != TopkMethod.Greedy;
        return RoutingMargin.Of(values, biases, K, grouped ? config.NGroup : 1, grouped ? config.TopkGroup : 1, config.TopkMethod == TopkMethod.NoAuxTc ? GroupScore.TopTwoSum : GroupScore.Max);
    }

    private static int LayerOf(string probe, DeepSeekConfig config)
    {
        string[] parts = probe.Split('.');
        if (parts[0] == "layers")
            return int.Parse(parts[1], CultureInfo.InvariantCulture);
        return config.NumHiddenLayers + (parts.Length > 2 ? int.Parse(parts[1], CultureInfo.InvariantCulture) : 0);
    }

    private static string At(TensorComparison c) => c.FirstMismatch is { } at ? $"[{string.Join(", ", at)}]" : "none";

    private static string Invariant(FormattableString text) => FormattableString.Invariant(text);
}
