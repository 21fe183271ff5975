namespace DeepSeek.Reference.Ops;

public static partial class Attention
{
    /// <summary>One query of one head under the attributes' contract; returns the log-sum-exp.</summary>
    internal static float Row(
        ReadOnlySpan<float> q, ReadOnlySpan<float> keys, ReadOnlySpan<float> values, int h, int n,
        AttentionShape shape, AttentionAttributes attributes, DType output, Span<float> y)
    {
        if (attributes.Contract is not { } contract)
            return DefineRow(q, keys, values, h, n, shape, attributes, output, y);
        if (contract.TwoPassRounding() is { } rounding)
            return DefineRow(q, keys, values, h, n, shape, attributes with { Rounding = rounding, Contract = null }, output, y);

        var row = new AttentionRow(q, keys, values, h, n, shape);
        if (contract.IsLike(AttentionContract.FlashMlaDense))
            return OnlineAttention.Define(row, attributes, y);
        if (contract.Schedule == AttentionSchedule.WarpgroupPairs)
            return WarpgroupAttention.Define(row, attributes, y);
        return GeneralAttention.Define(row, attributes, output, y);
    }
}
