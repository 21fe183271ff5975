using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Backends;

public sealed partial class SimdBackend
{
    /// <summary>Tokens of one head that are multiplied with its weight at once.</summary>
    private const int TokenBlock = 64;

    /// <inheritdoc/>
    public void AbsorbQuery(Tensor q, Tensor kvB, Accumulation accumulation, Tensor y)
    {
        accumulation.RequireWithoutUnit(nameof(AbsorbQuery));
        (int S, int H, int dn, _, int c, _) = LatentShape.OfQuery(q, kvB, y);
        bool simd = accumulation.Kind == AccumulationKind.Lanes16 && Isa.Any;
        if (simd && Ops.AbsorbQuery.FitsHeads(q, kvB, y))
        {
            For(H, HeadGrain(S, dn, c), (from, to) => Ops.AbsorbQuery.SimdHeads(q, kvB, y, from, to));
            return;
        }

        ForTokensOfHeads(S, H, (h, from, count) =>
        {
            if (simd)
                Ops.AbsorbQuery.Simd(q, kvB, y, h, from, count);
            else
                ScalarBackend.AbsorbQuery(q, kvB, accumulation, y, h, from, count);
        });
    }

    /// <inheritdoc/>
    public void AbsorbOutput(Tensor z, Tensor kvB, Accumulation accumulation, Tensor y)
    {
        accumulation.RequireWithoutUnit(nameof(AbsorbOutput));
        (int S, int H, int dv, int c, _) = LatentShape.OfOutput(z, kvB, y);
        bool simd = accumulation.Kind == AccumulationKind.Lanes16 && Isa.Any;
        if (simd && Ops.AbsorbOutput.FitsHeads(z, y))
        {
            For(H, HeadGrain(S, dv, c), (from, to) => Ops.AbsorbOutput.SimdHeads(z, kvB, y, from, to));
            return;
        }

        ForTokensOfHeads(S, H, (h, from, count) =>
        {
            if (simd)
                Ops.AbsorbOutput.Simd(z, kvB, y, h, from, count);
            else
                ScalarBackend.AbsorbOutput(z, kvB, accumulation, y, h, from, count);
        });
    }

    /// <inheritdoc/>
    public void ExpandKeys(Tensor kv, Tensor kPe, Tensor keys, Tensor values)
    {
        (int T, _, _, _, _) = LatentShape.OfKeys(kv, kPe, keys, values);
        For(T, TokenBlock, (from, to) => ScalarBackend.ExpandKeys(kv, kPe, keys, values, from, to));
    }

    /// <inheritdoc/>
    public void Attention(Tensor q, Tensor keys, Tensor? values, AttentionAttributes attributes, Tensor y, Tensor? logSumExp = null)
    {
        AttentionShape shape = AttentionShape.Of(q, keys, values, attributes, y, logSumExp);
        attributes = attributes.Resolved();
        if (attributes.Contract is { } contract && FlashMlaRows.Fits(contract))
        {
            var decode = new FlashMlaRows(new AttentionOperands(q, keys, values ?? keys, shape, attributes, y, logSumExp));
            For(decode.Count, 1, decode.Simd);
            return;
        }

        if (attributes.Accumulation.Kind != AccumulationKind.Lanes16 || attributes.Contract is not null || !Isa.Any)
        {
            For(shape.S * shape.H, 1, ScalarBackend.AttentionRows(q, keys, values, shape, attributes, y, logSumExp));
            return;
        }

        var operands = new AttentionOperands(q, keys, values ?? keys, shape, attributes, y, logSumExp);
        var blocks = new QueryBlocks(shape, Threads);
        For(blocks.Count, 1, (from, to) => Ops.Attention.Simd(operands, blocks, from, to));
    }

    /// <summary>Heads whose products with S tokens are worth a thread.</summary>
    private static int HeadGrain(int S, int rows, int columns) => (int)Math.Clamp(ThreadWork / Math.Max(1, (long)S * rows * columns), 1, int.MaxValue);

    /// <summary>body(head, first token, tokens) over all heads and blocks of tokens.</summary>
    private void ForTokensOfHeads(int S, int H, Action<int, int, int> body)
    {
        int blocks = (S + TokenBlock - 1) / TokenBlock;
        For(H * blocks, 1, (from, to) =>
        {
            for (int i = from; i < to; i++)
            {
                int first = i % blocks * TokenBlock;
                body(i / blocks, first, Math.Min(TokenBlock, S - first));
            }
        });
    }
}
