using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Ops;
using FsCheck.Xunit;
using Xunit;

namespace DeepSeek.Reference.Tests.Ops;

/// <summary>AbsorbQuery, AbsorbOutput and ExpandKeys, and what the two forms of MLA have in common.</summary>
public class AttentionLatentTests
{
    private static readonly ScalarBackend scalar = new();

    /// <summary>Shapes of one to three tokens: S, H, dn, dr, dv, c.</summary>
    public static TheoryData<int, int, int, int, int, int> FewTokens => new()
    {
        { 1, 16, 64, 32, 64, 128 },
        { 2, 5, 33, 8, 13, 64 },
        { 3, 9, 0, 4, 0, 192 },
        { 1, 4, 7, 0, 5, 64 },
        { 1, 3, 12, 1, 1, 128 },
        { 3, 8, 130, 3, 70, 70 },
        { 3, 8, 130, 3, 70, 320 },
        { 1, 2, 128, 64, 128, 512 },
        { 2, 6, 200, 64, 100, 256 },
    };

    [Property(MaxTest = 150)]
    public void Rule_N1_absorbed_products_equal_their_definitions_in_every_bit(int seed)
    {
        var random = new Random(seed);
        int[] channels = [0, 1, 5, 16, 17, 33, 64, 70, 130];
        int Any(params int[] choices) => choices[random.Next(choices.Length)];
        int S = Any(0, 1, 2, 3, 4, 7, 66), H = random.Next(1, 4), dn = Any(channels), dr = Any(0, 1, 8), dv = Any(channels), c = Any(channels);
        Tensor Uniform(params ReadOnlySpan<long> shape)
        {
            var t = new Tensor(DType.F32, shape);
            foreach (ref float x in t.AsSpan<float>())
                x = random.Next(500) == 0 ? float.NegativeInfinity : (random.NextSingle() - 0.5f) * MathF.ScaleB(1f, random.Next(-4, 4));
            return random.Next(2) == 0 ? t : t.As(DType.BF16);
        }

        Tensor q = Uniform(S, H, dn + dr), kvB = Uniform(H, dn + dv, c), z = Uniform(S, H, c);
        DType output = random.Next(2) == 0 ? DType.F32 : DType.BF16;
        var accumulation = new Accumulation((AccumulationKind)Any(0, 0, 0, 1, 2, 3));

        uint[] Query(IBackend backend)
        {
            var y = new Tensor(output, S, H, c + dr);
            backend.AbsorbQuery(q, kvB, accumulation, y);
            return y.Bits();
        }

        uint[] Output(IBackend backend)
        {
            var y = new Tensor(output, S, H, dv);
            backend.AbsorbOutput(z, kvB, accumulation, y);
            return y.Bits();
        }

        foreach (int threads in new[] { 1, 2, 7 })
        {
            Assert.Equal(Query(scalar), Query(new SimdBackend(threads)));
            Assert.Equal(Output(scalar), Output(new SimdBackend(threads)));
        }

        foreach (Action<Tensor, Tensor, Tensor, int, int, int> simd in QueryWidths())
        {
            var y = new Tensor(output, S, H, c + dr);
            for (int h = 0; h < H && S > 0; h++)
                simd(q, kvB, y, h, 0, S);
            var expected = new Tensor(output, S, H, c + dr);
            scalar.AbsorbQuery(q, kvB, Accumulation.Lanes16, expected);
            Assert.Equal(expected.Bits(), y.Bits());
        }

        foreach (Action<Tensor, Tensor, Tensor, int, int, int> simd in OutputWidths())
        {
            var y = new Tensor(output, S, H, dv);
            for (int h = 0; h < H && S > 0; h++)
                simd(z, kvB, y, h, 0, S);
            var expected = new Tensor(output, S, H, dv);
            scalar.AbsorbOutput(z, kvB, Accumulation.Lanes16, expected);
            Assert.Equal(expected.Bits(), y.Bits());
        }
    }

