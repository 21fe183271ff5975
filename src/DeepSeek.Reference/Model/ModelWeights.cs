using DeepSeek.Reference.Backends;

namespace DeepSeek.Reference.Model;

/// <summary>A checkpoint's tensors by name, each checked for its shape and dtype when a component takes it; used where they lie.</summary>
internal sealed class ModelWeights
{
    private readonly Func<string, Tensor?> find;
    private readonly Func<string, string> place;
    private readonly IBackend backend;

    /// <summary>Weights found by <paramref name="find"/>; <paramref name="source"/> names the checkpoint in errors.</summary>
    public ModelWeights(Func<string, Tensor?> find, string source, IBackend backend, Func<string, string>? place = null)
    {
        this.find = find;
        this.place = place ?? (name => $"{source}: tensor '{name}'");
        this.backend = backend;
        Source = source;
    }

    /// <summary>The checkpoint, for errors.</summary>
    public string Source { get; }

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
        Tensor t = find(name) ?? throw new DataException($"{Source}: tensor '{name}' is missing; the configuration needs it with shape {new Shape(shape)}");
        if (!t.Shape.Dimensions.SequenceEqual(shape))
            throw new DataException($"{place(name)} is {t}, but the configuration needs shape {new Shape(shape)}; checkpoint and config.json do not belong together");
        if (t.DType is DType.F8_E4M3 or DType.F8_E5M2)
            throw new ContractException($"{place(name)} is {t}; FP8 weights need a contract with FP8 products, which is not offered yet: convert the checkpoint to BF16");
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
}
