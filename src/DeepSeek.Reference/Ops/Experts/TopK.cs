namespace DeepSeek.Reference.Ops;

/// <summary>The one order among scores: larger value first, then lower index (rule N9); -0 equals +0.</summary>
/// <remarks>A NaN has no place in the order and is an error wherever it lies (rule N3).</remarks>
public static class TopK
{
    /// <summary>Indices of the K = indices.Length largest values, in that order.</summary>
    /// <exception cref="ShapeException">There are fewer than K values.</exception>
    /// <exception cref="NotANumberException">A value is NaN.</exception>
    public static void Choose(ReadOnlySpan<float> values, Span<int> indices)
    {
        if (indices.Length > values.Length)
            throw new ShapeException($"the {indices.Length} largest of {values.Length} values were asked for");
        if (!TryChoose(values, indices))
            throw new NotANumberException($"the {indices.Length} largest of {values.Length} values are undefined: value {FirstNaN(values)} is NaN");
    }

    /// <summary>Index of the largest value, the lowest one among equals.</summary>
    /// <exception cref="ShapeException">There are no values.</exception>
    /// <exception cref="NotANumberException">A value is NaN.</exception>
    public static int ArgMax(ReadOnlySpan<float> values)
    {
        if (values.IsEmpty)
            throw new ShapeException("argmax of no values");
        int best = 0;
        for (int i = 0; i < values.Length; i++)
        {
            if (float.IsNaN(values[i]))
                throw new NotANumberException($"argmax of {values.Length} values is undefined: value {i} is NaN");
            if (values[i] > values[best])
                best = i;
        }

        return best;
    }

    /// <summary>As <see cref="Choose"/>; false when a value is NaN. K is at most the number of values.</summary>
    internal static bool TryChoose(ReadOnlySpan<float> values, Span<int> indices)
    {
        int found = 0;
        float least = float.PositiveInfinity;
        for (int i = 0; i < values.Length; i++)
        {
            float v = values[i];
            if (float.IsNaN(v))
                return false;
            if (found == indices.Length && !(v > least))
                continue;
            int place = found < indices.Length ? found++ : found - 1;
            for (; place > 0 && v > values[indices[place - 1]]; place--)
                indices[place] = indices[place - 1];
            indices[place] = i;
            if (found == indices.Length)
                least = values[indices[found - 1]];
        }

        return true;
    }

    private static int FirstNaN(ReadOnlySpan<float> values)
    {
        int i = 0;
        while (!float.IsNaN(values[i]))
            i++;
        return i;
    }
}
