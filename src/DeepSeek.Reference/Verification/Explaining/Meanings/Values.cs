namespace DeepSeek.Reference.Verification.Explaining;

/// <summary>Elements of tensors as binary32, and tensors made of changed ones.</summary>
internal static class Values
{
    /// <summary>All elements, widened exactly.</summary>
    public static float[] Of(Tensor t)
    {
        float[] values = new float[t.ElementCount];
        for (int i = 0; i < values.Length; i++)
            values[i] = (float)ElementReader.Value(t, i);
        return values;
    }

    /// <summary>Writes values into a tensor, each rounded to its dtype to nearest even.</summary>
    public static void Store(ReadOnlySpan<float> values, Tensor t)
    {
        for (int i = 0; i < values.Length; i++)
        {
            if (t.DType == DType.BF16)
                t.AsSpan<BFloat16>()[i] = BFloat16.Round(values[i]);
            else if (t.DType == DType.F8_E4M3)
                t.AsSpan<Float8E4M3>()[i] = Float8E4M3.FromSingle(values[i], Fp8Overflow.Saturate);
            else if (t.DType == DType.I32)
                t.AsSpan<int>()[i] = (int)values[i];
            else
                t.AsSpan<float>()[i] = values[i];
        }
    }

    /// <summary>A tensor of the same dtype and shape with value(i, x_i) in place of each x_i.</summary>
    public static Tensor Map(Tensor t, Func<int, float, float> value)
    {
        float[] values = Of(t);
        for (int i = 0; i < values.Length; i++)
            values[i] = value(i, values[i]);
        var mapped = new Tensor(t.DType, t.Shape);
        Store(values, mapped);
        return mapped;
    }

    /// <summary>A tensor of the same shape whose element i is element from(i) of another, bit for bit; null where from(i) = i everywhere.</summary>
    public static Tensor? Gather(Tensor t, Func<long, long> from)
    {
        Tensor gathered = t.Clone();
        bool same = true;
        int size = t.DType.Bits() / 8;
        for (long i = 0; i < t.ElementCount; i++)
        {
            long j = from(i);
            same &= i == j;
            for (int b = 0; b < size; b++)
                System.Runtime.CompilerServices.Unsafe.Add(ref gathered.ByteOrigin, (nint)(i * size + b)) = System.Runtime.CompilerServices.Unsafe.Add(ref t.ByteOrigin, (nint)(j * size + b));
        }

        return same ? null : gathered;
    }

    /// <summary>A matrix whose rows are shifted: row r holds row r + by, kept inside.</summary>
    public static Tensor? ShiftRows(Tensor t, int by)
    {
        long columns = Columns(t), rows = t.ElementCount / Math.Max(1, columns);
        return Gather(t, i => Math.Clamp(i / columns + by, 0, rows - 1) * columns + i % columns);
    }

    /// <summary>A matrix whose columns are shifted: column c holds column c + by, kept inside.</summary>
    public static Tensor? ShiftColumns(Tensor t, int by)
    {
        long columns = Columns(t);
        return Gather(t, i => i / columns * columns + Math.Clamp(i % columns + by, 0, columns - 1));
    }

    /// <summary>A matrix whose columns are rotated: column c holds column c + by, counted around the end.</summary>
    public static Tensor? RotateColumns(Tensor t, int by)
    {
        long columns = Columns(t);
        return Gather(t, i => i / columns * columns + (i % columns + by + columns) % columns);
    }

    /// <summary>The matrix's memory read as if it were stored by columns.</summary>
    public static Tensor? Transposed(Tensor t)
    {
        long columns = Columns(t), rows = t.ElementCount / Math.Max(1, columns);
        return Gather(t, i => i % columns * rows + i / columns);
    }

    /// <summary>The last elements of each row set to zero.</summary>
    public static Tensor? DropLast(Tensor t, int count)
    {
        long columns = Columns(t);
        return count >= columns ? null : Map(t, (i, x) => i % columns >= columns - count ? 0f : x);
    }

    private static long Columns(Tensor t) => t.Shape.Rank == 0 ? 1 : t.Shape[^1];
}
