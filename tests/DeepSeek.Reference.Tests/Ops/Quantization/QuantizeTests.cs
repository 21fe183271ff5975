using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Ops;
using DeepSeek.Reference.Tests.Checkpoints;
using Xunit;

namespace DeepSeek.Reference.Tests.Ops.Quantization;

/// <summary>Rule N19, sentence by sentence, on rows small enough to work by hand.</summary>
[Trait(InstructionSets.Trait, InstructionSets.Every)]
public class QuantizeTests
{
    private static readonly IBackend[] Backends = [new ScalarBackend(), new SimdBackend(1)];

    /// <summary>
    /// Rows in which the arithmetics part, worked with exact fractions outside of this library: x, then the scale and the codes of
    /// TritonActQuant, DeepGemm, DeepGemm2025, DeepEpLowLatency, TileLang, TorchCuda and TritonActQuantHopper.
    /// </summary>
    public static TheoryData<string, string[]> WorkedRows => new()
    {
        // amax 3.25 and a quotient beside the tie 84 between 80 and 88.
        {
            "40500000 3F1C0000 BF1C0000",
            ["3BEDB6DB 7E6AEA", "3BEDB6DB 7E6BEB", "3BEDB6DB 7E6BEB", "3BEDB6DC 7E6BEB", "3BEDB6DC 7E6AEA", "3BEDB6DC 7E6AEA", "3BEDB6DC 7E6AEA"]
        },
        {
            "3D980000 39E40000 3A640000 3AE40000 3B640000 3BE40000 3C640000 3CE40000",
            ["392DB6DB 7E424A525A626A72", "392DB6DB 7E434B535B636B73", "392DB6DB 7E424A525A626A72", "392DB6DC 7E424A525A626A72", "392DB6DC 7E424A525A626A72", "392DB6DC 7E424A525A626A72", "392DB6DC 7E424A525A626A72"]
        },
        {
            "3FC40000 3BEE0000 3C050000 3C130000 3C210000 3C2F0000 3C3D0000 3C4B0000",
            ["3B600000 7E40424244444646", "3B600000 7E40424244454647", "3B600000 7E40424244454647", "3B600001 7E40424244454647", "3B600001 7E40414243444546", "3B600001 7E40414243444546", "3B600001 7E40414243444546"]
        },
        {
            "3C980000 3BB8924A 3BE40001 3BF9B6DB BBB8924A",
            ["382DB6DB 7E717374F1", "382DB6DB 7E717374F1", "382DB6DB 7E717374F1", "382DB6DC 7E717374F1", "382DB6DC 7E707273F0", "382DB6DC 7E717374F1", "382DB6DC 7E707273F0"]
        },
        {
            "3E8E0000 3DAC6DB8 3E08EDB7 3E13124A BDAC6DB8",
            ["3A224925 7E717677F1", "3A224925 7E707576F0", "3A224925 7E717677F1", "3A224925 7E717677F1", "3A224925 7E717677F1", "3A224925 7E707576F0", "3A224925 7E707576F0"]
        },
        {
            "3C160000 3B362493 3B90A492 BB362493",
            ["37AB6DB7 7E7075F0", "37AB6DB7 7E7176F1", "37AB6DB7 7E7176F1", "37AB6DB7 7E7176F1", "37AB6DB7 7E7075F0", "37AB6DB7 7E7176F1", "37AB6DB7 7E7176F1"]
        },
        // rcp of the scale is not its rounded reciprocal: the one row in which Hopper's act_quant has codes of its own.
        {
            "3C630000 381A0925 B81A0925",
            ["3801B6DB 7E3ABA", "3801B6DB 7E3ABA", "3801B6DB 7E3ABA", "3801B6DC 7E3ABA", "3801B6DC 7E3ABA", "3801B6DC 7E3ABA", "3801B6DC 7E39B9"]
        },
        // amax 5e-5 is below the clamp: as if it were 1e-4.
        {
            "3851B717 B7D1B717 37000000",
            ["346FACAD 76EE61", "346FACAD 76EE61", "346FACAD 76EE61", "346FACAD 76EE61", "346FACAD 76EE61", "346FACAD 76EE61", "346FACAD 76EE61"]
        },
        { "00000000 80000000", ["346FACAD 0080", "346FACAD 0080", "346FACAD 0080", "346FACAD 0080", "346FACAD 0080", "346FACAD 0080", "346FACAD 0080"] },
    };

