using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Verification;

/// <content>Attention (docs/spec/bounds.md 8).</content>
internal static partial class YardstickOf
{
    private static RowYardstick Attention(AttentionCall c, string output)
    {
        c = c with { Attributes = c.Attributes.Resolved() };
        if (c.Attributes.Contract is not null)
            return UnderContract(c, output);
        AttentionShape shape = AttentionShape.Of(c.Q, c.Keys, c.Values, c.Attributes, c.Y, c.LogSumExp);
        return output == "log_sum_exp"
            ? new RowYardstick(output, 1, row =>
            {
                Measurement lse = new AttentionRow(c, shape, row).LogSumExp();
                return _ => lse;
            })
            : new RowYardstick(output, Math.Max(1, shape.Dv), row =>
            {
                Measurement[] y = new AttentionRow(c, shape, row).Outputs();
                return k => y[k];
            });
    }

    private static RowYardstick UnderContract(AttentionCall c, string output)
    {
        AttentionShape shape = AttentionShape.Of(c.Q, c.Keys, c.Values, c.Attributes, c.Y, c.LogSumExp);
        return output == "log_sum_exp"
            ? new RowYardstick(output, 1, row =>
            {
                Measurement lse = new ContractRow(c, shape, row).LogSumExp();
                return _ => lse;
            })
            : new RowYardstick(output, Math.Max(1, shape.Dv), row =>
            {
                Measurement[] y = new ContractRow(c, shape, row).Outputs();
                return k => y[k];
            });
    }
}
