using DeepSeek.Reference.Training;
using Xunit;

namespace DeepSeek.Reference.Tests.Training;

/// <summary>golden/oracles/f64_grad: torch.optim.AdamW in binary64, decay on all parameters, learning rate 0.001.</summary>
public sealed class AdamWOracleTests : IDisposable
{
    private const double Rate = 1e-3;

    private readonly TensorFile before = Read("model"), oracle = Read("oracle"), after = Read("adamw");

    public void Dispose()
    {
        before.Dispose();
        oracle.Dispose();
        after.Dispose();
    }

    /// <summary>
    /// Half a unit of the weight for our last rounding, half for the oracle's; the change is a product of a dozen roundings at most. A gradient is rounded to binary32 on its
    /// way in, which moves the change by less than that: d(g/(|g| + ε))/dg · g is at most 1/4.
    /// </summary>
    [Fact]
    public void The_first_step_of_every_parameter()
    {
        int compared = 0;
        foreach ((string name, Tensor expected) in Steps("step1."))
        {
            float[] theta = before.Get(name).AsReadOnlySpan<float>().ToArray();
            float[] g = Array.ConvertAll(oracle.Get($"grad.{name}").AsReadOnlySpan<double>().ToArray(), x => (float)x);
            AdamW.Define(theta, g, new float[g.Length], new float[g.Length], new AdamWStep(new AdamWOptions(), 1, Rate));
            ReadOnlySpan<float> wanted = expected.AsReadOnlySpan<float>();
            for (int i = 0; i < theta.Length; i++)
            {
                double bound = Math.ScaleB(1, -24) * (2.02 * Math.Abs(wanted[i]) + 12 * Rate * (1 + 0.1 * Math.Abs(wanted[i])));
                Assert.True(Math.Abs((double)theta[i] - wanted[i]) <= bound, $"{name}[{i}]: {theta[i]:R}, torch {wanted[i]:R}, bound {bound:R}");
            }

            compared += theta.Length;
        }

        Assert.True(compared > 20000, $"{compared} elements");
    }

    /// <summary>Embeddings of tokens that are not in the batch have no gradient: three steps of decay alone, a rounding each and the oracle's.</summary>
    [Fact]
    public void Three_steps_of_embeddings_that_no_token_took()
    {
        const string Name = "model.embed_tokens.weight";
        float[] theta = before.Get(Name).AsReadOnlySpan<float>().ToArray(), m = new float[theta.Length], v = new float[theta.Length];
        double[] g = oracle.Get($"grad.{Name}").AsReadOnlySpan<double>().ToArray();
        for (int t = 1; t <= 3; t++)
            AdamW.Define(theta, new float[theta.Length], m, v, new AdamWStep(new AdamWOptions(), t, Rate));
        ReadOnlySpan<float> wanted = after.Get($"step3.{Name}").AsReadOnlySpan<float>();
        int d = (int)before.Get(Name).Shape[1], rows = 0;
        for (int row = 0; row < theta.Length / d; row++)
        {
            if (g.AsSpan(row * d, d).ContainsAnyExcept(0.0))
                continue;
            rows++;
            for (int i = row * d; i < (row + 1) * d; i++)
                Assert.True(Math.Abs((double)theta[i] - wanted[i]) <= Math.ScaleB(1, -24) * 4.04 * Math.Abs(wanted[i]), $"[{i}]: {theta[i]:R}, torch {wanted[i]:R}");
        }

        Assert.True(rows > 10, $"{rows} rows");
    }

    private IEnumerable<(string Name, Tensor Expected)> Steps(string prefix) =>
        after.Tensors.Where(t => t.Key.StartsWith(prefix, StringComparison.Ordinal)).Select(t => (t.Key[prefix.Length..], t.Value));

    private static TensorFile Read(string name) => TensorFile.Read(Golden.Path("oracles", "f64_grad", $"{name}.safetensors"));
}
