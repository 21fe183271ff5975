using DeepSeek.Reference.Ops;
using DeepSeek.Reference.TensorCores;

namespace DeepSeek.Reference.Backends;

/// <summary>The shapes that Linear and GroupedLinear ask for.</summary>
internal static class LinearShape
{
    public static (int T, int N, int K) Check(Tensor x, Tensor weight, Accumulation accumulation, Tensor y)
    {
        Operands.RequireRank(x, "x", 2);
        Operands.RequireFloat(x, "x");
        Operands.RequireRank(weight, "weight", 2);
        Operands.Require(weight, "weight", weight.Shape[0], x.Shape[1]);
        Operands.RequireOutput(y, "y", x.Shape[0], weight.Shape[0]);
        CheckAccumulation(x, weight, accumulation);
        return (Operands.Dim(x, 0), Operands.Dim(weight, 0), Operands.Dim(x, 1));
    }

    /// <summary>Whether an operation takes the accumulation: matrix units are for products, Linear's with bfloat16 operands and block-scaled ones with E4M3.</summary>
    public static bool Offers(Operation operation, Accumulation accumulation)
    {
        if (accumulation.Kind != AccumulationKind.TensorCore)
            return Enum.IsDefined(accumulation.Kind) && accumulation.Unit is null;
        return accumulation.Unit is { } unit && operation switch
        {
            Operation.Linear or Operation.GroupedLinear => TakesBFloat16(unit),
            Operation.ScaledLinear or Operation.GroupedScaledLinear or Operation.IndexedScaledLinear or Operation.MaskedScaledLinear => ScaledProduct.Takes(unit),
            _ => false,
        };
    }

    /// <summary>Throws for an accumulation that is none, and for a matrix unit whose operands these tensors are not.</summary>
    public static void CheckAccumulation(Tensor x, Tensor weight, Accumulation accumulation)
    {
        accumulation.Require();
        if (accumulation.Unit is not { } unit)
            return;
        if (!TakesBFloat16(unit))
            throw new ContractException($"{unit} does not multiply bfloat16 into binary32 without scales; take a unit such as {TensorCore.HopperWgmmaBF16F32}");
        if (x.DType != DType.BF16 || weight.DType != DType.BF16)
            throw new ContractException($"{unit} multiplies BF16 by BF16, but x is {x} and weight is {weight}; cast both, or take another accumulation");
    }

    private static bool TakesBFloat16(TensorCore unit) =>
        unit.A == ElementFormat.BF16 && unit.B == ElementFormat.BF16 && unit.Accumulator == ElementFormat.F32 && unit.ScaleBlock == 0;

    public static (int N, int K) CheckGrouped(Tensor x, ReadOnlySpan<int> offsets, IReadOnlyList<Tensor> weights, Accumulation accumulation, Tensor y)
    {
        Operands.RequireRank(x, "x", 2);
        Operands.RequireFloat(x, "x");
        Operands.RequireRank(y, "y", 2);
        int R = Operands.Dim(x, 0);
        Operands.RequireOffsets(offsets, weights.Count, R, "x");
        foreach (Tensor weight in weights)
        {
            Operands.Require(weight, "weight", y.Shape[1], x.Shape[1]);
            CheckAccumulation(x, weight, accumulation);
        }

        Operands.RequireOutput(y, "y", R, y.Shape[1]);
        return (Operands.Dim(y, 1), Operands.Dim(x, 1));
    }
}
