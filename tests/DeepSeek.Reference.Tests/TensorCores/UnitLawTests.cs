using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.TensorCores;
using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;
using Xunit;

namespace DeepSeek.Reference.Tests.TensorCores;

/// <summary>Laws of rule N20, for every unit.</summary>
public sealed class UnitLawTests
{
    /// <summary>A unit and codes for one instruction of it, any bits at all.</summary>
    public sealed record Sample(TensorCore Unit, uint[] A, uint[] B, byte[] ScalesA, byte[] ScalesB, uint C)
    {
        public uint D => Unit.ScaleBlock == 0 ? Unit.Define(A, B, C) : Unit.Define(A, B, ScalesA, ScalesB, C);

        public override string ToString() => $"{Unit} a={string.Join(' ', A.Select(x => $"{x:x}"))} b={string.Join(' ', B.Select(x => $"{x:x}"))} c={C:x}";
    }

    public static class Samples
    {
        public static Arbitrary<Sample> Sample() => Arb.From(
            from unit in Gen.Elements<TensorCore>(TensorCore.All)
            from narrow in Gen.Elements(true, true, true, false)
            from a in Codes(unit.A, narrow, unit.K)
            from b in Codes(unit.B, narrow, unit.K)
            from sa in Gen.Choose(narrow ? 120 : 0, narrow ? 134 : 255).Select(x => (byte)x).ArrayOf(unit.ScaleBlock == 0 ? 0 : unit.K / unit.ScaleBlock)
            from sb in Gen.Choose(narrow ? 120 : 0, narrow ? 134 : 255).Select(x => (byte)x).ArrayOf(unit.ScaleBlock == 0 ? 0 : unit.K / unit.ScaleBlock)
            from c in Code(unit.Accumulator, narrow)
            select new Sample(unit, a, b, sa, sb, c));

        private static Gen<uint[]> Codes(ElementFormat format, bool narrow, int count) => Code(format, narrow).ArrayOf(count);

        /// <summary>Any code, or one near 1 or 0, so that sums are not all decided by one term.</summary>
        private static Gen<uint> Code(ElementFormat format, bool narrow) =>
            from bits in Gen.Choose(int.MinValue, int.MaxValue)
            from zero in Gen.Choose(0, 9)
            let all = (uint)bits & (uint.MaxValue >> (32 - format.StorageBits))
            let field = (1u << format.ExponentBits) - 1
            let shift = format.FractionBits + format.IgnoredBits
            let near = (all & ~(field << shift)) | (Math.Min(field - 1, (uint)Math.Max(0, format.Bias - 3) + ((uint)bits >> 28) % 6) << shift)
            select zero == 0 ? 0 : narrow ? near : all;
    }

    [Property(Arbitrary = [typeof(Samples)], MaxTest = 400)]
    public void Rule_N20_the_order_inside_a_fused_sum_changes_nothing(Sample s, int seed)
    {
        uint[] a = [.. s.A];
        uint[] b = [.. s.B];
        var random = new Random(seed);
        for (int block = 0; block < s.Unit.K / s.Unit.FusedLength; block++)
        {
            for (int j = s.Unit.FusedLength - 1; j > 0; j--)
            {
                (int x, int y) = (s.Unit.Index(block, j), s.Unit.Index(block, random.Next(j + 1)));
                (a[x], a[y]) = (a[y], a[x]);
                (b[x], b[y]) = (b[y], b[x]);
            }
        }

        Assert.Equal(s.D, (s with { A = a, B = b }).D);
    }

    [Property(Arbitrary = [typeof(Samples)], MaxTest = 400)]
    public void Rule_N20_negating_every_term_negates_the_result(Sample s)
    {
        uint[] a = [.. s.A.Select(x => x ^ s.Unit.A.NegativeZero)];
        uint sign = s.Unit.Accumulator.NegativeZero;
        uint d = s.D;
        uint negated = (s with { A = a, C = s.C ^ sign }).D;
        bool same = d == s.Unit.NaN || (d & ~sign) == 0; // the unit's one NaN; a sum of 0 keeps +0
        Assert.Equal(same ? d & ~sign : d ^ sign, same ? negated & ~sign : negated);
    }

    [Property(Arbitrary = [typeof(Samples)], MaxTest = 200)]
    public void Rule_N20_exchanging_a_and_b_changes_nothing(Sample s)
    {
        TensorCore exchanged = s.Unit with { A = s.Unit.B, B = s.Unit.A };
        Assert.Equal(s.D, new Sample(exchanged, s.B, s.A, s.ScalesB, s.ScalesA, s.C).D);
    }

    [Property(Arbitrary = [typeof(Samples)], MaxTest = 400)]
    public void Rule_N20_an_instruction_of_zeros_behind_changes_nothing_where_the_accumulator_is_a_result(Sample s)
    {
        uint[] zeros = new uint[2 * s.Unit.K];
        uint[] a = [.. s.A, .. zeros];
        uint[] b = [.. s.B, .. zeros];
        uint d = s.D;
        uint padded = s.Unit.ScaleBlock == 0 ? s.Unit.Define(a, b, s.C) : s.Unit.Define(a, b, [.. s.ScalesA, .. new byte[2 * s.ScalesA.Length]], [.. s.ScalesB, .. new byte[2 * s.ScalesB.Length]], s.C);
        uint sign = s.Unit.Accumulator.NegativeZero;
        Assert.Equal((d & ~sign) == 0 ? 0 : d, (padded & ~sign) == 0 ? 0 : padded);
    }

