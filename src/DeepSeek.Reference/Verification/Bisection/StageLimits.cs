using System.Globalization;

namespace DeepSeek.Reference.Verification;

/// <summary>What a stage's result may differ by: what other legitimate orders of its sums differed by on the same inputs, with room, and a floor.</summary>
/// <remarks>
/// The stage is recomputed in eight other orders (<see cref="ReorderedBackend"/>). The largest of each number of <see cref="Deviation"/> among them, times <see cref="Room"/>,
/// is the limit: an engine's order is one more draw, or sums with fewer partial sums than any of ours. Floors, which elementwise stages live on, since no sum moves them:
/// binary32, relative L2 and a row's 2^-21, four units of other libraries' functions; bfloat16, 1 element in 512 and at least two may fall to the other side of a tie,
/// and L2 what so many changes of one unit make. docs/how-to/bisect-a-model.md 3 has the measurements.
/// </remarks>
internal static class StageLimits
{
    /// <summary>Times the largest of eight orders.</summary>
    public const double Room = 4;

    private const double Binary32Floor = 1.0 / (1 << 21);

    /// <summary>The limits of a stage.</summary>
    public static Deviation Of(Deviation orders, DType dtype, long count)
    {
        if (dtype != DType.BF16)
            return new(Math.Max(Room * orders.RelativeL2, Binary32Floor), Math.Max(Room * orders.WorstRow, Binary32Floor), Math.Max(Room * orders.Largest, Binary32Floor), count);
        double changes = Math.Max(Room * orders.Mismatches, Math.Max(2, count / 512.0));
        // One unit is at most 2^-7 of its element; squares of so many, all at elements of twice the usual size.
        double l2 = Math.Sqrt(changes / Math.Max(1, count)) * Math.ScaleB(1, -6);
        return new(Math.Max(Room * orders.RelativeL2, l2), double.PositiveInfinity, Math.Max(Room * orders.Largest, Math.ScaleB(1, -7)), Math.Min(count, (long)changes));
    }

    /// <summary>The first number above its limit: the check's name and one line; null where all hold.</summary>
    public static (string Check, string Note)? Exceeded(Deviation stage, Deviation limit, long count)
    {
        if (!(stage.RelativeL2 <= limit.RelativeL2))
            return ("l2", Line("relative L2", stage.RelativeL2, limit.RelativeL2));
        if (!(stage.WorstRow <= limit.WorstRow))
            return ("row", Line("worst row", stage.WorstRow, limit.WorstRow));
        if (!(stage.Largest <= limit.Largest))
            return ("element", Line("largest element of its row's RMS", stage.Largest, limit.Largest));
        if (stage.Mismatches > limit.Mismatches)
            return ("count", string.Create(CultureInfo.InvariantCulture, $"{stage.Mismatches} of {count} elements differ, {limit.Mismatches} may"));
        return null;
    }

    private static string Line(string what, double value, double limit) => string.Create(CultureInfo.InvariantCulture, $"{what} {value:G3} above {limit:G3}");
}
