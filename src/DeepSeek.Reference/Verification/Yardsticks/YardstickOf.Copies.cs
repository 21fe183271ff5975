using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Verification;

/// <content>Copies, casts and sums of two: one rounding at the most (docs/spec/bounds.md 7).</content>
internal static partial class YardstickOf
{
    private static RowYardstick Cast(CastCall c, string output) => Copy(output, c.Y, i => ElementReader.Value(c.X, i));

    private static RowYardstick Add(AddCall c, string output) =>
        new(output, i => ((Ball)ElementReader.Value(c.A, i) + ElementReader.Value(c.B, i)).Stored(c.Y.DType));

    private static RowYardstick Embedding(EmbeddingCall c, string output)
    {
        long d = c.Weight.Shape[1];
        return Copy(output, c.Y, i => ElementReader.Value(c.Weight, (long)ElementReader.Integer(c.Ids, i / d) * d + i % d));
    }

    private static RowYardstick Dispatch(DispatchCall c, string output)
    {
        long d = c.X.Shape[1];
        return Copy(output, c.Y, i => ElementReader.Value(c.X, c.Plan.Tokens[(int)(i / d)] * d + i % d));
    }

    private static RowYardstick MtpInput(MtpInputCall c, string output)
    {
        long d = c.Embedding.Shape[1];
        bool embeddingFirst = c.Order == MtpConcat.EmbeddingFirst;
        return Copy(output, c.Y, i =>
        {
            (long t, long k) = Math.DivRem(i, 2 * d);
            return ElementReader.Value(k < d == embeddingFirst ? c.Embedding : c.Hidden, t * d + k % d);
        });
    }

    private static RowYardstick ExpandKeys(ExpandKeysCall c, string output)
    {
        (_, int H, int dn, int dr, int dv) = LatentShape.OfKeys(c.Kv, c.KPe, c.Keys, c.Values);
        if (output == "values")
            return Copy(output, c.Values, i => ElementReader.Value(c.Kv, i / dv * (dn + dv) + dn + i % dv));
        return Copy(output, c.Keys, i =>
        {
            (long row, long k) = Math.DivRem(i, dn + dr);
            return k < dn ? ElementReader.Value(c.Kv, row * (dn + dv) + k) : ElementReader.Value(c.KPe, row / H * dr + k - dn);
        });
    }

    /// <summary>A code times its scale: one product in binary32.</summary>
    private static RowYardstick Dequantize(DequantizeCall c, string output)
    {
        var grid = new TileGrid(c.Tile, Operands.Dim(c.Codes, 0), Operands.Dim(c.Codes, 1));
        long K = c.Codes.Shape[1];
        return new RowYardstick(output, i =>
        {
            (long t, long k) = Math.DivRem(i, K);
            double code = c.Codes.DType == DType.U16
                ? FloatE5M6.FromBits((ushort)(ElementReader.Bits(c.Codes, i) & 0xFFF)).ToSingle()
                : ElementReader.Value(c.Codes, i);
            return ((Ball)code * ElementReader.Value(c.Scales, grid.ScaleOf((int)t, (int)k))).Stored(c.Y.DType);
        });
    }

    private static RowYardstick Copy(string output, Tensor y, Func<long, double> value) => new(output, i => Roundoff.Stored(value(i), 0, y.DType));
}
