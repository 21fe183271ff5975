using System.Diagnostics;
using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Ops;
using DeepSeek.Reference.Verification;

namespace DeepSeek.Reference.Tool.Lab;

/// <summary>What judging said of one candidate.</summary>
/// <param name="Candidate">What the candidate did.</param>
/// <param name="Seconds">Seconds that judging took.</param>
/// <param name="Report">The report.</param>
internal sealed record BudgetRow(string Candidate, double Seconds, CallReport Report);

/// <summary>How long judging a product of the real model's shape takes, and what it finds within a budget (docs/spec/noise.md 6).</summary>
/// <remarks>
/// The candidate is a binary32 product of the dequantised operands: what a kernel with a wide accumulator gives, made at the speed of a matrix product. Then with one
/// element, one tile and one row of it wrong.
/// </remarks>
internal static class BudgetExperiment
{
    /// <summary>Judges every candidate of a case.</summary>
    public static IReadOnlyList<BudgetRow> Run(string id, JudgeOptions options, Action<string> progress)
    {
        progress("inputs");
        OperationCase c = OperationCase.Parse(id);
        OperationCall call = c.Call(c.Prepare());
        if (CallSampler.Of(call) is not ProductSampler { GroupCount: 1 } sampler)
            throw new ContractException($"{id}: the experiment takes one plain or block-scaled product");
        progress("candidate");
        Make(call["y"], sampler);
        Tensor right = call["y"].Clone();
        var rows = new List<BudgetRow>();
        foreach ((string name, Action<Tensor> change) in Candidates(sampler.Rows, sampler.Columns))
        {
            progress(name);
            Restore(right, call["y"]);
            change(call["y"]);
            long start = Stopwatch.GetTimestamp();
            CallReport report = CallJudge.Judge(call, null, options);
            rows.Add(new BudgetRow(name, Stopwatch.GetElapsedTime(start).TotalSeconds, report));
        }

        return rows;
    }

    private static IEnumerable<(string, Action<Tensor>)> Candidates(int rows, int columns)
    {
        yield return ("binary32 product", _ => { });
        yield return ("one element doubled", y => Scale(y, rows / 3, columns / 3, 1, 1, 2));
        yield return ("a row 1% off", y => Scale(y, rows - 1, 0, 1, columns, 1.01));
        yield return ("a tile 1% off", y => Scale(y, rows / 2 / NoiseGrouping.Tile * NoiseGrouping.Tile, columns / 2 / NoiseGrouping.Tile * NoiseGrouping.Tile, NoiseGrouping.Tile, NoiseGrouping.Tile, 1.01));
    }

    private static void Make(Tensor y, ProductSampler sampler)
    {
        const int RowsAtOnce = 512;
        var simd = new SimdBackend();
        Tensor weight = sampler.WideWeight(0, 0, sampler.Columns);
        for (int t = 0; t < sampler.Rows; t += RowsAtOnce)
        {
            int count = Math.Min(RowsAtOnce, sampler.Rows - t);
            simd.Linear(sampler.WideX(t, count), weight, Accumulation.Lanes16, y.Rows(t, count));
        }
    }

    private static void Restore(Tensor from, Tensor to)
    {
        for (int t = 0; t < from.Shape[0]; t++)
            Operands.Store(Operands.Widen(from, t * from.Shape[1], (int)from.Shape[1]), to, t * from.Shape[1]);
    }

    private static void Scale(Tensor y, int row, int column, int height, int width, double factor)
    {
        for (int t = row; t < Math.Min(row + height, y.Shape[0]); t++)
        {
            for (int n = column; n < Math.Min(column + width, y.Shape[1]); n++)
                Operands.Store([(float)(ElementReader.Value(y, t * y.Shape[1] + n) * factor)], y, t * y.Shape[1] + n);
        }
    }
}
