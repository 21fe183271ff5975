using System.Globalization;
using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Model;

/// <summary>A checkpoint's tensors by name, each checked for its shape and dtype when a component takes it; used where they lie.</summary>
internal sealed class ModelWeights
{
    /// <summary>Rows and columns of the weight that share a scale.</summary>
    private const int Block = TileGrid.Side;

    private readonly List<Projection> quantized = [];
    private readonly DeepSeekConfig config;
    private readonly Func<string, Tensor?> find;
    private readonly Func<string, string> place;
    private readonly IBackend backend;

    /// <summary>Weights found by <paramref name="find"/>; <paramref name="source"/> names the checkpoint in errors.</summary>
    public ModelWeights(DeepSeekConfig config, Func<string, Tensor?> find, string source, IBackend backend, Func<string, string>? place = null)
    {
        this.config = config;
        this.find = find;
        this.place = place ?? (name => $"{source}: tensor '{name}'");
        this.backend = backend;
        Source = source;
    }

    /// <summary>The checkpoint, for errors.</summary>
    public string Source { get; }

    /// <summary>The FP8 projections that were taken.</summary>
    public IReadOnlyList<Projection> Quantized => quantized;

    /// <summary>The tensor of that name, as it is stored; null where there is none.</summary>
    public Tensor? Find(string name) => find(name);

    /// <summary>File, name and byte of a tensor, for errors.</summary>
    public string PlaceOf(string name) => place(name);

    /// <summary>Whether the checkpoint has the tensor.</summary>
    public bool Has(string name) => find(name) is not null;

    /// <summary>The tensor of that name and shape, F32 or BF16.</summary>
    /// <exception cref="DataException">It is missing or has another shape.</exception>
    /// <exception cref="ContractException">It is of a dtype that no operation takes.</exception>
    public Tensor Get(string name, params ReadOnlySpan<long> shape)
    {
        Tensor t = Find(name, shape);
        if (t.DType is not (DType.F32 or DType.BF16))
            throw new ContractException($"{place(name)} is {t}; weights are F32 or BF16: convert the checkpoint");
        return t;
    }

    /// <summary>The tensor of that name and shape in binary32: itself, or a copy widened exactly.</summary>
    /// <inheritdoc cref="Get"/>
    public Tensor GetF32(string name, params ReadOnlySpan<long> shape)
    {
        Tensor t = Get(name, shape);
        if (t.DType == DType.F32)
            return t;
        var wide = new Tensor(DType.F32, shape);
        backend.Cast(t, wide);
        return wide;
    }

    /// <summary>A projection, [out, in]: F32 or BF16, or F8_E4M3 with its weight_scale_inv, which may lie in another shard.</summary>
    /// <param name="name">The checkpoint's name without <c>.weight</c>.</param>
    /// <param name="outer">Out-features.</param>
    /// <param name="inner">In-features.</param>
    /// <param name="kind">The demo's class.</param>
    /// <exception cref="DataException">Weight or scale is missing, has another shape or dtype, or a scale is negative or not finite.</exception>
    /// <exception cref="ContractException">The weight is of a dtype, or the config of a block size, that is not offered.</exception>
    public Projection Projection(string name, long outer, long inner, LinearKind kind)
    {
        string weight = $"{name}.weight";
        if (Find(weight, outer, inner) is not { DType: DType.F8_E4M3 } codes)
            return new Projection(weight, Get(weight, outer, inner), null, kind);

        if (config.QuantizationConfig is not { } q)
            throw new DataException($"{place(weight)} is {codes}, but config.json has no quantization_config; restore it from the checkpoint's source");
        if (q.BlockRows != Block || q.BlockColumns != Block)
            throw new ContractException($"weight_block_size is [{q.BlockRows}, {q.BlockColumns}]; a scale for each block of [{Block}, {Block}] is offered: dequantise the checkpoint elsewhere");
        var projection = new Projection(weight, codes, Scale(weight, codes, (outer + Block - 1) / Block, (inner + Block - 1) / Block), kind);
        quantized.Add(projection);
        return projection;
    }

    private Tensor Scale(string weight, Tensor codes, long rows, long columns)
    {
        string name = $"{weight}_scale_inv";
        Tensor scale = find(name) ?? throw new DataException($"{place(weight)} is {codes}, but its scale '{name}' is missing; copy the shard that holds it, and its index");
        if (scale.DType != DType.F32 || !scale.Shape.Dimensions.SequenceEqual([rows, columns]))
            throw new DataException($"{place(name)} is {scale}, but the weight {codes.Shape} needs F32 {new Shape(rows, columns)}; checkpoint and config.json do not belong together");
        ReadOnlySpan<float> values = scale.AsReadOnlySpan<float>();
        for (int i = 0; i < values.Length; i++)
        {
            if (!(values[i] >= 0 && float.IsFinite(values[i])))
                throw new DataException($"{place(name)}: element {i} is {values[i].ToString(CultureInfo.InvariantCulture)}, and a scale is finite and not negative; restore the file from its source");
        }

        return scale;
    }

    private Tensor Find(string name, params ReadOnlySpan<long> shape)
    {
        Tensor t = find(name) ?? throw new DataException($"{Source}: tensor '{name}' is missing; the configuration needs it with shape {new Shape(shape)}");
        if (!t.Shape.Dimensions.SequenceEqual(shape))
            throw new DataException($"{place(name)} is {t}, but the configuration needs shape {new Shape(shape)}; checkpoint and config.json do not belong together");
        return t;
    }
}
