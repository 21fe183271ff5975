using System.Buffers.Binary;
using DeepSeek.Reference.Ops;
using DeepSeek.Reference.Tests.Backends;
using FsCheck.Xunit;
using Xunit;

namespace DeepSeek.Reference.Tests.Ops.Quantization;

/// <summary>Rule N19: the 656 bytes of a token in the FP8 latent cache.</summary>
[Trait(InstructionSets.Trait, InstructionSets.Every)]
public class Fp8CacheRowTests
{
    [Fact]
    public void Rule_N19_where_codes_scales_and_the_rotated_key_lie()
    {
        float[] x = new float[576];
        x[0] = 448f;
        x[128] = -3.25f;
        x[129] = 0.609375f;
        x[511] = 0.04f;
        x[512] = 1f;
        x[575] = -1.0000001f;
        byte[] row = new byte[656];
        Fp8CacheRow.Write(x, row);
        Assert.Equal(0x7E, row[0]);
        Assert.Equal([0xFD, 0x6A], row[128..130]);
        // 0.04 / 448 is below the clamp of the scale: 1e-4, rounded up to 2^-13, and 0.04 · 2^13 = 327.68 is nearest to 320.
        Assert.Equal(0x7A, row[511]);
        Assert.Equal([0x3F800000u, 0x3C000000u, 0x39000000u, 0x39000000u], Enumerable.Range(0, 4).Select(j => BinaryPrimitives.ReadUInt32LittleEndian(row.AsSpan(512 + 4 * j))));
        Assert.Equal(0x3F80, BinaryPrimitives.ReadUInt16LittleEndian(row.AsSpan(528)));
        Assert.Equal(0xBF80, BinaryPrimitives.ReadUInt16LittleEndian(row.AsSpan(654)));

        var y = new BFloat16[576];
        Fp8CacheRow.Read(row, y);
        Assert.Equal([448f, -3.25f, 0.625f, 0.0390625f, 1f, -1f], new[] { y[0], y[128], y[129], y[511], y[512], y[575] }.Select(v => v.ToSingle()));
    }

    [Fact]
    public void Rule_N19_reading_multiplies_in_bfloat16()
    {
        // A scale that is no power of two, as another writer may leave it: bf16(0x3F808001) = 0x3F81, times 1.125 = 0x3F9120, which bfloat16 rounds to 0x3F91.
        byte[] row = new byte[656];
        row[1] = 0x39;
        BinaryPrimitives.WriteUInt32LittleEndian(row.AsSpan(512), 0x3F808001);
        var y = new BFloat16[576];
        Fp8CacheRow.Read(row, y);
        Assert.Equal(0x3F91, y[1].Bits);
    }

    [Property(MaxTest = 300)]
    public bool Rule_N19_N1_the_vector_code_has_the_definition_s_bits(int seed)
    {
        var s = new Samples(seed);
        float[] x = s.Values(576);
        byte[] expected = new byte[656], row = new byte[656];
        Fp8CacheRow.Define(x, expected);
        Fp8CacheRow.Write(x, row);
        if (!SameRow(expected, row))
            return false;
        // Any bytes at all, scales included.
        for (int i = 0; i < (seed & 1) * 656; i++)
            row[i] = (byte)s.Int(256);
        BFloat16[] y = new BFloat16[576], z = new BFloat16[576];
        Fp8CacheRow.DefineRead(row, y);
        Fp8CacheRow.Read(row, z);
        return Samples.Same(Array.ConvertAll(y, v => v.ToSingle()), Array.ConvertAll(z, v => v.ToSingle()));
    }

    [Fact]
    public void Sizes_that_do_not_fit_are_refused()
    {
        Assert.Throws<ShapeException>(() => Fp8CacheRow.Write(new float[575], new byte[656]));
        Assert.Throws<ShapeException>(() => Fp8CacheRow.Define(new float[576], new byte[655]));
        Assert.Throws<ShapeException>(() => Fp8CacheRow.Read(new byte[657], new BFloat16[576]));
        Assert.Throws<ShapeException>(() => Fp8CacheRow.DefineRead(new byte[656], new BFloat16[577]));
    }

    /// <summary>Equal but for which NaN a scale or a rotated value is.</summary>
    private static bool SameRow(byte[] a, byte[] b)
    {
        static float[] Floats(byte[] row) =>
        [
            .. Enumerable.Range(0, 4).Select(j => BinaryPrimitives.ReadSingleLittleEndian(row.AsSpan(512 + 4 * j))),
            .. Enumerable.Range(0, 64).Select(k => BFloat16.FromBits(BinaryPrimitives.ReadUInt16LittleEndian(row.AsSpan(528 + 2 * k))).ToSingle()),
        ];
        return a.AsSpan(0, 512).SequenceEqual(b.AsSpan(0, 512)) && Samples.Same(Floats(a), Floats(b));
    }
}
