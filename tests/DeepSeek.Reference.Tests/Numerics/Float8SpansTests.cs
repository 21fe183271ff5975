using System.Runtime.InteropServices;
using DeepSeek.Reference.Numerics;
using FsCheck.Xunit;
using Xunit;

namespace DeepSeek.Reference.Tests.Numerics;

/// <summary>Whole spans give the bits of the scalar forms, at every width, length and alignment.</summary>
[Trait(InstructionSets.Trait, InstructionSets.Every)]
public class Float8SpansTests
{
    private static readonly Fp8Overflow[] WithNaN = [Fp8Overflow.Saturate, Fp8Overflow.NaN];
    private static readonly Fp8Overflow[] WithInfinity = [Fp8Overflow.Saturate, Fp8Overflow.Infinity];

    [Property]
    public void Rule_N18_spans_equal_the_scalar_forms(uint[] bits, byte offset)
    {
        float[] x = [.. bits.SelectMany(b => (uint[])[b, (b & 0x80000000) | (0x34000000 + (b & 0x13FFFFFF))]).Select(ElementForms.Value)];
        int skip = Math.Min(offset % 5, x.Length);
        Narrowing(x, skip);
    }

    [Theory]
    [InlineData(0), InlineData(1), InlineData(3), InlineData(4), InlineData(15), InlineData(16), InlineData(17), InlineData(31), InlineData(33), InlineData(576)]
    public void Rule_N18_spans_of_any_length(int length)
    {
        float[] x = [.. Enumerable.Range(0, length + 3).Select(i => ElementForms.Value((uint)i * 2654435761u))];
        for (int skip = 0; skip < 4; skip++)
            Narrowing(x, skip);
    }

    [Fact]
    public void Rule_N18_every_upper_half_at_every_width()
    {
        float[] x = [.. Enumerable.Range(0, 1 << 16).Select(i => ElementForms.Value(((uint)i << 16) | (uint)(i % 3 == 0 ? 0 : i * 40503 & 0xFFFF)))];
        byte[] y = new byte[x.Length];
        foreach (Fp8Overflow overflow in WithNaN)
        {
            byte[] want = [.. x.Select(v => Float8E4M3.FromSingle(v, overflow).Bits)];
            AtEveryWidth(want, y, Float8Spans.EncodeFrom<Words512, E4M3Format, float>, Float8Spans.EncodeFrom<Words256, E4M3Format, float>, Float8Spans.EncodeFrom<Words128, E4M3Format, float>, x, E4M3Format.Limits(overflow));
            foreach (PowerOfTwoRounding rounding in Enum.GetValues<PowerOfTwoRounding>())
            {
                byte[] powers = [.. x.Select(v => Float8E8M0.FromSingle(v, rounding, overflow).Bits)];
                var limits = ExponentLimits.Of(rounding, overflow);
                AtEveryWidth(powers, y, Float8Spans.EncodeExponentsFrom<Words512>, Float8Spans.EncodeExponentsFrom<Words256>, Float8Spans.EncodeExponentsFrom<Words128>, x, limits);
            }
        }

        foreach (Fp8Overflow overflow in WithInfinity)
        {
            byte[] want = [.. x.Select(v => Float8E5M2.FromSingle(v, overflow).Bits)];
            AtEveryWidth(want, y, Float8Spans.EncodeFrom<Words512, E5M2Format, float>, Float8Spans.EncodeFrom<Words256, E5M2Format, float>, Float8Spans.EncodeFrom<Words128, E5M2Format, float>, x, E5M2Format.Limits(overflow));
        }
    }

