using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Ops;
using DeepSeek.Reference.TensorCores;
using DeepSeek.Reference.Verification;
using DeepSeek.Reference.Verification.Explaining;
using Xunit;

namespace DeepSeek.Reference.Tests.Verification.Explaining;

/// <summary>Gradients as kernels round them, made here without the hypotheses' own code: the explanation names what was done.</summary>
public sealed class GradientExplainerTests
{
    /// <summary>A kernel reads bfloat16: the gradient that comes in is rounded, and the sum over n is the unit's, which an operand turned by hand shows.</summary>
    [Fact]
    public void Dgrad_by_Hoppers_unit()
    {
        Explanation e = Explain("linear_dgrad[t=5,n=320,k=24,weight=bf16,seed=0xb0]", call =>
        {
            var c = (LinearDgradCall)call;
            Tensor dy = Narrow(c.Dy), turned = new(DType.BF16, 24, 320);
            for (int n = 0; n < 320; n++)
            {
                for (int k = 0; k < 24; k++)
                    turned.AsSpan<BFloat16>()[k * 320 + n] = c.Weight.AsSpan<BFloat16>()[n * 24 + k];
            }

            new ScalarBackend().Linear(dy, turned, Accumulation.TensorCore(TensorCore.HopperWgmmaBF16F32), c.Dx);
        });
        Assert.True(e.IsBitEqual);
        Assert.Equal(["gradient-in-bf16"], e.Meanings.Select(m => m.Name));
        Assert.Contains(TensorCore.HopperWgmmaBF16F32.Name, e.Presets);
    }

    /// <summary>Both operands of Wgrad in bfloat16, sums over the positions by the unit, then C.</summary>
    [Fact]
    public void Wgrad_by_Hoppers_unit()
    {
        Explanation e = Explain("linear_wgrad[t=150,n=12,k=24,seed=0xb6]", call =>
        {
            var c = (LinearWgradCall)call;
            Tensor dy = new(DType.BF16, 12, 150), x = new(DType.BF16, 24, 150), product = new(DType.F32, 12, 24);
            for (int t = 0; t < 150; t++)
            {
                for (int n = 0; n < 12; n++)
                    dy.AsSpan<BFloat16>()[n * 150 + t] = BFloat16.Round(c.Dy.AsSpan<float>()[t * 12 + n]);
                for (int k = 0; k < 24; k++)
                    x.AsSpan<BFloat16>()[k * 150 + t] = BFloat16.Round(c.X.AsSpan<float>()[t * 24 + k]);
            }

            new ScalarBackend().Linear(dy, x, Accumulation.TensorCore(TensorCore.HopperWgmmaBF16F32), product);
            for (int i = 0; i < 12 * 24; i++)
                c.DWeight.AsSpan<float>()[i] = c.C.AsSpan<float>()[i] + product.AsSpan<float>()[i];
        });
        Assert.True(e.IsBitEqual);
        Assert.Equal(["operands-in-bf16"], e.Meanings.Select(m => m.Name));
        Assert.Contains(TensorCore.HopperWgmmaBF16F32.Name, e.Presets);
    }

    /// <summary>Sums of groups, one of them empty, in one chain.</summary>
    [Fact]
    public void Wgrad_of_groups_in_one_chain()
    {
        Explanation e = Explain("grouped_linear_wgrad[r=35,g=6,n=3,k=7,seed=0xb7]", call => ((GroupedLinearWgradCall)call with { Accumulation = Accumulation.Sequential }).Run(new ScalarBackend()));
        Assert.True(e.IsBitEqual);
        Assert.Contains("Accumulation.Sequential", e.Sentence, StringComparison.Ordinal);
    }

