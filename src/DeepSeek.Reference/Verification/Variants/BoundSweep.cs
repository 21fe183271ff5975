using DeepSeek.Reference.Backends;

namespace DeepSeek.Reference.Verification;

/// <summary>What a sweep found of one operation.</summary>
/// <param name="Operation">Its name in case ids.</param>
internal sealed record BoundSweepRow(string Operation)
{
    /// <summary>Calls judged: a case, made by a variant.</summary>
    public long Cases { get; set; }

    /// <summary>Elements of them that the yardsticks bound.</summary>
    public long Elements { get; set; }

    /// <summary>Elements of which nothing is promised.</summary>
    public long Free { get; set; }

    /// <summary>Elements or choices beyond the bound.</summary>
    public long Violations { get; set; }

    /// <summary>The largest |y - exact| / bound over bounds above zero.</summary>
    public double Largest { get; set; }

    /// <summary>
    /// The same over outputs in binary32 whose bound is above two units in their last place: elsewhere one rounding, to the output, is most of the bound, and is reached.
    /// </summary>
    public double LargestSingle { get; set; }

    /// <summary>Where the first violation was: case, variant, element.</summary>
    public string First { get; set; } = "";

    /// <summary>Where the largest ratio was.</summary>
    public string Worst { get; set; } = "";
}

/// <summary>Random cases, made by legitimate variants, held against the yardsticks: no bound may be violated (docs/spec/bounds.md 10).</summary>
internal static class BoundSweep
{
    /// <summary>Sweeps the operations in turn until there are that many cases.</summary>
    public static IReadOnlyList<BoundSweepRow> Run(IReadOnlyList<string> operations, long cases, int seed, Action<long>? progress = null)
    {
        BoundSweepRow[] rows = [.. operations.Select(o => new BoundSweepRow(o))];
        var random = new Random(seed);
        for (long i = 0; i < cases; i++)
        {
            BoundSweepRow row = rows[i % rows.Length];
            One(row, random);
            progress?.Invoke(i + 1);
        }

        return rows;
    }

    private static void One(BoundSweepRow row, Random random)
    {
        OperationCase drawn = BoundCases.Of(row.Operation, random);
        SumOrder order = Enum.GetValues<SumOrder>()[random.Next(Enum.GetValues<SumOrder>().Length)];
        int ulps = random.Next();
        OperationCall call;
        try
        {
            call = drawn.Call(drawn.Prepare());
            call.Run(order != SumOrder.Declared ? new VariantBackend(order, ulps) : ulps % 2 == 0 ? new SimdBackend() : new ScalarBackend());
        }
        catch (NotANumberException)
        {
            // A gate whose scores are NaN has no choice to be judged (rule N3).
            return;
        }

        row.Cases++;
        foreach (Operand output in call.Outputs)
        {
            Judge(row, call, output, $"{drawn} by {order} {ulps}");
        }
    }

    private static void Judge(BoundSweepRow row, OperationCall call, Operand output, string name)
    {
        if (YardstickOf.Choice(call, output.Name) is { } choice)
        {
            for (long r = 0; r < choice.Rows; r++)
            {
                row.Elements++;
                (ChoiceVerdict verdict, string note) = choice.Judge(r);
                if (verdict == ChoiceVerdict.Wrong)
                    Violated(row, $"{name}: {output.Name}, row {r}: {note}");
            }

            return;
        }

        if (YardstickOf.Value(call, output.Name) is not { } yardstick)
            return;
        long[] elements = [.. Enumerable.Range(0, (int)output.Tensor.ElementCount).Select(i => (long)i)];
        var measured = new Measurement[elements.Length];
        yardstick.Measure(elements, measured);
        for (int i = 0; i < elements.Length; i++)
        {
            double y = Yardstick.ValueOf(call, output, i);
            if (double.IsPositiveInfinity(measured[i].Bound))
            {
                row.Free++;
                continue;
            }

            row.Elements++;
            double ratio = Ratio(y, measured[i]);
            if (ratio > 1)
                Violated(row, $"{name}: {output.Name}[{i}] is {y:R}, exact {measured[i].Exact:R}, bound {measured[i].Bound:R}");
            if (output.Tensor.DType == DType.F32 && measured[i].Bound > 2 * UnitInLastPlace(measured[i].Exact))
                row.LargestSingle = Math.Max(row.LargestSingle, ratio);
            if (ratio > row.Largest)
                (row.Largest, row.Worst) = (ratio, $"{name}: {output.Name}[{i}] is {y:R}, exact {measured[i].Exact:R}, bound {measured[i].Bound:R}");
        }
    }

    /// <summary>|y - exact| / bound: 0 where both are the same, an infinity or a NaN too; +∞ where the bound is zero and they differ, or no number.</summary>
    public static double Ratio(double y, Measurement measured)
    {
        if (double.IsNaN(y) && double.IsNaN(measured.Exact) || y == measured.Exact)
            return 0;
        double ratio = Math.Abs(y - measured.Exact) / measured.Bound;
        return double.IsFinite(ratio) ? ratio : double.PositiveInfinity;
    }

    private static double UnitInLastPlace(double x) => Math.ScaleB(1, Math.Max(Math.ILogB(x), -126) - 23);

    private static void Violated(BoundSweepRow row, string where)
    {
        row.Violations++;
        if (row.First.Length == 0)
            row.First = where;
    }
}
