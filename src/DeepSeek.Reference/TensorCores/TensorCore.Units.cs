using static DeepSeek.Reference.TensorCores.ElementFormat;

namespace DeepSeek.Reference.TensorCores;

public sealed partial record TensorCore
{
    /// <summary>Fraction bits of Hopper's and Ada's FP8 output, E8M13: the "FP22" of DeepSeek-V3's report, 3.5.2.</summary>
    private const int Short = 13;

    /// <summary>wgmma m64nNk32, E4M3 by E4M3 into binary32: 13 bits kept. The unit of DeepSeek-V3's FP8 products.</summary>
    public static TensorCore HopperWgmmaE4M3F32 { get; } = HopperFp8("wgmma", E4M3, E4M3, F32);

    /// <summary>wgmma m64nNk32, E5M2 by E5M2 into binary32.</summary>
    public static TensorCore HopperWgmmaE5M2F32 { get; } = HopperFp8("wgmma", E5M2, E5M2, F32);

    /// <summary>wgmma m64nNk32, E4M3 by E4M3 into binary16.</summary>
    public static TensorCore HopperWgmmaE4M3F16 { get; } = HopperFp8("wgmma", E4M3, E4M3, F16);

    /// <summary>wgmma m64nNk32, E5M2 by E5M2 into binary16.</summary>
    public static TensorCore HopperWgmmaE5M2F16 { get; } = HopperFp8("wgmma", E5M2, E5M2, F16);

    /// <summary>wgmma m64nNk16, bfloat16 into binary32: 25 bits kept. The unit of DeepSeek-V3's BF16 products.</summary>
    public static TensorCore HopperWgmmaBF16F32 { get; } = Hopper("wgmma", BF16, F32, 16);

    /// <summary>wgmma m64nNk16, binary16 into binary32.</summary>
    public static TensorCore HopperWgmmaFP16F32 { get; } = Hopper("wgmma", FP16, F32, 16);

    /// <summary>wgmma m64nNk16, binary16 into binary16.</summary>
    public static TensorCore HopperWgmmaFP16F16 { get; } = Hopper("wgmma", FP16, F16, 16);

    /// <summary>wgmma m64nNk8, TF32 into binary32.</summary>
    public static TensorCore HopperWgmmaTF32F32 { get; } = Hopper("wgmma", TF32, F32, 8);

    /// <summary>mma.sync m16n8k32 on Hopper, E4M3 into binary32: not native; two sums of binary16 products, C added after them.</summary>
    public static TensorCore HopperMmaE4M3F32 { get; } = Emulated("hopper", E4M3, E4M3, F32);

    /// <summary>mma.sync m16n8k16 of binary16 on Hopper, for E4M3 that a program widened itself, as Triton does below 64 rows: of each four k two at a time; C in the first sum.</summary>
    public static TensorCore HopperMmaWidenedE4M3F32 { get; } = HopperMmaE4M3F32 with { Name = "hopper-mma-widened-e4m3-f32", Entry = AccumulatorEntry.InTheSum };

    /// <summary>mma.sync m16n8k16 on Hopper, bfloat16 into binary32.</summary>
    public static TensorCore HopperMmaBF16F32 { get; } = Hopper("mma", BF16, F32, 16);

    /// <summary>mma.sync m16n8k16 on Ampere, bfloat16 into binary32: two sums of 8.</summary>
    public static TensorCore AmpereMmaBF16F32 { get; } = Ampere("ampere", BF16, F32, 16, 8);

    /// <summary>mma.sync m16n8k32 on Ada, E4M3 into binary32: 13 bits kept, two sums of 16.</summary>
    public static TensorCore AdaMmaE4M3F32 { get; } = AdaFp8(E4M3, E4M3);

    /// <summary>tcgen05.mma kind::f8f6f4 on Blackwell, E4M3 into binary32: 25 bits kept, no short output.</summary>
    public static TensorCore BlackwellTcgen05E4M3F32 { get; } = BlackwellFp8(E4M3, E4M3);

    /// <summary>tcgen05.mma kind::mxf8f6f4 on Blackwell, E4M3 with UE8M0 scales for each 32 elements.</summary>
    public static TensorCore BlackwellMxE4M3F32 { get; } = BlackwellMx(E4M3, E4M3);

