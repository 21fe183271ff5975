using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Verification;

/// <summary>Rows of BF16 values x in tiles of 128 and what published quantisers make of them: scales s_NAME and E4M3 codes y_NAME.</summary>
internal sealed class QuantizerVectors : IVectorKind
{
    private const int Tile = TileGrid.Side;

    /// <summary>The columns, and the arithmetic of each.</summary>
    public static IReadOnlyList<(string Scales, string Codes, QuantizerArithmetic Arithmetic, ScaleFormat Format)> Columns { get; } =
    [
        ("s_ieee", "y_ieee", QuantizerArithmetic.TritonActQuant, ScaleFormat.F32),
        ("s_ieee_mul", "y_ieee_mul", QuantizerArithmetic.DeepGemm, ScaleFormat.F32),
        ("s_recip", "y_recip", QuantizerArithmetic.TileLang, ScaleFormat.F32),
        ("s_recip", "y_recip", QuantizerArithmetic.TorchCuda, ScaleFormat.F32),
        ("s_ue8m0", "y_ue8m0", QuantizerArithmetic.TritonActQuant, ScaleFormat.UE8M0),
    ];

    public string Name => "quantisers of 1x128 tiles";

    public bool Knows(string field) => field is "id" or "cat" or "x" || Columns.Any(c => c.Scales == field || c.Codes == field);

    public VectorDifference? Check(VectorLine line)
    {
        float[] x = [.. line.Codes("x", 4).Select(code => BFloat16.FromBits((ushort)code).ToSingle())];
        if (x.Length == 0)
            throw line.Bad("'x' is empty", "give four digits for each value");
        var codes = new Float8E4M3[x.Length];
        float[] scales = new float[(x.Length + Tile - 1) / Tile];
        foreach ((string scaleField, string codeField, QuantizerArithmetic arithmetic, ScaleFormat format) in Columns)
        {
            if (!line.Has(codeField) && !line.Has(scaleField))
                continue;
            Quantize.Define(x, 1, x.Length, new QuantizeAttributes(QuantizationTile.Row1x128, arithmetic, format), codes, scales);
            VectorDifference? difference =
                (line.Has(scaleField) ? Compare(line, scaleField, 8, [.. scales.Select(BitConverter.SingleToUInt32Bits)]) : null)
                ?? (line.Has(codeField) ? Compare(line, codeField, 2, [.. codes.Select(code => (uint)code.Bits)]) : null);
            if (difference is not null)
                return difference;
        }

        return null;
    }

    private static VectorDifference? Compare(VectorLine line, string field, int digits, uint[] got)
    {
        uint[] want = line.Codes(field, digits, got.Length);
        for (int i = 0; i < got.Length; i++)
        {
            if (got[i] != want[i])
                return new VectorDifference(line.Number, $"{field}[{i}]", VectorDifference.Hex(got[i], digits), VectorDifference.Hex(want[i], digits));
        }

        return null;
    }
}
