using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Verification.Explaining;

/// <summary>What a quantiser or a dequantiser may have computed instead.</summary>
internal static class QuantisationMeanings
{
    /// <summary>All of them.</summary>
    public static IReadOnlyList<Meaning> All { get; } =
    [
        Meaning.After<QuantizeCall>("scale-reciprocal-stored", "the reciprocal of the scale is stored", _ => true, c => Values.Store([.. Values.Of(c.Scales).Select(s => 1f / s)], c.Scales)),
        Meaning.After<QuantizeCall>("codes-not-scaled", "x is cast without being divided by its scale", IsE4M3, c => Values.Store(Values.Of(c.X), c.Codes)),
        Tiles("codes-before-scale-rounding", "x is divided by the scale before it was rounded to a power of two", c => c.Attributes.ScaleFormat == ScaleFormat.UE8M0, (a, m) => (Up(a / m), a / m)),
        Tiles("ue8m0-floor", "the scale is rounded down to a power of two", c => c.Attributes.ScaleFormat == ScaleFormat.UE8M0, (a, m) => (Down(a / m), Down(a / m))),
        Tiles("ue8m0-nearest", "the scale is rounded to the nearest power of two", c => c.Attributes.ScaleFormat == ScaleFormat.UE8M0, (a, m) => (Near(a / m), Near(a / m))),
        Tiles("ue8m0-one-more", "the scale is a power of two too large", c => c.Attributes.ScaleFormat == ScaleFormat.UE8M0, (a, m) => (2 * Up(a / m), 2 * Up(a / m))),
        Tiles("largest-240", "the format's largest value is taken to be 240 (E4M3 of IEEE kind, FNUZ)", IsE4M3, (a, _) => (a / 240f, a / 240f)),
        Tiles("largest-256", "the format's largest value is taken to be 256", IsE4M3, (a, _) => (a / 256f, a / 256f)),
        Tiles("largest-57344", "the format's largest value is taken to be E5M2's", IsE4M3, (a, _) => (a / 57344f, a / 57344f)),
        Tiles("scale-is-amax", "the largest magnitude itself is stored as the scale", IsE4M3, (a, m) => (a, a / m)),
        Clamp("clamp-none", "small tiles are not clamped", QuantizationClamp.None),
        Clamp("clamp-scale", "the scale is clamped, not the largest magnitude", QuantizationClamp.Scale),
        Clamp("clamp-amax", "the largest magnitude is clamped", QuantizationClamp.Amax),
        Meaning.Of<QuantizeCall>("scale-ue8m0", "scales are rounded up to powers of two", c => c.Attributes.ScaleFormat == ScaleFormat.UE8M0 ? null : c with { Attributes = c.Attributes with { ScaleFormat = ScaleFormat.UE8M0 } }),
        Meaning.Of<QuantizeCall>("scale-f32", "scales are not rounded to powers of two", c => c.Attributes.ScaleFormat == ScaleFormat.F32 || !IsE4M3(c) ? null : c with { Attributes = c.Attributes with { ScaleFormat = ScaleFormat.F32 } }),
        Tile("tile-block", "the scale of a block of 128 x 128 is taken for each of its tiles", QuantizationTile.Block128x128),
        Tile("tile-channel", "the scale of a whole row is taken for each of its tiles", QuantizationTile.PerChannel),
        Tile("tile-tensor", "the scale of the whole tensor is taken for each tile", QuantizationTile.PerTensor),
        Meaning.After<QuantizeCall>("codes-truncated", "codes are cut toward zero, not rounded to nearest", IsE4M3, TruncatedCodes),
        Meaning.Of<DequantizeCall>("scale-inverted", "codes are divided by their scales", c => c with { Scales = Values.Map(c.Scales, (_, s) => 1f / s) }),
        Meaning.Of<DequantizeCall>("scale-ignored", "no scale is applied", c => c with { Scales = Values.Map(c.Scales, (_, _) => 1f) }),
        Meaning.Of<DequantizeCall>("scale-transposed", "the scales are read transposed", c => c.Scales.Shape.Rank == 2 && Values.Transposed(c.Scales) is { } s ? c with { Scales = s } : null),
        Meaning.Of<DequantizeCall>("scale-late", "the scale of the next tile is taken", c => Values.ShiftColumns(c.Scales, 1) is { } s ? c with { Scales = s } : null),
        Meaning.Of<DequantizeCall>("scale-early", "the scale of the tile before is taken", c => Values.ShiftColumns(c.Scales, -1) is { } s ? c with { Scales = s } : null),
        Meaning.Of<DequantizeCall>("scale-row-late", "the scale of the next row of tiles is taken", c => c.Scales.Shape.Rank == 2 && Values.ShiftRows(c.Scales, 1) is { } s ? c with { Scales = s } : null),
    ];

