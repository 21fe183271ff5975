using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Training;

/// <summary>Does a recipe's casts, by name; keeps what weights were cast to for one pass.</summary>
/// <remarks>
/// <code>
/// bfloat16    x = bf16(x) in place, to nearest even
/// E4M3, E5M6  s = amax / M of the tile, or that rounded up to a power of two; code = cast(x / s)        rule N19, TritonActQuant
/// </code>
/// There is no clamp of amax: gradients of a mean over many tokens are small. A tile of zeros has codes and scale +0, and so has one whose amax / M is below the smallest binary32.
/// docs/spec/training-precision.md 3.
/// </remarks>
internal sealed class Casts(TrainingPrecision precision, IBackend backend)
{
    private readonly Dictionary<string, Tensor> rounded = new(StringComparer.Ordinal);
    private readonly Dictionary<string, QuantizedWeight> quantized = new(StringComparer.Ordinal);
    private readonly Dictionary<Tensor, Tensor> turned = new(ReferenceEqualityComparer.Instance);

    /// <summary>What is written where.</summary>
    public TrainingPrecision Precision => precision;

    /// <summary>Told of each cast.</summary>
    public Action<CastRecord>? Observer { get; set; }

    /// <summary>Forgets the weights' casts: their values may have changed.</summary>
    public void Forget()
    {
        rounded.Clear();
        quantized.Clear();
        turned.Clear();
    }

    /// <summary>x in the format of the point, in place; returns x.</summary>
    public Tensor Round(CastPoint point, Tensor x, string module, string tail)
    {
        if (precision.FormatOf(point).Kind == CastKind.None)
            return x;
        BFloat16Spans.RoundInPlace(x.AsSpan<float>());
        Tell(point, x, module, tail);
        return x;
    }

    /// <summary>A weight in bfloat16, or itself.</summary>
    public Tensor Weight(string name, Tensor weight)
    {
        if (weight.DType == DType.BF16 || precision.FormatOf(CastPoint.Weight).Kind == CastKind.None)
            return weight;
        if (rounded.TryGetValue(name, out Tensor? kept))
            return kept;
        var cast = new Tensor(DType.BF16, weight.Shape);
        BFloat16Spans.Round(weight.AsReadOnlySpan<float>(), cast.AsSpan<BFloat16>());
        Tell(CastPoint.Weight, weight, name, "weight");
        rounded.Add(name, cast);
        return cast;
    }

    /// <summary>A weight that <see cref="Weight"/> gave, transposed: once a pass.</summary>
    public Tensor Turned(Tensor weight)
    {
        if (!turned.TryGetValue(weight, out Tensor? kept))
            turned.Add(weight, kept = Transposition.Of(weight));
        return kept;
    }

    /// <summary>A projection's weight as FP8 products take it.</summary>
    public QuantizedWeight ProjectionWeight(string name, Tensor weight)
    {
        if (!quantized.TryGetValue(name, out QuantizedWeight? kept))
            quantized.Add(name, kept = new QuantizedWeight(Quantize(CastPoint.FpropWeight, weight, name, "weight")));
        return kept;
    }

    /// <summary>x [T, K] as codes, in the format of the point.</summary>
    public Quantized Quantize(CastPoint point, Tensor x, string module, string tail)
    {
        CastFormat format = precision.FormatOf(point);
        var attributes = new QuantizeAttributes(format.Tile, QuantizerArithmetic.TritonActQuant, format.Scales, QuantizationClamp.None);
        var grid = new TileGrid(format.Tile, (int)x.Shape[0], (int)x.Shape[1]);
        var codes = new Tensor(format.Kind == CastKind.E5M6 ? DType.U16 : DType.F8_E4M3, x.Shape);
        var scales = new Tensor(DType.F32, grid.ScaleShape(format.Tile));
        backend.Quantize(x, attributes, codes, scales);
        ReadOnlySpan<float> s = scales.AsReadOnlySpan<float>();
        if (format.Kind == CastKind.E4M3 && s.Contains(0f))
            ClearZeroTiles(grid, s, codes);
        Tell(point, x, module, tail);
        return new Quantized(codes, scales, format.Tile);
    }

    /// <summary>What codes stand for, in binary32: exact where scales are powers of two.</summary>
    public Tensor Dequantize(Quantized q)
    {
        var x = new Tensor(DType.F32, q.Codes.Shape);
        backend.Dequantize(q.Codes, q.Scales, q.Tile, x);
        return x;
    }

    /// <summary>0 / 0 is no code.</summary>
    private static void ClearZeroTiles(TileGrid grid, ReadOnlySpan<float> scales, Tensor codes)
    {
        Span<Float8E4M3> all = codes.AsSpan<Float8E4M3>();
        int K = (int)codes.Shape[1];
        for (int i = 0; i < grid.Down; i++)
        {
            (int top, int bottom) = grid.Rows(i);
            for (int j = 0; j < grid.Across; j++)
            {
                if (scales[i * grid.Across + j] != 0f)
                    continue;
                (int left, int right) = grid.Columns(j);
                for (int t = top; t < bottom; t++)
                    all.Slice(t * K + left, right - left).Clear();
            }
        }
    }

    private void Tell(CastPoint point, Tensor x, string module, string tail)
    {
        const string Weight = ".weight";
        if (Observer is null)
            return;
        string of = module.EndsWith(Weight, StringComparison.Ordinal) ? module[..^Weight.Length] : module;
        Observer(new CastRecord($"{of}.{tail}", point, precision.FormatOf(point), x.Shape));
    }
}
