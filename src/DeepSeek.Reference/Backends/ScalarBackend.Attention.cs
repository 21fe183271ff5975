using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Backends;

public sealed partial class ScalarBackend
{
    /// <inheritdoc/>
    public void AbsorbQuery(Tensor q, Tensor kvB, Accumulation accumulation, Tensor y)
    {
        (int S, int H, int dn, int dr, int c, int rows) = LatentShape.OfQuery(q, kvB, y);
        float[] qScratch = new float[dn + dr];
        float[] wScratch = new float[dn * c];
        float[] result = new float[c + dr];
        for (int h = 0; h < H; h++)
        {
            ReadOnlySpan<float> w = Operands.Slice(kvB, (long)h * rows * c, dn * c, wScratch);
            for (int t = 0; t < S; t++)
            {
                long row = (long)t * H + h;
                Ops.AbsorbQuery.Define(Operands.Slice(q, row * (dn + dr), dn + dr, qScratch), w, dn, c, accumulation, y.DType, result);
                Operands.Store(result, y, row * (c + dr));
            }
        }
    }

    /// <inheritdoc/>
    public void AbsorbOutput(Tensor z, Tensor kvB, Accumulation accumulation, Tensor y)
    {
        (int S, int H, int dv, int c, int rows) = LatentShape.OfOutput(z, kvB, y);
        float[] zScratch = new float[c];
        float[] wScratch = new float[dv * c];
        float[] result = new float[dv];
        for (int h = 0; h < H; h++)
        {
            ReadOnlySpan<float> w = Operands.Slice(kvB, ((long)h * rows + rows - dv) * c, dv * c, wScratch);
            for (int t = 0; t < S; t++)
            {
                long row = (long)t * H + h;
                Ops.AbsorbOutput.Define(Operands.Slice(z, row * c, c, zScratch), w, accumulation, y.DType, result);
                Operands.Store(result, y, row * dv);
            }
        }
    }

    /// <inheritdoc/>
    public void ExpandKeys(Tensor kv, Tensor kPe, Tensor keys, Tensor values)
    {
        (int T, int H, int dn, int dr, int dv) = LatentShape.OfKeys(kv, kPe, keys, values);
        float[] kvScratch = new float[dn + dv];
        float[] peScratch = new float[dr];
        float[] key = new float[dn + dr];
        float[] value = new float[dv];
        for (int t = 0; t < T; t++)
        {
            ReadOnlySpan<float> pe = Operands.Slice(kPe, (long)t * dr, dr, peScratch);
            for (int h = 0; h < H; h++)
            {
                long row = (long)t * H + h;
                Ops.ExpandKeys.Define(Operands.Slice(kv, row * (dn + dv), dn + dv, kvScratch), pe, key, value);
                Operands.Store(key, keys, row * (dn + dr));
                Operands.Store(value, values, row * dv);
            }
        }
    }

    /// <inheritdoc/>
    public void Attention(Tensor q, Tensor keys, Tensor? values, AttentionAttributes attributes, Tensor y, Tensor? logSumExp = null)
    {
        AttentionShape shape = AttentionShape.Of(q, keys, values, attributes, y, logSumExp);
        ReadOnlySpan<float> k = Operands.Widen(keys);
        float[] result = new float[y.ElementCount];
        Span<float> lse = logSumExp is null ? default : logSumExp.AsSpan<float>();
        Ops.Attention.Define(Operands.Widen(q), k, values is null ? k : Operands.Widen(values), shape, attributes, y.DType, result, lse);
        Operands.Store(result, y);
    }
}
