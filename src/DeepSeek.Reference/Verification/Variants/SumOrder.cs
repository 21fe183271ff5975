namespace DeepSeek.Reference.Verification;

/// <summary>Legitimate ways to add the terms of one sum: what a correct kernel of another make may do.</summary>
internal enum SumOrder
{
    /// <summary>As declared.</summary>
    Declared,

    /// <summary>Sixteen lanes (rule N6).</summary>
    Lanes16,

    /// <summary>One fma after another.</summary>
    Sequential,

    /// <summary>The same from the last term to the first.</summary>
    Reversed,

    /// <summary>Products rounded, then added two by two.</summary>
    Pairwise,

    /// <summary>One fma after another in a random order.</summary>
    Random,

    /// <summary>Two halves of k, each in sequence, added in binary32.</summary>
    SplitK2,

    /// <summary>Four quarters.</summary>
    SplitK4,

    /// <summary>No rounding but the last.</summary>
    Exact,

    /// <summary>In binary64, rounded once.</summary>
    Float64,
}
