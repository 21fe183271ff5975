using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Ops;
using DeepSeek.Reference.TensorCores;
using DeepSeek.Reference.Verification.Explaining;
using DeepSeek.Reference.Verification.Probing;
using Xunit;

namespace DeepSeek.Reference.Tests.Verification.Probing;

/// <summary>A probe recovers the constants of kernels that it is not told.</summary>
public sealed class KernelProbeTests
{
    /// <summary>Units on two operands of one format that a binary32 tensor can carry, without scales of their own.</summary>
    public static TheoryData<string> Units => [.. TensorCore.All.Where(u => u.A == u.B && u.Accumulator == ElementFormat.F32 && u.ScaleBlock == 0).Select(u => u.Name)];

    public static TheoryData<string> Presets => [.. ScaledProduct.Presets.Where(p => p.Accumulator == DType.F32).Select(p => p.Name)];

    [Theory]
    [MemberData(nameof(Units))]
    public void Every_units_constants_are_recovered(string name)
    {
        TensorCore unit = TensorCore.Parse(name);
        ProbeFinding f = KernelProbe.Run(DotKernels.OfLinear(new Imposing(Accumulation.TensorCore(unit)), DType.F32, Accumulation.Lanes16), unit.A);
        Assert.Equal("fused", f.Tree);
        Assert.Equal(unit.FractionBits, f.FractionBits);
        Assert.Equal(unit.FusedLength, f.FusedLength);
        Assert.Equal(unit.Alignment, f.Alignment);
        Assert.Equal(unit.OutputFractionBits, f.OutputFractionBits ?? 23);
        Assert.Equal(unit.Rounding, f.Rounding ?? OutputRounding.TowardZero);
        Assert.Equal(unit.NormalisesProducts, f.NormalisesProducts);
        Assert.Equal(unit.FlushesSubnormals, f.FlushesSubnormals);
        Assert.Equal(unit.Entry == AccumulatorEntry.AddedAfter ? unit.K : 0, f.Promotion);
        Assert.Single(f.Sums);
        Assert.Contains(name, f.Names);
    }

    [Fact]
    public void Constants_that_no_published_unit_has_are_recovered()
    {
        TensorCore odd = TensorCore.HopperWgmmaE4M3F32 with
        {
            FractionBits = 17,
            Alignment = AlignmentRounding.NearestEven,
            OutputFractionBits = 15,
            Rounding = OutputRounding.NearestEven,
            NormalisesProducts = true,
            FlushesSubnormals = true,
        };
        ProbeFinding f = KernelProbe.Run(DotKernels.OfLinear(new Imposing(Accumulation.TensorCore(odd)), DType.F32, Accumulation.Lanes16), ElementFormat.E4M3);
        Assert.Equal((17, AlignmentRounding.NearestEven, 15, OutputRounding.NearestEven), (f.FractionBits, f.Alignment!.Value, f.OutputFractionBits, f.Rounding!.Value));
        Assert.True(f.NormalisesProducts);
        Assert.True(f.FlushesSubnormals);

        ProbeFinding down = KernelProbe.Run(
            DotKernels.OfLinear(new Imposing(Accumulation.TensorCore(TensorCore.HopperWgmmaBF16F32 with { Alignment = AlignmentRounding.Downward })), DType.BF16, Accumulation.Lanes16), ElementFormat.BF16);
        Assert.Equal(AlignmentRounding.Downward, down.Alignment);
    }

    [Fact]
    public void Sums_of_binary32_and_wider_are_told_apart()
    {
        Assert.Equal(("lanes", 16), TreeOf(Accumulation.Lanes16));
        Assert.Equal(("sequential", 0), TreeOf(Accumulation.Sequential));
        Assert.Equal(("exact", 0), TreeOf(Accumulation.Exact));
        Assert.Equal(("binary64", 0), TreeOf(Accumulation.Float64));

        static (string, int) TreeOf(Accumulation accumulation)
        {
            ProbeFinding f = KernelProbe.Run(DotKernels.OfLinear(new Imposing(accumulation), DType.BF16, Accumulation.Lanes16), ElementFormat.BF16);
            return (f.Tree, f.Sums[0].Sum.Lanes);
        }
    }

    [Fact]
    public void A_promotion_interval_inside_a_plain_product_is_found()
    {
        SumRule unit = SumRule.Of(TensorCore.HopperWgmmaE4M3F32);
        foreach (int interval in (int[])[64, 256, 512])
        {
            ProbeFinding f = KernelProbe.Run((a, b) => SumCandidates.Evaluate(unit, interval, ProductTerms.OfSingle(a, b)), ElementFormat.E4M3);
            Assert.Equal(interval, f.Promotion);
            Assert.Equal(13, f.FractionBits);
        }
    }

    [Theory]
    [MemberData(nameof(Presets))]
    public void Block_scaled_presets_are_recovered(string name)
    {
        ScaledProduct product = ScaledProduct.Parse(name);
        ProbeFinding f = KernelProbe.Run(DotKernels.OfScaledLinear(new ScalarBackend(), product), ElementFormat.E4M3);
        Assert.Equal(product.Promotion, f.Promotion);
        if (product.Block.Unit is { } unit)
        {
            Assert.Equal((unit.FractionBits, unit.FusedLength), (f.FractionBits, f.FusedLength));
            Assert.Equal(unit.OutputFractionBits, f.OutputFractionBits ?? 23);
        }
        else
        {
            Assert.Equal("exact", f.Tree);
        }
    }

    [Fact]
    public void A_kernel_with_no_known_order_is_said_to_be_unknown()
    {
        ProbeFinding f = KernelProbe.Run((a, b) => a.Zip(b).Sum(p => p.First * p.Second * 1.0000001f), ElementFormat.BF16);
        Assert.False(f.IsFound);
        Assert.Equal("unknown", f.Tree);
    }

    /// <summary>A backend that accumulates as it likes, whatever it is asked.</summary>
    private sealed class Imposing(Accumulation accumulation) : CallBackend
    {
        public override string Name => "imposing";

        protected override void Invoke(OperationCall call)
        {
            var c = (LinearCall)call;
            c.Y.AsSpan<float>()[0] = DotProduct.Define(Values.Of(c.X), Values.Of(c.Weight), accumulation, DType.F32);
        }
    }
}