    /// <summary>Every unit that is known, by architecture.</summary>
    public static IReadOnlyList<TensorCore> All { get; } =
    [
        HopperWgmmaE4M3F32, HopperWgmmaE5M2F32, HopperFp8("wgmma", E4M3, E5M2, F32), HopperFp8("wgmma", E5M2, E4M3, F32),
        HopperWgmmaE4M3F16, HopperWgmmaE5M2F16, HopperFp8("wgmma", E4M3, E5M2, F16), HopperFp8("wgmma", E5M2, E4M3, F16),
        HopperWgmmaBF16F32, HopperWgmmaFP16F32, HopperWgmmaFP16F16, HopperWgmmaTF32F32,
        HopperMmaBF16F32, Hopper("mma", FP16, F32, 16), Hopper("mma", FP16, F16, 16), Hopper("mma", TF32, F32, 8),
        Hopper("mma-k8", BF16, F32, 8), Hopper("mma-k8", FP16, F32, 8), Hopper("mma-k8", FP16, F16, 8), Hopper("mma-k4", TF32, F32, 4),
        HopperMmaE4M3F32, HopperMmaWidenedE4M3F32, Emulated("hopper", E5M2, E5M2, F32), Emulated("hopper", E4M3, E5M2, F32), Emulated("hopper", E5M2, E4M3, F32),
        Emulated("hopper", E4M3, E4M3, F16), Emulated("hopper", E5M2, E5M2, F16), Emulated("hopper", E4M3, E5M2, F16), Emulated("hopper", E5M2, E4M3, F16),
        Volta(F32), Volta(F16), Turing(F32), Turing(F16),
        AmpereMmaBF16F32, Ampere("ampere", FP16, F32, 16, 8), Ampere("ampere", FP16, F16, 16, 8), Ampere("ampere", TF32, F32, 8, 4),
        Ampere("ada", BF16, F32, 16, 8), Ampere("ada", FP16, F32, 16, 8), Ampere("ada", FP16, F16, 16, 8), Ampere("ada", TF32, F32, 8, 4),
        AdaMmaE4M3F32, AdaFp8(E5M2, E5M2), AdaFp8(E4M3, E5M2), AdaFp8(E5M2, E4M3),
        Blackwell(BF16, F32, 16), Blackwell(FP16, F32, 16), Blackwell(FP16, F16, 16), Blackwell(TF32, F32, 8),
        BlackwellTcgen05E4M3F32, BlackwellFp8(E5M2, E5M2), BlackwellFp8(E4M3, E5M2), BlackwellFp8(E5M2, E4M3),
        BlackwellMxE4M3F32, BlackwellMx(E5M2, E5M2), BlackwellMx(E4M3, E5M2), BlackwellMx(E5M2, E4M3),
        BlackwellMx(E3M2, E3M2), BlackwellMx(E2M3, E2M3), BlackwellMx(E2M1, E2M1), BlackwellMx(E4M3, E2M1),
        Emulated("blackwell", E4M3, E4M3, F32), Emulated("blackwell", E5M2, E5M2, F32), Emulated("blackwell", E4M3, E4M3, F16), Emulated("blackwell", E5M2, E5M2, F16),
    ];

    /// <summary>The unit of a name, in any case.</summary>
    /// <exception cref="ContractException">No unit has it; the message lists those that are.</exception>
    public static TensorCore Parse(string name) =>
        All.FirstOrDefault(unit => string.Equals(unit.Name, name, StringComparison.OrdinalIgnoreCase))
        ?? throw new ContractException($"no matrix unit is named '{name}'; take one of {string.Join(", ", All.Select(unit => unit.Name))}");

    /// <summary>A unit that is as wide as its instruction, with the output its accumulator asks for.</summary>
    private static TensorCore Unit(string start, ElementFormat a, ElementFormat b, ElementFormat accumulator, int K, int fractionBits, int zeroExponent) => new()
    {
        Name = $"{start}-{(a == b ? a.Name : $"{a}-{b}")}-{accumulator}",
        A = a,
        B = b,
        K = K,
        FusedLength = K,
        FractionBits = fractionBits,
        Accumulator = accumulator,
        OutputFractionBits = accumulator.FractionBits,
        Rounding = accumulator == F16 ? OutputRounding.NearestEven : OutputRounding.TowardZero,
        ZeroExponent = zeroExponent,
    };

    private static TensorCore Hopper(string instruction, ElementFormat operands, ElementFormat accumulator, int K) =>
        Unit($"hopper-{instruction}", operands, operands, accumulator, K, 25, -133);

    private static TensorCore HopperFp8(string instruction, ElementFormat a, ElementFormat b, ElementFormat accumulator) =>
        Unit($"hopper-{instruction}", a, b, accumulator, 32, 13, -133) with { OutputFractionBits = accumulator == F16 ? F16.FractionBits : Short };

    /// <summary>FP8 through the unit for binary16, to which it widens exactly. That exponents are those of binary16 has been seen on Hopper, and is taken over for Blackwell.</summary>
    private static TensorCore Emulated(string architecture, ElementFormat a, ElementFormat b, ElementFormat accumulator) =>
        Unit($"{architecture}-mma", a, b, accumulator, 32, 25, -133) with { FusedLength = 16, Order = FusedOrder.PairsOfFour, Entry = AccumulatorEntry.AddedAfter, WidensTo = FP16 };

    private static TensorCore Volta(ElementFormat accumulator) => Unit("volta-mma", FP16, FP16, accumulator, 4, 23, -131);

    private static TensorCore Turing(ElementFormat accumulator) => Unit("turing-mma", FP16, FP16, accumulator, 8, 24, -132);

    private static TensorCore Ampere(string architecture, ElementFormat operands, ElementFormat accumulator, int K, int fused) =>
        Unit($"{architecture}-mma", operands, operands, accumulator, K, 24, -132) with { FusedLength = fused };

    private static TensorCore AdaFp8(ElementFormat a, ElementFormat b) =>
        Unit("ada-mma", a, b, F32, 32, 13, -132) with { FusedLength = 16, OutputFractionBits = Short };

    private static TensorCore Blackwell(ElementFormat operands, ElementFormat accumulator, int K) =>
        Unit("blackwell-tcgen05", operands, operands, accumulator, K, 25, -133);

    private static TensorCore BlackwellFp8(ElementFormat a, ElementFormat b) => Unit("blackwell-tcgen05", a, b, F32, 32, 25, -133);

    private static TensorCore BlackwellMx(ElementFormat a, ElementFormat b) => Unit("blackwell-mx", a, b, F32, 32, 25, -133) with { ScaleBlock = 32 };
}
