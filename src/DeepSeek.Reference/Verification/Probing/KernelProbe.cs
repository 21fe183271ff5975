using DeepSeek.Reference.TensorCores;
using DeepSeek.Reference.Verification.Explaining;

namespace DeepSeek.Reference.Verification.Probing;

/// <summary>Finds out how an unknown kernel adds products, from the bits of designed dot products.</summary>
/// <remarks>
/// <code>
/// kept bits      M, 2^(E - s), -M            the largest s that survives is F: M and -M cancel, what was cut is gone
/// alignment      M, ±1.5 and 2.5 · 2^(E-F), -M   toward zero 1 -1, downward 1 -2, to nearest even 2 -2 and 2
/// normalising    2.25 · 2^E in place of M    one bit less survives where products are normalised first
/// output         terms of one exponent whose sum carries, and 2^-s: the largest s that survives, and what becomes of 1.5 units
/// sum and tree   M at place i, -M at j, small detectors elsewhere: what is added before the two meet is lost (FPRev); then random values.
///                Every known order of summation is evaluated on the same inputs; those with all the bits are the answer
/// </code>
/// Sources: "FPRev: Revealing the Order of Floating-Point Summation Implementations" (arXiv 2411.00442); Fasi, Higham, Mikaitis and Pranesh,
/// "Numerical behavior of NVIDIA tensor cores" (2021).
/// </remarks>
internal sealed class KernelProbe
{
    /// <summary>Elements of a dot product: two of the longest promotion interval that is looked for.</summary>
    private const int Length = 1024;

    private readonly DotKernel kernel;
    private readonly DesignedInputs inputs;
    private int[] places = [0, 1, 2, 3];
    private int questions;

    private KernelProbe(DotKernel kernel, ElementFormat format)
    {
        this.kernel = kernel;
        inputs = new DesignedInputs(format, Length);
    }

    /// <summary>Probes a kernel with operands of a format.</summary>
    public static ProbeFinding Run(DotKernel kernel, ElementFormat format) => new KernelProbe(kernel, format).Find();

    private ProbeFinding Find()
    {
        int reach = inputs.Top - inputs.Bottom;
        int? kept = Kept(reach);
        bool flushes = AskSubnormal() == 0f;
        var finding = new ProbeFinding
        {
            Operands = inputs.Format,
            FractionBits = kept,
            FlushesSubnormals = flushes,
            FlushesSubnormalResults = SubnormalResults(),
            Sums = [],
            Questions = 0,
        };
        if (kept is { } F && places.Length == 4)
        {
            finding = finding with { Alignment = Alignment(F), NormalisesProducts = Normalises(F) };
            (finding, int? output) = Output(finding, F);
            finding = finding with { OutputFractionBits = output };
        }

        var candidates = SumCandidates.Of(finding).ToList();
        foreach ((float[] a, float[] b) in Questions())
        {
            float got = Ask(a, b);

            // Normal values alone: no format's subnormals, which a unit does not renormalise, are among them.
            var terms = ProductTerms.OfSingle(a, b);
            var left = new bool[candidates.Count];
            Parallel.For(0, candidates.Count, i =>
            {
                float expected = SumCandidates.Evaluate(candidates[i].Sum, candidates[i].Restart, terms);
                left[i] = BitConverter.SingleToUInt32Bits(expected) == BitConverter.SingleToUInt32Bits(got);
            });
            candidates = [.. candidates.Where((_, i) => left[i])];
            if (candidates.Count == 0)
                break;
        }

        if (candidates.Count > 0 && candidates[0].Sum.Unit is null)
            finding = finding with { Alignment = null, NormalisesProducts = null, OutputFractionBits = null, Rounding = null };
        return finding with { Sums = candidates, Questions = questions };
    }

    /// <summary>Finds places whose products meet in one sum, and how many bits survive there; none where nothing is ever lost.</summary>
    private int? Kept(int reach)
    {
        // Neighbours: of a unit that takes pairs of four, elements 0, 1, 4 and 5 belong together.
        int? kept = null;
        int[] best = places;
        foreach (int[] tried in (int[][])[[0, 1, 2, 3], [0, 1, 4, 5]])
        {
            if (Deepest(tried, reach) is { } deepest && !(deepest <= kept))
                (best, kept) = (tried, deepest);
        }

        places = best;

        // Sums of binary32 in lanes: places a stride apart meet before they are folded.
        for (int stride = 2; kept is null && stride < Length / 2; stride *= 2)
            (places, kept) = ([0, stride, 2 * stride], Deepest([0, stride, 2 * stride], reach));
        return kept;
    }

