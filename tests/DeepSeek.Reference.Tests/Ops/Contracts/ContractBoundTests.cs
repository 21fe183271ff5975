using System.Globalization;
using System.Reflection;
using System.Text;
using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Ops;
using DeepSeek.Reference.Tests.House;
using DeepSeek.Reference.Verification;
using FsCheck.Xunit;
using Xunit;

namespace DeepSeek.Reference.Tests.Ops.Contracts;

/// <summary>Rule N23 against mathematics: every preset stays inside the bound of docs/spec/attention-contract.md 7, and the distances of its page are measured.</summary>
public class ContractBoundTests
{
    private const double U = 1.0 / (1 << 24);
    private const string TableStart = "<!-- distances -->\n";
    private const string TableEnd = "<!-- end of distances -->";
    private static readonly SimdBackend backend = new(2);

    [Property(MaxTest = 60)]
    public void Rule_N23_every_preset_stays_within_its_bound_of_the_exact_softmax(int seed)
    {
        var data = new ContractCase(seed, mostKeys: 600, specials: false);
        AttentionContract contract = data.Any([.. AttentionContract.Presets, AttentionContract.FlashMlaDense with { Parts = 2 }, AttentionContract.FlashMlaSm90 with { Parts = 2 }, AttentionContract.FlashMlaHopper with { Parts = 2 }]);
        var attributes = new AttentionAttributes(data.Scale, data.FirstPosition, contract);
        (int S, int H, _, _, _, int Dv, _) = data.Shape;
        var y = new Tensor(DType.F32, S, H, Dv);
        backend.Attention(data.Q, data.Keys, data.OwnValues, attributes, y);
        for (int i = 0; i < S; i++)
        {
            for (int h = 0; h < H; h++)
            {
                (double[] exact, double[] bound) = Exact(data.Q, data.Keys, data.OwnValues, data.Shape, attributes, i, h);
                for (int c = 0; c < Dv; c++)
                {
                    double error = Math.Abs(y.AsReadOnlySpan<float>()[(i * H + h) * Dv + c] - exact[c]);
                    Assert.True(error <= bound[c], $"error {error}, bound {bound[c]} at query {i}, head {h}, channel {c}: {data} {contract}");
                }
            }
        }
    }

    [Fact]
    public void Rule_N23_the_distances_between_presets_are_those_of_the_page()
    {
        OperationCase latent = OperationCase.Parse("attention[s=1,t=449,h=4,hk=1,d=576,dv=512,latent=yes,q=bf16,keys=bf16,scale=0.1352337,schedule=flashmladense]");
        CaseTensors tensors = latent.Prepare();
        var shape = new AttentionShape(1, 4, 449, 1, 576, 512, true);
        (string Name, AttentionContract Contract)[] rows =
        [
            .. AttentionContract.Presets.Select(p => (p.Name, p)),
            ("FlashMlaDense, parts=2", AttentionContract.FlashMlaDense with { Parts = 2 }),
            ("FlashMlaDense, weights=f8", AttentionContract.FlashMlaDense with { Weights = DType.F8_E4M3 }),
            ("FlashMlaDense, qk=pv=lanes16", AttentionContract.FlashMlaDense with { QueryKey = Accumulation.Lanes16, WeightValue = Accumulation.Lanes16 }),
        ];
        double[] exact = [.. Enumerable.Range(0, 4).SelectMany(h => Exact(tensors["q"], tensors["keys"], null, shape, new AttentionAttributes(0.1352337f, 448, AttentionContract.Canonical), 0, h).Exact)];
        var results = new List<double[]> { exact };
        foreach ((_, AttentionContract contract) in rows)
        {
            var y = new Tensor(DType.F32, 1, 4, 512);
            backend.Attention(tensors["q"], tensors["keys"], null, new AttentionAttributes(0.1352337f, 448, contract), y);
            results.Add([.. y.AsReadOnlySpan<float>().ToArray().Select(x => (double)x)]);
        }

        var table = new StringBuilder("| | exact | Canonical | DeepSeekInference | FlashMlaDense | FlashMlaSm90 |\n|---|---|---|---|---|---|\n");
        for (int i = 0; i < rows.Length; i++)
            table.Append(CultureInfo.InvariantCulture, $"| {rows[i].Name} | {string.Join(" | ", results.Take(5).Select(r => Distance(results[i + 1], r)))} |\n");

        string page = Repository.ReadText("docs", "spec", "attention-contract.md");
        int start = page.IndexOf(TableStart, StringComparison.Ordinal) + TableStart.Length;
        Repository.Keep(page[..start] + table + page[page.IndexOf(TableEnd, StringComparison.Ordinal)..], "docs", "spec", "attention-contract.md");
    }

