using System.Runtime.CompilerServices;

namespace DeepSeek.Reference.Numerics;

/// <summary>The canonical sum of <see cref="Lanes16"/>, with binary64 lanes (accumulation Float64 of rule N7).</summary>
public struct Lanes16Double
{
    private Sums lane;

    /// <summary>lane_{k mod 16} = fma(a, b, lane_{k mod 16}).</summary>
    public void AddProduct(int k, double a, double b)
    {
        int j = k & 15;
        lane[j] = Math.FusedMultiplyAdd(a, b, lane[j]);
    }

    /// <summary>lane_{k mod 16} = lane_{k mod 16} + t.</summary>
    public void Add(int k, double t)
    {
        int j = k & 15;
        lane[j] = lane[j] + t;
    }

    /// <summary>The sum of everything added so far.</summary>
    public readonly double Fold()
    {
        Sums s = lane;
        for (int h = 8; h >= 1; h /= 2)
            for (int j = 0; j < h; j++)
                s[j] = s[j] + s[j + h];
        return s[0] + 0.0;
    }

    [InlineArray(16)]
    private struct Sums
    {
        private double element;
    }
}