    /// <summary>A call that an operation refuses is refused here: it is never found to be as declared.</summary>
    [Fact]
    public void What_the_operation_refuses_is_refused()
    {
        OperationCase of = OperationCase.Parse("linear_dgrad[t=2,n=16,k=3,weight=bf16,seed=0xb8]");
        OperationCall call = (LinearDgradCall)of.Call(of.Prepare()) with { Accumulation = Accumulation.TensorCore(TensorCore.HopperWgmmaBF16F32) };
        Assert.Throws<ContractException>(() => Explainer.Explain(call, new Dictionary<string, Tensor> { ["dx"] = call["dx"] }, seconds: 10));
        var narrow = (LinearDgradCall)of.Call(of.Prepare());
        Assert.ThrowsAny<ReferenceException>(() => (narrow with { Dx = Narrow(narrow.Dx) }).Run(new SimdBackend()));
    }

    /// <summary>Infinities and NaNs count as they are.</summary>
    [Fact]
    public void A_wrong_infinity_is_not_as_declared()
    {
        OperationCase of = OperationCase.Parse("linear_dgrad[t=2,n=16,k=3,seed=0xb9]");
        var call = (LinearDgradCall)of.Call(of.Prepare());
        call.Dy.AsSpan<float>()[3] = float.PositiveInfinity;
        var own = (LinearDgradCall)call.WithOwnOutputs();
        own.Run(new ScalarBackend());
        Assert.True(Explainer.Explain(call, new Dictionary<string, Tensor> { ["dx"] = own.Dx }, seconds: 10).IsDeclared);
        Assert.True(float.IsInfinity(own.Dx.AsSpan<float>()[0]));
        own.Dx.AsSpan<float>()[0] *= -1;
        Assert.False(Explainer.Explain(call, new Dictionary<string, Tensor> { ["dx"] = own.Dx }, seconds: 10).IsDeclared);
    }

    /// <summary>The time is kept by lists of roundings too: what was declared is judged, the others as long as there is time.</summary>
    [Fact]
    public void Lists_end_when_the_time_is_up()
    {
        OperationCase of = OperationCase.Parse("rms_norm_backward[t=15,n=40,seed=0xba]");
        var call = (RmsNormBackwardCall)of.Call(of.Prepare());
        var own = (RmsNormBackwardCall)call.WithOwnOutputs();
        own.Run(new ScalarBackend());
        own.Dx.AsSpan<float>()[0] = MathF.BitIncrement(own.Dx.AsSpan<float>()[0]);
        Explanation e = Explainer.Explain(call, own.Outputs.ToDictionary(o => o.Name, o => o.Tensor), seconds: 1e-6);
        Assert.False(e.IsBitEqual);
        Assert.InRange(e.ContractsTried, 1, 100);
        Assert.Equal(1, e.Differing);
    }

    /// <summary>As kernels write it: dx in bfloat16, here cut instead of rounded.</summary>
    [Fact]
    public void Dgrad_of_groups_stored_in_bfloat16()
    {
        OperationCase of = OperationCase.Parse("grouped_linear_dgrad[r=11,g=4,n=70,k=33,seed=0xb1]");
        var call = (GroupedLinearDgradCall)of.Call(of.Prepare());
        var own = (GroupedLinearDgradCall)call.WithOwnOutputs();
        own.Run(new ScalarBackend());
        Assert.True(Explainer.Explain(call, new Dictionary<string, Tensor> { ["dx"] = Narrow(own.Dx) }, seconds: 120).IsDeclared);

        var cut = new Tensor(DType.BF16, own.Dx.Shape);
        for (int i = 0; i < cut.ElementCount; i++)
            cut.AsSpan<BFloat16>()[i] = BFloat16.FromBits((ushort)(BitConverter.SingleToUInt32Bits(own.Dx.AsSpan<float>()[i]) >> 16));
        Explanation e = Explainer.Explain(call, new Dictionary<string, Tensor> { ["dx"] = cut }, seconds: 120);
        Assert.True(e.IsBitEqual);
        Assert.Empty(e.Meanings);
        Assert.Contains("truncation", e.Sentence, StringComparison.Ordinal);
    }

