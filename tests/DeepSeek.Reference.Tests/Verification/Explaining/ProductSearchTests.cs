using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Ops;
using DeepSeek.Reference.TensorCores;
using DeepSeek.Reference.Verification;
using DeepSeek.Reference.Verification.Explaining;
using Xunit;

namespace DeepSeek.Reference.Tests.Verification.Explaining;

/// <summary>The lattice of ways to round a matrix product finds the one that a candidate took.</summary>
public sealed class ProductSearchTests
{
    public static TheoryData<string> Units => [.. TensorCore.All.Where(u => u.Accumulator == ElementFormat.F32 && u.A == ElementFormat.E4M3 && u.B == ElementFormat.E4M3 && u.ScaleBlock == 0).Select(u => u.Name)];

    public static TheoryData<string> Presets => [.. ScaledProduct.Presets.Select(p => p.Name)];

    [Theory]
    [MemberData(nameof(Units))]
    public void The_fast_sum_is_the_units_definition(string name)
    {
        TensorCore unit = TensorCore.Parse(name);
        var random = new RandomStream(7, name);
        foreach (TensorCore u in (TensorCore[])[unit, unit with { Alignment = AlignmentRounding.NearestEven }, unit with { Alignment = AlignmentRounding.Downward, Rounding = OutputRounding.NearestEven }])
        {
            for (uint round = 0; round < 60; round++)
            {
                Float8E4M3[] a = [.. Enumerable.Range(0, 160).Select(i => Code(random.Word((ulong)i + 1000 * round), round))];
                Float8E4M3[] b = [.. Enumerable.Range(200, 160).Select(i => Code(random.Word((ulong)i + 1000 * round), round))];
                float expected = BitConverter.UInt32BitsToSingle(u.Define([.. a.Select(x => (uint)x.Bits)], [.. b.Select(x => (uint)x.Bits)], 0));
                float got = SumOfProducts.Evaluate(SumRule.Of(u), ProductTerms.OfE4M3(a, b), 0, a.Length);
                Assert.Equal(BitConverter.SingleToUInt32Bits(expected), BitConverter.SingleToUInt32Bits(got));
            }
        }

        // A third of the codes are zeros, and every other round has subnormal ones alone.
        static Float8E4M3 Code(uint word, uint round)
        {
            byte code = (byte)(word % 3 == 0 ? word & 0x80 : round % 2 == 0 ? word >> 8 & 0x87 : word >> 8 & 0xFF);
            return Float8E4M3.FromBits((code & 0x7F) == 0x7F ? (byte)(code & 0xF0) : code);
        }
    }

    [Theory]
    [MemberData(nameof(Presets))]
    public void Every_preset_is_found_again_from_its_output(string name)
    {
        (ScaledLinearCall call, ProductProblem problem) = Made($"scaled_linear[t=12,n=40,k=640,product={name},y=bf16]");
        ProductContract contract = ProductContract.Of(ScaledProduct.Parse(name));
        foreach (long element in problem.Elements)
        {
            float expected = (float)ElementReader.Value(call.Y, element);
            Assert.Equal(BitConverter.SingleToUInt32Bits(expected), BitConverter.SingleToUInt32Bits(ProductArithmetic.Evaluate(contract, problem.At(element), DType.BF16)));
        }

        ProductFinding finding = ProductSearch.Find(problem, call.Y, new ExplainClock(120), wide: false);
        Assert.True(finding.IsBitEqual);
        Assert.Contains(finding.Class, c => c.IsLike(contract));
    }

    [Fact]
    public void A_contract_that_is_no_preset_is_found()
    {
        ProductContract[] hidden =
        [
            Hidden(p => p with { Promotion = new PromotionRule(256, RunScale.First) }),
            Hidden(p => p with { Split = new SplitRule(2, false, SplitCombine.BF16, false) }),
            Hidden(p => p with { Sum = SumRule.Of(TensorCore.HopperWgmmaE4M3F32 with { FractionBits = 14, Alignment = AlignmentRounding.NearestEven }) }),
            Hidden(p => p with { Accumulator = AccumulatorFormat.FP22 }),
            Hidden(p => p with { Split = SplitRule.None with { Descending = true }, Step = ScaleStep.WeightFirst }),
        ];
        (ScaledLinearCall call, ProductProblem problem) = Made("scaled_linear[t=16,n=64,k=1024,product=deepgemm-sm90]");
        foreach (ProductContract contract in hidden)
        {
            Tensor y = Evaluated(contract, problem, call.Y);
            ProductFinding finding = ProductSearch.Find(problem, y, new ExplainClock(120), wide: false);
            Assert.True(finding.IsBitEqual);
            Assert.Contains(finding.Class, c => c.IsLike(contract));
        }
    }

    [Fact]
    public void Scales_that_are_powers_of_two_leave_a_class_and_the_class_is_named()
    {
        (ScaledLinearCall call, _) = Made("scaled_linear[t=16,n=64,k=512,product=deepgemm-sm90]");
        foreach (Tensor scales in (Tensor[])[call.XScale, call.WeightScale])
        {
            foreach (ref float s in scales.AsSpan<float>())
                s = BitConverter.UInt32BitsToSingle(BitConverter.SingleToUInt32Bits(s) & 0x7F800000);
        }

        call.Run(new SimdBackend());
        ProductFinding finding = ProductSearch.Find(ProductProblem.Of(call)!, call.Y, new ExplainClock(120), wide: false);
        Assert.True(finding.IsBitEqual);
        Assert.Contains("deepgemm-sm90", finding.Presets);
        Assert.Contains("triton-fp8-gemm", finding.Presets);
        Assert.Contains(finding.Open, o => o.Dimension == "scales");
    }

    [Fact]
    public void A_defect_in_the_last_tile_is_located_under_the_nearest_contract()
    {
        (ScaledLinearCall call, ProductProblem problem) = Made("scaled_linear[t=70,n=80,k=512,product=deepgemm-sm90]");
        Tensor y = call.Y.Clone();
        for (int t = 64; t < 70; t++)
            y.AsSpan<float>().Slice(t * 80 + 64, 16).Clear();
        ProductFinding finding = ProductSearch.Find(problem, y, new ExplainClock(120), wide: false);
        Assert.False(finding.IsBitEqual);
        Assert.Equal("deepgemm-sm90", finding.Presets[0]);
        Assert.Contains("all in the last tile of 64 x 64", MismatchPlace.Words(finding.Differing, finding.Compared, 70, 80), StringComparison.Ordinal);
    }

    private static ProductContract Hidden(Func<ProductContract, ProductContract> change) => change(ProductContract.Of(ScaledProduct.DeepGemmSm90));

    private static (ScaledLinearCall Call, ProductProblem Problem) Made(string id)
    {
        OperationCase c = OperationCase.Parse(id);
        var call = (ScaledLinearCall)c.Call(c.Prepare());
        call.Run(new SimdBackend());
        return (call, ProductProblem.Of(call)!);
    }

    private static Tensor Evaluated(ProductContract contract, ProductProblem problem, Tensor like)
    {
        Tensor y = like.Clone();
        foreach (long i in problem.Elements)
            y.AsSpan<float>()[(int)i] = ProductArithmetic.Evaluate(contract, problem.At(i), DType.F32);
        return y;
    }
}
