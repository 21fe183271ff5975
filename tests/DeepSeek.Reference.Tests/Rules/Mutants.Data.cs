using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Ops;
using DeepSeek.Reference.TensorCores;

namespace DeepSeek.Reference.Tests.Rules;

internal static partial class Mutants
{
    private static WrongBackend Unit(string key, string what, Func<TensorCore, TensorCore> change) => new WrongBackend(20, key, what, c => c.Unit is not null, () => ChangedCall.Unit(change));

    private static WrongBackend Product(string key, string what, Func<ScaledProduct, ScaledProduct> change) =>
        new WrongBackend(21, key, what, c => ChangedCall.Scaled.Contains(c.Case.Operation), () => ChangedCall.Product(change));

    /// <summary>Rules whose decisions are values of the library: another value is given.</summary>
    private static IEnumerable<Mutant> Data() =>
    [
        new WrongBackend(17, "activations", "The activations of a product are rounded to bfloat16.", c => c.Case.Operation == Operation.Linear, () => new ChangedCall(RoundX)),
        Unit("bits+1", "One bit more is kept behind the largest exponent.", u => u with { FractionBits = u.FractionBits + 1 }),
        Unit("bits-1", "One bit less is kept behind the largest exponent.", u => u with { FractionBits = u.FractionBits - 1 }),
        Unit("length", "A fused sum is half as long.", u => u with { FusedLength = u.FusedLength / 2, Order = FusedOrder.Consecutive }),
        Unit("nearest", "Terms are rounded to nearest when they are aligned.", u => u with { Alignment = AlignmentRounding.NearestEven }),
        Unit("down", "Terms are cut toward minus infinity when they are aligned.", u => u with { Alignment = AlignmentRounding.Downward }),
        Unit("output", "The sum is rounded to nearest, not cut.", u => u with { Rounding = u.Rounding == OutputRounding.NearestEven ? OutputRounding.TowardZero : OutputRounding.NearestEven }),
        Unit("wide", "The sum keeps all fraction bits of binary32.", u => u with { OutputFractionBits = 23 }),
        Unit("zero", "A zero counts as 2^0 when the largest exponent is sought.", u => u with { ZeroExponent = 0 }),
        Unit("normalised", "Products are normalised before they are aligned.", u => u with { NormalisesProducts = true }),
        Unit("flush", "Subnormal operands count as zero.", u => u with { FlushesSubnormals = true }),
        Product("promotion", "The sum is promoted every 64 elements, not every 128.", p => p.Promotion == 128 ? p with { Promotion = 64 } : p),
        Product("order", "The scales enter in another order.", p => p.Order switch
        {
            ScaleOrder.ActivationFirst => p with { Order = ScaleOrder.ScalesFirst },
            ScaleOrder.ScalesFirst => p with { Order = ScaleOrder.ActivationFirst },
            _ => p,
        }),
        Product("fused", "The last product and the addition are one fma where they are two steps, and the other way round.", p => p.Order == ScaleOrder.InTheSum ? p : p with { Fused = !p.Fused }),
        Product("accumulator", "The accumulator is kept in the other format.", p => p.Order == ScaleOrder.InTheSum ? p : p with { Accumulator = p.Accumulator == DType.F32 ? DType.BF16 : DType.F32 }),
        Product("exact", "The sum of a run is exact where a unit makes it.", p => p.Order == ScaleOrder.InTheSum ? p : p with { Block = Accumulation.Exact }),
        new WrongBackend(21, "padding", "Rows of no group are written.", c => c.Case.Operation is Operation.IndexedScaledLinear or Operation.MaskedScaledLinear, () => new ChangedCall(c => c, WritePadding)),
    ];

    private static OperationCall RoundX(OperationCall call) => call.Replace(o =>
    {
        if (o.Name != "x" || o.Tensor.DType != DType.F32)
            return o.Tensor;
        Tensor rounded = o.Tensor.Clone();
        foreach (ref float x in rounded.AsSpan<float>())
            x = BFloat16.RoundToFloat(x);
        return rounded;
    });

