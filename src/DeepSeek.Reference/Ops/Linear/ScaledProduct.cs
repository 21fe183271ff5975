using DeepSeek.Reference.TensorCores;

namespace DeepSeek.Reference.Ops;

/// <summary>How a product of block-scaled FP8 matrices is computed: one value for all that published kernels disagree on (rule N21).</summary>
/// <remarks>
/// <code>
/// acc = +0
/// for each run of Promotion elements of k, ascending:
///     d   = Σ a_k b_k                     by Block
///     acc = acc + d · sa · sb             multiplied in this Order; the addition Fused with the last product or not; kept in Accumulator
/// y   = acc, or C + acc                   then y's dtype
/// </code>
/// A preset is named after the kernel whose bits it gives. Page: docs/spec/block-scaled-products.md.
/// </remarks>
public sealed record ScaledProduct
{
    /// <summary>Elements of k that share a scale: DeepSeek-V3 report 3.3.2.</summary>
    public const int ScaleBlock = TileGrid.Side;

    /// <summary>The name, as <see cref="Parse"/> takes it.</summary>
    public required string Name { get; init; }

    /// <summary>How the products of one run are added.</summary>
    public required Accumulation Block { get; init; }

    /// <summary>N_C: elements of k after which the sum is scaled and added in binary32: 32, 64 or 128. 0 = all of K, no promotion; then a row has one scale.</summary>
    public required int Promotion { get; init; }

    /// <summary>Where the scales enter.</summary>
    public required ScaleOrder Order { get; init; }

    /// <summary>Whether the last product and the addition to acc are one fma.</summary>
    public required bool Fused { get; init; }

    /// <summary>F32, or BF16: the format that acc is kept in, rounded after each run.</summary>
    public DType Accumulator { get; init; } = DType.F32;

    /// <summary>
    /// The exact sum of 128 products rounded once, (d · sa) · sb, then an addition: what the statement of the kernel says when it is written with ordinary
    /// tensor operations, as CPU re-expressions of DeepSeek-V3's inference/kernel.py do.
    /// </summary>
    public static ScaledProduct TorchReexpression { get; } = new()
    {
        Name = "torch-reexpression",
        Block = Accumulation.Exact,
        Promotion = 128,
        Order = ScaleOrder.ActivationFirst,
        Fused = false,
    };

    /// <summary>
    /// As <see cref="TorchReexpression"/> with the accumulator in a BF16 tensor of the output's, <c>c = zeros(..., dtype=bfloat16); c += ...</c>: one more rounding a block.
    /// The column gemm.c_bf16 of golden/oracles/fp8_units was made so; no kernel does it.
    /// </summary>
    public static ScaledProduct TorchReexpressionBF16 { get; } = TorchReexpression with { Name = "torch-reexpression-bf16", Accumulator = DType.BF16 };

    /// <summary>
    /// DeepSeek-V3's Triton kernel fp8_gemm (inference/kernel.py) on Hopper with 64 rows a tile: tl.dot is four wgmma from +0, the statement
    /// <c>accumulator += tl.dot(a, b) * a_s[:, None] * b_s[None, :]</c> is rn(d · sa), then fma.
    /// </summary>
    public static ScaledProduct TritonFp8Gemm { get; } = new()
    {
        Name = "triton-fp8-gemm",
        Block = Accumulation.TensorCore(TensorCore.HopperWgmmaE4M3F32),
        Promotion = 128,
        Order = ScaleOrder.ActivationFirst,
        Fused = true,
    };

    /// <summary>
    /// The same kernel with 16 or 32 rows a tile, which its tuning may prefer where N and K are first met with few rows: too low for wgmma. Triton widens both
    /// operands to binary16, and tl.dot is eight mma.sync m16n8k16 (<see cref="TensorCore.HopperMmaWidenedE4M3F32"/>), which keep 25 bits and not 13.
    /// </summary>
    public static ScaledProduct TritonFp8GemmMma { get; } = TritonFp8Gemm with { Name = "triton-fp8-gemm-mma", Block = Accumulation.TensorCore(TensorCore.HopperMmaWidenedE4M3F32) };

    /// <summary>DeepGEMM's SM90 kernel "1D2D": 1x128 scales on the left, 128x128 on the right; fma(rn(sa · sb), d, acc).</summary>
    public static ScaledProduct DeepGemmSm90 { get; } = new()
    {
        Name = "deepgemm-sm90",
        Block = Accumulation.TensorCore(TensorCore.HopperWgmmaE4M3F32),
        Promotion = 128,
        Order = ScaleOrder.ScalesFirst,
        Fused = true,
    };

    /// <summary>DeepGEMM's SM90 kernel "1D1D": 1x128 scales on both sides and the sum added to a binary32 D, for gradients of weights. The arithmetic of a block is that of <see cref="DeepGemmSm90"/>.</summary>
    public static ScaledProduct DeepGemmSm90Wgrad { get; } = DeepGemmSm90 with { Name = "deepgemm-sm90-wgrad" };

