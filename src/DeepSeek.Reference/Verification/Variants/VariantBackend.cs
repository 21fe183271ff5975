using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Verification;

/// <summary>A correct backend of another make: sums in another order, element functions some ulp off, products of its own. Slow; bounds are tested with it.</summary>
/// <param name="order">The order of its sums.</param>
/// <param name="seed">Of random orders and of the ulps that its element functions are off.</param>
internal sealed partial class VariantBackend(SumOrder order, int seed) : CallBackend
{
    private readonly Random random = new(seed);
    private readonly VariantFunctions functions = new(new Random(seed ^ 0xf00d));
    private readonly VariantSum sums = new(order, new Random(seed ^ 0x5eed));

    /// <inheritdoc/>
    public override string Name => $"variant-{order}";

    /// <inheritdoc/>
    protected override void Invoke(OperationCall call)
    {
        switch (call)
        {
            case RmsNormCall c:
                RmsNorm(c);
                break;
            case SwiGluCall c:
                SwiGlu(c);
                break;
            case RopeCall c:
                Rope(c);
                break;
            case SoftmaxCall c:
                Softmax(c.X, c.Y, logarithm: false);
                break;
            case LogSoftmaxCall c:
                Softmax(c.X, c.Y, logarithm: true);
                break;
            case AttentionCall c:
                Attention(c);
                break;
            case GateCall c:
                Gate(c);
                break;
            case CombineCall c:
                Combine(c);
                break;
            case QuantizeCall c:
                Quantize(c);
                break;
            case LinearCall c:
                Product(new MatrixOperands(c.X, [c.Weight], null, Operands.Dim(c.Y, 1)), c.Accumulation, c.Y);
                break;
            case GroupedLinearCall c:
                Product(new MatrixOperands(c.X, c.Weights, MatrixOperands.GroupsOf(c.Offsets), Operands.Dim(c.Y, 1)), c.Accumulation, c.Y);
                break;
            case AbsorbQueryCall c:
                Product(new AbsorbQueryOperands(c.Q, c.KvB, c.Y), c.Accumulation, c.Y);
                break;
            case AbsorbOutputCall c:
                Product(new AbsorbOutputOperands(c.Z, c.KvB, c.Y), c.Accumulation, c.Y);
                break;
            case BackwardCall c:
                Backward(c);
                break;
            case ScaledLinearCall c:
                Scaled(YardstickOf.OperandsOf(c), c.Product, c.C is not null, c.Y);
                break;
            case GroupedScaledLinearCall c:
                Scaled(YardstickOf.OperandsOf(c), c.Product, false, c.Y);
                break;
            case IndexedScaledLinearCall c:
                Scaled(YardstickOf.OperandsOf(c), c.Product, false, c.Y);
                break;
            case MaskedScaledLinearCall c:
                Scaled(YardstickOf.OperandsOf(c), c.Product, false, c.Y);
                break;
            default:
                call.Run(new ScalarBackend());
                break;
        }
    }

    private void Product(ProductOperands operands, Accumulation accumulation, Tensor y)
    {
        float[] a = new float[operands.K], b = new float[operands.K];
        for (long i = 0; i < y.ElementCount; i++)
        {
            ProductPlace place = operands.Place(i);
            if (place.Group < 0)
            {
                Operands.Store([(float)operands.Other(i).Exact], y, i);
                continue;
            }

            operands.Row(place, a);
            operands.Column(place, b);
            Operands.Store([sums.Dot(a, b, accumulation, y.DType)], y, i);
        }
    }

    /// <summary>Runs in another order too, where the accumulator is binary32; parts of k added up at the end.</summary>
    private void Scaled(ProductOperands operands, ScaledProduct product, bool added, Tensor y)
    {
        int K = operands.K, B = product.ScalesOf(K);
        float[] a = new float[K], b = new float[K];
        double[] sa = new double[B], sb = new double[B];
        for (long i = 0; i < y.ElementCount; i++)
        {
            ProductPlace place = operands.Place(i);
            if (place.Group < 0)
                continue;
            operands.Row(place, a);
            operands.Column(place, b);
            operands.RowScales(place, sa);
            operands.ColumnScales(place, sb);
            float acc = product.Order == ScaleOrder.InTheSum ? InTheSum(a, b, sa, sb, product) : Promoted(a, b, sa, sb, product);
            if (added)
                acc = K == 0 ? (float)operands.Start(i) : (float)operands.Start(i) + acc;
            Operands.Store([acc], y, i);
        }
    }

    private float Promoted(float[] a, float[] b, double[] sa, double[] sb, ScaledProduct product)
    {
        int run = product.Promotion == 0 ? Math.Max(1, a.Length) : product.Promotion;
        int runs = (a.Length + run - 1) / run;
        int[] places = [.. Enumerable.Range(0, runs)];
        if (order == SumOrder.Reversed)
            Array.Reverse(places);
        if (order == SumOrder.Random)
            random.Shuffle(places);
        int parts = order switch { SumOrder.SplitK2 => 2, SumOrder.SplitK4 => 4, _ => 1 };
        float total = 0f;
        for (int p = 0; p < parts; p++)
        {
            float acc = 0f;
            foreach (int q in places[(runs * p / parts)..(runs * (p + 1) / parts)])
            {
                int from = q * run, to = Math.Min(a.Length, from + run), at = product.Promotion == 0 ? 0 : from / ScaledProduct.ScaleBlock;
                acc = product.Promote(acc, sums.Dot(a.AsSpan(from, to - from), b.AsSpan(from, to - from), product.Block, DType.F32), (float)sa[at], (float)sb[at]);
            }

            total = parts == 1 ? acc : total + acc;
        }

        return product.Accumulator == DType.BF16 ? BFloat16.RoundToFloat(total) : total;
    }

    /// <summary>Scaled products, exact as binary32 unless they leave its range, summed as E4M3 cannot be: in binary32, or exactly.</summary>
    private float InTheSum(float[] a, float[] b, double[] sa, double[] sb, ScaledProduct product)
    {
        float[] x = new float[a.Length], w = new float[a.Length];
        for (int k = 0; k < a.Length; k++)
            (x[k], w[k]) = ((float)(a[k] * sa[k / ScaledProduct.ScaleBlock]), (float)(b[k] * sb[k / ScaledProduct.ScaleBlock]));
        return order == SumOrder.Declared
            ? throw new ContractException("the declared order is the backends' own")
            : sums.Dot(x, w, order is SumOrder.Exact ? Accumulation.Exact : Accumulation.Lanes16, DType.F32);
    }
}
