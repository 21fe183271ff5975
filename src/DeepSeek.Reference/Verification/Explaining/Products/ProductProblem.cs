using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Ops;
using DeepSeek.Reference.TensorCores;

namespace DeepSeek.Reference.Verification.Explaining;

/// <summary>A matrix product taken element by element: which row meets which row of which weight, with which scales, and what the candidate gave.</summary>
internal abstract class ProductProblem
{
    /// <summary>Elements of a sum.</summary>
    public required int K { get; init; }

    /// <summary>Columns of the output.</summary>
    public required int N { get; init; }

    /// <summary>The output's dtype.</summary>
    public required DType Output { get; init; }

    /// <summary>Whether there are scales, and one for each 128 elements of k.</summary>
    public abstract bool HasScales { get; }

    /// <summary>The operands' format; TF32 stands for binary32, which no unit takes as it is.</summary>
    public abstract ElementFormat Operands { get; }

    /// <summary>Whether a row has one scale for all of k.</summary>
    public virtual bool HasOneScale => false;

    /// <summary>Whether something is added to.</summary>
    public virtual bool HasC => false;

    /// <summary>Whether all scales are powers of two, so that they may enter a unit's sum.</summary>
    public virtual bool ScalesArePowers => false;

    /// <summary>Elements of the output that are written.</summary>
    public required IReadOnlyList<long> Elements { get; init; }

    /// <summary>The declared way to round.</summary>
    public required ProductContract Declared { get; init; }

    /// <summary>One element.</summary>
    public abstract ProductElement At(long element);

    /// <summary>The problem of a call, or null where the call is no matrix product.</summary>
    public static ProductProblem? Of(OperationCall call) => call switch
    {
        LinearCall c => new PlainProblem(FormatOf(c.X), () => (Single(c.X), [Single(c.Weight)]), _ => 0)
        {
            K = (int)c.X.Shape[^1],
            N = (int)c.Weight.Shape[0],
            Output = c.Y.DType,
            Elements = All(c.Y.ElementCount),
            Declared = ProductContract.Of(c.Accumulation),
        },
        GroupedLinearCall c when c.Weights.Count > 0 => new PlainProblem(FormatOf(c.X), () => (Single(c.X), [.. c.Weights.Select(Single)]), row => GroupOf(c.Offsets, row))
        {
            K = (int)c.X.Shape[^1],
            N = (int)c.Weights[0].Shape[0],
            Output = c.Y.DType,
            Elements = All(c.Y.ElementCount),
            Declared = ProductContract.Of(c.Accumulation),
        },
        ScaledLinearCall c => new ScaledProblem(c.X, c.XScale, [c.Weight], [c.WeightScale], c.C, _ => 0)
        {
            K = (int)c.X.Shape[^1],
            N = (int)c.Weight.Shape[0],
            Output = c.Y.DType,
            Elements = All(c.Y.ElementCount),
            Declared = ProductContract.Of(c.Product),
        },
        GroupedScaledLinearCall c when c.Weights.Count > 0 => new ScaledProblem(c.X, c.XScale, c.Weights, c.WeightScales, null, row => GroupOf(c.Offsets, row))
        {
            K = (int)c.X.Shape[^1],
            N = (int)c.Weights[0].Shape[0],
            Output = c.Y.DType,
            Elements = All(c.Y.ElementCount),
            Declared = ProductContract.Of(c.Product),
        },
        IndexedScaledLinearCall c when c.Weights.Count > 0 => new ScaledProblem(c.X, c.XScale, c.Weights, c.WeightScales, null, row => c.Groups.AsReadOnlySpan<int>()[row])
        {
            K = (int)c.X.Shape[^1],
            N = (int)c.Weights[0].Shape[0],
            Output = c.Y.DType,
            Declared = ProductContract.Of(c.Product),
            Elements = Rows(Enumerable.Range(0, (int)c.Y.Shape[0]).Where(t => c.Groups.AsReadOnlySpan<int>()[t] >= 0), c.Y.Shape[^1]),
        },
        MaskedScaledLinearCall c when c.Weights.Count > 0 => new ScaledProblem(c.X, c.XScale, c.Weights, c.WeightScales, null, row => row / (int)c.X.Shape[1])
        {
            K = (int)c.X.Shape[^1],
            N = (int)c.Weights[0].Shape[0],
            Output = c.Y.DType,
            Declared = ProductContract.Of(c.Product),
            Elements = Rows(Enumerable.Range(0, (int)(c.Y.Shape[0] * c.Y.Shape[1])).Where(t => t % (int)c.X.Shape[1] < c.Counts.AsReadOnlySpan<int>()[t / (int)c.X.Shape[1]]), c.Y.Shape[^1]),
        },
        _ => GradientProblems.Of(call),
    };