    /// <summary>Sums over positions in runs of 32, the first of them begun with C: a kernel that adds up in its output.</summary>
    [Fact]
    public void Wgrad_that_begins_with_what_it_is_added_to()
    {
        Explanation e = Explain("linear_wgrad[t=90,n=9,k=20,seed=0xb2]", call =>
        {
            var c = (LinearWgradCall)call;
            for (int n = 0; n < 9; n++)
            {
                for (int k = 0; k < 20; k++)
                {
                    float d = c.C.AsSpan<float>()[n * 20 + k];
                    for (int start = 0; start < 90; start += 32)
                    {
                        float run = 0;
                        for (int t = start; t < Math.Min(90, start + 32); t++)
                            run = MathF.FusedMultiplyAdd(c.Dy.AsSpan<float>()[t * 9 + n], c.X.AsSpan<float>()[t * 20 + k], run);
                        d += run;
                    }

                    c.DWeight.AsSpan<float>()[n * 20 + k] = d;
                }
            }
        });
        Assert.True(e.IsBitEqual);
        Assert.Empty(e.Meanings);
        Assert.Contains("one chain of fma", e.Sentence, StringComparison.Ordinal);
        Assert.Contains("promotion every 32", e.Rounding, StringComparison.Ordinal);
        Assert.Contains("starts from C", e.Rounding, StringComparison.Ordinal);
    }

    /// <summary>PyTorch's silu backward: s (1 + a (1 - s)), each step rounded.</summary>
    [Fact]
    public void SwiGLU_with_the_slope_of_another_library()
    {
        Explanation e = Explain("swiglu_backward[n=259,seed=0xb3]", call =>
        {
            var c = (SwiGluBackwardCall)call;
            for (int i = 0; i < 259; i++)
            {
                float dy = c.Dy.AsSpan<float>()[i], a = c.Gate.AsSpan<float>()[i], b = c.Up.AsSpan<float>()[i], s = 1f / (1f + Correct.Exp(-a));
                float rest = 1f - s, product = a * rest, inner = 1f + product, slope = s * inner, weighted = b * slope;
                c.DGate.AsSpan<float>()[i] = dy * weighted;
                float silu = a * s;
                c.DUp.AsSpan<float>()[i] = dy * silu;
            }
        });
        Assert.True(e.IsBitEqual);
        Assert.Contains("1 / (1 + exp(-a)); s * (1 + a*(1-s)); dy*(b*slope); a * sigmoid", e.Sentence, StringComparison.Ordinal);
    }

    /// <summary>Chains along the row and over the positions, 1 / sqrt, and dx in three products.</summary>
    [Fact]
    public void A_norm_in_chains()
    {
        Explanation e = Explain("rms_norm_backward[t=15,n=40,seed=0xb4]", call =>
        {
            var c = (RmsNormBackwardCall)call;
            float[] hat = new float[15 * 40];
            for (int t = 0; t < 15; t++)
            {
                float squares = 0, products = 0;
                for (int k = 0; k < 40; k++)
                    squares = MathF.FusedMultiplyAdd(X(t, k), X(t, k), squares);
                float r = 1f / MathF.Sqrt(squares / 40 + c.Epsilon);
                for (int k = 0; k < 40; k++)
                    products = MathF.FusedMultiplyAdd(G(t, k), hat[t * 40 + k] = X(t, k) * r, products);
                float mean = products / 40;
                for (int k = 0; k < 40; k++)
                {
                    float first = r * G(t, k), factor = r * mean, second = hat[t * 40 + k] * factor;
                    c.Dx.AsSpan<float>()[t * 40 + k] = first - second;
                }
            }

            for (int k = 0; k < 40; k++)
            {
                float sum = 0;
                for (int t = 0; t < 15; t++)
                    sum = MathF.FusedMultiplyAdd(c.Dy.AsSpan<float>()[t * 40 + k], hat[t * 40 + k], sum);
                c.DWeight.AsSpan<float>()[k] = c.C.AsSpan<float>()[k] + sum;
            }

            float X(int t, int k) => c.X.AsSpan<float>()[t * 40 + k];
            float G(int t, int k) => c.Dy.AsSpan<float>()[t * 40 + k] * c.Weight.AsSpan<float>()[k];
        });
        Assert.True(e.IsBitEqual);
        Assert.Contains("rows summed by one chain of fma; positions summed by one chain of fma; sum / n; r = 1 / sqrt(v + eps), two roundings; r*g - (x*r)*(r*c)", e.Sentence, StringComparison.Ordinal);
    }

