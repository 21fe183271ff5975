using DeepSeek.Reference.Verification;

namespace DeepSeek.Reference.Faulty;

/// <summary>Tensors as binary32 values and back, for variants: exact one way, rounded to nearest even the other.</summary>
internal static class Values
{
    /// <summary>The values of a tensor of F32, BF16, E4M3, I32 or U16.</summary>
    public static float[] Of(Tensor t)
    {
        if (t.DType is DType.F32 or DType.BF16)
            return Operands.Widen(t).ToArray();
        var values = new float[t.ElementCount];
        for (int i = 0; i < values.Length; i++)
            values[i] = (float)ElementReader.Value(t, i);
        return values;
    }

    /// <summary>Writes values into a tensor, each rounded once to its dtype.</summary>
    public static void Store(ReadOnlySpan<float> values, Tensor t)
    {
        switch (t.DType)
        {
            case DType.F8_E4M3:
                Span<Float8E4M3> codes = t.AsSpan<Float8E4M3>();
                for (int i = 0; i < values.Length; i++)
                    codes[i] = Float8E4M3.FromSingle(values[i], Fp8Overflow.Saturate);
                break;
            case DType.I32:
                Span<int> whole = t.AsSpan<int>();
                for (int i = 0; i < values.Length; i++)
                    whole[i] = (int)values[i];
                break;
            case DType.U16:
                Span<ushort> words = t.AsSpan<ushort>();
                for (int i = 0; i < values.Length; i++)
                    words[i] = (ushort)values[i];
                break;
            default:
                Operands.Store(values, t);
                break;
        }
    }

    /// <summary>A copy of a tensor with its values changed.</summary>
    public static Tensor With(Tensor t, Action<float[]> change)
    {
        float[] values = Of(t);
        change(values);
        var copy = new Tensor(t.DType, t.Shape);
        Store(values, copy);
        return copy;
    }

    /// <summary>A copy in which every value went through a function.</summary>
    public static Tensor Map(Tensor t, Func<float, float> function) => With(t, values =>
    {
        for (int i = 0; i < values.Length; i++)
            values[i] = function(values[i]);
    });

    /// <summary>A copy whose element at (row, column) of the last dimension is the one of another row and column.</summary>
    public static Tensor Gather(Tensor t, Func<int, int, (int Row, int Column)> from) => With(t, values =>
    {
        float[] old = [.. values];
        int columns = (int)t.Shape[^1];
        for (int i = 0; i < values.Length; i++)
        {
            (int row, int column) = from(i / columns, i % columns);
            values[i] = old[row * columns + column];
        }
    });

    /// <summary>A tensor of the same dtype and shape, to be written.</summary>
    public static Tensor Like(Tensor t) => new(t.DType, t.Shape);

    /// <summary>binary32 cut to bfloat16, not rounded.</summary>
    public static float CutToBFloat16(float x) => BitConverter.UInt32BitsToSingle(BitConverter.SingleToUInt32Bits(x) & 0xFFFF0000);

    /// <summary>bfloat16 of a binary32, ties away from zero.</summary>
    public static float AwayToBFloat16(float x) => float.IsFinite(x) ? BitConverter.UInt32BitsToSingle((BitConverter.SingleToUInt32Bits(x) + 0x8000) & 0xFFFF0000) : x;

    /// <summary>The binary32 itself for three in four, and one of its neighbours for the others: by its bits, so that a value always has the same.</summary>
    public static float Near(float x)
    {
        uint bits = BitConverter.SingleToUInt32Bits(x);
        if (x == 0 || !float.IsFinite(x))
            return x;
        return (bits * 0x9E3779B9 >> 29) switch
        {
            0 => BitConverter.UInt32BitsToSingle(bits + 1),
            1 => BitConverter.UInt32BitsToSingle(bits - 1),
            _ => x,
        };
    }
}
