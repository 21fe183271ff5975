namespace DeepSeek.Reference.Verification;

/// <summary>Elements of one output that were measured: the candidate's value, the reference's, the exact one and its bound.</summary>
/// <remarks>
/// The result that the errors are counted from is the exact one rounded once to the output's dtype, r = rn(exact): what a perfect kernel would store. Errors far below
/// the output's rounding show in it as the few elements near a rounding boundary that come out on the other side, and in y - exact not at all.
/// </remarks>
internal sealed class JudgedElements
{
    /// <summary>Elements whose measurement is known.</summary>
    public JudgedElements(DType dtype, long columns, long[] index, double[] actual, double[] reference, ReadOnlySpan<Measurement> measured, Func<long, bool>? onOwnValues = null)
    {
        OnOwnValues = onOwnValues;
        DType = dtype;
        Columns = Math.Max(1, columns);
        Index = index;
        Actual = actual;
        Reference = reference;
        Exact = new double[index.Length];
        Bound = new double[index.Length];
        Rounded = new double[index.Length];
        for (int i = 0; i < index.Length; i++)
        {
            (Exact[i], Bound[i]) = measured[i];
            Rounded[i] = StoredValue.Round(Exact[i], dtype);
            if (!IsComparable(i))
                Reference[i] = Rounded[i];
        }
    }

    private JudgedElements(DType dtype, long columns, JudgedElements[] parts)
    {
        DType = dtype;
        Columns = Math.Max(1, columns);
        Index = [.. parts.SelectMany(p => p.Index)];
        Actual = [.. parts.SelectMany(p => p.Actual)];
        Reference = [.. parts.SelectMany(p => p.Reference)];
        Exact = [.. parts.SelectMany(p => p.Exact)];
        Rounded = [.. parts.SelectMany(p => p.Rounded)];
        Bound = [.. parts.SelectMany(p => p.Bound)];
        OnOwnValues = parts.Length == 0 ? null : parts[0].OnOwnValues;
    }

    /// <summary>The elements of several measurements of one output.</summary>
    public static JudgedElements Joined(IReadOnlyList<JudgedElements> parts, Tensor actual) =>
        parts.Count == 1 ? parts[0] : new JudgedElements(actual.DType, actual.Shape.Rank == 0 ? 1 : actual.Shape[^1], [.. parts]);

    /// <summary>Elements measured.</summary>
    public int Count => Index.Length;

    /// <summary>Row-major indices.</summary>
    public long[] Index { get; }

    /// <summary>The length of the output's last dimension; row and column of an element are index / Columns and index mod Columns.</summary>
    public long Columns { get; }

    /// <summary>The output's dtype.</summary>
    public DType DType { get; }

    /// <summary>The candidate's values.</summary>
    public double[] Actual { get; }

    /// <summary>The values of the declared contract, emulated to the bit; the rounded exact result where that was made of other numbers.</summary>
    public double[] Reference { get; }

    /// <summary>The exact results.</summary>
    public double[] Exact { get; }

    /// <summary>The exact results, rounded once to the output's dtype.</summary>
    public double[] Rounded { get; }

    /// <summary>Hard bounds on |y - exact|.</summary>
    public double[] Bound { get; }

    /// <summary>The size of an element's error, which makes elements of all magnitudes alike: its bound, and half a unit in the last place besides, so that it is never 0.</summary>
    public double Scale(int i) => Bound[i] + 0.5 * StoredValue.Ulp(Rounded[i], DType);

    /// <summary>
    /// Elements that were made of the candidate's own earlier values, so that the reference's is no measure of them (<see cref="Stages"/>): the rounded exact result
    /// stands in for it. Null: none.
    /// </summary>
    public Func<long, bool>? OnOwnValues { get; }

    /// <summary>Whether the reference's value of element i was made of the same numbers.</summary>
    public bool IsComparable(int i) => OnOwnValues is null || !OnOwnValues(Index[i]);

    /// <summary>
    /// Whether what was rounded to element i lies near a tie: it has two admissible codes, or the candidate or the emulation has the neighbour of the rounded exact result.
    /// Of binary32 outputs none is counted: their every rounding is the accumulator's.
    /// </summary>
    public bool IsNearTie(int i, bool codes)
    {
        if (codes)
            return Bound[i] > 0 && double.IsFinite(Bound[i]);
        if (DType is DType.F32 or DType.F64 || !IsMeasurable(i))
            return false;
        double ulp = StoredValue.Ulp(Rounded[i], DType), y = Math.Abs(Actual[i] - Rounded[i]), e = Math.Abs(Reference[i] - Rounded[i]);
        return (y > 0 && y <= ulp) || (e > 0 && e <= ulp);
    }

    /// <summary>Whether element i takes part in statistics: everything finite, and a bound that promises something.</summary>
    public bool IsMeasurable(int i) =>
        double.IsFinite(Exact[i]) && double.IsFinite(Actual[i]) && double.IsFinite(Reference[i]) && double.IsFinite(Rounded[i]) && double.IsFinite(Bound[i]);
}
