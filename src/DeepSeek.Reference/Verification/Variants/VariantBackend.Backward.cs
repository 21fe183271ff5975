using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Verification;

/// <content>Backward operations.</content>
internal sealed partial class VariantBackend
{
    private void Backward(BackwardCall call)
    {
        switch (call)
        {
            case LinearDgradCall c:
                Product(new DgradOperands(c.Dy, [c.Weight], null, Operands.Dim(c.Dx, 1)), c.Accumulation, c.Dx);
                break;
            case GroupedLinearDgradCall c:
                Product(new DgradOperands(c.Dy, c.Weights, MatrixOperands.GroupsOf(c.Offsets), Operands.Dim(c.Dx, 1)), c.Accumulation, c.Dx);
                break;
            case LinearWgradCall c:
                Added(new WgradOperands(c.Dy, c.X, 0, Operands.Dim(c.Dy, 0), c.C), c.Accumulation, c.DWeight);
                break;
            case GroupedLinearWgradCall c:
                for (int g = 0; g < c.C.Count; g++)
                    Added(new WgradOperands(c.Dy, c.X, c.Offsets[g], c.Offsets[g + 1] - c.Offsets[g], c.C[g]), c.Accumulation, c.DWeights[g]);
                break;
            case EmbeddingBackwardCall c:
                EmbeddingBackward(c);
                break;
            case RmsNormBackwardCall c:
                RmsNormBackward(c);
                break;
            case SwiGluBackwardCall c:
                SwiGluBackward(c);
                break;
            case RopeBackwardCall c:
                RopeBackward(c);
                break;
            case ExpandKeysBackwardCall c:
                ExpandKeysBackward(c);
                break;
            case DispatchBackwardCall c:
                DispatchBackward(c);
                break;
            case CombineBackwardCall c:
                CombineBackward(c);
                break;
            case AttentionBackwardCall c:
                AttentionBackward(c);
                break;
            case GateBackwardCall c:
                GateBackward(c);
                break;
            case BalanceLossCall c:
                BalanceLoss(c);
                break;
            case CrossEntropyCall c:
                CrossEntropy(c);
                break;
            case CrossEntropyBackwardCall c:
                CrossEntropyBackward(c);
                break;
            default:
                call.Run(new ScalarBackend());
                break;
        }
    }

    /// <summary>A product that is added to something: at the end, or as one term more of its sum.</summary>
    private void Added(ProductOperands operands, Accumulation accumulation, Tensor y)
    {
        float[] a = new float[operands.K], b = new float[operands.K];
        bool asTerm = accumulation.Kind is AccumulationKind.Lanes16 or AccumulationKind.Sequential && random.Next(2) == 0;
        for (long i = 0; i < y.ElementCount; i++)
        {
            ProductPlace place = operands.Place(i);
            float start = (float)operands.Start(i);
            operands.Row(place, a);
            operands.Column(place, b);
            float sum = a.Length == 0 ? start : asTerm ? sums.Dot([start, .. a], [1f, .. b], accumulation, DType.F32) : start + sums.Dot(a, b, accumulation, DType.F32);
            Operands.Store([sum], y, i);
        }
    }
}