    [Fact]
    public void Rule_N23_the_catalogue_holds_every_value_of_every_field()
    {
        AttentionContract[] contracts = [.. CaseCatalogue.All.Where(c => c.Operation == Operation.Attention && c.MultiplyAdds <= CaseCatalogue.QuickLimit)
            .Select(c => ((AttentionCall)c.Call(c.Prepare())).Attributes.Contract!).Where(c => c is not null)];
        foreach (PropertyInfo field in typeof(AttentionContract).GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(p => p.PropertyType.IsEnum && p.PropertyType != typeof(DType)))
        {
            object[] missing = [.. Enum.GetValues(field.PropertyType).Cast<object>().Where(value => !contracts.Any(c => field.GetValue(c)!.Equals(value)))];
            Assert.True(missing.Length == 0, $"no quick case has {field.Name} = {string.Join(", ", missing)}");
        }

        Assert.Superset(new HashSet<DType> { DType.F32, DType.BF16, DType.F8_E4M3 }, contracts.Select(c => c.Weights).ToHashSet());
        Assert.Superset(new HashSet<DType> { DType.F32, DType.BF16 }, contracts.Select(c => c.Partials).ToHashSet());
        AttentionFunctions[] functions = [AttentionFunctions.Correct, AttentionFunctions.HopperFastMath];
        Assert.Superset(new HashSet<(AttentionSchedule, AttentionFunctions)>(functions.SelectMany(f => Enum.GetValues<AttentionSchedule>().Where(s => s != AttentionSchedule.TwoPass).Select(s => (s, f)))),
            contracts.Select(c => (c.Schedule, c.Functions)).ToHashSet());
        Assert.Superset(new HashSet<int> { 0, 64, 128 }, contracts.Select(c => c.Block).ToHashSet());
        Assert.Superset(new HashSet<int> { 1, 2, 3 }, contracts.Where(c => c.Split == KeySplit.FlashMla).Select(c => c.Parts).ToHashSet());
        Assert.Equal(Enum.GetValues<AccumulationKind>().ToHashSet(), contracts.Select(c => c.QueryKey.Kind).ToHashSet());
        Assert.Equal(Enum.GetValues<AccumulationKind>().ToHashSet(), contracts.Select(c => c.WeightValue.Kind).ToHashSet());
    }

    /// <summary>The softmax attention of one row in binary64, and the bound of each channel.</summary>
    private static (double[] Exact, double[] Bound) Exact(Tensor q, Tensor keys, Tensor? values, AttentionShape shape, AttentionAttributes attributes, int i, int h)
    {
        (_, int H, _, int Hk, int D, int Dv, _) = shape;
        int n = shape.Visible(attributes, i), hk = shape.KeyHead(h);
        ReadOnlySpan<float> query = Operands.Widen(q).Slice((i * H + h) * D, D), k = Operands.Widen(keys), v = Operands.Widen(values ?? keys);
        double[] z = new double[n], p = new double[n];
        double largestProducts = 0, largestScore = 0;
        for (int j = 0; j < n; j++)
        {
            double products = 0;
            for (int d = 0; d < D; d++)
            {
                double term = (double)query[d] * k[(j * Hk + hk) * D + d];
                z[j] += term * attributes.Scale;
                products += Math.Abs(term) * attributes.Scale;
            }

            largestProducts = Math.Max(largestProducts, products);
            largestScore = Math.Max(largestScore, Math.Abs(z[j]));
        }

        double m = n == 0 ? 0 : z.Max(), total = 0;
        for (int j = 0; j < n; j++)
            total += p[j] = Math.Exp(z[j] - m);

        AttentionContract contract = attributes.Contract!;
        double blocks = contract.Block == 0 ? 1 : (shape.T + contract.Block - 1) / contract.Block;
        double eta = (D + 16) * U * largestProducts + 10 * U * largestScore + (contract.Scores == ScoreRounding.EveryStep ? 3.1 / 256 * largestProducts : 0);
        double beta = contract.Weights == DType.BF16 ? 1.0 / 256 : 0;
        bool fast = contract.Functions == AttentionFunctions.HopperFastMath;
        double tau = (shape.T + 16 * blocks + 80 + (fast ? 6 * blocks + 10 : 0)) * U;
        double sigma = contract.Parts == 1 ? 0 : 8 * U * (largestScore + Math.Log(shape.T + 1) + 2) + (contract.Parts + 4 + (fast ? 20 + 4 * Math.Log(shape.T + 1) : 0)) * U;
        double relative = Math.Exp(2 * eta) * (1 + beta) * (1 + tau) * (1 + tau) * (1 + sigma) - 1;

        double[] exact = new double[Dv], bound = new double[Dv];
        for (int c = 0; c < Dv; c++)
        {
            double magnitude = 0;
            for (int j = 0; j < n; j++)
            {
                double value = v[(j * Hk + hk) * shape.ValueStride + c];
                exact[c] += p[j] / total * value;
                magnitude += p[j] / total * Math.Abs(value);
            }

            bound[c] = magnitude * relative + 1e-35;
        }

        return (exact, bound);
    }

    private static string Distance(double[] a, double[] b)
    {
        double difference = 0, norm = 0;
        for (int i = 0; i < a.Length; i++)
        {
            difference += (a[i] - b[i]) * (a[i] - b[i]);
            norm += b[i] * b[i];
        }

        return difference == 0 ? "0" : Math.Sqrt(difference / norm).ToString("0.0e0", CultureInfo.InvariantCulture);
    }
}