    [Fact]
    public void Rule_N18_every_bfloat16_at_every_width()
    {
        BFloat16[] x = [.. Enumerable.Range(0, 1 << 16).Select(i => BFloat16.FromBits((ushort)i))];
        byte[] y = new byte[x.Length];
        foreach (Fp8Overflow overflow in WithNaN)
        {
            byte[] want = [.. x.Select(v => Float8E4M3.FromBFloat16(v, overflow).Bits)];
            AtEveryWidth(want, y, Float8Spans.EncodeFrom<Words512, E4M3Format, BFloat16>, Float8Spans.EncodeFrom<Words256, E4M3Format, BFloat16>, Float8Spans.EncodeFrom<Words128, E4M3Format, BFloat16>, x, E4M3Format.Limits(overflow));
            Float8Spans.Narrow(x, MemoryMarshal.Cast<byte, Float8E4M3>(y.AsSpan()), overflow);
            Assert.Equal(want, y);
        }

        foreach (Fp8Overflow overflow in WithInfinity)
        {
            byte[] want = [.. x.Select(v => Float8E5M2.FromBFloat16(v, overflow).Bits)];
            AtEveryWidth(want, y, Float8Spans.EncodeFrom<Words512, E5M2Format, BFloat16>, Float8Spans.EncodeFrom<Words256, E5M2Format, BFloat16>, Float8Spans.EncodeFrom<Words128, E5M2Format, BFloat16>, x, E5M2Format.Limits(overflow));
            Float8Spans.Narrow(x, MemoryMarshal.Cast<byte, Float8E5M2>(y.AsSpan()), overflow);
            Assert.Equal(want, y);
        }
    }

    [Fact]
    public void Rule_N18_every_code_widens_exactly_at_every_width()
    {
        for (int skip = 0; skip < 17; skip++)
        {
            byte[] codes = [.. Enumerable.Range(0, 256 + 15).Select(i => (byte)i).Skip(skip)];
            Widening<E4M3Format>(codes, c => Float8E4M3.FromBits(c), (from, to) => Float8Spans.Widen(MemoryMarshal.Cast<byte, Float8E4M3>(from), to), (from, to) => Float8Spans.Widen(MemoryMarshal.Cast<byte, Float8E4M3>(from), to));
            Widening<E5M2Format>(codes, c => Float8E5M2.FromBits(c), (from, to) => Float8Spans.Widen(MemoryMarshal.Cast<byte, Float8E5M2>(from), to), (from, to) => Float8Spans.Widen(MemoryMarshal.Cast<byte, Float8E5M2>(from), to));

            uint[] want = [.. codes.Select(c => ElementForms.Bits(Float8E8M0.FromBits(c)))];
            var y = new float[codes.Length];
            Float8Spans.Widen(MemoryMarshal.Cast<byte, Float8E8M0>(codes), y);
            Assert.Equal(want, y.Select(ElementForms.Bits));
            foreach (Func<int> width in Widths(() => Float8Spans.DecodeExponentsFrom<Words512>(0, codes, y), () => Float8Spans.DecodeExponentsFrom<Words256>(0, codes, y), () => Float8Spans.DecodeExponentsFrom<Words128>(0, codes, y)))
            {
                Array.Clear(y);
                int count = width();
                Assert.Equal(want.Take(count), y.Take(count).Select(ElementForms.Bits));
            }
        }
    }

    [Fact]
    public void Spans_that_do_not_fit_are_refused()
    {
        Assert.Throws<ShapeException>(() => Float8Spans.Narrow(new float[4], new Float8E4M3[3], Fp8Overflow.Saturate));
        Assert.Throws<ShapeException>(() => Float8Spans.Narrow(new BFloat16[4], new Float8E5M2[3], Fp8Overflow.Saturate));
        Assert.Throws<ShapeException>(() => Float8Spans.Narrow(new float[4], new Float8E8M0[3], PowerOfTwoRounding.Up, Fp8Overflow.Saturate));
        Assert.Throws<ShapeException>(() => Float8Spans.Widen(new Float8E4M3[4], new float[3]));
        Assert.Throws<ShapeException>(() => Float8Spans.Widen(new Float8E5M2[4], new BFloat16[3]));
        Assert.Throws<ShapeException>(() => Float8Spans.Widen(new Float8E8M0[4], new float[3]));
    }

    [Fact]
    public void An_overflow_that_the_format_lacks_is_refused_for_an_empty_span_too()
    {
        Assert.Throws<ContractException>(() => Float8Spans.Narrow(Array.Empty<float>(), Array.Empty<Float8E4M3>(), Fp8Overflow.Infinity));
        Assert.Throws<ContractException>(() => Float8Spans.Narrow(Array.Empty<BFloat16>(), Array.Empty<Float8E5M2>(), Fp8Overflow.NaN));
        Assert.Throws<ContractException>(() => Float8Spans.Narrow(Array.Empty<float>(), Array.Empty<Float8E8M0>(), PowerOfTwoRounding.Up, Fp8Overflow.Infinity));
        Assert.Throws<ContractException>(() => Float8Spans.Narrow(Array.Empty<float>(), Array.Empty<Float8E8M0>(), (PowerOfTwoRounding)9, Fp8Overflow.NaN));
    }

