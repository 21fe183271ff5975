using System.Diagnostics;
using System.Globalization;

namespace DeepSeek.Reference;

/// <summary>What a debugger shows of a tensor: its shape, its range, and its first values decoded with their bits.</summary>
internal sealed class TensorDebugView(Tensor tensor)
{
    private const int Shown = 64;

    /// <summary>The first values, each as value and bits.</summary>
    [DebuggerBrowsable(DebuggerBrowsableState.RootHidden)]
    public string[] Values
    {
        get
        {
            int count = (int)Math.Min(tensor.ElementCount, Shown);
            var shown = new string[count];
            for (int i = 0; i < count; i++)
                shown[i] = Element(tensor, i);
            return shown;
        }
    }

    /// <summary>One line: dtype, shape, and for F32 and BF16 the range and the number of NaNs among the first 2^20 elements.</summary>
    public static string Describe(Tensor tensor)
    {
        string head = tensor.ToString();
        if (tensor.DType is not (DType.F32 or DType.BF16) || tensor.ElementCount == 0)
            return head;

        long count = Math.Min(tensor.ElementCount, 1 << 20);
        float min = float.PositiveInfinity;
        float max = float.NegativeInfinity;
        long nan = 0;
        for (long i = 0; i < count; i++)
        {
            float v = tensor.DType == DType.F32
                ? System.Runtime.CompilerServices.Unsafe.Add(ref tensor.First<float>(), (nint)i)
                : System.Runtime.CompilerServices.Unsafe.Add(ref tensor.First<BFloat16>(), (nint)i);
            if (float.IsNaN(v))
                nan++;
            min = v < min ? v : min;
            max = v > max ? v : max;
        }

        string range = nan == count ? "all NaN" : string.Create(CultureInfo.InvariantCulture, $"{min} .. {max}");
        return nan == 0 || nan == count ? $"{head} {range}" : $"{head} {range}, {nan} NaN";
    }

    private static string Element(Tensor tensor, int i) => tensor.DType switch
    {
        DType.F32 => Text(tensor.AsReadOnlySpan<float>()[i]),
        DType.BF16 => $"{tensor.AsReadOnlySpan<BFloat16>()[i]} (0x{tensor.AsReadOnlySpan<ushort>()[i]:X4})",
        DType.F16 => $"{(float)tensor.AsReadOnlySpan<Half>()[i]} (0x{tensor.AsReadOnlySpan<ushort>()[i]:X4})",
        DType.F64 => tensor.AsReadOnlySpan<double>()[i].ToString("R", CultureInfo.InvariantCulture),
        DType.I32 => tensor.AsReadOnlySpan<int>()[i].ToString(CultureInfo.InvariantCulture),
        DType.I64 => tensor.AsReadOnlySpan<long>()[i].ToString(CultureInfo.InvariantCulture),
        _ => $"0x{tensor.AsBytes()[Math.Min(i * tensor.DType.Bits() / 8, tensor.AsBytes().Length - 1)]:X2}",
    };

    private static string Text(float v) => string.Create(CultureInfo.InvariantCulture, $"{v:R} (0x{BitConverter.SingleToUInt32Bits(v):X8})");
}