    [Property(MaxTest = 400)]
    public void Rule_N20_where_every_bit_fits_the_sum_is_exact(int seed)
    {
        var random = new Random(seed);
        foreach (TensorCore unit in new[] { TensorCore.HopperWgmmaBF16F32, TensorCore.HopperWgmmaFP16F32, TensorCore.HopperWgmmaTF32F32, TensorCore.AmpereMmaBF16F32, TensorCore.HopperMmaE4M3F32, TensorCore.BlackwellTcgen05E4M3F32 })
        {
            // Multiples of 1/2 up to 4: products are multiples of 1/4 up to 16, and sums with a C of that kind have far fewer than 24 bits.
            float[] a = [.. Enumerable.Range(0, unit.K).Select(_ => random.Next(-8, 9) / 2f)];
            float[] b = [.. Enumerable.Range(0, unit.K).Select(_ => random.Next(-8, 9) / 2f)];
            float c = random.Next(-4096, 4097) / 4f;
            var exact = new ExactSum();
            exact.Add(c);
            for (int k = 0; k < unit.K; k++)
                exact.AddProduct(a[k], b[k]);
            uint d = unit.Define(Encode(unit.A, a), Encode(unit.B, b), BitConverter.SingleToUInt32Bits(c));
            Assert.Equal(BitConverter.SingleToUInt32Bits(exact.ToSingle()), d);
        }
    }

    [Fact]
    public void Rule_N20_not_a_number_is_all_ones_and_infinities_of_both_signs_make_one()
    {
        TensorCore unit = TensorCore.HopperWgmmaBF16F32;
        uint[] one = [0x3F80, .. new uint[15]];
        uint[] infinity = [0x7F80, .. new uint[15]];
        uint[] zero = new uint[16];
        Assert.Equal(0x7F800000u, unit.Define(infinity, one, 0));
        Assert.Equal(0x7FFFFFFFu, unit.Define(infinity, zero, 0));
        Assert.Equal(0x7FFFFFFFu, unit.Define(infinity, one, 0xFF800000));
        Assert.Equal(0x7FFFFFFFu, unit.Define(one, zero, 0xFFC00001));
        Assert.Equal(0xFF800000u, unit.Define(one, one, 0xFF800000));
        Assert.Equal(0x7FFFu, TensorCore.HopperWgmmaE4M3F16.Define([0x7F, .. new uint[31]], new uint[32], 0));
    }

    [Fact]
    public void Rule_N20_scales_add_to_the_exponents_and_the_scale_0xFF_is_not_a_number()
    {
        TensorCore unit = TensorCore.BlackwellMxE4M3F32;
        uint[] ones = [.. Enumerable.Repeat(0x38u, 32)];
        Assert.Equal(0x42000000u, unit.Define(ones, ones, [127], [127], 0));         // 32
        Assert.Equal(0x44000000u, unit.Define(ones, ones, [130], [128], 0));         // 32 · 2^3 · 2^1
        Assert.Equal(0x42000000u, unit.Define(ones, ones, [0], [254], 0));           // 2^-127 · 2^127
        Assert.Equal(0x7F800000u, unit.Define(ones, ones, [254], [254], 0));
        Assert.Equal(0x7FFFFFFFu, unit.Define(ones, ones, [255], [127], 0));
        Assert.Equal(0x3F800000u, unit.Define(ones, ones, [100], [90], 0x3F800000)); // 32 · 2^-64 is cut beside 1
    }

    [Fact]
    public void Operands_that_do_not_fit_are_refused()
    {
        TensorCore unit = TensorCore.HopperWgmmaE4M3F32;
        Assert.Throws<ShapeException>(() => unit.Define(new uint[32], new uint[31], 0));
        Assert.Throws<ShapeException>(() => unit.Define(new uint[33], new uint[33], 0));
        Assert.Throws<ContractException>(() => unit.Define(new uint[32], new uint[32], [127], [127], 0));
        Assert.Throws<ContractException>(() => TensorCore.BlackwellMxE4M3F32.Define(new uint[32], new uint[32], 0));
        Assert.Throws<ShapeException>(() => TensorCore.BlackwellMxE4M3F32.Define(new uint[32], new uint[32], [], [127], 0));
        Assert.Throws<DataException>(() => unit.Define([0x100, .. new uint[31]], new uint[32], 0));
        Assert.Throws<ContractException>(() => (unit with { FusedLength = 24 }).Define(new uint[32], new uint[32], 0));
        Assert.Throws<ContractException>(() => (unit with { Order = FusedOrder.PairsOfFour }).Define(new uint[32], new uint[32], 0));
        Assert.Throws<ContractException>(() => (unit with { FractionBits = 49 }).Define(new uint[32], new uint[32], 0));
        Assert.Throws<ContractException>(() => (unit with { OutputFractionBits = 24 }).Define(new uint[32], new uint[32], 0));
        Assert.Equal(0x3F800001u, unit.Define([], [], 0x3F800001)); // no instruction
    }

    /// <summary>Codes of values that the format has.</summary>
    private static uint[] Encode(ElementFormat format, float[] values) => [.. values.Select(x => Encode(format, x))];

    private static uint Encode(ElementFormat format, float x)
    {
        uint u = BitConverter.SingleToUInt32Bits(x);
        uint sign = u >> 31 << (format.StorageBits - 1);
        if (x == 0)
            return sign;
        int exponent = ((int)(u >> 23) & 0xFF) - 127 + format.Bias;
        return sign | ((uint)exponent << format.FractionBits | (u & 0x7FFFFF) >> (23 - format.FractionBits)) << format.IgnoredBits;
    }
}