    [Theory]
    [MemberData(nameof(FewTokens))]
    public void Rule_N1_few_tokens_of_many_heads_equal_their_definitions_in_every_bit(int S, int H, int dn, int dr, int dv, int c)
    {
        foreach (DType dtype in new[] { DType.F32, DType.BF16 })
        {
            var random = new Random(dn + c);
            Tensor Uniform(DType type, params ReadOnlySpan<long> shape)
            {
                var t = new Tensor(DType.F32, shape);
                foreach (ref float x in t.AsSpan<float>())
                    x = (random.NextSingle() - 0.5f) * MathF.ScaleB(1f, random.Next(-8, 8));
                return type == DType.F32 ? t : t.As(type);
            }

            Tensor q = Uniform(DType.F32, S, H, dn + dr), z = Uniform(DType.F32, S, H, c), kvB = Uniform(dtype, H, dn + dv, c);
            Tensor absorbed = new(DType.F32, S, H, c + dr), output = new(DType.F32, S, H, dv);
            scalar.AbsorbQuery(q, kvB, Accumulation.Lanes16, absorbed);
            scalar.AbsorbOutput(z, kvB, Accumulation.Lanes16, output);
            foreach (int threads in new[] { 1, 2 })
            {
                Tensor y = new(DType.F32, S, H, c + dr), o = new(DType.F32, S, H, dv);
                new SimdBackend(threads).AbsorbQuery(q, kvB, Accumulation.Lanes16, y);
                new SimdBackend(threads).AbsorbOutput(z, kvB, Accumulation.Lanes16, o);
                Assert.Equal(absorbed.Bits(), y.Bits());
                Assert.Equal(output.Bits(), o.Bits());
            }

            // In parts, as threads take them, whatever this processor's order of reading is.
            if (!Isa.Has512)
                continue;
            foreach (int cut in new[] { 0, 1, H - 2 })
            {
                Tensor y = new(DType.F32, S, H, c + dr), o = new(DType.F32, S, H, dv);
                foreach ((int from, int to) in new[] { (0, cut), (cut, H) })
                {
                    if (c % ResidueProduct.RowColumns == 0)
                        AbsorbQuery.SimdHeads(q, kvB, y, from, to);
                    AbsorbOutput.SimdHeads(z, kvB, o, from, to);
                }

                Assert.Equal(output.Bits(), o.Bits());
                if (c % ResidueProduct.RowColumns == 0)
                    Assert.Equal(absorbed.Bits(), y.Bits());
            }
        }
    }