    private static void Narrowing(float[] x, int skip)
    {
        int count = x.Length - skip;
        var e4 = new Float8E4M3[count + 1];
        var e5 = new Float8E5M2[count + 1];
        var e8 = new Float8E8M0[count + 1];
        foreach (Fp8Overflow overflow in WithNaN)
        {
            Float8Spans.Narrow(x.AsSpan(skip), e4.AsSpan(1), overflow);
            Assert.Equal(x.Skip(skip).Select(v => Float8E4M3.FromSingle(v, overflow).Bits), e4.Skip(1).Select(c => c.Bits));
            foreach (PowerOfTwoRounding rounding in Enum.GetValues<PowerOfTwoRounding>())
            {
                Float8Spans.Narrow(x.AsSpan(skip), e8.AsSpan(1), rounding, overflow);
                Assert.Equal(x.Skip(skip).Select(v => Float8E8M0.FromSingle(v, rounding, overflow).Bits), e8.Skip(1).Select(c => c.Bits));
            }
        }

        foreach (Fp8Overflow overflow in WithInfinity)
        {
            Float8Spans.Narrow(x.AsSpan(skip), e5.AsSpan(1), overflow);
            Assert.Equal(x.Skip(skip).Select(v => Float8E5M2.FromSingle(v, overflow).Bits), e5.Skip(1).Select(c => c.Bits));
        }

        Assert.Equal((0, 0, 0), (e4[0].Bits, e5[0].Bits, e8[0].Bits));
    }

    private delegate int Kernel<E, L>(int i, ReadOnlySpan<E> x, Span<byte> y, L limits);

    private delegate void Widen<E>(byte[] codes, E[] values);

    private static void AtEveryWidth<E, L>(byte[] want, byte[] y, Kernel<E, L> w512, Kernel<E, L> w256, Kernel<E, L> w128, E[] x, L limits)
    {
        foreach (Func<int> width in Widths(() => w512(0, x, y, limits), () => w256(0, x, y, limits), () => w128(0, x, y, limits)))
        {
            Array.Clear(y);
            Assert.Equal(x.Length, width());
            Assert.Equal(want, y);
        }
    }

    private static void Widening<F>(byte[] codes, Func<byte, float> scalar, Widen<float> toSingle, Widen<BFloat16> toBFloat16) where F : struct, IFloat8Format
    {
        uint[] want = [.. codes.Select(c => ElementForms.Bits(scalar(c)))];
        var y = new float[codes.Length];
        var z = new BFloat16[codes.Length];
        toSingle(codes, y);
        toBFloat16(codes, z);
        Assert.Equal(want, y.Select(ElementForms.Bits));
        Assert.Equal(want, z.Select(v => ElementForms.Bits(v)));
        foreach (Func<int> width in Widths(() => Float8Spans.DecodeFrom<Words512, F, float>(0, codes, y), () => Float8Spans.DecodeFrom<Words256, F, float>(0, codes, y), () => Float8Spans.DecodeFrom<Words128, F, float>(0, codes, y)))
        {
            Array.Clear(y);
            int count = width();
            Assert.Equal(want.Take(count), y.Take(count).Select(ElementForms.Bits));
        }

        foreach (Func<int> width in Widths(() => Float8Spans.DecodeFrom<Words512, F, BFloat16>(0, codes, z), () => Float8Spans.DecodeFrom<Words256, F, BFloat16>(0, codes, z), () => Float8Spans.DecodeFrom<Words128, F, BFloat16>(0, codes, z)))
        {
            Array.Clear(z);
            int count = width();
            Assert.Equal(want.Take(count), z.Take(count).Select(v => ElementForms.Bits(v)));
        }
    }

    /// <summary>The 128-bit path is taken on Arm64 only, but its operations exist everywhere.</summary>
    private static IEnumerable<Func<int>> Widths(Func<int> w512, Func<int> w256, Func<int> w128) => [w128, .. Isa.Has256 ? [w256] : Array.Empty<Func<int>>(), .. Isa.Has512 ? [w512] : Array.Empty<Func<int>>()];
}