    [Theory]
    [MemberData(nameof(WorkedRows))]
    public void Rule_N19_each_arithmetic_has_its_own_bits(string x, string[] expected)
    {
        float[] row = Floats(x);
        foreach (QuantizerArithmetic arithmetic in Enum.GetValues<QuantizerArithmetic>())
        {
            // Once as it is, once at the end of 16 lanes of zeros, where vector code takes it.
            string direct = Row(row, new(QuantizationTile.Row1x128, arithmetic, ScaleFormat.F32));
            Assert.Equal(expected[(int)arithmetic], direct);
            string padded = Row([.. row, .. new float[64]], new(QuantizationTile.Row1x128, arithmetic, ScaleFormat.F32));
            Assert.Equal(expected[(int)arithmetic] + new string('0', 128), padded);
        }
    }

    [Fact]
    public void Rule_N19_the_scale_is_rounded_up_before_x_is_divided_by_it()
    {
        // 3.25 / 448 lies above 2^-8: the scale is 2^-7, and 3.25 · 2^7 = 416 is code 7D. Rounded after dividing by the unrounded scale it would be 7E.
        Assert.Equal("3C000000 7D6AEA", Row(Floats("40500000 3F1C0000 BF1C0000"), UE8M0(QuantizerArithmetic.TritonActQuant)));
        Assert.Equal("34800000 75ED60", Row(Floats("3851B717 B7D1B717 37000000"), UE8M0(QuantizerArithmetic.TritonActQuant)));
        // 3.5 = 448 · 2^-7 is a power of two already.
        Assert.Equal("3C000000 7E", Row([3.5f], UE8M0(QuantizerArithmetic.TritonActQuant)));
        Assert.Equal("3C800000 76", Row([MathF.BitIncrement(3.5f)], UE8M0(QuantizerArithmetic.TritonActQuant)));
    }

    [Theory]
    [InlineData(0x00000000u, 0x00800000u)]
    [InlineData(0x00000001u, 0x00800000u)]
    [InlineData(0x00800000u, 0x00800000u)]
    [InlineData(0x00800001u, 0x01000000u)]
    [InlineData(0x3F7FFFFFu, 0x3F800000u)]
    [InlineData(0x3F800000u, 0x3F800000u)]
    [InlineData(0x3F800001u, 0x40000000u)]
    [InlineData(0x7F000000u, 0x7F000000u)]
    [InlineData(0x7F7FFFFFu, 0x7F000000u)]
    [InlineData(0x7F800000u, 0x7F800000u)]
    [InlineData(0x7FC00000u, 0x7FC00000u)]
    public void Rule_N19_a_power_of_two_not_below_by_the_bits(uint s, uint expected) =>
        Assert.Equal(expected, BitConverter.SingleToUInt32Bits(TileScale.PowerOfTwoNotBelow(BitConverter.UInt32BitsToSingle(s))));

    [Fact]
    public void Rule_N19_power_of_two_scales_are_one_under_every_arithmetic_and_the_least_that_holds_amax()
    {
        // Every fraction of one binade, so every amax up to a power of two: the least s = 2^k with 448 s >= amax, all in exact arithmetic.
        for (uint fraction = 0; fraction < 1 << 23; fraction += 1 + (fraction & 0x3F) * 5 % 7)
            Check(fraction);
        for (int near = -300; near <= 300; near++)
            Check((uint)(0x600000 + near));

        static void Check(uint fraction)
        {
            float a = BitConverter.UInt32BitsToSingle(0x3F800000 | fraction);
            float least = a <= 1.75f ? 1f / 256 : 1f / 128;
            foreach (QuantizerArithmetic arithmetic in Enum.GetValues<QuantizerArithmetic>())
            {
                TileScale s = TileScale.Of(a, Quantize.LargestE4M3, UE8M0(arithmetic));
                if (s.Scale != least || s.Quotient(a) != a / least)
                    Assert.Fail($"{arithmetic}: amax {a:R} has the scale {s.Scale:R}, expected {least:R}");
            }
        }
    }

