using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.TensorCores;

namespace DeepSeek.Reference.Tool.Lab;

/// <summary>What is multiplied, and by what.</summary>
/// <param name="Unit">The matrix unit.</param>
/// <param name="Data">The kind of values.</param>
/// <param name="Seed">Which values.</param>
/// <param name="Size">Rows of each matrix: Size² dot products.</param>
/// <param name="Longest">The largest K, a power of two.</param>
internal sealed record AccumulationSettings(TensorCore Unit, string Data, ulong Seed, int Size, int Longest);

/// <summary>The errors of all dot products of one length, accumulated in one way.</summary>
/// <param name="K">Products in a dot product.</param>
/// <param name="Promotion">N_C: after how many products the unit's sum is added to a binary32 one; 0 for never.</param>
/// <param name="Median">Median of |d - s| / |s|, s being exact.</param>
/// <param name="P95">What 95 of 100 of the same do not exceed.</param>
/// <param name="Rms">Root of the mean square of the same.</param>
/// <param name="Max">The largest of the same.</param>
/// <param name="Norm">‖d - s‖ / ‖s‖ over all dot products.</param>
/// <param name="MaxOverMax">Largest |d - s| over largest |s|.</param>
internal sealed record AccumulationRow(int K, int Promotion, double Median, double P95, double Rms, double Max, double Norm, double MaxOverMax);

/// <summary>
/// How far the sums of a matrix unit are from the exact ones, by length and promotion interval: DeepSeek-V3 report 3.3.2, "Increasing accumulation precision",
/// which says of K = 4096 that the largest relative error is nearly 2% (docs/spec/lab.md 1).
/// </summary>
/// <remarks>
/// <code>
/// A, B [Size, K]    values of a map from the seed; for FP8 divided by amax / M of the whole matrix, then cast
/// d                 c = unit(a, b, c) step by step; after N_C products acc = acc + c (binary32), c = 0
/// s                 exact: whole numbers of 128 bits
/// </code>
/// </remarks>
internal static class AccumulationExperiment
{
    /// <summary>The intervals, in the order of the columns.</summary>
    public static readonly int[] Promotions = [32, 64, 128, 256, 512, 0];

    /// <summary>The kinds of values.</summary>
    public static readonly string[] Data = ["bell", "uniform", "positive", "logspread", "outlier"];

    private const int Shortest = 128;

    /// <summary>Values times this are whole numbers: maps give multiples of 2^-23, FP8 codes of 2^-16.</summary>
    private const double Scale = 1 << 30;

    /// <summary>The lengths that are looked at.</summary>
    public static int[] Lengths(int longest) => [.. Enumerable.Range(0, 31).Select(i => 1 << i).Where(k => k >= Math.Min(Shortest, longest) && k <= longest)];

    /// <summary>Runs the experiment; rows by K, then promotion.</summary>
    public static IReadOnlyList<AccumulationRow> Run(AccumulationSettings settings, int threads, Action<int, int> report)
    {
        int K = settings.Longest, size = settings.Size;
        int[] lengths = Lengths(K);
        uint[] a = Codes(settings.Unit.A, settings, "a"), b = Codes(settings.Unit.B, settings, "b");
        long[] wholeA = Whole(settings.Unit.A, a), wholeB = Whole(settings.Unit.B, b);
        double[][] exact = Planes(lengths.Length, size * size);
        float[][] sums = [.. Enumerable.Range(0, lengths.Length * Promotions.Length).Select(_ => new float[size * size])];
        for (int i = 0; i < size; i++)
        {
            int row = i;
            Parallel.For(0, size, new ParallelOptions { MaxDegreeOfParallelism = threads }, j =>
            {
                ReadOnlySpan<uint> x = a.AsSpan(row * K, K), y = b.AsSpan(j * K, K);
                Exact(wholeA.AsSpan(row * K, K), wholeB.AsSpan(j * K, K), lengths, exact, row * size + j);
                for (int p = 0; p < Promotions.Length; p++)
                    Sums(settings.Unit, x, y, Promotions[p], lengths, sums.AsSpan(p * lengths.Length, lengths.Length), row * size + j);
            });
            report(i + 1, size);
        }

        return [.. lengths.SelectMany((k, l) => Promotions.Select((promotion, p) => Errors(k, promotion, sums[p * lengths.Length + l], exact[l])))];
    }

    private static double[][] Planes(int count, int length) => [.. Enumerable.Range(0, count).Select(_ => new double[length])];

