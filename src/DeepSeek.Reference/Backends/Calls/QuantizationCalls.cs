using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Backends;

/// <summary><see cref="IBackend.Quantize"/></summary>
internal sealed record QuantizeCall(Tensor X, QuantizeAttributes Attributes, Tensor Codes, Tensor Scales) : OperationCall(Operation.Quantize)
{
    public override IReadOnlyList<Operand> Operands => [In("x", X), Out("codes", Codes), Out("scales", Scales)];

    public override void Run(IBackend backend) => backend.Quantize(X, Attributes, Codes, Scales);

    public override OperationCall Replace(Func<Operand, Tensor> by) => this with { X = by(In("x", X)), Codes = by(Out("codes", Codes)), Scales = by(Out("scales", Scales)) };
}

/// <summary><see cref="IBackend.Dequantize"/></summary>
internal sealed record DequantizeCall(Tensor Codes, Tensor Scales, QuantizationTile Tile, Tensor Y) : OperationCall(Operation.Dequantize)
{
    public override IReadOnlyList<Operand> Operands => [In("codes", Codes), In("scales", Scales), Out("y", Y)];

    public override void Run(IBackend backend) => backend.Dequantize(Codes, Scales, Tile, Y);

    public override OperationCall Replace(Func<Operand, Tensor> by) => this with { Codes = by(In("codes", Codes)), Scales = by(In("scales", Scales)), Y = by(Out("y", Y)) };
}

/// <summary><see cref="IBackend.ScaledLinear"/></summary>
internal sealed record ScaledLinearCall(Tensor X, Tensor XScale, Tensor Weight, Tensor WeightScale, ScaledProduct Product, Tensor? C, Tensor Y) : OperationCall(Operation.ScaledLinear)
{
    public override IReadOnlyList<Operand> Operands =>
    [
        In("x", X), In("x_scale", XScale), In("weight", Weight), In("weight_scale", WeightScale),
        .. C is null ? (Operand[])[] : [In("c", C)],
        Out("y", Y),
    ];

    public override Accumulation Sum => Product.Block;

    public override void Run(IBackend backend) => backend.ScaledLinear(X, XScale, Weight, WeightScale, Product, C, Y);

    public override OperationCall Replace(Func<Operand, Tensor> by) => this with
    {
        X = by(In("x", X)),
        XScale = by(In("x_scale", XScale)),
        Weight = by(In("weight", Weight)),
        WeightScale = by(In("weight_scale", WeightScale)),
        C = C is null ? null : by(In("c", C)),
        Y = by(Out("y", Y)),
    };
}

/// <summary><see cref="IBackend.GroupedScaledLinear"/></summary>
internal sealed record GroupedScaledLinearCall(
    Tensor X, Tensor XScale, IReadOnlyList<int> Offsets, IReadOnlyList<Tensor> Weights, IReadOnlyList<Tensor> WeightScales, ScaledProduct Product, Tensor Y) : OperationCall(Operation.GroupedScaledLinear)
{
    public override IReadOnlyList<Operand> Operands => [In("x", X), In("x_scale", XScale), .. In("weight", Weights), .. In("weight_scale", WeightScales), Out("y", Y)];

    public override Accumulation Sum => Product.Block;

    public override void Run(IBackend backend) => backend.GroupedScaledLinear(X, XScale, [.. Offsets], Weights, WeightScales, Product, Y);

    public override OperationCall Replace(Func<Operand, Tensor> by) => this with
    {
        X = by(In("x", X)),
        XScale = by(In("x_scale", XScale)),
        Weights = Replace("weight", Weights, by),
        WeightScales = Replace("weight_scale", WeightScales, by),
        Y = by(Out("y", Y)),
    };
}

/// <summary><see cref="IBackend.IndexedScaledLinear"/></summary>
internal sealed record IndexedScaledLinearCall(
    Tensor X, Tensor XScale, Tensor Groups, int Alignment, IReadOnlyList<Tensor> Weights, IReadOnlyList<Tensor> WeightScales, ScaledProduct Product, Tensor Y) : OperationCall(Operation.IndexedScaledLinear)
{
    public override IReadOnlyList<Operand> Operands => [In("x", X), In("x_scale", XScale), In("groups", Groups), .. In("weight", Weights), .. In("weight_scale", WeightScales), Out("y", Y)];

    public override Accumulation Sum => Product.Block;

    public override void Run(IBackend backend) => backend.IndexedScaledLinear(X, XScale, Groups, Alignment, Weights, WeightScales, Product, Y);

    public override OperationCall Replace(Func<Operand, Tensor> by) => this with
    {
        X = by(In("x", X)),
        XScale = by(In("x_scale", XScale)),
        Groups = by(In("groups", Groups)),
        Weights = Replace("weight", Weights, by),
        WeightScales = Replace("weight_scale", WeightScales, by),
        Y = by(Out("y", Y)),
    };
}

/// <summary><see cref="IBackend.MaskedScaledLinear"/></summary>
internal sealed record MaskedScaledLinearCall(
    Tensor X, Tensor XScale, Tensor Counts, IReadOnlyList<Tensor> Weights, IReadOnlyList<Tensor> WeightScales, ScaledProduct Product, Tensor Y) : OperationCall(Operation.MaskedScaledLinear)
{
    public override IReadOnlyList<Operand> Operands => [In("x", X), In("x_scale", XScale), In("counts", Counts), .. In("weight", Weights), .. In("weight_scale", WeightScales), Out("y", Y)];

    public override Accumulation Sum => Product.Block;

    public override void Run(IBackend backend) => backend.MaskedScaledLinear(X, XScale, Counts, Weights, WeightScales, Product, Y);

    public override OperationCall Replace(Func<Operand, Tensor> by) => this with
    {
        X = by(In("x", X)),
        XScale = by(In("x_scale", XScale)),
        Counts = by(In("counts", Counts)),
        Weights = Replace("weight", Weights, by),
        WeightScales = Replace("weight_scale", WeightScales, by),
        Y = by(Out("y", Y)),
    };
}
