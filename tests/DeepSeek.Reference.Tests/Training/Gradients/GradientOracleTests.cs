using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Tests.Model;
using DeepSeek.Reference.Tests.Ops;
using DeepSeek.Reference.Training;
using Xunit;

namespace DeepSeek.Reference.Tests.Training;

/// <summary>Gradients of whole models against float64 autograd (golden/oracles/f64_grad), and against differences of a loss in binary64.</summary>
public class GradientOracleTests
{
    /// <summary>Where float32 gradients stand against float64 autograd: a few hundred roundings of 2^-24.</summary>
    private const double Limit = 1e-5;

    [Theory]
    [InlineData("scalar")]
    [InlineData("simd")]
    public void Every_gradient_is_that_of_float64_autograd(string backend)
    {
        using Checkpoint checkpoint = Checkpoint.Open(Golden.Path("oracles", "f64_grad"));
        using SafetensorsFile oracle = SafetensorsFile.Open(Golden.Path("oracles", "f64_grad", "oracle.safetensors"));
        DeepSeekConfig config = DeepSeekConfig.Load(Golden.Path("oracles", "f64_grad", "config.json"));
        GradientSet actual = GradientModel.Over(checkpoint, config, Backend(backend)).Gradients(Rows(oracle.Get("input_ids")));

        Assert.Equal(oracle.Get("loss").AsReadOnlySpan<double>()[0], actual.Losses.Total, 1e-5);
        Assert.Equal(oracle.Entries.Keys.Where(name => name.StartsWith("grad.", StringComparison.Ordinal)).Order(StringComparer.Ordinal), actual.Names.Select(name => $"grad.{name}").Order(StringComparer.Ordinal));
        foreach (string name in actual.Names)
        {
            double[] expected = oracle.Get($"grad.{name}").AsReadOnlySpan<double>().ToArray();
            double error = RelativeL2(expected, actual[name].AsReadOnlySpan<float>());
            Assert.True(error < Limit, $"{name}: relative L2 {error}");
        }
    }

    public static TheoryData<string, double, double> Cases => new()
    {
        { "fp32_short", 0, 0 },
        { "fp32_yarn_long", 0, 0.01 },
        { "fp32_groups", 0, 0 },
        { "fp32_noqlora", 0, 0 },
        { "fp32_negbias", 0, 0 },
        { "fp32_mtp", 0, 0 },
        { "fp32_mtp", 0.3, 0 },
        { "bf16", 0, 0 },
        { "v2", 0, 0.01 },
        { "v3", 0, 0.01 },
        { "mtp3", 0.3, 0.01 },
    };

    /// <summary>
    /// Along each parameter's gradient, and along a random direction, the loss in binary64 changes as the gradient says. Central differences of step 1e-4 · ‖w‖ err by
    /// about 1e-7 of a loss of a few units over that step; 1e-4 of the gradient's norm is beyond both that and binary32, and far below a term that is missing.
    /// </summary>
    [Theory]
    [MemberData(nameof(Cases))]
    public void The_loss_changes_along_each_parameter_as_its_gradient_says(string name, double mtp, double balance)
    {
        using Checkpoint? checkpoint = name.Contains('_', StringComparison.Ordinal) || name == "bf16" ? Checkpoint.Open(Golden.Path("oracles", name)) : null;
        DeepSeekConfig config = checkpoint is not null ? DeepSeekConfig.Load(Golden.Path("oracles", name, "config.json")) : name switch
        {
            "v2" => SyntheticModel.V2,
            "mtp3" => SyntheticModel.V3 with { NumNextnPredictLayers = 3 },
            _ => SyntheticModel.V3,
        };
        Dictionary<string, Tensor>? made = checkpoint is null ? SyntheticModel.Weights(config) : null;
        Tensor? Find(string tensor) => made is not null ? made.GetValueOrDefault(tensor) : checkpoint!.TryGet(tensor, out Tensor? t) ? t : null;
        int[][] rows = [SyntheticModel.Ids(9, 1, config.VocabSize), SyntheticModel.Ids(6, 2, config.VocabSize)];
        var options = new LossOptions { MtpWeight = mtp, BalanceWeight = balance };
        GradientSet gradients = new GradientModel(config, Find, new SimdBackend(1)).Gradients(rows, options);

        var model = new DoubleModel(config, Find, options);
        double loss = model.Loss(rows);
        Assert.Equal(loss, gradients.Losses.Total, 1e-5 * loss);
        var random = new Random(5);
        Assert.All(gradients.Names, parameter =>
        {
            float[] g = gradients[parameter].AsReadOnlySpan<float>().ToArray();
            double norm = Math.Sqrt(g.Sum(v => (double)v * v));
            double[] along = norm == 0 ? [.. g.Select(_ => 1 / Math.Sqrt(g.Length))] : [.. g.Select(v => v / norm)];
            double[] across = [.. g.Select(_ => random.NextDouble() - 0.5)];
            double[] w = model.Weights[parameter];
            double step = 1e-5 * Math.Sqrt(w.Sum(v => v * v));
            foreach (double[] direction in new[] { along, across })
            {
                double slope = (Moved(model, rows, w, direction, step) - Moved(model, rows, w, direction, -step)) / (2 * step);
                double said = direction.Zip(g, (a, b) => a * b).Sum();
                double length = Math.Sqrt(direction.Sum(v => v * v));
                Assert.True(Math.Abs(slope - said) <= (1e-4 * norm + 1e-8) * length, $"{parameter}: the loss changes by {slope}, the gradient says {said}, its norm is {norm}");
            }
        });
    }

    private static double Moved(DoubleModel model, int[][] rows, double[] w, double[] direction, double step)
    {
        double[] kept = [.. w];
        for (int i = 0; i < w.Length; i++)
            w[i] += step * direction[i];
        double loss = model.Loss(rows);
        kept.CopyTo(w, 0);
        return loss;
    }

    private static IBackwardBackend Backend(string name) => name == "scalar" ? new ScalarBackend() : new SimdBackend(2);

    private static int[][] Rows(Tensor ids)
    {
        int T = (int)ids.Shape[1];
        return [.. ids.AsReadOnlySpan<long>().ToArray().Select(id => (int)id).Chunk(T)];
    }

    private static double RelativeL2(double[] expected, ReadOnlySpan<float> actual)
    {
        double difference = 0, norm = 0;
        for (int i = 0; i < expected.Length; i++)
        {
            difference += (expected[i] - actual[i]) * (expected[i] - actual[i]);
            norm += expected[i] * expected[i];
        }

        return norm == 0 ? Math.Sqrt(difference) : Math.Sqrt(difference / norm);
    }
}