    [Fact]
    public void Rule_N6_the_lane_of_an_absorbed_term_is_its_channel_mod_16()
    {
        // Channels 0 and 16 share lane 0, channel 8 is added at the fold: (2^24 + 1) rounds to 2^24, then + -2^24 = 0; another order would give 1.
        float[] q = new float[17], w = new float[17];
        q.AsSpan().Fill(1f);
        (w[0], w[16], w[8]) = (16777216f, 1f, -16777216f);
        foreach (IBackend backend in new IBackend[] { scalar, new SimdBackend(1) })
        {
            var y = new Tensor(DType.F32, 1, 1, 1);
            backend.AbsorbQuery(Tensor.From(q, 1, 1, 17), Tensor.From(w, 1, 17, 1), Accumulation.Lanes16, y);
            Assert.Equal([0u], y.Bits());
            backend.AbsorbQuery(Tensor.From(q, 1, 1, 17), Tensor.From(w, 1, 17, 1), Accumulation.Exact, y);
            Assert.Equal([0x3F800000u], y.Bits());
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public void Rule_N6_a_sum_of_underflowing_negative_products_is_plus_zero(int S)
    {
        // Every one of the sixteen lanes is -0 before the last addition of +0.
        const int n = 16;
        float[] small = new float[S * n], negative = new float[2 * n * n];
        small.AsSpan().Fill(1e-30f);
        negative.AsSpan().Fill(-1e-30f);
        Tensor x = Tensor.From(small, S, 1, n), w = Tensor.From(negative, 1, 2 * n, n);
        foreach (IBackend backend in new IBackend[] { scalar, new SimdBackend(1) })
        {
            var y = new Tensor(DType.F32, S, 1, n);
            backend.AbsorbQuery(x, w, Accumulation.Lanes16, y);
            Assert.All(y.Bits(), bits => Assert.Equal(0u, bits));
            backend.AbsorbOutput(x, w, Accumulation.Lanes16, y);
            Assert.All(y.Bits(), bits => Assert.Equal(0u, bits));
        }
    }

    [Fact]
    public void Naive_and_absorbed_forms_agree_in_every_bit_where_all_arithmetic_is_exact()
    {
        // Small integers: every score is exact in both forms. Query 0 sees one key (p = 1), query 1 two equal ones (p = 1/2).
        const int S = 2, H = 3, dn = 18, dr = 4, dv = 17, c = 20;
        var random = new Random(7);
        Tensor Integers(params ReadOnlySpan<long> shape)
        {
            var t = new Tensor(DType.F32, shape);
            foreach (ref float x in t.AsSpan<float>())
                x = random.Next(-3, 4);
            return t;
        }

        Tensor q = Integers(S, H, dn + dr), kvB = Integers(H, dn + dv, c), latent = Integers(1, c), kPe = Integers(1, dr);
        Tensor twice = Repeat(latent), peTwice = Repeat(kPe);
        var attributes = new AttentionAttributes(0.5f, 0, AttentionRounding.None, 0, Accumulation.Lanes16);
        foreach (IBackend backend in new IBackend[] { scalar, new SimdBackend(2) })
        {
            var kv = new Tensor(DType.F32, S, H, dn + dv);
            for (int t = 0; t < S; t++)
                for (int r = 0; r < H * (dn + dv); r++)
                    kv.AsSpan<float>()[t * H * (dn + dv) + r] = DotProduct.Define(kvB.AsSpan<float>().Slice(r * c, c), twice.AsSpan<float>().Slice(t * c, c), Accumulation.Lanes16, DType.F32);
            Tensor keys = new(DType.F32, S, H, dn + dr), values = new(DType.F32, S, H, dv), naive = new(DType.F32, S, H, dv), naiveLse = new(DType.F32, S, H);
            backend.ExpandKeys(kv, peTwice, keys, values);
            backend.Attention(q, keys, values, attributes, naive, naiveLse);

            var cache = new Tensor(DType.F32, S, 1, c + dr);
            for (int t = 0; t < S; t++)
            {
                twice.AsSpan<float>().Slice(t * c, c).CopyTo(cache.AsSpan<float>()[(t * (c + dr))..]);
                peTwice.AsSpan<float>().Slice(t * dr, dr).CopyTo(cache.AsSpan<float>()[(t * (c + dr) + c)..]);
            }

            Tensor folded = new(DType.F32, S, H, c + dr), z = new(DType.F32, S, H, c), absorbed = new(DType.F32, S, H, dv), absorbedLse = new(DType.F32, S, H);
            backend.AbsorbQuery(q, kvB, Accumulation.Lanes16, folded);
            backend.Attention(folded, cache, null, attributes, z, absorbedLse);
            backend.AbsorbOutput(z, kvB, Accumulation.Lanes16, absorbed);
            Assert.Equal(naive.Bits(), absorbed.Bits());
            Assert.Equal(naiveLse.Bits(), absorbedLse.Bits());
        }
    }

    [Fact]
    public void Expanded_keys_are_the_head_s_own_channels_then_the_shared_rotated_ones()
    {
        foreach (IBackend backend in new IBackend[] { scalar, new SimdBackend(2) })
        {
            Tensor keys = new(DType.F32, 1, 2, 3), values = new(DType.F32, 1, 2, 1);
            backend.ExpandKeys(Tensor.From([1f, 2f, 3f, 4f, 5f, 6f], 1, 2, 3), Tensor.From([9f], 1, 1), keys, values);
            Assert.Equal([1f, 2f, 9f, 4f, 5f, 9f], keys.AsSpan<float>().ToArray());
            Assert.Equal([3f, 6f], values.AsSpan<float>().ToArray());
        }
    }

    [Fact]
    public void Tensors_that_do_not_fit_are_refused()
    {
        foreach (IBackend backend in new IBackend[] { scalar, new SimdBackend(2) })
        {
            Tensor q = new(DType.F32, 1, 2, 6), kvB = new(DType.F32, 2, 8, 5);
            Assert.Throws<ShapeException>(() => backend.AbsorbQuery(q, kvB, Accumulation.Lanes16, new(DType.F32, 1, 2, 4)));
            Assert.Throws<ShapeException>(() => backend.AbsorbQuery(q, new(DType.F32, 3, 8, 5), Accumulation.Lanes16, new(DType.F32, 1, 2, 7)));
            Assert.Throws<ShapeException>(() => backend.AbsorbOutput(q, kvB, Accumulation.Lanes16, new(DType.F32, 1, 2, 4)));
            Assert.Throws<ShapeException>(() => backend.ExpandKeys(q, new(DType.F32, 2, 3), new(DType.F32, 1, 2, 7), new(DType.F32, 1, 2, 2)));
        }
    }

    private static Tensor Repeat(Tensor row)
    {
        ReadOnlySpan<float> values = row.AsSpan<float>();
        return Tensor.From([.. values, .. values], 2, values.Length);
    }

    private static IEnumerable<Action<Tensor, Tensor, Tensor, int, int, int>> QueryWidths()
    {
        if (Isa.Has512)
            yield return AbsorbQuery.Simd<Lanes512>;
        if (Isa.Has256)
            yield return AbsorbQuery.Simd<Lanes256>;
        if (Isa.Any)
            yield return AbsorbQuery.Simd<Lanes128>;
    }

    private static IEnumerable<Action<Tensor, Tensor, Tensor, int, int, int>> OutputWidths()
    {
        if (Isa.Has512)
            yield return AbsorbOutput.Simd<Lanes512>;
        if (Isa.Has256)
            yield return AbsorbOutput.Simd<Lanes256>;
        if (Isa.Any)
            yield return AbsorbOutput.Simd<Lanes128>;
    }
}
