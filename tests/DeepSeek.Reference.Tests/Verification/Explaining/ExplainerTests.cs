using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Ops;
using DeepSeek.Reference.TensorCores;
using DeepSeek.Reference.Verification;
using DeepSeek.Reference.Verification.Explaining;
using Xunit;

namespace DeepSeek.Reference.Tests.Verification.Explaining;

/// <summary>Wrong outputs made here, without the hypotheses' own code: the explanation names the cause.</summary>
public sealed class ExplainerTests
{
    [Fact]
    public void A_right_output_leaves_nothing_to_explain()
    {
        Explanation e = Explain("scaled_linear[t=3,n=140,k=256,seed=0x90]", c => c.Run(new SimdBackend()));
        Assert.True(e.IsDeclared);
        Assert.Equal("the output is bit-equal to the case as declared: nothing to explain", e.Sentence);
    }

    [Fact]
    public void Transposed_scales_under_another_presets_rounding()
    {
        Explanation e = Explain("scaled_linear[t=4,n=256,k=512,seed=0x91]", call =>
        {
            var c = (ScaledLinearCall)call;
            Tensor turned = c.WeightScale.Clone();
            for (int i = 0; i < 2; i++)
            {
                for (int j = 0; j < 4; j++)
                    turned.AsSpan<float>()[i * 4 + j] = c.WeightScale.AsSpan<float>()[j * 2 + i];
            }

            (c with { WeightScale = turned, Product = ScaledProduct.TritonFp8Gemm }).Run(new ScalarBackend());
        });
        Assert.True(e.IsBitEqual);
        Assert.Equal(["weight-scale-transposed"], e.Meanings.Select(m => m.Name));
        Assert.StartsWith("the weight's scales are read transposed; then bit-equal to triton-fp8-gemm", e.Sentence, StringComparison.Ordinal);
    }

    [Fact]
    public void Two_mistakes_at_once()
    {
        Explanation e = Explain("scaled_linear[t=4,n=256,k=512,add=yes,seed=0x92]", call =>
        {
            var c = (ScaledLinearCall)call;
            Tensor ones = c.XScale.Clone();
            ones.AsSpan<float>().Fill(1f);
            (c with { XScale = ones, C = null }).Run(new ScalarBackend());
        });
        Assert.True(e.IsBitEqual);
        Assert.Equal(["c-missing", "x-scale-ignored"], e.Meanings.Select(m => m.Name).Order());
    }

    [Fact]
    public void A_matrix_unit_in_place_of_sixteen_lanes()
    {
        Explanation e = Explain("linear[t=5,n=24,k=320,x=bf16,weight=bf16,seed=0x93]", call =>
            ((LinearCall)call with { Accumulation = Accumulation.TensorCore(TensorCore.AmpereMmaBF16F32) }).Run(new ScalarBackend()));
        Assert.True(e.IsBitEqual);
        Assert.Empty(e.Meanings);
        Assert.Contains(TensorCore.AmpereMmaBF16F32.Name, e.Presets);
    }

    [Fact]
    public void A_truncating_store_in_bfloat16()
    {
        Explanation e = Explain("linear[t=5,n=24,k=96,y=bf16,seed=0x94]", call =>
        {
            var c = (LinearCall)call;
            var wide = new Tensor(DType.F32, c.Y.Shape);
            (c with { Y = wide }).Run(new ScalarBackend());
            for (int i = 0; i < wide.ElementCount; i++)
                c.Y.AsSpan<BFloat16>()[i] = BFloat16.FromBits((ushort)(BitConverter.SingleToUInt32Bits(wide.AsSpan<float>()[i]) >> 16));
        });
        Assert.True(e.IsBitEqual);
        Assert.Contains("truncation", e.Sentence, StringComparison.Ordinal);
    }