    private static void Sums(TensorCore unit, ReadOnlySpan<uint> a, ReadOnlySpan<uint> b, int promotion, int[] lengths, Span<float[]> sums, int at)
    {
        float acc = 0f;
        uint c = 0;
        int next = 0;
        for (int k = 0; k < a.Length; k += unit.K)
        {
            c = unit.Define(a.Slice(k, unit.K), b.Slice(k, unit.K), c);
            int done = k + unit.K;
            bool promote = promotion != 0 && done % promotion == 0;
            float sum = promotion == 0 ? Value(unit.Accumulator, c) : acc + Value(unit.Accumulator, c);
            if (promote)
            {
                acc = sum;
                c = 0;
            }

            if (next < lengths.Length && done == lengths[next])
                sums[next++][at] = sum;
        }
    }

    private static void Exact(ReadOnlySpan<long> a, ReadOnlySpan<long> b, int[] lengths, double[][] exact, int at)
    {
        Int128 sum = 0;
        int next = 0;
        for (int k = 0; k < a.Length; k++)
        {
            sum += (Int128)a[k] * b[k];
            if (k + 1 == lengths[next])
                exact[next++][at] = (double)sum / (Scale * Scale);
        }
    }

    private static AccumulationRow Errors(int k, int promotion, float[] d, double[] s)
    {
        var relative = new List<double>(d.Length);
        double squares = 0, squaresOfErrors = 0, squaresOfSums = 0, largestError = 0, largestSum = 0;
        for (int i = 0; i < d.Length; i++)
        {
            double error = Math.Abs(d[i] - s[i]), sum = Math.Abs(s[i]);
            squaresOfErrors += error * error;
            squaresOfSums += sum * sum;
            largestError = Math.Max(largestError, error);
            largestSum = Math.Max(largestSum, sum);
            // A sum of exactly 0 has no relative error.
            if (sum == 0)
                continue;
            relative.Add(error / sum);
            squares += relative[^1] * relative[^1];
        }

        relative.Sort();
        int n = relative.Count;
        double median = n == 0 ? 0 : (relative[(n - 1) / 2] + relative[n / 2]) / 2;
        return new AccumulationRow(
            k, promotion, median, n == 0 ? 0 : relative[Math.Min(n * 95 / 100, n - 1)], n == 0 ? 0 : Math.Sqrt(squares / n), n == 0 ? 0 : relative[^1],
            squaresOfSums == 0 ? 0 : Math.Sqrt(squaresOfErrors / squaresOfSums), largestSum == 0 ? 0 : largestError / largestSum);
    }

    /// <summary>A matrix of values as codes of the unit's format; FP8 with one scale that brings the largest value to the format's largest.</summary>
    private static uint[] Codes(ElementFormat format, AccumulationSettings settings, string name)
    {
        float[] x = LabData.Values(settings.Data, settings.Seed, name, settings.Size * settings.Longest);
        float largest = format == ElementFormat.E4M3 ? 448f : format == ElementFormat.E5M2 ? 57344f : 0f;
        float amax = 0f;
        foreach (float value in x)
            amax = MathF.Max(amax, MathF.Abs(value));
        float scale = largest == 0f || amax == 0f ? 1f : amax / largest;
        return Array.ConvertAll(x, value => Code(format, value / scale));
    }

    private static uint Code(ElementFormat format, float x)
    {
        if (format == ElementFormat.E4M3)
            return Float8E4M3.FromSingle(x, Fp8Overflow.Saturate).Bits;
        if (format == ElementFormat.E5M2)
            return Float8E5M2.FromSingle(x, Fp8Overflow.Saturate).Bits;
        if (format == ElementFormat.BF16)
            return BFloat16.Round(x).Bits;
        if (format == ElementFormat.FP16)
            return BitConverter.HalfToUInt16Bits((Half)x);
        if (format == ElementFormat.TF32)
            return (BitConverter.SingleToUInt32Bits(x) + 0x1000) & ~0x1FFFu;
        throw new ContractException($"--unit: its operands are {format}; take a unit of e4m3, e5m2, bf16, fp16 or tf32");
    }

    private static long[] Whole(ElementFormat format, uint[] codes) => Array.ConvertAll(codes, code =>
    {
        double scaled = Decoded(format, code) * Scale;
        return scaled == Math.Truncate(scaled) && Math.Abs(scaled) < 1L << 62 ? (long)scaled : throw new InvalidOperationException($"0x{code:x} of {format} is no multiple of 2^-30");
    });

    private static double Decoded(ElementFormat format, uint code)
    {
        Element e = format.Decode(code);
        return (e.Negative ? -1.0 : 1.0) * Math.ScaleB(e.Significand, e.Exponent - format.FractionBits);
    }

    private static float Value(ElementFormat format, uint code) =>
        format == ElementFormat.F16 ? (float)BitConverter.UInt16BitsToHalf((ushort)code) : BitConverter.UInt32BitsToSingle(code);
}
