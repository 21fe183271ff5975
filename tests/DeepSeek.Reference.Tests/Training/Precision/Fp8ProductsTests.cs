using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Ops;
using DeepSeek.Reference.Training;
using Xunit;

namespace DeepSeek.Reference.Tests.Training;

/// <summary>Fprop, Dgrad and Wgrad on codes against sums in binary64 of what the codes stand for. No size is a multiple of 128, and each is beyond it.</summary>
public class Fp8ProductsTests
{
    private const int T = 150, N = 130, K = 140;

    private static readonly SimdBackend backend = new(1);

    /// <summary>Two runs of 128 at most, each rounded once, twice multiplied and once added: five roundings of terms no larger than Σ |a b|.</summary>
    private static readonly double tolerance = 5 * Math.ScaleB(1, -24);

    [Theory]
    [InlineData(Fp8Scaling.Tiles)]
    [InlineData(Fp8Scaling.Tensor)]
    public void Fprop_is_x_times_the_weight(Fp8Scaling scaling)
    {
        (Casts casts, Fp8Products products) = Make(scaling);
        Quantized x = casts.Quantize(CastPoint.FpropInput, Values("x", T, K), "m", "x");
        QuantizedWeight w = casts.ProjectionWeight("w", Values("w", N, K));
        var y = new Tensor(DType.F32, T, N);
        products.Fprop(x, w, y);
        Compare(y, Reals(casts, x), Reals(casts, w.Fprop), T, N, K, (a, t, k) => a[t * K + k], (b, n, k) => b[n * K + k], (_, _) => 0);
    }

    [Theory]
    [InlineData(Fp8Scaling.Tiles)]
    [InlineData(Fp8Scaling.Tensor)]
    public void Dgrad_is_dy_times_the_same_blocks_transposed(Fp8Scaling scaling)
    {
        (Casts casts, Fp8Products products) = Make(scaling);
        Quantized dy = casts.Quantize(CastPoint.DgradGradient, Values("dy", T, N), "m", "dy");
        QuantizedWeight w = casts.ProjectionWeight("w", Values("w", N, K));
        var dx = new Tensor(DType.F32, T, K);
        products.Dgrad(dy, w, dx);
        Compare(dx, Reals(casts, dy), Reals(casts, w.Fprop), T, K, N, (a, t, n) => a[t * N + n], (b, k, n) => b[n * K + k], (_, _) => 0);
    }

    [Theory]
    [InlineData(Fp8Scaling.Tiles)]
    [InlineData(Fp8Scaling.Tensor)]
    public void Wgrad_is_added_to_what_the_gradient_holds(Fp8Scaling scaling)
    {
        (Casts casts, Fp8Products products) = Make(scaling);
        Quantized dy = casts.Quantize(CastPoint.WgradGradient, Values("dy", T, N), "m", "dy"), x = casts.Quantize(CastPoint.WgradInput, Values("x", T, K), "m", "x");
        Tensor dW = Values("held", N, K);
        float[] held = dW.AsReadOnlySpan<float>().ToArray();
        products.Wgrad(dy, x, dW);
        Compare(dW, Reals(casts, dy), Reals(casts, x), N, K, T, (a, n, t) => a[t * N + n], (b, k, t) => b[t * K + k], (n, k) => held[n * K + k]);
    }

    /// <summary>Report 3.5.2: Wgrad's x is what Fprop's codes stand for, under other tiles; with power-of-two scales that is exact but for what falls below a new tile's range.</summary>
    [Theory]
    [InlineData(0, 1e-9, 0.0625)]
    [InlineData(1, 0, 0.0020)]
    public void Wgrads_input_is_made_of_what_was_kept(int role, double least, double most)
    {
        var casts = new Casts(TrainingPrecision.Fp8, backend);
        Tensor x = Values("x", T, K);
        var input = new LinearInput(casts, x, (InputRole)role, "m", keepValues: false);
        float[] kept = Reals(casts, input.Rows!), columns = Reals(casts, input.OfWgrad());
        Assert.Equal(QuantizationTile.Column128x1, input.OfWgrad().Tile);
        double worst = kept.Zip(columns).Where(p => Math.Abs(p.First) > 0.02).Max(p => Math.Abs(p.First - p.Second) / Math.Abs(p.First));
        Assert.InRange(worst, least, most);
    }

    /// <summary>Report 3.3.3: six fraction bits where E4M3 has three: attention's own backward and Wgrad have a rounding of 2^-7 at most.</summary>
    [Fact]
    public void Attentions_output_is_kept_to_six_bits()
    {
        var casts = new Casts(TrainingPrecision.Fp8, backend);
        Tensor x = Values("x", T, K);
        float[] kept = new LinearInput(casts, x, InputRole.AttentionOutput, "m", keepValues: false).Values.AsReadOnlySpan<float>().ToArray();
        double worst = kept.Zip(x.AsReadOnlySpan<float>().ToArray()).Where(p => p.Second != 0).Max(p => Math.Abs(p.First - p.Second) / Math.Abs(p.Second));
        Assert.InRange(worst, Math.ScaleB(1, -8), Math.ScaleB(1, -7));
    }

    private static (Casts, Fp8Products) Make(Fp8Scaling scaling)
    {
        TrainingPrecision precision = TrainingPrecision.Fp8 with { Product = ScaledProduct.TorchReexpression, Scaling = scaling };
        return (new Casts(precision, backend), new Fp8Products(backend, precision.Product));
    }

    private static Tensor Values(string name, int rows, int columns)
    {
        float[] values = new float[rows * columns];
        new RandomStream(9, name).Fill(ValueMap.Bell, 0, values);
        return Tensor.From(values, rows, columns);
    }

    private static float[] Reals(Casts casts, Quantized q) => casts.Dequantize(q).AsReadOnlySpan<float>().ToArray();

    private static void Compare(
        Tensor y, float[] a, float[] b, int rows, int columns, int depth, Func<float[], int, int, double> ofA, Func<float[], int, int, double> ofB, Func<int, int, double> held)
    {
        ReadOnlySpan<float> got = y.AsReadOnlySpan<float>();
        for (int i = 0; i < rows; i++)
        {
            for (int j = 0; j < columns; j++)
            {
                double sum = held(i, j), size = Math.Abs(sum);
                for (int k = 0; k < depth; k++)
                {
                    double term = ofA(a, i, k) * ofB(b, j, k);
                    sum += term;
                    size += Math.Abs(term);
                }

                Assert.InRange(got[i * columns + j], sum - tolerance * size, sum + tolerance * size);
            }
        }
    }
}
