using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;

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

    /// <summary>One line: dtype, shape, and for the floating formats the range and the number of NaNs among the first 2^20 elements.</summary>
    public static string Describe(Tensor tensor)
    {
        string head = tensor.ToString();
        if (!HasRange(tensor.DType) || tensor.ElementCount == 0)
            return head;

        long count = Math.Min(tensor.ElementCount, 1 << 20);
        float min = float.PositiveInfinity;
        float max = float.NegativeInfinity;
        long nan = 0;
        for (long i = 0; i < count; i++)
        {
            float v = Value(tensor, i);
            if (float.IsNaN(v))
                nan++;
            min = v < min ? v : min;
            max = v > max ? v : max;
        }

        string range = nan == count ? "all NaN" : string.Create(CultureInfo.InvariantCulture, $"{min} .. {max}");
        return nan == 0 || nan == count ? $"{head} {range}" : $"{head} {range}, {nan} NaN";
    }

    private static bool HasRange(DType dtype) => dtype is DType.F32 or DType.BF16 or DType.F8_E4M3 or DType.F8_E5M2 or DType.F8_E8M0;

    private static float Value(Tensor tensor, long i) => tensor.DType switch
    {
        DType.F32 => At<float>(tensor, i),
        DType.BF16 => At<BFloat16>(tensor, i),
        DType.F8_E4M3 => At<Float8E4M3>(tensor, i),
        DType.F8_E5M2 => At<Float8E5M2>(tensor, i),
        _ => At<Float8E8M0>(tensor, i),
    };

    private static T At<T>(Tensor tensor, long i) where T : unmanaged => Unsafe.Add(ref tensor.First<T>(), (nint)i);

    private static string Element(Tensor tensor, int i) => tensor.DType switch
    {
        DType.F32 => Text(tensor.AsReadOnlySpan<float>()[i]),
        DType.BF16 => $"{tensor.AsReadOnlySpan<BFloat16>()[i]} (0x{tensor.AsReadOnlySpan<ushort>()[i]:X4})",
        DType.F16 => $"{(float)tensor.AsReadOnlySpan<Half>()[i]} (0x{tensor.AsReadOnlySpan<ushort>()[i]:X4})",
        DType.F8_E4M3 or DType.F8_E5M2 or DType.F8_E8M0 => string.Create(CultureInfo.InvariantCulture, $"{Value(tensor, i)} (0x{tensor.AsReadOnlySpan<byte>()[i]:X2})"),
        DType.F64 => tensor.AsReadOnlySpan<double>()[i].ToString("R", CultureInfo.InvariantCulture),
        DType.I32 => tensor.AsReadOnlySpan<int>()[i].ToString(CultureInfo.InvariantCulture),
        DType.I64 => tensor.AsReadOnlySpan<long>()[i].ToString(CultureInfo.InvariantCulture),
        _ => $"0x{tensor.AsBytes()[Math.Min(i * tensor.DType.Bits() / 8, tensor.AsBytes().Length - 1)]:X2}",
    };

    private static string Text(float v) => string.Create(CultureInfo.InvariantCulture, $"{v:R} (0x{BitConverter.SingleToUInt32Bits(v):X8})");
}
