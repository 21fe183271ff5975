namespace DeepSeek.Reference.Verification;

/// <summary>Copies of some rows of a tensor.</summary>
internal static class Gather
{
    /// <summary>Rows of the outermost dimension, in the order given.</summary>
    public static Tensor Rows(Tensor t, ReadOnlySpan<int> rows)
    {
        long[] dims = t.Shape.Dimensions.ToArray();
        long length = dims.Length == 0 || dims[0] == 0 ? 0 : t.ByteCount / dims[0];
        dims[0] = rows.Length;
        var part = new Tensor(t.DType, new Shape(dims));
        for (int i = 0; i < rows.Length; i++)
            Copy(t, rows[i] * length, part, i * length, length);
        return part;
    }

    /// <summary>Columns of a matrix, in the order given.</summary>
    public static Tensor Columns(Tensor t, ReadOnlySpan<int> columns)
    {
        long[] map = new long[t.Shape[0] * columns.Length];
        for (int i = 0; i < map.Length; i++)
            map[i] = i / columns.Length * t.Shape[1] + columns[i % columns.Length];
        return Rows(t, 1, map, t.Shape[0], columns.Length);
    }

    /// <summary>Row r of the result is row map[r] of t, taken as a matrix of rows of <paramref name="width"/> elements; the result has the shape given.</summary>
    public static Tensor Rows(Tensor t, long width, ReadOnlySpan<long> map, params ReadOnlySpan<long> shape)
    {
        var part = new Tensor(t.DType, new Shape(shape));
        long length = t.DType.ByteCount(width);
        for (int i = 0; i < map.Length; i++)
            Copy(t, map[i] * length, part, i * length, length);
        return part;
    }

    /// <summary>Blocks of <paramref name="height"/> consecutive rows, the last one as short as it is.</summary>
    public static Tensor Blocks(Tensor t, ReadOnlySpan<int> blocks, int height)
    {
        var rows = new List<int>();
        foreach (int b in blocks)
        {
            for (long r = (long)b * height; r < Math.Min(t.Shape[0], (long)(b + 1) * height); r++)
                rows.Add((int)r);
        }

        return Rows(t, System.Runtime.InteropServices.CollectionsMarshal.AsSpan(rows));
    }

    private static unsafe void Copy(Tensor from, long start, Tensor to, long target, long bytes)
    {
        fixed (byte* source = &from.ByteOrigin, goal = &to.ByteOrigin)
            Buffer.MemoryCopy(source + start, goal + target, bytes, bytes);
    }
}