    [Fact]
    public void Split_K_in_two_of_a_plain_product()
    {
        Explanation e = Explain("linear[t=5,n=24,k=512,seed=0x95]", call =>
        {
            var c = (LinearCall)call;
            float[] x = c.X.AsSpan<float>().ToArray(), w = c.Weight.AsSpan<float>().ToArray();
            for (int t = 0; t < 5; t++)
            {
                for (int n = 0; n < 24; n++)
                {
                    float first = DotProduct.Define(x.AsSpan(t * 512, 256), w.AsSpan(n * 512, 256), Accumulation.Lanes16, DType.F32);
                    float second = DotProduct.Define(x.AsSpan(t * 512 + 256, 256), w.AsSpan(n * 512 + 256, 256), Accumulation.Lanes16, DType.F32);
                    c.Y.AsSpan<float>()[t * 24 + n] = first + second;
                }
            }
        });
        Assert.True(e.IsBitEqual);
        Assert.Contains("split-K 2", string.Join(" ", e.Open.SelectMany(o => o.Values).Append(e.Rounding)), StringComparison.Ordinal);
    }

    [Fact]
    public void An_online_softmax_in_blocks()
    {
        Explanation e = Explain("attention[s=3,t=150,h=2,hk=2,d=16,dv=16,seed=0x9c]", call => ((AttentionCall)call with
        {
            Attributes = new AttentionAttributes(0.25f, 147, new AttentionContract { Schedule = AttentionSchedule.Online, Block = 64, Base = SoftmaxBase.Two, Division = AttentionDivision.Reciprocal }),
        }).Run(new ScalarBackend()));
        Assert.True(e.IsBitEqual);
        Assert.Empty(e.Meanings);
        Assert.Contains("online, blocks of 64; 2^x", e.Sentence, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("attention[s=1,t=449,h=4,hk=1,d=576,dv=512,latent=yes,q=bf16,keys=bf16,scale=0.1352337]", 132, "FlashMlaHopper; parts as for 132 multiprocessors")]
    [InlineData("attention[s=1,t=700,h=2,hk=1,d=576,dv=512,latent=yes,q=bf16,keys=bf16,scale=0.1352337]", 3, "FlashMlaHopper; parts=3")]
    public void The_parts_of_a_split_kernel(string text, int parts, string named)
    {
        Explanation e = Explain(text, call =>
        {
            var c = (AttentionCall)call;
            (c with { Attributes = c.Attributes with { Contract = AttentionContract.FlashMlaHopper with { Parts = parts } } }).Run(new SimdBackend(2));
        });
        Assert.True(e.IsBitEqual);
        Assert.Contains(named, e.Sentence, StringComparison.Ordinal);
    }

    [Fact]
    public void Epsilon_outside_the_root_by_bits()
    {
        Explanation e = Explain("rms_norm[t=4,n=64,eps=0.001,seed=0x96]", call =>
        {
            var c = (RmsNormCall)call;
            ReadOnlySpan<float> x = c.X.AsReadOnlySpan<float>();
            for (int t = 0; t < 4; t++)
            {
                float v = DotProduct.Define(x.Slice(t * 64, 64), x.Slice(t * 64, 64), Accumulation.Sequential, DType.F32) / 64;
                float r = 1f / (MathF.Sqrt(v) + c.Epsilon);
                for (int k = 0; k < 64; k++)
                    c.Y.AsSpan<float>()[t * 64 + k] = x[t * 64 + k] * r * c.Weight.AsSpan<float>()[k];
            }
        });
        Assert.True(e.IsBitEqual);
        Assert.Contains("epsilon outside the root", e.Sentence, StringComparison.Ordinal);
        Assert.Contains("one chain of fma", e.Sentence, StringComparison.Ordinal);
    }

    [Fact]
    public void A_combination_in_slot_order()
    {
        Explanation e = Explain("combine[t=5,d=16,e=6,k=4,rounding=everystep,outputs=bf16,shared=bf16,y=bf16,seed=0x97]", call =>
        {
            var c = (CombineCall)call;
            for (int t = 0; t < 5; t++)
            {
                for (int k = 0; k < 16; k++)
                {
                    float sum = 0;
                    for (int s = 0; s < 4; s++)
                        sum += c.Weights.AsSpan<float>()[t * 4 + s] * c.ExpertOutputs.AsSpan<BFloat16>()[c.Plan.RowOf[t * 4 + s] * 16 + k].ToSingle();
                    c.Y.AsSpan<BFloat16>()[t * 16 + k] = BFloat16.Round(sum + c.Shared!.AsSpan<BFloat16>()[t * 16 + k].ToSingle());
                }
            }
        });
        Assert.True(e.IsBitEqual);
        Assert.Contains("slot order", string.Join(" ", e.Open.SelectMany(o => o.Values).Append(e.Rounding)), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(QuantizerArithmetic.DeepEpLowLatency)]
    [InlineData(QuantizerArithmetic.TritonActQuantHopper)]
    public void A_quantiser_with_a_reciprocal(QuantizerArithmetic arithmetic)
    {
        Explanation e = Explain("quantize[t=16,k=256,seed=0x98]", call => ((QuantizeCall)call with
        {
            Attributes = ((QuantizeCall)call).Attributes with { Arithmetic = arithmetic },
        }).Run(new ScalarBackend()));
        Assert.True(e.IsBitEqual);
        Assert.Contains($"QuantizerArithmetic.{arithmetic}", string.Join(" ", e.Open.SelectMany(o => o.Values).Append(e.Rounding)), StringComparison.Ordinal);
    }

    [Fact]
    public void The_bias_in_the_gates_weights()
    {
        Explanation e = Explain("gate[t=20,e=16,k=4,seed=0x99]", call =>
        {
            var c = (GateCall)call;
            c.Run(new ScalarBackend());
            for (int t = 0; t < 20; t++)
            {
                float[] s = [.. Enumerable.Range(t * 4, 4).Select(i => c.Indices.AsSpan<int>()[i]).Select(i => c.Scores.AsSpan<float>()[t * 16 + i] + c.Bias!.AsSpan<float>()[i])];
                for (int k = 0; k < 4; k++)
                    c.Weights.AsSpan<float>()[t * 4 + k] = s[k] / s.Sum() * 2.5f;
            }
        });
        Assert.Equal(["bias-in-weights"], e.Meanings.Select(m => m.Name));
        Assert.True(e.RelativeL2 < 1e-6);
    }

    [Fact]
    public void What_is_no_hypothesis_is_said_to_be_unexplained()
    {
        Explanation e = Explain("linear[t=4,n=12,k=64,seed=0x9a]", call =>
        {
            for (int i = 0; i < 48; i++)
                ((LinearCall)call).Y.AsSpan<float>()[i] = MathF.Cos(i * i);
        });
        Assert.False(e.IsBitEqual);
        Assert.Contains("no ", e.Sentence, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(4, 24)]
    [InlineData(16, 16)]
    public void An_output_stored_by_columns_is_named_whatever_its_rounding(int t, int n)
    {
        Explanation e = Explain($"linear[t={t},n={n},k=320,x=bf16,weight=bf16,seed=0x9c]", call =>
        {
            var y = new Tensor(DType.F32, ((LinearCall)call).Y.Shape);
            ((LinearCall)call with { Y = y, Accumulation = Accumulation.TensorCore(TensorCore.AmpereMmaBF16F32) }).Run(new ScalarBackend());
            for (int i = 0; i < t; i++)
            {
                for (int j = 0; j < n; j++)
                    ((LinearCall)call).Y.AsSpan<float>()[j * t + i] = y.AsSpan<float>()[i * n + j];
            }
        });
        Assert.True(e.IsBitEqual);
        Assert.Equal(["output-transposed"], e.Meanings.Select(m => m.Name));
        Assert.Contains(TensorCore.AmpereMmaBF16F32.Name, e.Presets);
    }

    [Fact]
    public void A_scale_of_the_next_block_of_K_counted_around_the_end()
    {
        Explanation e = Explain("scaled_linear[t=4,n=256,k=512,seed=0x9d]", call =>
        {
            var c = (ScaledLinearCall)call;
            Tensor turned = c.WeightScale.Clone();
            for (int i = 0; i < 8; i++)
                turned.AsSpan<float>()[i] = c.WeightScale.AsSpan<float>()[i / 4 * 4 + (i + 1) % 4];
            (c with { WeightScale = turned }).Run(new ScalarBackend());
        });
        Assert.True(e.IsBitEqual);
        Assert.Equal(["weight-scale-k-block-late-around"], e.Meanings.Select(m => m.Name));
    }

    [Theory]
    [InlineData("f32")]
    [InlineData("bf16")]
    public void One_wrong_element_of_another_contract_is_what_is_left(string y)
    {
        // The contract is none of the named ones, so that only the wide lattice holds it.
        ProductContract odd = ProductContract.Of(ScaledProduct.Parse("deepgemm-sm90")) with { Promotion = new PromotionRule(256, RunScale.First) };
        Explanation e = Explain($"gemm_fp8[m=40,n=160,k=1024,y={y},contract=hopperfp8,seed=0x9e]", call =>
        {
            ProductProblem problem = ProductProblem.Of(call)!;
            foreach (long i in problem.Elements)
                Operands.Store([ProductArithmetic.Evaluate(odd, problem.At(i), problem.Output)], call["y"], i);
            Operands.Store([3f * (float)ElementReader.Value(call["y"], 77)], call["y"], 77);
        });
        Assert.False(e.IsBitEqual);
        Assert.Empty(e.Meanings);
        Assert.Equal(1, e.Differing);
        Assert.Equal(e.Elements, e.Compared);
        Assert.Contains("256", e.Rounding, StringComparison.Ordinal);
    }

    [Fact]
    public void Meanings_that_the_data_cannot_tell_apart_are_all_named()
    {
        // ε² of 1e-6 vanishes beside a mean square of 1: left out or squared is the same.
        Explanation e = Explain("rms_norm[t=8,n=64,eps=1e-06,seed=0x9f]", call => ((RmsNormCall)call with { Epsilon = 1e-12f }).Run(new ScalarBackend()));
        Assert.True(e.IsBitEqual);
        string[] named = [.. e.Meanings.Concat(e.AlikeMeanings).Select(m => m.Name)];
        Assert.Equal("eps-missing", named[0]);
        Assert.Contains("eps-squared", named);
        Assert.Contains("(or epsilon squared is added to the mean of squares)", e.Sentence, StringComparison.Ordinal);
    }

    [Fact]
    public void What_there_is_no_time_for_is_told()
    {
        OperationCase c = OperationCase.Parse("scaled_linear[t=64,n=512,k=2048,seed=0xa0]");
        OperationCall call = c.Call(c.Prepare());
        Tensor y = ((ScaledLinearCall)call).Y.Clone();
        y.AsSpan<float>().Fill(1f);
        var steps = new List<string>();
        Explanation e = Explainer.Explain(call, new Dictionary<string, Tensor> { ["y"] = y }, seconds: 1e-6, steps.Add);
        Assert.False(e.IsBitEqual);
        Assert.True(e.MeaningsLeftOut > 20);
        Assert.True(e.Compared < e.Elements);
        Assert.Equal(["what was declared", "meanings", "pairs of meanings", "ways to round"], steps.Distinct());
    }

    [Fact]
    public void One_wrong_row_is_located()
    {
        Explanation e = Explain("rms_norm[t=300,n=32,seed=0x9b]", call =>
        {
            call.Run(new ScalarBackend());
            for (int k = 0; k < 32; k++)
                ((RmsNormCall)call).Y.AsSpan<float>()[299 * 32 + k] *= 1.5f;
        });
        Assert.False(e.IsBitEqual);
        Assert.Empty(e.Meanings);
        Assert.Contains("0.333 % differ (32 of 9600)", e.Left, StringComparison.Ordinal);
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
