using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Model;

/// <summary>Products of projections whose weights may be FP8, as rule N22 says.</summary>
/// <remarks>
/// Dequantised weights are code · scale, one rounding to binary32 and then to the contract's activation dtype. Where all of them together take at most
/// <see cref="KeptBytes"/> each is made once and kept; in a larger model one is made for each use, in a buffer that all share, so that a checkpoint
/// is never copied whole into memory, and only those of kv_b_proj, which attention of many tokens over the latent cache reads as it is, are kept where they alone take no more.
/// For few rows of binary32 the codes themselves are multiplied, where the backend can. None of this changes a bit.
/// </remarks>
internal sealed class QuantizedProducts
{
    /// <summary>Bytes of dequantised weights that a model keeps: 1 GiB.</summary>
    public const long KeptBytes = 1L << 30;

    private const int Tile = TileGrid.Side;

    // Rows of an expert up to which its codes are multiplied, not the values that are kept.
    private const int FewRows = 4;

    private readonly IBackend backend;
    private readonly NumericContract contract;
    private readonly ScaleFormat format;
    private readonly Scratch dense = new(), codes = new(), scales = new();
    private bool keeps, keepsAbsorbed;

    public QuantizedProducts(DeepSeekConfig config, NumericContract contract, IBackend backend)
    {
        format = config.QuantizationConfig?.ScaleFmt ?? ScaleFormat.F32;
        this.contract = contract;
        this.backend = backend;
    }

    /// <summary>How FP8 products are computed; null where the checkpoint has no FP8 weight.</summary>
    public Fp8Mode? Mode { get; private set; }

    /// <summary>Decides, once every weight is known.</summary>
    /// <param name="asked">What the caller asked for.</param>
    /// <param name="quantized">Every FP8 projection of the model.</param>
    /// <param name="keptBytes">The most that is kept.</param>
    /// <exception cref="ContractException">FP8 products of a contract that has none.</exception>
    public void Decide(Fp8Mode asked, IReadOnlyList<Projection> quantized, long keptBytes)
    {
        Operands.RequireDefined(asked);
        if (quantized.Count == 0)
            return;
        if (asked == Fp8Mode.Gemm && contract.Fp8Product is null)
            throw new ContractException($"contract {contract.Name} has no FP8 product; dequantise the weights, or take another contract");
        bool whole = quantized.All(p => p.In % Tile == 0);
        Mode = asked != Fp8Mode.Auto ? asked : contract.Fp8Product is not null && whole ? Fp8Mode.Gemm : Fp8Mode.Dequantize;
        keeps = Bytes(quantized) <= keptBytes;
        keepsAbsorbed = Bytes(quantized.Where(IsAbsorbed)) <= keptBytes;
    }

    /// <summary>The weight as an operation takes it: itself, or dequantised; the latter is good until the next call.</summary>
    public Tensor Dense(Projection p)
    {
        if (p.Scale is null)
            return p.Weight;
        if (p.Kept is not null)
            return p.Kept;
        bool kept = keeps || (keepsAbsorbed && IsAbsorbed(p));
        Tensor y = kept ? new Tensor(contract.Activations, p.Weight.Shape) : dense.Get(contract.Activations, p.Weight.Shape.Dimensions);
        backend.Dequantize(p.Weight, p.Scale, QuantizationTile.Block128x128, y);
        if (kept)
            p.Kept = y;
        return y;
    }

    /// <summary>y = x Wᵀ: x [T, in], y [T, out].</summary>
    public void Linear(Tensor x, Projection p, Tensor y)
    {
        if (p.Scale is null || Mode == Fp8Mode.Dequantize)
        {
            if (!Decoded(x, p, y))
                backend.Linear(x, Dense(p), contract.Accumulation, y);
            return;
        }

        (Tensor q, Tensor s) = Quantized(x, p.Kind);
        backend.ScaledLinear(q, s, p.Weight, p.Scale, contract.Fp8Product!, null, y);
    }

    /// <summary>Rows offsets[e]..offsets[e+1] of x times expert e's weight.</summary>
    public void Grouped(Tensor x, ReadOnlySpan<int> offsets, ProjectionGroup group, Tensor y)
    {
        if (group.IsPlain)
        {
            backend.GroupedLinear(x, offsets, group.Weights, contract.Accumulation, y);
        }
        else if (Mode == Fp8Mode.Gemm && group.Scales is { } weightScales)
        {
            (Tensor q, Tensor s) = Quantized(x, group.Experts[0].Kind);
            backend.GroupedScaledLinear(q, s, offsets, group.Weights, weightScales, contract.Fp8Product!, y);
        }
        else if (Mode == Fp8Mode.Dequantize && keeps && !Decodes(offsets))
        {
            backend.GroupedLinear(x, offsets, group.Dense(offsets, Dense), contract.Accumulation, y);
        }
        else if (Mode != Fp8Mode.Dequantize || !Decoded(x, offsets, group, y))
        {
            for (int e = 0; e < group.Experts.Length; e++)
            {
                int rows = offsets[e + 1] - offsets[e];
                if (rows > 0)
                    Linear(x.Rows(offsets[e], rows), group.Experts[e], y.Rows(offsets[e], rows));
            }
        }
    }