    private static ElementFormat FormatOf(Tensor x) => x.DType == DType.BF16 ? ElementFormat.BF16 : ElementFormat.TF32;

    /// <summary>0 ... count - 1.</summary>
    internal static IReadOnlyList<long> All(long count) => new LongRange(count);

    private static List<long> Rows(IEnumerable<int> rows, long columns) => [.. rows.SelectMany(t => Enumerable.Range(0, (int)columns).Select(n => t * columns + n))];

    /// <summary>The group that a row lies in.</summary>
    internal static int GroupOf(IReadOnlyList<int> offsets, int row)
    {
        int g = 0;
        while (offsets[g + 1] <= row)
            g++;
        return g;
    }

    /// <summary>All elements of an F32 or BF16 tensor, widened.</summary>
    internal static float[] Single(Tensor t)
    {
        if (t.DType == DType.F32)
            return t.AsReadOnlySpan<float>().ToArray();
        float[] values = new float[t.ElementCount];
        ReadOnlySpan<BFloat16> codes = t.AsReadOnlySpan<BFloat16>();
        for (int i = 0; i < values.Length; i++)
            values[i] = codes[i].ToSingle();
        return values;
    }

    private sealed class ScaledProblem(Tensor x, Tensor xScale, IReadOnlyList<Tensor> weights, IReadOnlyList<Tensor> weightScales, Tensor? c, Func<int, int> groupOf) : ProductProblem
    {
        private readonly bool powers = ArePowers(xScale) && weightScales.All(ArePowers);

        public override bool HasScales => true;

        public override ElementFormat Operands => ElementFormat.E4M3;

        public override bool HasOneScale => xScale.Shape[^1] == 1;

        public override bool HasC => c is not null;

        public override bool ScalesArePowers => powers;

        public override ProductElement At(long element)
        {
            int t = (int)(element / N);
            int n = (int)(element % N);
            int g = groupOf(t);
            int scales = (int)xScale.Shape[^1];
            int perScale = weightScales[g].Shape[0] == N ? 1 : ScaledProduct.ScaleBlock;
            return new ProductElement(
                ProductTerms.OfE4M3(x.AsReadOnlySpan<Float8E4M3>().Slice(t * K, K), weights[g].AsReadOnlySpan<Float8E4M3>().Slice(n * K, K)),
                xScale.AsReadOnlySpan<float>().Slice(t * scales, scales).ToArray(),
                weightScales[g].AsReadOnlySpan<float>().Slice(n / perScale * scales, scales).ToArray(),
                c is null ? 0f : c.AsReadOnlySpan<float>()[(int)element],
                HasC);
        }

        private static bool ArePowers(Tensor scales)
        {
            foreach (float s in scales.AsReadOnlySpan<float>())
            {
                if (!float.IsNormal(s) || s < 0 || (BitConverter.SingleToUInt32Bits(s) & 0x7FFFFF) != 0)
                    return false;
            }

            return true;
        }
    }

    /// <summary>0 ... count - 1.</summary>
    private sealed class LongRange(long count) : IReadOnlyList<long>
    {
        public long this[int index] => index;

        public int Count => checked((int)count);

        public IEnumerator<long> GetEnumerator()
        {
            for (long i = 0; i < count; i++)
                yield return i;
        }

        System.Collections.IEnumerator System.Collections.IEnumerable.GetEnumerator() => GetEnumerator();
    }
}

/// <summary>One output element of a matrix product: its products, its scales along k, and what it is added to.</summary>
internal sealed record ProductElement(ProductTerms Terms, float[] ScalesOfA, float[] ScalesOfB, float C, bool HasC = false)
{
    /// <summary>The scales of the block that holds element k.</summary>
    public (float A, float B) ScalesAt(int k)
    {
        int i = ScalesOfA.Length == 1 ? 0 : k / ScaledProduct.ScaleBlock;
        return (ScalesOfA[i], ScalesOfB[i]);
    }

    /// <summary>The exact result in binary64, C included.</summary>
    public double Exact()
    {
        int run = ScalesOfA.Length == 1 ? Terms.A.Length : ScaledProduct.ScaleBlock;
        double sum = C;
        for (int k = 0; k < Terms.A.Length; k += run)
        {
            (float a, float b) = ScalesAt(k);
            sum += Terms.Sum(k, Math.Min(run, Terms.A.Length - k)) * a * b;
        }

        return sum;
    }

    /// <summary>The products with the scales inside.</summary>
    public ProductTerms ScaledTerms => Terms.Scaled(k =>
    {
        (float a, float b) = ScalesAt(k);
        return Math.ILogB(a) + Math.ILogB(b);
    });
}