    [Fact]
    public void Rule_N19_the_clamp_is_on_amax_on_the_scale_or_absent()
    {
        float[] row = [0.04f, -0.01f, 0f];
        Assert.Equal("38BB3EE7 7EEE00", Row(row, new(QuantizationTile.Row1x128, QuantizerArithmetic.TritonActQuant, ScaleFormat.F32)));
        // amax / 448 = 8.9e-5 is below 1e-4: FlashMLA's cache takes 2^-13.
        Assert.Equal("39000000 7AEA00", Row(row, new(QuantizationTile.Row1x128, QuantizerArithmetic.TritonActQuant, ScaleFormat.UE8M0, QuantizationClamp.Scale)));
        Assert.Equal("38D1B717 7CEC00", Row(row, new(QuantizationTile.Row1x128, QuantizerArithmetic.TritonActQuant, ScaleFormat.F32, QuantizationClamp.Scale)));
        // Without a clamp a row of zeros is 0/0, and one of the least subnormal numbers x/0, which saturates.
        Assert.Equal("00000000 7F7F", Row([0f, -0f], new(QuantizationTile.Row1x128, QuantizerArithmetic.TritonActQuant, ScaleFormat.F32, QuantizationClamp.None)));
        Assert.Equal("00000000 7EFE", Row([float.Epsilon, -float.Epsilon], new(QuantizationTile.Row1x128, QuantizerArithmetic.TritonActQuant, ScaleFormat.F32, QuantizationClamp.None)));
        Assert.Equal("00800000 0080", Row([0f, -0f], new(QuantizationTile.Row1x128, QuantizerArithmetic.TritonActQuant, ScaleFormat.UE8M0, QuantizationClamp.None)));
    }

    [Fact]
    public void Rule_N19_a_NaN_makes_its_tile_NaN_and_an_infinity_leaves_zeros()
    {
        foreach (QuantizerArithmetic arithmetic in Enum.GetValues<QuantizerArithmetic>().Where(a => a != QuantizerArithmetic.TritonActQuantHopper))
        {
            foreach (ScaleFormat format in Enum.GetValues<ScaleFormat>())
            {
                float[] x = new float[300];
                x.AsSpan().Fill(1f);
                x[5] = float.NaN;
                x[129] = float.NegativeInfinity;
                x[130] = -2f;
                foreach (IBackend backend in Backends)
                {
                    (byte[] codes, float[] scales) = Run(backend, Tensor.From(x, 1, 300), new(QuantizationTile.Row1x128, arithmetic, format));
                    Assert.True(float.IsNaN(scales[0]));
                    Assert.All(codes[..128], c => Assert.Equal(0x7F, c));
                    Assert.Equal(float.PositiveInfinity, scales[1]);
                    Assert.Equal([0x00, 0x7F, 0x80, 0x00], codes[128..132]);
                    Assert.True(float.IsFinite(scales[2]));
                    Assert.Equal(0x7E, codes[299] | (format == ScaleFormat.UE8M0 ? 0x7E : 0));
                }
            }
        }
    }