    private static void WritePadding(OperationCall call)
    {
        if (call is IndexedScaledLinearCall indexed)
        {
            for (int t = 0; t < indexed.Groups.ElementCount; t++)
            {
                if (indexed.Groups.AsReadOnlySpan<int>()[t] < 0)
                    Zero(indexed.Y.Rows(t, 1));
            }
        }

        if (call is MaskedScaledLinearCall masked)
        {
            for (int g = 0; g < masked.Counts.ElementCount; g++)
            {
                int used = masked.Counts.AsReadOnlySpan<int>()[g];
                Tensor group = masked.Y.Rows(g, 1).Reshape(masked.Y.Shape[1], masked.Y.Shape[2]);
                Zero(group.Rows(used, group.Shape[0] - used));
            }
        }
    }

    private static void Zero(Tensor y) => Operands.Store(new float[y.ElementCount], y);

    /// <summary>Rules about whole models: another contract than the golden's, or weights that are made otherwise.</summary>
    private static IEnumerable<Mutant> Models() =>
    [
        new WrongModel(13, "table", "The frequencies are the other table's.", (name, c) =>
            name == "fp32_yarn_long" && c.Name is "Canonical" or "DeepSeekInference" ? c with { RopeTable = c.RopeTable == RopeTableKind.RoundedOnce ? RopeTableKind.Float32Chain : RopeTableKind.RoundedOnce } : null),
        new WrongModel(17, "model-bf16", "A canonical model's activations are bfloat16.", (name, c) => name == "bf16" && c.Name == "Canonical" ? c with { Activations = DType.BF16 } : null),
        new WrongModel(17, "model-naive", "Naive attention stands for absorbed, and the other way round.", (name, c) =>
            name == "bf16" && c.Name == "Canonical" ? c with { Attention = c.Attention == AttentionMode.Naive ? AttentionMode.Absorbed : AttentionMode.Naive } : null),
        new WrongModel(22, "dequantised", "Weights are dequantised where their codes are to be multiplied.", (name, c) => name == "fp8_act" && c.Fp8Product is not null ? c with { Fp8Product = null } : null),
        new WrongModel(22, "scales", "The other projections quantise with powers of two.", (name, c) =>
            name == "fp8_act_ue8m0" && c.Fp8Product is not null ? c with { Fp8Scales = c.Fp8Scales == Fp8ScaleRule.Every ? Fp8ScaleRule.DemoReplicated : Fp8ScaleRule.Every } : null),
        new WrongModel(22, "quantiser", "Activations are quantised by another arithmetic.", (name, c) =>
            name == "fp8_act" && c.Fp8Product is not null ? c with { Fp8Quantizer = c.Fp8Quantizer == QuantizerArithmetic.TorchCuda ? QuantizerArithmetic.TritonActQuant : QuantizerArithmetic.TorchCuda } : null),
        new WrongModel(22, "cache", "The cache holds activations where it is to hold codes.", (name, c) => name == "fp8_act" && c.Cache == CacheFormat.Fp8 ? c with { Cache = CacheFormat.Activations } : null),
        new WrongModel(22, "truncated", "A dequantised weight is cut to bfloat16, not rounded.", (name, c) => name == "fp8_dequant" && c.Fp8Product is null && c.Activations == DType.BF16 ? c : null, () => new WeightsCut()),
    ];

    /// <summary>Weights cut to bfloat16; everything else as it is.</summary>
    private sealed class WeightsCut : CallBackend
    {
        private readonly SimdBackend right = new(1);

        public override string Name => "weights cut";

        protected override void Invoke(OperationCall call)
        {
            if (call is not DequantizeCall { Y.DType: DType.BF16 } c)
            {
                call.Run(right);
                return;
            }

            var wide = new Tensor(DType.F32, c.Y.Shape);
            right.Dequantize(c.Codes, c.Scales, c.Tile, wide);
            for (int i = 0; i < wide.ElementCount; i++)
                c.Y.AsSpan<ushort>()[i] = (ushort)(BitConverter.SingleToUInt32Bits(wide.AsReadOnlySpan<float>()[i]) >> 16);
        }
    }
}
