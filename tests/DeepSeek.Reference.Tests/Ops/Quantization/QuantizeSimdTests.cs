using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Ops;
using DeepSeek.Reference.Tests.Backends;
using FsCheck.Xunit;
using Xunit;

namespace DeepSeek.Reference.Tests.Ops.Quantization;

/// <summary>Rules N1 and N8 for the quantisers: definition and vector code agree in every bit, for any shape, value, dtype, tile and number of threads.</summary>
[Trait(InstructionSets.Trait, InstructionSets.Every)]
public class QuantizeSimdTests
{
    private static readonly ScalarBackend Scalar = new();
    private static readonly SimdBackend[] Simd = [new(1), new(2), new(7)];

    /// <summary>Every significand that a largest bfloat16 can have, with every bfloat16 of the twenty binades below it in the tile: what the table of steps holds.</summary>
    [Theory]
    [MemberData(nameof(ArithmeticsAndScales))]
    public void Rule_N19_N1_every_bfloat16_beside_every_largest_one(QuantizerArithmetic arithmetic, ScaleFormat scales)
    {
        const int Binades = 20, Others = TileGrid.Side - 1;
        const int Tiles = (Binades * 128 + Others - 1) / Others;
        var x = new Tensor(DType.BF16, 128 * Tiles, TileGrid.Side);
        Span<ushort> codes = x.AsSpan<ushort>();
        for (int fraction = 0; fraction < 128; fraction++)
        {
            int largest = (127 << 7) | fraction;
            for (int i = 0; i < Tiles * TileGrid.Side; i++)
            {
                int below = i % TileGrid.Side == 0 ? 0 : (i / TileGrid.Side * Others) + (i % TileGrid.Side) - 1;
                codes[(fraction * Tiles * TileGrid.Side) + i] = (ushort)((largest - below) | ((i & 1) << 15));
            }
        }

        var attributes = new QuantizeAttributes(QuantizationTile.Row1x128, arithmetic, scales);
        (byte[] want, float[] wantScales) = QuantizeTests.Run(Scalar, x, attributes);
        (byte[] got, float[] gotScales) = QuantizeTests.Run(Simd[0], x, attributes);
        Assert.Equal(-1, FirstDifference(want, got));
        Assert.True(Samples.Same(wantScales, gotScales));
    }

    public static TheoryData<QuantizerArithmetic, ScaleFormat> ArithmeticsAndScales()
    {
        var all = new TheoryData<QuantizerArithmetic, ScaleFormat>();
        foreach (QuantizerArithmetic arithmetic in Enum.GetValues<QuantizerArithmetic>())
        {
            foreach (ScaleFormat scales in Enum.GetValues<ScaleFormat>())
                all.Add(arithmetic, scales);
        }

        return all;
    }

    private static int FirstDifference(ReadOnlySpan<byte> want, ReadOnlySpan<byte> got)
    {
        int same = want.CommonPrefixLength(got);
        return same == want.Length && same == got.Length ? -1 : same;
    }

    [Property(MaxTest = 600)]
    public bool Rule_N19_N1_Quantize(int seed)
    {
        var s = new Samples(seed);
        (int T, int K) = Size(s);
        Tensor x = Input(s, T, K);
        QuantizeAttributes attributes = Attributes(s);
        (byte[] codes, float[] scales) = QuantizeTests.Run(Scalar, x, attributes);
        return Simd.All(b => QuantizeTests.Run(b, x, attributes) is var (c, f) && codes.AsSpan().SequenceEqual(c) && Samples.Same(scales, f));
    }

    [Property(MaxTest = 200)]
    public bool Rule_N19_N1_Quantize_to_E5M6(int seed)
    {
        var s = new Samples(seed);
        (int T, int K) = Size(s);
        Tensor x = Input(s, T, K);
        var attributes = new QuantizeAttributes(s.OneOf<QuantizationTile>(), QuantizerArithmetic.TritonActQuant, ScaleFormat.UE8M0, s.OneOf<QuantizationClamp>());
        var grid = new TileGrid(attributes.Tile, T, K);
        (Tensor, Tensor) Run(IBackend b)
        {
            Tensor codes = new(DType.U16, T, K), scales = new(DType.F32, grid.ScaleShape(attributes.Tile));
            b.Quantize(x, attributes, codes, scales);
            return (codes, scales);
        }

        (Tensor codes, Tensor scales) = Run(Scalar);
        return Simd.All(b => Run(b) is var (c, f) && codes.AsBytes().SequenceEqual(c.AsBytes()) && Samples.Same(scales, f));
    }

