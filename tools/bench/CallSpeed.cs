using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Bench;

/// <summary>What a call of a plug-in costs beside its kernel: the smallest tensors, in this process (<c>--in-process</c>).</summary>
internal static class CallSpeed
{
    private const int Calls = 1000;

    /// <summary>Prints nanoseconds a call: memory, copies in and back, checks of inputs and of the floating-point mode included.</summary>
    public static int Run(string plugin, double seconds)
    {
        using var native = new NativeBackend(plugin, ["eager"]);
        Tensor one = RandomTensors.Make(DType.F32, 1), other = RandomTensors.Make(DType.F32, 1), sum = new(DType.F32, 1);
        Tensor row = RandomTensors.Make(DType.F32, 1, 16), weight = RandomTensors.Make(DType.F32, 16), normalised = new(DType.F32, 1, 16);
        var codes = new Tensor(DType.F8_E4M3, 1, 16);
        Tensor scale = RandomTensors.Make(DType.F32, 1, 1), product = new(DType.F32, 1, 1);
        Measured[] all =
        [
            Of("add, 1 element", () => native.Add(one, other, sum)),
            Of("rms_norm, 16 elements", () => native.RmsNorm(row, weight, 1e-6f, RmsNormRounding.None, normalised)),
            Of("scaled_linear, 1 x 1 x 16", () => native.ScaledLinear(codes, scale, codes, scale, ScaledProduct.TorchReexpression, null, product)),
        ];
        Measured.Interleave(seconds, all);
        foreach (Measured m in all)
            Console.WriteLine($"{m.Name,-28} {1e9 / m.Best,7:F0} ns a call at best, {1e9 / m.Median,7:F0} in the median");
        return 0;

        static Measured Of(string name, Action call) => new(name, Calls, () =>
        {
            for (int i = 0; i < Calls; i++)
                call();
        });
    }
}