    private static bool IsE4M3(QuantizeCall c) => c.Codes.DType == DType.F8_E4M3;

    private static float Up(float s) => TileScale.PowerOfTwoNotBelow(s);

    private static float Down(float s) => BitConverter.UInt32BitsToSingle(BitConverter.SingleToUInt32Bits(s) & 0x7F800000);

    private static float Near(float s) => s / Down(s) < 1.5f ? Down(s) : Up(s);

    private static Meaning Clamp(string name, string sentence, QuantizationClamp clamp) =>
        Meaning.Of<QuantizeCall>(name, sentence, c => c.Attributes.Clamp == clamp ? null : c with { Attributes = c.Attributes with { Clamp = clamp } });

    /// <summary>A quantiser of larger tiles that stores a scale for each of those that were asked for.</summary>
    private static Meaning Tile(string name, string sentence, QuantizationTile tile) => new(name, sentence, call =>
        call is QuantizeCall c && LargerTileOf(c, tile) is { } larger ? new AlteredCall(c, (inner, backend) => Spread((QuantizeCall)inner, tile, larger, backend)) : null);

    /// <summary>The larger tile that holds each tile of a call; null where one is cut by two, or none is larger.</summary>
    private static int[]? LargerTileOf(QuantizeCall c, QuantizationTile tile)
    {
        TileGrid own = Grid(c.Attributes.Tile, c.X), larger = Grid(tile, c.X);
        int[] holds = new int[own.Count];
        Array.Fill(holds, -1);
        int K = (int)c.X.Shape[1];
        for (int i = 0; i < c.X.ElementCount; i++)
        {
            ref int held = ref holds[own.ScaleOf(i / K, i % K)];
            int by = larger.ScaleOf(i / K, i % K);
            if (held >= 0 && held != by)
                return null;
            held = by;
        }

        return larger.Count < own.Count && Array.TrueForAll(holds, h => h >= 0) ? holds : null;
    }

    private static void Spread(QuantizeCall c, QuantizationTile tile, int[] larger, IBackend backend)
    {
        var scales = new Tensor(c.Scales.DType, Grid(tile, c.X).ScaleShape(tile));
        (c with { Scales = scales, Attributes = c.Attributes with { Tile = tile } }).Run(backend);
        float[] values = Values.Of(scales);
        Values.Store([.. larger.Select(t => values[t])], c.Scales);
    }

    private static TileGrid Grid(QuantizationTile tile, Tensor x) => new(tile, (int)x.Shape[0], (int)x.Shape[1]);

    /// <summary>A quantiser with another scale: (stored, divided by) from the largest magnitude and the format's largest value.</summary>
    private static Meaning Tiles(string name, string sentence, Func<QuantizeCall, bool> applies, Func<float, float, (float Stored, float Divisor)> scale) =>
        new(name, sentence, call => call is QuantizeCall c && IsE4M3(c) && applies(c) ? new AlteredCall(c, (inner, _) => Quantised((QuantizeCall)inner, scale)) : null);

    private static void Quantised(QuantizeCall c, Func<float, float, (float Stored, float Divisor)> scale)
    {
        float[] x = Values.Of(c.X);
        int K = (int)c.X.Shape[1];
        TileGrid grid = Grid(c.Attributes.Tile, c.X);
        float[] largest = new float[grid.Count];
        for (int i = 0; i < x.Length; i++)
        {
            ref float a = ref largest[grid.ScaleOf(i / K, i % K)];
            a = MathF.Max(a, MathF.Abs(x[i]));
        }

        (float Stored, float Divisor)[] scales = [.. largest.Select(a => scale(c.Attributes.Clamp == QuantizationClamp.Amax ? MathF.Max(a, TileScale.Least) : a, Quantize.LargestE4M3))];
        Values.Store([.. scales.Select(s => s.Stored)], c.Scales);
        for (int i = 0; i < x.Length; i++)
            x[i] /= scales[grid.ScaleOf(i / K, i % K)].Divisor;
        Values.Store(x, c.Codes);
    }

    private static void TruncatedCodes(QuantizeCall c)
    {
        float[] x = Values.Of(c.X), scales = Values.Of(c.Scales);
        TileGrid grid = Grid(c.Attributes.Tile, c.X);
        int K = (int)c.X.Shape[1];
        Span<Float8E4M3> codes = c.Codes.AsSpan<Float8E4M3>();
        for (int i = 0; i < x.Length; i++)
        {
            float y = x[i] / scales[grid.ScaleOf(i / K, i % K)];
            if (MathF.Abs(codes[i].ToSingle()) > MathF.Abs(y))
                codes[i] = Float8E4M3.FromBits((byte)(codes[i].Bits - 1));
        }
    }
}
