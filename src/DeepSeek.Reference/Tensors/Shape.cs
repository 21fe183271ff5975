using System.Globalization;

namespace DeepSeek.Reference;

/// <summary>The dimensions of a tensor, outermost first. Immutable; an empty shape is a scalar.</summary>
public readonly struct Shape : IEquatable<Shape>
{
    private readonly long[]? dims;

    /// <summary>A shape of the given dimensions.</summary>
    /// <exception cref="ShapeException">A dimension is negative, or the element count exceeds 2^63 - 1.</exception>
    public Shape(params ReadOnlySpan<long> dimensions)
    {
        ulong count = 1;
        bool empty = false;
        foreach (long d in dimensions)
        {
            if (d < 0)
                throw new ShapeException($"negative dimension {d} in a shape");
            empty |= d == 0;
            if (!empty && (Math.BigMul(count, (ulong)d, out count) != 0 || count > long.MaxValue))
                throw new ShapeException("a shape with more than 2^63 elements");
        }

        dims = dimensions.ToArray();
        ElementCount = empty ? 0 : (long)count;
    }

    /// <summary>Number of dimensions.</summary>
    public int Rank => Dimensions.Length;

    /// <summary>Product of the dimensions; 1 for a scalar.</summary>
    public long ElementCount { get => dims is null ? 1 : field; }

    /// <summary>The dimensions, outermost first.</summary>
    public ReadOnlySpan<long> Dimensions => dims;

    /// <summary>Dimension <paramref name="i"/>, counted from the outside; <c>^1</c> is the contiguous one.</summary>
    public long this[Index i] => Dimensions[i];

    /// <summary>Number of rows of <paramref name="n"/> values in <paramref name="x"/>.</summary>
    /// <exception cref="ShapeException">x is not a whole number of rows.</exception>
    internal static int Rows(ReadOnlySpan<float> x, int n)
    {
        if (n == 0 ? x.Length != 0 : x.Length % n != 0)
            throw new ShapeException($"{x.Length} values are not a whole number of rows of {n}");
        return n == 0 ? 0 : x.Length / n;
    }

    /// <inheritdoc/>
    public bool Equals(Shape other) => Dimensions.SequenceEqual(other.Dimensions);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is Shape other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = new HashCode();
        foreach (long d in Dimensions)
            hash.Add(d);
        return hash.ToHashCode();
    }

    /// <summary>Same dimensions.</summary>
    public static bool operator ==(Shape a, Shape b) => a.Equals(b);

    /// <summary>Different dimensions.</summary>
    public static bool operator !=(Shape a, Shape b) => !a.Equals(b);

    /// <summary>For example <c>[2, 15, 96]</c>.</summary>
    public override string ToString() => "[" + string.Join(", ", (dims ?? []).Select(d => d.ToString(CultureInfo.InvariantCulture))) + "]";
}
