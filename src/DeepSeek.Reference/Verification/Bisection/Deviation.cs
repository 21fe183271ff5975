namespace DeepSeek.Reference.Verification;

/// <summary>How far a tensor is from another, in four numbers that a rounding, a wrong element and a wrong row each move differently.</summary>
/// <remarks>
/// Rows run along the last dimension. A row's size is the RMS of the reference's row, at least 1/64 of the whole tensor's, so that a row of near-zeros is not
/// measured by itself. Forgiven of each element, in <see cref="Largest"/> alone: four units in the last place of binary32, which is what other libraries' element functions
/// may be off by (CUDA's and glibc's tables give at most 2, and a step has at most two of them); of a bfloat16 one unit, the other side of a tie.
/// </remarks>
/// <param name="RelativeL2">‖a - r‖ / ‖r‖.</param>
/// <param name="WorstRow">The largest RMS of a row's differences, over the row's size.</param>
/// <param name="Largest">The largest |a - r| beyond what is forgiven, over its row's size.</param>
/// <param name="Mismatches">Elements of other value.</param>
internal readonly record struct Deviation(double RelativeL2, double WorstRow, double Largest, long Mismatches)
{
    private const double SmallestRow = 1.0 / 64;

    /// <summary>Measures a tensor of the reference's shape. Elements that are not finite in both count as mismatches where they differ, and are left out of the rest.</summary>
    public static Deviation Of(Tensor reference, Tensor actual)
    {
        long width = reference.Shape.Rank == 0 ? 1 : reference.Shape[^1];
        long rows = width == 0 ? 0 : reference.ElementCount / width;
        double all = 0, off = 0;
        var sizes = new double[rows];
        for (long r = 0; r < rows; r++)
        {
            for (long k = 0; k < width; k++)
            {
                double e = ElementReader.Value(reference, (r * width) + k);
                sizes[r] += double.IsFinite(e) ? e * e : 0;
            }

            all += sizes[r];
        }

        double least = all / Math.Max(1, rows) * SmallestRow * SmallestRow;
        (int fraction, int leastExponent) = ElementReader.Precision(reference.DType);
        double forgiven = reference.DType == DType.BF16 ? 1 : reference.DType == DType.F32 ? 4 : 0;
        double worst = 0, largest = 0;
        long mismatches = 0;
        for (long r = 0; r < rows; r++)
        {
            double size = Math.Sqrt(Math.Max(sizes[r], least) / width);
            double row = 0;
            for (long k = 0; k < width; k++)
            {
                double e = ElementReader.Value(reference, (r * width) + k);
                double a = ElementReader.Value(actual, (r * width) + k);
                if (a == e || (double.IsNaN(a) && double.IsNaN(e)))
                    continue;
                mismatches++;
                double d = Math.Abs(a - e);
                if (!double.IsFinite(d))
                    continue;
                row += d * d;
                double unit = double.ScaleB(1, Math.Max(e == 0 ? leastExponent : Math.ILogB(e), leastExponent) - fraction);
                largest = Math.Max(largest, Over(Math.Max(0, d - (forgiven * unit)), size));
            }

            off += row;
            worst = Math.Max(worst, Over(Math.Sqrt(row / width), size));
        }

        return new Deviation(Over(Math.Sqrt(off), Math.Sqrt(all)), worst, largest, mismatches);
    }

    /// <summary>The larger of each number.</summary>
    public Deviation Max(Deviation other) => new(
        Math.Max(RelativeL2, other.RelativeL2), Math.Max(WorstRow, other.WorstRow), Math.Max(Largest, other.Largest), Math.Max(Mismatches, other.Mismatches));

    private static double Over(double a, double b) => a == 0 ? 0 : b == 0 ? double.PositiveInfinity : a / b;
}
