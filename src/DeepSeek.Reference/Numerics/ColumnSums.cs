using System.Numerics.Tensors;

namespace DeepSeek.Reference.Numerics;

/// <summary>Sums down the columns of rows by rule N6: the terms of one result lie apart, so sixteen rows of accumulators are kept, one a residue of the row's index.</summary>
/// <remarks>The accumulators are 16 · width values that begin at +0. Element-wise IEEE operations only: the same bits on every instruction set.</remarks>
internal static class ColumnSums
{
    /// <summary>Floats of accumulators.</summary>
    public static int Floats(int width) => checked(16 * width);

    /// <summary>lane_{t mod 16} = lane_{t mod 16} + x, column by column.</summary>
    public static void Add(Span<float> lanes, int t, ReadOnlySpan<float> x)
    {
        Span<float> lane = lanes.Slice((t & 15) * x.Length, x.Length);
        TensorPrimitives.Add(lane, x, lane);
    }

    /// <summary>lane_{t mod 16} = fma(a, b, lane_{t mod 16}), column by column.</summary>
    public static void AddProduct(Span<float> lanes, int t, ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        Span<float> lane = lanes.Slice((t & 15) * a.Length, a.Length);
        TensorPrimitives.FusedMultiplyAdd(a, b, lane, lane);
    }

    /// <summary>The fold of rule N6 into y; the accumulators are used up.</summary>
    public static void Fold(Span<float> lanes, Span<float> y)
    {
        for (int h = 8; h >= 1; h /= 2)
        {
            Span<float> lower = lanes[..(h * y.Length)];
            TensorPrimitives.Add(lower, lanes.Slice(h * y.Length, h * y.Length), lower);
        }

        TensorPrimitives.Add(lanes[..y.Length], 0f, y);
    }
}