    [Fact]
    public void Rule_N19_act_quant_on_Hopper_passes_over_NaN_in_every_tile_on_every_backend()
    {
        // 130 x 131 of ones with one NaN and a -2 to its right and below it: the NaN's tile has the scale 2/448, codes 7E at -2, 76 at 1, 7F at the NaN alone.
        foreach (QuantizationTile tile in Enum.GetValues<QuantizationTile>())
        {
            var x = new float[130 * 131];
            x.AsSpan().Fill(1f);
            (x[0], x[1], x[131]) = (float.NaN, -2f, -2f);
            QuantizeAttributes attributes = new(tile, QuantizerArithmetic.TritonActQuantHopper, ScaleFormat.F32);
            foreach (IBackend backend in Backends)
            {
                foreach (DType type in (DType[])[DType.F32, DType.BF16])
                {
                    (byte[] codes, float[] scales) = Run(backend, Tests.Backends.Samples.As(type, x, 130, 131), attributes);
                    Assert.Equal(0x3B924925u, BitConverter.SingleToUInt32Bits(scales[0]));
                    Assert.Equal(0x7F, codes[0]);
                    Assert.Equal([0xFE, 0xFE], [codes[1], codes[131]]);
                    Assert.DoesNotContain((byte)0x7F, codes.AsSpan(1).ToArray());
                    Assert.All(scales, s => Assert.True(float.IsFinite(s)));
                }
            }
        }

        // Nothing but NaN: as if the tile were of zeros. An infinity makes the scale infinite, its reciprocal 0.
        Assert.Equal("346FACAD 7F7F", Row(Floats("7FC00000 FF800001"), new(QuantizationTile.Row1x128, QuantizerArithmetic.TritonActQuantHopper, ScaleFormat.F32)));
        Assert.Equal("34800000 7F7F", Row(Floats("7FC00000 FF800001"), UE8M0(QuantizerArithmetic.TritonActQuantHopper)));
        Assert.Equal("7F800000 7F807F7F", Row(Floats("7F800000 BF800000 FF800000 7FC00000"), new(QuantizationTile.Row1x128, QuantizerArithmetic.TritonActQuantHopper, ScaleFormat.F32)));
        Assert.Equal("3B800000 7F78F080", Row(Floats("7FC00000 3F800000 BF000000 80000000"), UE8M0(QuantizerArithmetic.TritonActQuantHopper)));
        // Without a clamp: rcp takes the subnormal scale of the least numbers for a zero.
        QuantizeAttributes bare = new(QuantizationTile.Row1x128, QuantizerArithmetic.TritonActQuantHopper, ScaleFormat.F32, QuantizationClamp.None);
        Assert.Equal("00000000 7F7F", Row([0f, -0f], bare));
        Assert.Equal("00000000 7EFE", Row([float.Epsilon, -float.Epsilon], bare));
        Assert.Equal("00000000 7F7F", Row([float.NaN, float.NaN], bare));
        Assert.Equal("00400000 7EFE", Row(Floats("04600000 80200000"), bare));
    }

    [Fact]
    public void Rule_N19_a_tile_cut_by_the_edge_is_padded_with_zeros()
    {
        // 576 columns are four tiles and a half; 7 rows are one tile of a column.
        var s = new Tests.Backends.Samples(11);
        float[] x = s.Values(7 * 576, finite: true);
        foreach (QuantizationTile tile in (QuantizationTile[])[QuantizationTile.Row1x128, QuantizationTile.Column128x1, QuantizationTile.Block128x128])
        {
            float[] wide = new float[128 * 640];
            for (int t = 0; t < 7; t++)
                x.AsSpan(t * 576, 576).CopyTo(wide.AsSpan(t * 640));
            foreach (IBackend backend in Backends)
            {
                (byte[] codes, float[] scales) = Run(backend, Tensor.From(x, 7, 576), new(tile, QuantizerArithmetic.TritonActQuant, ScaleFormat.F32));
                (byte[] wideCodes, float[] wideScales) = Run(backend, Tensor.From(wide, 128, 640), new(tile, QuantizerArithmetic.TritonActQuant, ScaleFormat.F32));
                int across = tile == QuantizationTile.Column128x1 ? 576 : 5, wideAcross = tile == QuantizationTile.Column128x1 ? 640 : 5;
                for (int t = 0; t < 7; t++)
                    Assert.Equal(wideCodes.AsSpan(t * 640, 576), codes.AsSpan(t * 576, 576));
                for (int i = 0; i < scales.Length / across; i++)
                    Assert.Equal(wideScales.AsSpan(i * wideAcross, across), scales.AsSpan(i * across, across));
            }
        }
    }

