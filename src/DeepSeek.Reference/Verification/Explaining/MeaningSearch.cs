using DeepSeek.Reference.Backends;

namespace DeepSeek.Reference.Verification.Explaining;

/// <summary>A meaning, or a pair, and how far its result is from the candidate.</summary>
/// <param name="Meanings">One, two, or none for what was asked.</param>
/// <param name="Distance">Relative L2 over the outputs that were given; the share of wrong elements for whole numbers.</param>
/// <param name="Call">The changed call on all rows, its outputs not computed.</param>
internal sealed record MeantCall(IReadOnlyList<Meaning> Meanings, double Distance, OperationCall Call);

/// <summary>The first stage: which meaning comes near the candidate, by relative L2 on a few rows.</summary>
internal sealed class MeaningSearch
{
    // One run of a meaning on the rows looked at costs at most this many multiply-adds.
    private const long Cost = 1 << 22;

    private readonly OperationCall call;
    private readonly IReadOnlyDictionary<string, Tensor> candidate;
    private readonly SimdBackend backend = new(1);
    private int tried, leftOut;

    /// <summary>The search for a call and a candidate's outputs by name.</summary>
    public MeaningSearch(OperationCall call, IReadOnlyDictionary<string, Tensor> candidate)
    {
        this.call = call;
        this.candidate = candidate;
    }

    /// <summary>Meanings tried so far.</summary>
    public int Tried => tried;

    /// <summary>The distance that rounding alone may cause: a few units in the last place of the coarsest output, or what a matrix unit with 13 bits loses.</summary>
    public double RoundingDistance
    {
        get
        {
            // Half a unit in the last place of bfloat16 is 2^-9 at most, of E4M3 2^-4; truncation doubles it. A chain of a few thousand products in 13 bits loses about 2e-3.
            return candidate.Values.Max(t => t.DType switch
            {
                DType.BF16 => 8e-3,
                DType.F8_E4M3 => 0.1,
                _ when ElementReader.IsInteger(t.DType) => 0.02,
                _ => 4e-3,
            });
        }
    }

    /// <summary>Every meaning that applies to a call's operation.</summary>
    public static IReadOnlyList<Meaning> Of(Operation operation) => operation switch
    {
        Operation.ScaledLinear or Operation.GroupedScaledLinear or Operation.IndexedScaledLinear or Operation.MaskedScaledLinear =>
            [.. ProductMeanings.Scales, .. ProductMeanings.Additions, .. ProductMeanings.Operands],
        Operation.Linear or Operation.GroupedLinear => ProductMeanings.Operands,
        Operation.RmsNorm => DenseMeanings.Norm,
        Operation.SwiGlu => DenseMeanings.Activation,
        Operation.Rope => DenseMeanings.Rotation,
        Operation.Attention => AttentionMeanings.All,
        Operation.Gate => ExpertMeanings.Gate,
        Operation.Combine or Operation.Dispatch => ExpertMeanings.Combine,
        Operation.Quantize or Operation.Dequantize => QuantisationMeanings.All,
        >= Operation.LinearDgrad => GradientMeanings.All,
        _ => DenseMeanings.Others,
    };

    /// <summary>What was asked.</summary>
    public MeantCall AsAsked() => Measured([], call)!;

    /// <summary>Meanings that were left out because the time was up.</summary>
    public int LeftOut => leftOut;

    /// <summary>Each meaning alone, nearest first; where the time is up before all were tried, those that came first in their table.</summary>
    public IReadOnlyList<MeantCall> Singles(ExplainClock clock)
    {
        IReadOnlyList<Meaning> all = Of(call.Operation);
        return Measured(all.Count, clock, i => ([all[i]], Changed(() => all[i].Change(call))));
    }

    /// <summary>Pairs of meanings, nearest first; those with the nearest single ones come first while time lasts.</summary>
    public IReadOnlyList<MeantCall> Pairs(IReadOnlyList<MeantCall> singles, ExplainClock clock)
    {
        (Meaning A, Meaning B)[] pairs = [.. from far in Enumerable.Range(1, Math.Max(0, singles.Count - 1)) from near in Enumerable.Range(0, far) select (singles[near].Meanings[0], singles[far].Meanings[0])];
        return Measured(pairs.Length, clock, i => ([pairs[i].A, pairs[i].B], Changed(() => pairs[i].A.With(pairs[i].B, call))));
    }

    private MeantCall[] Measured(int count, ExplainClock clock, Func<int, (IReadOnlyList<Meaning> Meanings, OperationCall? Changed)> at)
    {
        var found = new MeantCall?[count];
        int next = -1;
        Parallel.For(0, Environment.ProcessorCount, _ =>
        {
            for (int i = Interlocked.Increment(ref next); i < count; i = Interlocked.Increment(ref next))
            {
                if (clock.Left == 0)
                {
                    Interlocked.Increment(ref leftOut);
                    continue;
                }

                (IReadOnlyList<Meaning> meanings, OperationCall? changed) = at(i);
                found[i] = Measured(meanings, changed);
            }
        });
        return [.. found.OfType<MeantCall>().OrderBy(m => m.Distance)];
    }

    /// <summary>A hypothesis that leads to impossible operands does not apply.</summary>
    private static OperationCall? Changed(Func<OperationCall?> change)
    {
        try
        {
            return change();
        }
        catch (ReferenceException)
        {
            return null;
        }
    }

    private MeantCall? Measured(IReadOnlyList<Meaning> meanings, OperationCall? changed)
    {
        if (changed is null)
            return null;
        Interlocked.Increment(ref tried);
        (OperationCall few, Func<string, Tensor> part) = CallExcerpt.Of(changed, candidate, Cost);
        OperationCall own = few.WithOwnOutputs();
        try
        {
            own.Run(backend);
        }
        catch (ReferenceException) when (meanings.Count > 0)
        {
            return null;
        }

        double sum = 0;
        foreach (string name in candidate.Keys)
        {
            double d = Distance(own[name], part(name));
            sum += d * d;
        }

        return new MeantCall(meanings, Math.Sqrt(sum / candidate.Count), changed);
    }

    /// <summary>Relative L2; where masks of NaN differ the share of elements by which they do, on top of 1.</summary>
    private static double Distance(Tensor expected, Tensor actual)
    {
        TensorComparison c = TensorComparison.Compare(expected, actual);
        if (ElementReader.IsInteger(expected.DType))
            return (double)c.MismatchCount / Math.Max(1, c.Count);
        if (!c.MasksAgree)
            return 1 + (double)(c.NaNMismatchCount + c.InfinityMismatchCount) / c.Count;
        return double.IsFinite(c.RelativeL2) ? c.RelativeL2 : 1e9;
    }
}
