using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace DeepSeek.Reference.Tool;

/// <summary>NaN, infinities and impossible scales of one tensor.</summary>
/// <param name="Tensor">Its name.</param>
/// <param name="File">Its file.</param>
/// <param name="NaN">How many elements are NaN.</param>
/// <param name="Infinite">How many are infinite.</param>
/// <param name="BadScales">How many elements of a scale are negative, or no power of two where the config says ue8m0.</param>
/// <param name="FirstIndex">Row-major index of the first of any.</param>
/// <param name="FirstOffset">Its byte in the file.</param>
internal sealed record WeightFinding(string Tensor, string File, long NaN, long Infinite, long BadScales, long FirstIndex, long FirstOffset)
{
    /// <summary>File, tensor, offset, remedy.</summary>
    public string Text => $"{File}: tensor '{Tensor}', element {FirstIndex}, byte {FirstOffset}: {NaN} NaN and {Infinite} infinite values{(BadScales == 0 ? "" : $" and {BadScales} scales that are negative or not of scale_fmt")}; restore the file from its source";
}

/// <summary>Looks for NaN, infinities and impossible scales in every tensor of a checkpoint, where it lies, a block at a time.</summary>
internal sealed record WeightScan(int Tensors, long Elements, IReadOnlyList<WeightFinding> Findings)
{
    private const int BlockBytes = 1 << 22;

    /// <summary>Scans all tensors.</summary>
    public static WeightScan Of(Checkpoint checkpoint, DeepSeekConfig config, Terminal terminal)
    {
        using var progress = new Progress(terminal);
        var findings = new List<WeightFinding>();
        long elements = 0;
        int done = 0;
        foreach (string name in checkpoint.Names)
        {
            Tensor tensor = checkpoint.Get(name);
            ScaleRule scale = Rule(name, tensor, config);
            if (Scan(checkpoint, name, tensor, scale, () => progress.Report("scan", done, checkpoint.Names.Count)) is { } finding)
                findings.Add(finding);
            elements += tensor.ElementCount;
            done++;
        }

        return new WeightScan(done, elements, findings);
    }

    private static WeightFinding? Scan(Checkpoint checkpoint, string name, Tensor tensor, ScaleRule scale, Action step)
    {
        if (Classify(tensor.DType) is not { } rule)
            return null;
        int width = tensor.DType.Bits() / 8;
        (long nan, long infinite, long bad, long first) = (0, 0, 0, -1);
        for (long at = 0; at < tensor.ByteCount; at += BlockBytes)
        {
            step();
            int count = (int)Math.Min(BlockBytes, tensor.ByteCount - at);
            ReadOnlySpan<byte> block = MemoryMarshal.CreateReadOnlySpan(ref Unsafe.AddByteOffset(ref tensor.ByteOrigin, (nint)at), count);
            for (int i = 0; i < count; i += width)
            {
                ulong bits = Read(block.Slice(i, width));
                ulong magnitude = bits & rule.Mask;
                bool isNumber = magnitude < rule.Infinity;
                if (isNumber && (scale == ScaleRule.None || IsScale(bits, scale)))
                    continue;
                if (isNumber)
                    bad++;
                else if (magnitude == rule.Infinity && rule.HasInfinity)
                    infinite++;
                else
                    nan++;
                if (first < 0)
                    first = (at + i) / width;
            }
        }

        return first < 0 ? null : new WeightFinding(name, checkpoint.FileOf(name), nan, infinite, bad, first, checkpoint.Entry(name).FileOffset + (first * width));
    }

    /// <summary>What the elements of a binary32 scale must be.</summary>
    private enum ScaleRule
    {
        /// <summary>The tensor holds no scales.</summary>
        None,

        /// <summary>Not negative.</summary>
        NotNegative,

        /// <summary>A power of two.</summary>
        PowerOfTwo,
    }

    private static ScaleRule Rule(string name, Tensor tensor, DeepSeekConfig config)
    {
        if (tensor.DType != DType.F32 || !name.EndsWith("_scale_inv", StringComparison.Ordinal))
            return ScaleRule.None;
        return config.QuantizationConfig?.ScaleFmt == ScaleFormat.UE8M0 ? ScaleRule.PowerOfTwo : ScaleRule.NotNegative;
    }

    /// <summary>2^-127 is subnormal in binary32: one fraction bit, no exponent.</summary>
    private static bool IsScale(ulong bits, ScaleRule rule) =>
        bits <= 0x7FFF_FFFF && (rule == ScaleRule.NotNegative || (bits != 0 && ((bits & 0x7F_FFFF) == 0 || bits == 0x40_0000)));

    private static ulong Read(ReadOnlySpan<byte> bytes) => bytes.Length switch
    {
        1 => bytes[0],
        2 => BinaryPrimitives.ReadUInt16LittleEndian(bytes),
        4 => BinaryPrimitives.ReadUInt32LittleEndian(bytes),
        _ => BinaryPrimitives.ReadUInt64LittleEndian(bytes),
    };

    /// <summary>The magnitude mask and the first magnitude that is no number; null for dtypes that hold only numbers, or are packed.</summary>
    private static (ulong Mask, ulong Infinity, bool HasInfinity)? Classify(DType dtype) => dtype switch
    {
        DType.F64 => (0x7FFF_FFFF_FFFF_FFFF, 0x7FF0_0000_0000_0000, true),
        DType.F32 => (0x7FFF_FFFF, 0x7F80_0000, true),
        DType.BF16 => (0x7FFF, 0x7F80, true),
        DType.F16 => (0x7FFF, 0x7C00, true),
        DType.F8_E5M2 => (0x7F, 0x7C, true),
        DType.F8_E4M3 => (0x7F, 0x7F, false),
        DType.F8_E8M0 => (0xFF, 0xFF, false),
        _ => null,
    };
}