    /// <summary>DeepGEMM on SM100: tcgen05 block-scaled products, UE8M0 scales inside the sum, one chain over all of K.</summary>
    public static ScaledProduct DeepGemmSm100 { get; } = new()
    {
        Name = "deepgemm-sm100",
        Block = Accumulation.TensorCore(TensorCore.BlackwellMxE4M3F32),
        Promotion = 0,
        Order = ScaleOrder.InTheSum,
        Fused = false,
    };

    /// <summary>DeepSeek-V3.2's TileLang kernel: the scales are multiplied first. On Hopper its bits are those of <see cref="DeepGemmSm90"/>.</summary>
    public static ScaledProduct TileLang { get; } = DeepGemmSm90 with { Name = "tilelang" };

    /// <summary>The hypothetical that the report's 3.5.2 warns of: all of K chained in Hopper's accumulator, one scale a row on each side.</summary>
    public static ScaledProduct HopperWithoutPromotion { get; } = new()
    {
        Name = "hopper-without-promotion",
        Block = Accumulation.TensorCore(TensorCore.HopperWgmmaE4M3F32),
        Promotion = 0,
        Order = ScaleOrder.ScalesFirst,
        Fused = true,
    };

    /// <summary>Every preset.</summary>
    public static IReadOnlyList<ScaledProduct> Presets { get; } =
        [TorchReexpression, TorchReexpressionBF16, TritonFp8Gemm, TritonFp8GemmMma, DeepGemmSm90, DeepGemmSm90Wgrad, DeepGemmSm100, TileLang, HopperWithoutPromotion];

    /// <summary>The preset of a name.</summary>
    /// <exception cref="ContractException">No preset has it; the message lists those that are.</exception>
    public static ScaledProduct Parse(string name) =>
        Presets.FirstOrDefault(p => p.Name == name)
        ?? throw new ContractException($"no block-scaled product is named '{name}'; take one of {string.Join(", ", Presets.Select(p => p.Name))}");

    /// <summary>Scales that a row of K elements has.</summary>
    public int ScalesOf(int K) => Promotion == 0 && Order != ScaleOrder.InTheSum ? 1 : (K + ScaleBlock - 1) / ScaleBlock;

    /// <summary>acc after one more run: its sum d times the scales, in binary32, rounded to the accumulator's format.</summary>
    public float Promote(float acc, float d, float sa, float sb)
    {
        float sum = PromoteInSingle(acc, d, sa, sb);
        return Accumulator == DType.BF16 ? BFloat16.Round(sum).ToSingle() : sum;
    }

    private float PromoteInSingle(float acc, float d, float sa, float sb)
    {
        if (Order == ScaleOrder.ActivationFirst)
        {
            float t = d * sa;
            return Fused ? MathF.FusedMultiplyAdd(t, sb, acc) : acc + t * sb;
        }

        float s = sa * sb;
        return Fused ? MathF.FusedMultiplyAdd(s, d, acc) : acc + d * s;
    }

    /// <inheritdoc/>
    public override string ToString() => Name;

    /// <summary>Whether a unit multiplies E4M3 by E4M3 into binary32.</summary>
    internal static bool Takes(TensorCore unit) => unit.A == ElementFormat.E4M3 && unit.B == ElementFormat.E4M3 && unit.Accumulator == ElementFormat.F32;

    /// <summary>Throws for a combination that no kernel could mean.</summary>
    /// <exception cref="ContractException">What is wrong, and what to take.</exception>
    internal void Require()
    {
        Operands.RequireDefined(Order);
        Block.Require();
        if (Promotion is not (0 or 32 or 64 or 128))
            throw new ContractException($"{Name}: a sum cannot be promoted after {Promotion} elements; take 32, 64, 128, or 0 for none");
        if (Accumulator is not (DType.F32 or DType.BF16))
            throw new ContractException($"{Name}: acc cannot be kept in {Accumulator.Name()}; take F32 or BF16");
        TensorCore? unit = Block.Unit;
        if (Order == ScaleOrder.InTheSum && (unit is null || unit.ScaleBlock == 0 || Promotion != 0))
            throw new ContractException($"{Name}: scales in the sum need a unit that takes scales, such as {TensorCore.BlackwellMxE4M3F32}, and Promotion 0");
        if (unit is null)
            return;
        if (Order != ScaleOrder.InTheSum && unit.ScaleBlock != 0)
            throw new ContractException($"{Name}: {unit} adds scales inside its sum; take ScaleOrder.InTheSum");
        if (!Takes(unit))
            throw new ContractException($"{Name}: {unit} does not multiply E4M3 by E4M3 into binary32; take {TensorCore.HopperWgmmaE4M3F32}");
        if (ScaleBlock % unit.K != 0 || Promotion % unit.K != 0)
            throw new ContractException($"{Name}: runs of {Promotion} elements are no whole instructions of {unit}, which takes {unit.K}");
        if (unit.ScaleBlock != 0 && ScaleBlock % unit.ScaleBlock != 0)
            throw new ContractException($"{Name}: scales for {ScaleBlock} elements cannot be repeated for {unit}, which takes one for {unit.ScaleBlock}");
    }
}