    /// <summary>P and dS go to their products in bfloat16, as kernels whose products take bfloat16 have it; sums are sixteen lanes.</summary>
    [Fact]
    public void Attention_that_rounds_what_its_products_take()
    {
        Explanation e = Explain("attention_backward[s=4,t=19,h=2,d=20,dv=13,first=15,seed=0xb5]", call =>
        {
            var c = (AttentionBackwardCall)call;
            Accumulation sum = Accumulation.Lanes16;
            for (int h = 0; h < 2; h++)
            {
                float[,] p = new float[4, 19], ds = new float[4, 19];
                for (int i = 0; i < 4; i++)
                {
                    float[] dy = Row(c.Dy, i, h, 13);
                    float delta = DotProduct.Define(dy, Row(c.Y, i, h, 13), sum, DType.F32), lse = c.LogSumExp.AsSpan<float>()[i * 2 + h];
                    for (int j = 0; j <= 15 + i; j++)
                    {
                        float x = DotProduct.Define(Row(c.Q, i, h, 20), Row(c.Keys, j, h, 20), sum, DType.F32) * c.Attributes.Scale;
                        float weight = Correct.Exp(x - lse), dp = DotProduct.Define(dy, Row(c.Values, j, h, 13), sum, DType.F32);
                        float product = weight * (dp - delta);
                        (p[i, j], ds[i, j]) = (BFloat16.RoundToFloat(weight), BFloat16.RoundToFloat(product * c.Attributes.Scale));
                    }

                    for (int d = 0; d < 20; d++)
                        c.Dq.AsSpan<float>()[(i * 2 + h) * 20 + d] = DotProduct.Define([.. Enumerable.Range(0, 16 + i).Select(j => ds[i, j])], [.. Enumerable.Range(0, 16 + i).Select(j => Row(c.Keys, j, h, 20)[d])], sum, DType.F32);
                }

                for (int j = 0; j < 19; j++)
                {
                    int first = Math.Max(0, j - 15);
                    for (int d = 0; d < 20; d++)
                        c.DKeys.AsSpan<float>()[(j * 2 + h) * 20 + d] = DotProduct.Define([.. Enumerable.Range(first, 4 - first).Select(i => ds[i, j])], [.. Enumerable.Range(first, 4 - first).Select(i => Row(c.Q, i, h, 20)[d])], sum, DType.F32);
                    for (int v = 0; v < 13; v++)
                        c.DValues.AsSpan<float>()[(j * 2 + h) * 13 + v] = DotProduct.Define([.. Enumerable.Range(first, 4 - first).Select(i => p[i, j])], [.. Enumerable.Range(first, 4 - first).Select(i => Row(c.Dy, i, h, 13)[v])], sum, DType.F32);
                }
            }

            static float[] Row(Tensor x, int at, int h, int length) => x.AsSpan<float>().Slice((at * 2 + h) * length, length).ToArray();
        });
        Assert.True(e.IsBitEqual);
        Assert.Empty(e.Meanings);
        Assert.Contains("P in bfloat16; dS in bfloat16; exp(s scale - lse); scores' gradient times scale", e.Sentence, StringComparison.Ordinal);
    }

    private static Tensor Narrow(Tensor x)
    {
        var narrow = new Tensor(DType.BF16, x.Shape);
        BFloat16Spans.Round(x.AsReadOnlySpan<float>(), narrow.AsSpan<BFloat16>());
        return narrow;
    }

    private static Explanation Explain(string id, Action<OperationCall> candidate)
    {
        OperationCase c = OperationCase.Parse(id);
        OperationCall call = c.Call(c.Prepare());
        OperationCall own = call.WithOwnOutputs();
        candidate(own);
        return Explainer.Explain(call, own.Outputs.ToDictionary(o => o.Name, o => o.Tensor), seconds: 120);
    }
}
