using System.Globalization;
using System.Text.RegularExpressions;
using DeepSeek.Reference.TensorCores;

namespace DeepSeek.Reference.Verification;

/// <summary>A matrix instruction by its name in PTX, and the unit that models it.</summary>
internal sealed partial record CaptureInstruction(string Name, CaptureFormat A, CaptureFormat B, CaptureFormat Accumulator, int K, TensorCore Unit)
{
    /// <summary>The instruction of a name such as wgmma.mma_async.sync.aligned.m64n8k32.f32.e4m3.e4m3.</summary>
    /// <exception cref="FormatException">It is none that a capture holds.</exception>
    public static CaptureInstruction Parse(string name)
    {
        Match parts = Pattern().Match(name);
        if (parts.Success
            && CaptureFormat.Operand(parts.Groups["a"].Value) is { } a
            && CaptureFormat.Operand(parts.Groups["b"].Value) is { } b
            && CaptureFormat.Accumulator(parts.Groups["d"].Value) is { } d)
        {
            int K = int.Parse(parts.Groups["k"].Value, CultureInfo.InvariantCulture);
            string unit = UnitName(name[0] == 'w', a, b, d, K);
            if (TensorCore.All.FirstOrDefault(u => u.Name == unit) is { } core && core.K == K)
                return new CaptureInstruction(name, a, b, d, K, core);
        }

        throw new FormatException($"names '{name}', which is no matrix instruction whose unit is modelled (docs/spec/capture.md 2 lists them)");
    }

    /// <summary>The short forms of mma.sync (half of the usual K) are units of their own.</summary>
    private static string UnitName(bool warpgroup, CaptureFormat a, CaptureFormat b, CaptureFormat d, int K)
    {
        string form = warpgroup ? "wgmma" : K * a.Bytes < 32 ? string.Create(CultureInfo.InvariantCulture, $"mma-k{K}") : "mma";
        string operands = a == b ? a.Elements.Name : $"{a.Elements.Name}-{b.Elements.Name}";
        return $"hopper-{form}-{operands}-{d.Name}";
    }

    [GeneratedRegex(@"^(wgmma\.mma_async\.sync\.aligned\.m64n8k(?<k>\d{1,2})\.(?<d>f32|f16)\.(?<a>\w+)\.(?<b>\w+)|mma\.sync\.aligned\.m16n8k(?<k>\d{1,2})\.row\.col\.(?<d>f32|f16)\.(?<a>\w+)\.(?<b>\w+)\.\k<d>)$", RegexOptions.CultureInvariant)]
    private static partial Regex Pattern();
}
