using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Backends;

public sealed partial class ScalarBackend
{
    /// <inheritdoc/>
    public void AbsorbQuery(Tensor q, Tensor kvB, Accumulation accumulation, Tensor y)
    {
        accumulation.RequireWithoutUnit(nameof(AbsorbQuery));
        (int S, int H, _, _, _, _) = LatentShape.OfQuery(q, kvB, y);
        for (int h = 0; h < H; h++)
            AbsorbQuery(q, kvB, accumulation, y, h, 0, S);
    }

    /// <inheritdoc/>
    public void AbsorbOutput(Tensor z, Tensor kvB, Accumulation accumulation, Tensor y)
    {
        accumulation.RequireWithoutUnit(nameof(AbsorbOutput));
        (int S, int H, _, _, _) = LatentShape.OfOutput(z, kvB, y);
        for (int h = 0; h < H; h++)
            AbsorbOutput(z, kvB, accumulation, y, h, 0, S);
    }

    /// <inheritdoc/>
    public void ExpandKeys(Tensor kv, Tensor kPe, Tensor keys, Tensor values)
    {
        (int T, _, _, _, _) = LatentShape.OfKeys(kv, kPe, keys, values);
        ExpandKeys(kv, kPe, keys, values, 0, T);
    }

    /// <inheritdoc/>
    public void Attention(Tensor q, Tensor keys, Tensor? values, AttentionAttributes attributes, Tensor y, Tensor? logSumExp = null)
    {
        AttentionShape shape = AttentionShape.Of(q, keys, values, attributes, y, logSumExp);
        AttentionRows(q, keys, values, shape, attributes, y, logSumExp)(0, shape.S * shape.H);
    }

    /// <summary>Tokens from..from+count of head h; the head's W_UK is widened once, or read where it lies.</summary>
    internal static void AbsorbQuery(Tensor q, Tensor kvB, Accumulation accumulation, Tensor y, int h, int from, int count)
    {
        (_, int H, int dn, int dr, int c, int rows) = LatentShape.OfQuery(q, kvB, y);
        ReadOnlySpan<float> w = Operands.Slice(kvB, (long)h * rows * c, dn * c, new float[dn * c]);
        float[] qScratch = new float[dn + dr];
        float[] result = new float[c + dr];
        for (int t = from; t < from + count; t++)
        {
            long row = (long)t * H + h;
            Ops.AbsorbQuery.Define(Operands.Slice(q, row * (dn + dr), dn + dr, qScratch), w, dn, c, accumulation, y.DType, result);
            Operands.Store(result, y, row * (c + dr));
        }
    }

    /// <summary>Tokens from..from+count of head h; the head's W_UV is widened once, or read where it lies.</summary>
    internal static void AbsorbOutput(Tensor z, Tensor kvB, Accumulation accumulation, Tensor y, int h, int from, int count)
    {
        (_, int H, int dv, int c, int rows) = LatentShape.OfOutput(z, kvB, y);
        ReadOnlySpan<float> w = Operands.Slice(kvB, ((long)h * rows + rows - dv) * c, dv * c, new float[dv * c]);
        float[] zScratch = new float[c];
        float[] result = new float[dv];
        for (int t = from; t < from + count; t++)
        {
            long row = (long)t * H + h;
            Ops.AbsorbOutput.Define(Operands.Slice(z, row * c, c, zScratch), w, accumulation, y.DType, result);
            Operands.Store(result, y, row * dv);
        }
    }

    /// <summary>Tokens from..to.</summary>
    internal static void ExpandKeys(Tensor kv, Tensor kPe, Tensor keys, Tensor values, int from, int to)
    {
        (_, int H, int dn, int dr, int dv) = LatentShape.OfKeys(kv, kPe, keys, values);
        float[] kvScratch = new float[dn + dv];
        float[] peScratch = new float[dr];
        float[] key = new float[dn + dr];
        float[] value = new float[dv];
        for (int t = from; t < to; t++)
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

    /// <summary>The definition over rows from..to of all S·H, as an action that threads may share; bfloat16 is widened once, here.</summary>
    internal static Action<int, int> AttentionRows(
        Tensor q, Tensor keys, Tensor? values, AttentionShape shape, AttentionAttributes attributes, Tensor y, Tensor? logSumExp)
    {
        Tensor wideQ = Widened(q);
        Tensor wideKeys = Widened(keys);
        Tensor wideValues = values is null ? wideKeys : Widened(values);
        return (from, to) =>
        {
            ReadOnlySpan<float> k = wideKeys.AsReadOnlySpan<float>();
            ReadOnlySpan<float> v = wideValues.AsReadOnlySpan<float>();
            float[] result = new float[shape.Dv];
            for (int row = from; row < to; row++)
            {
                (int i, int h) = Math.DivRem(row, shape.H);
                ReadOnlySpan<float> qRow = wideQ.AsReadOnlySpan<float>().Slice(row * shape.D, shape.D);
                float lse = Ops.Attention.Row(qRow, k, v, h, shape.Visible(attributes, i), shape, attributes, y.DType, result);
                Operands.Store(result, y, (long)row * shape.Dv);
                if (logSumExp is not null)
                    logSumExp.AsSpan<float>()[row] = lse;
            }
        };
    }

    private static Tensor Widened(Tensor t)
    {
        if (t.DType == DType.F32)
            return t;
        var wide = new Tensor(DType.F32, t.Shape);
        Numerics.BFloat16Spans.Widen(t.AsReadOnlySpan<BFloat16>(), wide.AsSpan<float>());
        return wide;
    }
}
