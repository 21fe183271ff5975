namespace DeepSeek.Reference;

/// <summary>Facts about <see cref="DType"/>: width and the name a safetensors header uses.</summary>
public static class DTypes
{
    /// <summary>Bits per element; 4 and 6 for the packed formats.</summary>
    public static int Bits(this DType dtype) => dtype switch
    {
        DType.F64 or DType.I64 or DType.U64 or DType.C64 => 64,
        DType.F32 or DType.I32 or DType.U32 => 32,
        DType.BF16 or DType.F16 or DType.I16 or DType.U16 => 16,
        DType.F4 => 4,
        DType.F6_E2M3 or DType.F6_E3M2 => 6,
        _ => 8,
    };

    /// <summary>Bytes that <paramref name="elements"/> elements take.</summary>
    /// <exception cref="ShapeException">A packed format whose elements do not fill whole bytes, or a count too large for a file.</exception>
    public static long ByteCount(this DType dtype, long elements)
    {
        Int128 bits = (Int128)elements * dtype.Bits();
        if (bits % 8 != 0)
            throw new ShapeException($"{elements} elements of {dtype.Name()} do not fill whole bytes; pad the last dimension");
        Int128 bytes = bits / 8;
        if (bytes > long.MaxValue)
            throw new ShapeException($"{elements} elements of {dtype.Name()} are more than 2^63 bytes");
        return (long)bytes;
    }

    /// <summary>The name in a safetensors header, for example <c>F8_E4M3</c> or <c>BOOL</c>.</summary>
    public static string Name(this DType dtype) => dtype == DType.Bool ? "BOOL" : dtype.ToString();

    /// <summary>The dtype of a safetensors name; false where the format has no such name.</summary>
    public static bool TryParse(string name, out DType dtype)
    {
        foreach (DType candidate in Enum.GetValues<DType>())
        {
            if (candidate.Name() == name)
            {
                dtype = candidate;
                return true;
            }
        }

        dtype = default;
        return false;
    }

    /// <summary>True for F32, BF16, F16 and F64: formats that hold ordinary real values.</summary>
    public static bool IsFloat(this DType dtype) => dtype is DType.F32 or DType.BF16 or DType.F16 or DType.F64;
}