    [Fact]
    public void Rule_N19_which_elements_share_a_scale()
    {
        // x[t, k] = 448 · 2^(t/100 + k/100), so that every tile has another largest value.
        float[] x = new float[200 * 300];
        for (int t = 0; t < 200; t++)
        {
            for (int k = 0; k < 300; k++)
                x[t * 300 + k] = 448f * (1 << (t / 100)) * (1 << (k / 100));
        }

        foreach (IBackend backend in Backends)
        {
            Assert.Equal([2f, 4f, 4f], Scales(QuantizationTile.Row1x128, 3, 200)[..3]);
            Assert.Equal([4f, 8f, 8f], Scales(QuantizationTile.Row1x128, 3, 200)[^3..]);
            Assert.Equal([2f, 2f, 4f, 8f], Scales(QuantizationTile.Column128x1, 300, 2) is var c ? [c[0], c[300], c[100], c[599]] : []);
            Assert.Equal([4f, 8f, 8f, 4f, 8f, 8f], Scales(QuantizationTile.Block128x128, 3, 2));
            Assert.Equal([8f], Scales(QuantizationTile.PerTensor, 1, 1));
            Assert.Equal([4f, 8f], Scales(QuantizationTile.PerChannel, 1, 200) is var r ? [r[0], r[199]] : []);

            float[] Scales(QuantizationTile tile, int across, int down)
            {
                (_, float[] scales) = Run(backend, Tensor.From(x, 200, 300), new(tile, QuantizerArithmetic.TritonActQuant, ScaleFormat.F32));
                Assert.Equal(across * down, scales.Length);
                return scales;
            }
        }
    }

    [Fact]
    public void Rule_N19_E5M6_saturates_at_65024_with_the_least_power_of_two()
    {
        foreach (IBackend backend in Backends)
        {
            var codes = new Tensor(DType.U16, 1, 6);
            var scales = new Tensor(DType.F32, 1, 1);
            backend.Quantize(Tensor.From([65024f, -1f, 1.0078125f, 1.015625f, 0f, -0f], 1, 6), UE8M0(QuantizerArithmetic.TritonActQuant), codes, scales);
            // 1 + 1/128 is a tie and goes to the even 1; 1 + 1/64 is a code.
            Assert.Equal([0x7BF, 0xBC0, 0x3C0, 0x3C1, 0x000, 0x800], codes.AsReadOnlySpan<ushort>().ToArray());
            Assert.Equal(1f, scales.AsReadOnlySpan<float>()[0]);

            backend.Quantize(Tensor.From([65056f, -1f, 0f, 0f, 0f, 0f], 1, 6), UE8M0(QuantizerArithmetic.TritonActQuant), codes, scales);
            Assert.Equal([0x77F, 0xB80], codes.AsReadOnlySpan<ushort>()[..2].ToArray());
            Assert.Equal(2f, scales.AsReadOnlySpan<float>()[0]);
        }
    }

    [Fact]
    public void What_excludes_each_other_is_refused()
    {
        Tensor x = new(DType.F32, 2, 130), codes = new(DType.F8_E4M3, 2, 130), wide = new(DType.U16, 2, 130), scales = new(DType.F32, 2, 2);
        foreach (IBackend backend in Backends)
        {
            Refused<ContractException>(() => backend.Quantize(x, new(QuantizationTile.Row1x128, QuantizerArithmetic.DeepEpLowLatency, ScaleFormat.F32, QuantizationClamp.Scale), codes, scales), "not by the scale");
            Refused<ContractException>(() => backend.Quantize(x, new(QuantizationTile.Row1x128, QuantizerArithmetic.TritonActQuant, ScaleFormat.F32), wide, scales), "E5M6");
            Refused<ContractException>(() => backend.Quantize(x, new(QuantizationTile.Row1x128, QuantizerArithmetic.TileLang, ScaleFormat.UE8M0), wide, scales), "E5M6");
            Refused<ContractException>(() => backend.Quantize(x, new((QuantizationTile)9, QuantizerArithmetic.TileLang, ScaleFormat.F32), codes, scales), "Row1x128");
            Refused<ContractException>(() => backend.Quantize(x, new(QuantizationTile.Row1x128, (QuantizerArithmetic)9, ScaleFormat.F32), codes, scales), "TileLang");
            Refused<ShapeException>(() => backend.Quantize(x, new(QuantizationTile.Block128x128, QuantizerArithmetic.TileLang, ScaleFormat.F32), codes, scales), "expected shape [1, 2]");
            Refused<ShapeException>(() => backend.Quantize(x, UE8M0(QuantizerArithmetic.TileLang), new Tensor(DType.F8_E5M2, 2, 130), scales), "F8_E4M3");
            Refused<ShapeException>(() => backend.Quantize(x, UE8M0(QuantizerArithmetic.TileLang), new Tensor(DType.F8_E4M3, 2, 131), scales), "expected shape [2, 130]");
            Refused<ShapeException>(() => backend.Dequantize(codes, scales, QuantizationTile.Column128x1, x), "expected shape [1, 130]");
            Refused<ContractException>(() => backend.Dequantize(codes, scales, (QuantizationTile)9, x), "Row1x128");
            Refused<ShapeException>(() => backend.Dequantize(x, scales, QuantizationTile.Row1x128, x), "F8_E4M3");
        }
    }

