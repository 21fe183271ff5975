using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Training;

/// <summary>A matrix as codes with scales of its tiles.</summary>
/// <param name="Codes">[T, K], F8_E4M3, or U16 for E5M6.</param>
/// <param name="Scales">By the tile's shape.</param>
/// <param name="Tile">Which elements share a scale.</param>
internal sealed record Quantized(Tensor Codes, Tensor Scales, QuantizationTile Tile);

/// <summary>A projection's weight as Fprop takes it, and transposed as Dgrad does: the same blocks with the same scales.</summary>
internal sealed class QuantizedWeight(Quantized fprop)
{
    private Quantized? dgrad;

    /// <summary>[N, K].</summary>
    public Quantized Fprop => fprop;

    /// <summary>[K, N].</summary>
    public Quantized Dgrad => dgrad ??= Transposed(fprop);

    /// <summary>Codes and scales with rows and columns exchanged.</summary>
    public static Quantized Transposed(Quantized q) =>
        q with { Codes = Transposition.Of(q.Codes), Scales = q.Tile == QuantizationTile.PerTensor ? q.Scales : Transposition.Of(q.Scales) };
}
