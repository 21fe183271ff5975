namespace DeepSeek.Reference.Ops;

/// <summary>The dimensions of <see cref="Attention"/>.</summary>
/// <param name="S">Queries.</param>
/// <param name="H">Query heads.</param>
/// <param name="T">Keys.</param>
/// <param name="Hk">Key heads: H, or 1.</param>
/// <param name="D">Channels of a query and of a key.</param>
/// <param name="Dv">Channels of a value.</param>
/// <param name="SharesKeys">True when a value is the first Dv channels of its key (MQA over the latent cache).</param>
public readonly record struct AttentionShape(int S, int H, int T, int Hk, int D, int Dv, bool SharesKeys)
{
    /// <summary>Distance between two values of one key head, in rows of all key heads.</summary>
    internal int ValueStride => SharesKeys ? D : Dv;

    /// <summary>Query heads a key head.</summary>
    internal int Group => Hk == 0 ? 0 : H / Hk;

    /// <summary>The key head of query head h.</summary>
    internal int KeyHead(int h) => Hk == 1 ? 0 : h;

    /// <summary>How many keys query i sees: keys 0 to that count.</summary>
    internal int Visible(AttentionAttributes attributes, int i) => (int)Math.Clamp((long)attributes.FirstPosition + i + 1, 0, T);

    /// <summary>The shape that the tensors have.</summary>
    /// <exception cref="ShapeException">They do not fit together.</exception>
    internal static AttentionShape Of(Tensor q, Tensor keys, Tensor? values, AttentionAttributes attributes, Tensor y, Tensor? logSumExp)
    {
        Operands.RequireRank(q, nameof(q), 3);
        Operands.RequireRank(keys, nameof(keys), 3);
        Operands.RequireRank(y, nameof(y), 3);
        var shape = new AttentionShape(
            Operands.Dim(q, 0), Operands.Dim(q, 1), Operands.Dim(keys, 0), Operands.Dim(keys, 1),
            Operands.Dim(q, 2), Operands.Dim(y, 2), values is null);
        shape.CheckHeads();
        Operands.RequireFloat(q, nameof(q));
        Operands.Require(keys, nameof(keys), shape.T, shape.Hk, shape.D);
        if (values is not null)
            Operands.Require(values, nameof(values), shape.T, shape.Hk, shape.Dv);
        Operands.RequireOutput(y, nameof(y), shape.S, shape.H, shape.Dv);
        if (logSumExp is not null)
        {
            Operands.RequireShape(logSumExp, nameof(logSumExp), shape.S, shape.H);
            Operands.RequireType(logSumExp, nameof(logSumExp), DType.F32);
            Operands.ThrowIfReadOnly(logSumExp);
        }

        if (attributes.ScoreSplit < 0 || attributes.ScoreSplit > shape.D)
            throw new ShapeException($"scores split at channel {attributes.ScoreSplit} of {shape.D}; take 0, or a channel inside the head");
        attributes.Accumulation.RequireWithoutUnit("attention");
        if (!Enum.IsDefined(attributes.Rounding) || !Enum.IsDefined(attributes.Accumulation.Kind))
            throw new ContractException($"attention does not offer {attributes.Rounding} with {attributes.Accumulation}");
        if (attributes.Contract is { } contract)
        {
            if (attributes.Rounding != AttentionRounding.None || attributes.Accumulation != Accumulation.Lanes16)
                throw new ContractException($"attention contract {contract.Name} says roundings and accumulations; leave {attributes.Rounding} and {attributes.Accumulation} at None and Lanes16 beside it");
            contract.RequireCall(attributes.Scale, q.DType, keys.DType, (values ?? keys).DType);
        }

        return shape;
    }

    /// <summary>Throws unless spans of these lengths hold tensors of this shape.</summary>
    internal void Check(long q, long keys, long values, long y, long logSumExp)
    {
        CheckHeads();
        long rows = (long)S * H;
        if (q != rows * D || keys != (long)T * Hk * D || values != (long)T * Hk * ValueStride || y != rows * Dv || (logSumExp != 0 && logSumExp != rows))
            throw new ShapeException($"q has {q}, keys {keys}, values {values}, y {y}, logSumExp {logSumExp} values, which do not fit {this}");
    }

    private void CheckHeads()
    {
        if (Hk != H && Hk != 1)
            throw new ShapeException($"{H} query heads cannot share {Hk} key heads; take {H} or 1");
        if (SharesKeys && Dv > D)
            throw new ShapeException($"values of {Dv} channels cannot lie in keys of {D}; pass values of their own");
    }
}