    [Fact]
    public void An_output_in_a_mapped_checkpoint_is_refused()
    {
        using var folder = new SafetensorsBytes();
        string path = folder.At("mapped.safetensors");
        Tensor x = new(DType.F32, 1, 4), codes = new(DType.F8_E4M3, 1, 4), scales = new(DType.F32, 1, 1);
        SafetensorsWriter.Write(path, [new("codes", codes), new("scales", scales), new("y", x)]);
        using SafetensorsFile file = SafetensorsFile.Open(path);
        foreach (IBackend backend in Backends)
        {
            Refused<ShapeException>(() => backend.Quantize(x, UE8M0(QuantizerArithmetic.TileLang), file.Get("codes"), scales), "read-only");
            Refused<ShapeException>(() => backend.Quantize(x, UE8M0(QuantizerArithmetic.TileLang), codes, file.Get("scales")), "read-only");
            Refused<ShapeException>(() => backend.Dequantize(codes, scales, QuantizationTile.Row1x128, file.Get("y")), "read-only");
        }
    }

    private static void Refused<T>(Action action, string words) where T : ReferenceException =>
        Assert.Contains(words, Assert.Throws<T>(action).Message, StringComparison.Ordinal);

    private static QuantizeAttributes UE8M0(QuantizerArithmetic arithmetic) => new(QuantizationTile.Row1x128, arithmetic, ScaleFormat.UE8M0);

    /// <summary>The scale and the codes of one row in hex, the same from both backends.</summary>
    private static string Row(float[] x, QuantizeAttributes attributes)
    {
        string[] results = [.. Backends.Select(b =>
        {
            (byte[] codes, float[] scales) = Run(b, Tensor.From(x, 1, x.Length), attributes);
            return $"{BitConverter.SingleToUInt32Bits(scales[0]):X8} {Convert.ToHexString(codes)}";
        })];
        Assert.Equal(results[0], results[1]);
        return results[0];
    }

    internal static (byte[] Codes, float[] Scales) Run(IBackend backend, Tensor x, QuantizeAttributes attributes)
    {
        (long T, long K) = (x.Shape[0], x.Shape[1]);
        long down = (T + 127) / 128, across = (K + 127) / 128;
        var scales = attributes.Tile switch
        {
            QuantizationTile.Row1x128 => new Tensor(DType.F32, T, across),
            QuantizationTile.Column128x1 => new Tensor(DType.F32, down, K),
            QuantizationTile.Block128x128 => new Tensor(DType.F32, down, across),
            QuantizationTile.PerTensor => new Tensor(DType.F32, 1),
            _ => new Tensor(DType.F32, T),
        };
        var codes = new Tensor(DType.F8_E4M3, T, K);
        backend.Quantize(x, attributes, codes, scales);
        return (codes.AsReadOnlySpan<byte>().ToArray(), scales.AsReadOnlySpan<float>().ToArray());
    }

    private static float[] Floats(string hex) => [.. hex.Split(' ').Select(h => BitConverter.UInt32BitsToSingle(Convert.ToUInt32(h, 16)))];
}