    private int? Deepest(int[] at, int reach)
    {
        places = at;
        return Survives(reach, 1f) != 0f ? null : Enumerable.Range(1, reach).LastOrDefault(s => Survives(s, 1f) != 0f);
    }

    /// <summary>What is left of factor · 2^(E - s) between M = 2^E and -M, in units of 2^(E - s).</summary>
    private float Survives(int s, float factor) =>
        (float)double.ScaleB(Ask((places[0], 1f, inputs.Top), (places[1], factor, inputs.Top - s), (places[2], -1f, inputs.Top)), s - inputs.Top);

    private AlignmentRounding Alignment(int F)
    {
        // In units of the last kept bit.
        (float up, float down) = (Survives(F, 1.5f), Survives(F, -1.5f));
        return (up, down) switch
        {
            (1f, -2f) => AlignmentRounding.Downward,
            (2f, -2f) => AlignmentRounding.NearestEven,
            _ => AlignmentRounding.TowardZero,
        };
    }

    private bool Normalises(int F)
    {
        // 1.5 · 1.5 = 2.25: a significand of two digits before the point, unless it is normalised.
        (float[] a, float[] b) = inputs.Products((places[0], 1f, inputs.Top - 2), (places[1], 1f, inputs.Top - 2 - F), (places[2], -1f, inputs.Top - 2));
        foreach (int place in (int[])[places[0], places[2]])
            (a[place], b[place]) = (a[place] * 1.5f, b[place] * 1.5f);
        return Ask(a, b) == 0f;
    }

    /// <summary>Four terms of 2^E sum to 2^(E+2), so that a unit's output has to lose two bits more than alignment did where it is that short.</summary>
    private (ProbeFinding Finding, int? Bits) Output(ProbeFinding finding, int F)
    {
        int E = inputs.Top - 4;
        int deepest = Math.Min(F, E - inputs.Bottom);
        float Sum(float factor, int s) => (float)double.ScaleB(Ask((places[0], 1f, E), (places[1], 1f, E), (places[2], 1f, E), (places[3], factor, E - s)), -E);

        // 3 + 2^-s needs s + 1 bits behind the leading one.
        int bits = Enumerable.Range(1, deepest).Where(s => Sum(1f, s) != 3f).DefaultIfEmpty(0).Max() + 1;
        if (bits > F)
            return (finding, null);

        // 3 + 1.5 units: toward zero one unit is left, to nearest even two.
        float unit = (float)double.ScaleB(1, 1 - bits);
        return (finding with { Rounding = Sum(1.5f, bits - 1) == 3f + unit ? OutputRounding.TowardZero : OutputRounding.NearestEven }, bits);
    }

    private float AskSubnormal()
    {
        // The format's least subnormal number, times the largest power of two that keeps the product normal.
        float[] a = new float[Length], b = new float[Length];
        a[0] = (float)double.ScaleB(1, inputs.Format.MinExponent - inputs.Format.FractionBits);
        b[0] = (float)double.ScaleB(1, inputs.High);
        return Ask(a, b);
    }

    private bool? SubnormalResults()
    {
        if (inputs.Format.MinExponent > -100)
            return null;
        float[] a = new float[Length], b = new float[Length];
        (a[0], b[0]) = ((float)double.ScaleB(1, -70), (float)double.ScaleB(1, -70));
        return Ask(a, b) == 0f;
    }

    /// <summary>Masks first, then random values of a narrow, a middle and a wide spread.</summary>
    private IEnumerable<(float[] A, float[] B)> Questions()
    {
        int[] places = [1, 2, 3, 4, 5, 8, 15, 16, 17, 31, 32, 33, 64, 128, 256, 512, 1023];
        foreach (int i in (int[])[0, 7, 32, 128, 512])
        {
            foreach (int j in places.Where(p => p != i))
            {
                // Detectors of one and two units: their sum tells which of them were lost.
                for (int d = 0; d < 4; d++)
                {
                    int one = (j + 1 + 37 * d) % Length, two = (i + Length - 1 - 53 * d) % Length;
                    if (one != i && one != j && two != i && two != j && one != two)
                        yield return inputs.Products((i, 1f, inputs.Top), (j, -1f, inputs.Top), (one, 1f, inputs.Bottom), (two, 1f, inputs.Bottom + 1));
                }
            }
        }

        for (ulong seed = 0; seed < 48; seed++)
            yield return inputs.Random(seed, (int)(4 + 6 * (seed % 3)));
    }

    private float Ask(params ReadOnlySpan<(int Place, float Factor, int Exponent)> products)
    {
        (float[] a, float[] b) = inputs.Products(products);
        return Ask(a, b);
    }

    private float Ask(float[] a, float[] b)
    {
        questions++;
        return kernel(a, b);
    }
}
