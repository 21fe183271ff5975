using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Ops;
using DeepSeek.Reference.Verification;

namespace DeepSeek.Reference.Tool.Lab;

/// <summary>The operands of one seed, the sums of their runs, and the exact results.</summary>
internal sealed class NoiseData
{
    private readonly Tensor x;
    private readonly Tensor weight;
    private readonly float[] xScale;
    private readonly float[] weightScale;
    private readonly Measurement[] exact;
    private readonly Dictionary<(ScaledProduct, int), float[][]> runs = [];
    private readonly SimdBackend simd = new(1);
    private readonly Tensor ones;

    public NoiseData(NoiseSettings settings, string map, ulong seed)
    {
        (T, N, K) = (settings.T, settings.N, settings.K);
        x = CaseInputs.Make(new CaseInput("x", map, DType.F8_E4M3, new Shape(T, K)), seed);
        weight = CaseInputs.Make(new CaseInput("weight", map, DType.F8_E4M3, new Shape(N, K)), seed);
        xScale = CaseInputs.Make(new CaseInput("x_scale", "scale", DType.F32, new Shape(T)), seed).AsReadOnlySpan<float>().ToArray();
        weightScale = CaseInputs.Make(new CaseInput("weight_scale", "scale", DType.F32, new Shape(N)), seed).AsReadOnlySpan<float>().ToArray();
        ones = Tensor.From(Enumerable.Repeat(1f, Math.Max(T, N)).ToArray(), Math.Max(T, N), 1);
        exact = Exact();
        float[][] blocks = Runs(ScaledProduct.HopperWithoutPromotion, ScaledProduct.ScaleBlock);
        Reference = new float[T * N];
        foreach (float[] d in blocks)
        {
            for (int i = 0; i < Reference.Length; i++)
                Reference[i] = MathF.FusedMultiplyAdd(Scale(i), d[i], Reference[i]);
        }
    }

    public int T { get; }

    public int N { get; }

    public int K { get; }

    public int Blocks => K / ScaledProduct.ScaleBlock;

    /// <summary>DeepGEMM's result, before it is rounded to the output.</summary>
    public float[] Reference { get; }

    /// <summary>sa · sb of an element, rounded as DeepGEMM does.</summary>
    public float Scale(int i) => xScale[i / N] * weightScale[i % N];

    /// <summary>The unit's sums of runs of so many k, from +0, a run a row of results.</summary>
    public float[][] Runs(ScaledProduct product, int length)
    {
        if (runs.TryGetValue((product, length), out float[][]? known))
            return known;
        float[][] sums = new float[K / length][];
        for (int q = 0; q < sums.Length; q++)
        {
            var y = new Tensor(DType.F32, T, N);
            simd.ScaledLinear(Columns(x, q * length, length), ones.Rows(0, T), Columns(weight, q * length, length), ones.Rows(0, N), product, null, y);
            sums[q] = y.AsReadOnlySpan<float>().ToArray();
        }

        runs.Add((product, length), sums);
        return sums;
    }

    /// <summary>As <see cref="Runs"/> of one block each, with the unit's instructions of 32 elements in descending order: the same arithmetic, and errors of their own.</summary>
    public float[][] Descending()
    {
        const int instruction = 32;
        float[][] sums = new float[Blocks][];
        for (int q = 0; q < sums.Length; q++)
        {
            var y = new Tensor(DType.F32, T, N);
            simd.ScaledLinear(Turned(x, q, instruction), ones.Rows(0, T), Turned(weight, q, instruction), ones.Rows(0, N), ScaledProduct.HopperWithoutPromotion, null, y);
            sums[q] = y.AsReadOnlySpan<float>().ToArray();
        }

        return sums;
    }

    private static Tensor Turned(Tensor t, int block, int instruction)
    {
        const int length = ScaledProduct.ScaleBlock;
        Tensor part = Columns(t, block * length, length);
        Span<byte> codes = part.AsSpan<byte>();
        byte[] row = new byte[length];
        for (int r = 0; r < part.Shape[0]; r++)
        {
            Span<byte> of = codes.Slice(r * length, length);
            for (int k = 0; k < length; k += instruction)
                of.Slice(k, instruction).CopyTo(row.AsSpan(length - instruction - k));
            row.CopyTo(of);
        }

        return part;
    }

    /// <summary>A result beside the emulation's and the exact one.</summary>
    public JudgedElements Judged(float[] result, DType output)
    {
        long[] index = new long[result.Length];
        double[] y = new double[result.Length], e = new double[result.Length];
        for (int i = 0; i < index.Length; i++)
        {
            index[i] = i;
            y[i] = StoredValue.Round(result[i], output);
            e[i] = StoredValue.Round(Reference[i], output);
        }

        return new JudgedElements(output, N, index, y, e, exact);
    }

    private static Tensor Columns(Tensor t, int from, int count)
    {
        int rows = (int)t.Shape[0], K = (int)t.Shape[1];
        var part = new Tensor(DType.F8_E4M3, rows, count);
        for (int r = 0; r < rows; r++)
            t.AsReadOnlySpan<byte>().Slice(r * K + from, count).CopyTo(part.AsSpan<byte>().Slice(r * count, count));
        return part;
    }

    /// <summary>Exact sums, and Σ |x w| times the scales as the size of an error; what the unit is allowed is a constant times that.</summary>
    private Measurement[] Exact()
    {
        float[] a = Values(x), b = Values(weight);
        var measured = new Measurement[T * N];
        double[] wide = Array.ConvertAll(b, v => (double)v), row = new double[K];
        for (int t = 0; t < T; t++)
        {
            for (int k = 0; k < K; k++)
                row[k] = a[t * K + k];
            for (int n = 0; n < N; n++)
            {
                (double sum, double magnitude) = Dot(row, wide.AsSpan(n * K, K));
                double scale = (double)xScale[t] * weightScale[n];
                measured[t * N + n] = new Measurement(sum * scale, double.ScaleB(magnitude * scale, -10));
            }
        }

        return measured;
    }

    private static (double Sum, double Magnitude) Dot(ReadOnlySpan<double> a, ReadOnlySpan<double> b)
    {
        var sum = System.Numerics.Vector<double>.Zero;
        var magnitude = sum;
        int width = System.Numerics.Vector<double>.Count;
        int k = 0;
        for (; k <= a.Length - width; k += width)
        {
            System.Numerics.Vector<double> p = new System.Numerics.Vector<double>(a[k..]) * new System.Numerics.Vector<double>(b[k..]);
            sum += p;
            magnitude += System.Numerics.Vector.Abs(p);
        }

        (double s, double m) = (System.Numerics.Vector.Sum(sum), System.Numerics.Vector.Sum(magnitude));
        for (; k < a.Length; k++)
            (s, m) = (s + a[k] * b[k], m + Math.Abs(a[k] * b[k]));
        return (s, m);
    }

    private static float[] Values(Tensor t)
    {
        float[] values = new float[t.ElementCount];
        Float8Spans.Widen(t.AsReadOnlySpan<Float8E4M3>(), values);
        return values;
    }
}