    /// <summary><see cref="IBackend.AbsorbQuery"/> with kv_b_proj, of whose rows each head has as many. The weight by heads, where one was made or is kept, for <see cref="AbsorbOutput"/>.</summary>
    /// <remarks>The demo, and the engines after it, take the dequantised weight here: no activation is quantised for W_UK and W_UV.</remarks>
    public Tensor? AbsorbQuery(Tensor q, Projection kvB, Tensor y)
    {
        if (Decoder(kvB) is { } decoder && decoder.TryDequantizedAbsorbQuery(q, kvB.Weight, kvB.Scale!, contract.Accumulation, y))
            return null;
        Tensor byHeads = ByHeads(kvB, q.Shape[1]);
        backend.AbsorbQuery(q, byHeads, contract.Accumulation, y);
        return byHeads;
    }

    /// <summary><see cref="IBackend.AbsorbOutput"/> with the weight that <see cref="AbsorbQuery"/> gave, which no other product may have come between, or with kv_b_proj's codes.</summary>
    public void AbsorbOutput(Tensor z, Projection kvB, Tensor? byHeads, Tensor y)
    {
        if (byHeads is null && Decoder(kvB) is { } decoder && decoder.TryDequantizedAbsorbOutput(z, kvB.Weight, kvB.Scale!, contract.Accumulation, y))
            return;
        backend.AbsorbOutput(z, byHeads ?? ByHeads(kvB, z.Shape[1]), contract.Accumulation, y);
    }

    private Tensor ByHeads(Projection kvB, long heads) => Dense(kvB).Reshape(heads, kvB.Weight.Shape[0] / heads, kvB.In);

    private static bool IsAbsorbed(Projection p) => p.Name.EndsWith("kv_b_proj.weight", StringComparison.Ordinal);

    private long Bytes(IEnumerable<Projection> projections) => projections.Sum(p => contract.Activations.ByteCount(p.Weight.ElementCount));

    /// <summary>The backend, where it multiplies with this weight's codes as they are.</summary>
    private IDequantizedProducts? Decoder(Projection p) => p.Scale is not null && contract.Activations == DType.F32 ? backend as IDequantizedProducts : null;

    /// <summary>Whether the product was made from the codes themselves, decoded where they are multiplied.</summary>
    private bool Decoded(Tensor x, Projection p, Tensor y) =>
        Decoder(p) is { } decoder && decoder.TryDequantizedLinear(x, p.Weight, p.Scale!, contract.Accumulation, y);

    private bool Decoded(Tensor x, ReadOnlySpan<int> offsets, ProjectionGroup group, Tensor y) =>
        group.Scales is { } weightScales && Decoder(group.Experts[0]) is { } decoder
        && decoder.TryDequantizedGroupedLinear(x, offsets, group.Weights, weightScales, contract.Accumulation, y);

    /// <summary>Whether each expert has so few rows that its codes are better read than their kept values.</summary>
    private bool Decodes(ReadOnlySpan<int> offsets)
    {
        if (contract.Activations != DType.F32 || contract.Accumulation != Accumulation.Lanes16 || backend is not IDequantizedProducts)
            return false;
        for (int e = 1; e < offsets.Length; e++)
        {
            if (offsets[e] - offsets[e - 1] > FewRows)
                return false;
        }

        return true;
    }

    /// <summary>x as E4M3 codes with a scale for each row and 128 channels; good until the next call.</summary>
    private (Tensor Codes, Tensor Scales) Quantized(Tensor x, LinearKind kind)
    {
        (long T, long K) = (x.Shape[0], x.Shape[1]);
        Tensor q = codes.Get(DType.F8_E4M3, T, K);
        Tensor s = scales.Get(DType.F32, T, (K + Tile - 1) / Tile);
        bool everywhere = contract.Fp8Scales == Fp8ScaleRule.Every || kind == LinearKind.Replicated;
        backend.Quantize(x, new QuantizeAttributes(QuantizationTile.Row1x128, contract.Fp8Quantizer, everywhere ? format : ScaleFormat.F32), q, s);
        return (q, s);
    }
}