    [Property(MaxTest = 400)]
    public bool Rule_N19_N1_Dequantize(int seed)
    {
        var s = new Samples(seed);
        (int T, int K) = Size(s);
        QuantizationTile tile = s.OneOf<QuantizationTile>();
        var codes = new Tensor(s.Coin() ? DType.F8_E4M3 : DType.U16, T, K);
        for (int i = 0; i < T * K; i++)
        {
            if (codes.DType == DType.U16)
                codes.AsSpan<ushort>()[i] = (ushort)s.Int(0x1000);
            else
                codes.AsSpan<byte>()[i] = (byte)s.Int(0x100);
        }

        Tensor scales = Samples.As(DType.F32, s.Values(new TileGrid(tile, T, K).Count), new TileGrid(tile, T, K).ScaleShape(tile).Dimensions);
        Tensor y = new(s.FloatType(), T, K);
        Scalar.Dequantize(codes, scales, tile, y);
        return Simd.All(b =>
        {
            Tensor other = new(y.DType, y.Shape);
            b.Dequantize(codes, scales, tile, other);
            return Samples.Same(y, other);
        });
    }

    [Property(MaxTest = 200)]
    public bool Rule_N19_a_row_alone_equals_the_row_in_a_batch(int seed)
    {
        var s = new Samples(seed);
        int T = 1 + s.Int(40), K = s.Length();
        Tensor x = s.Tensor(s.FloatType(), T, K);
        QuantizeAttributes attributes = Attributes(s) with { Tile = s.Coin() ? QuantizationTile.Row1x128 : QuantizationTile.PerChannel };
        int t = s.Int(T);
        return Simd.Append<IBackend>(Scalar).All(b =>
        {
            (byte[] codes, float[] scales) = QuantizeTests.Run(b, x, attributes);
            (byte[] row, float[] own) = QuantizeTests.Run(b, x.Rows(t, 1), attributes);
            return codes.AsSpan(t * K, K).SequenceEqual(row) && Samples.Same(scales.AsSpan(t * own.Length, own.Length), own);
        });
    }

    [Fact]
    public void Rule_N19_a_quotient_by_remainders_is_the_division()
    {
        // Around every tie of E4M3, for scales with few and many bits: where a quotient that is off by one would show as a code.
        var random = new Random(5);
        float[] x = new float[128];
        for (int n = 0; n < 4000; n++)
        {
            x[0] = (n % 3 == 0 ? random.Next(128, 256) / 128f : 1f + random.NextSingle()) * MathF.ScaleB(1f, random.Next(-20, 90));
            float s = x[0] / 448f;
            for (int k = 1; k < 128; k++)
            {
                float tie = (random.Next(16, 32) + 0.5f) * MathF.ScaleB(1f, random.Next(-14, 4));
                float near = Math.Min(tie * s, x[0]);
                x[k] = BitConverter.Int32BitsToSingle(BitConverter.SingleToInt32Bits(near) + (near < x[0] ? random.Next(-2, 3) : 0)) * (random.Next(2) * 2 - 1);
            }

            Tensor row = Tensor.From(x, 1, 128);
            foreach (QuantizerArithmetic arithmetic in (QuantizerArithmetic[])[QuantizerArithmetic.TritonActQuant, QuantizerArithmetic.TileLang])
            {
                var attributes = new QuantizeAttributes(QuantizationTile.Row1x128, arithmetic, ScaleFormat.F32);
                Assert.Equal(QuantizeTests.Run(Scalar, row, attributes).Codes, QuantizeTests.Run(Simd[0], row, attributes).Codes);
            }
        }
    }

    [Fact]
    public void Rule_N19_N8_large_shapes_on_any_number_of_threads()
    {
        foreach ((int T, int K) in ((int, int)[])[(300, 1100), (3, 7168), (1000, 130)])
        {
            Tensor x = new Samples(T).Tensor(DType.BF16, true, T, K);
            foreach (QuantizationTile tile in Enum.GetValues<QuantizationTile>())
            {
                var attributes = new QuantizeAttributes(tile, QuantizerArithmetic.TritonActQuant, ScaleFormat.F32);
                (byte[] codes, float[] scales) = QuantizeTests.Run(Scalar, x, attributes);
                foreach (SimdBackend backend in Simd)
                {
                    (byte[] c, float[] f) = QuantizeTests.Run(backend, x, attributes);
                    Assert.True(codes.AsSpan().SequenceEqual(c) && scales.AsSpan().SequenceEqual(f), $"{tile} {T} x {K}, {backend.Threads} threads");
                }
            }
        }
    }

    private static QuantizeAttributes Attributes(Samples s)
    {
        QuantizerArithmetic arithmetic = s.OneOf<QuantizerArithmetic>();
        QuantizationClamp clamp = s.OneOf<QuantizationClamp>();
        if (clamp == QuantizationClamp.Scale && arithmetic is QuantizerArithmetic.DeepGemm2025 or QuantizerArithmetic.DeepEpLowLatency)
            clamp = QuantizationClamp.Amax;
        return new(s.OneOf<QuantizationTile>(), arithmetic, s.OneOf<ScaleFormat>(), clamp);
    }

    private static (int T, int K) Size(Samples s) => s.Coin() ? (s.Int(5), s.Length()) : (s.Length() % 300, s.Int(150));

    private static Tensor Input(Samples s, int T, int K) => s.Tensor(s.FloatType(), s.Coin(), T, K);
}
