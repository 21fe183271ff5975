namespace DeepSeek.Reference.Verification;

/// <summary>Elements of one output that were measured: the candidate's value, the reference's, the exact one and its bound.</summary>
/// <remarks>
/// The result that the errors are counted from is the exact one rounded once to the output's dtype, r = rn(exact): what a perfect kernel would store. Errors far below
/// the output's rounding show in it as the few elements near a rounding boundary that come out on the other side, and in y - exact not at all.
/// </remarks>
internal sealed class JudgedElements
{
    /// <summary>Elements whose measurement is known.</summary>
    public JudgedElements(DType dtype, long columns, long[] index, double[] actual, double[] reference, ReadOnlySpan<Measurement> measured)
    {
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

    /// <summary>The values of the declared contract, emulated to the bit.</summary>
    public double[] Reference { get; }

    /// <summary>The exact results.</summary>
    public double[] Exact { get; }

    /// <summary>The exact results, rounded once to the output's dtype.</summary>
    public double[] Rounded { get; }

    /// <summary>Hard bounds on |y - exact|.</summary>
    public double[] Bound { get; }

    /// <summary>The size of an element's error, which makes elements of all magnitudes alike: its bound, and half a unit in the last place besides, so that it is never 0.</summary>
    public double Scale(int i) => Bound[i] + 0.5 * StoredValue.Ulp(Rounded[i], DType);

    /// <summary>Whether element i takes part in statistics: everything finite, and a bound that promises something.</summary>
    public bool IsMeasurable(int i) =>
        double.IsFinite(Exact[i]) && double.IsFinite(Actual[i]) && double.IsFinite(Reference[i]) && double.IsFinite(Rounded[i]) && double.IsFinite(Bound[i]);
}
