using System.Runtime.CompilerServices;

namespace DeepSeek.Reference.Numerics;

/// <summary>The canonical sum (rule N6): sixteen partial sums and one fixed fold.</summary>
/// <remarks>
/// <code>
/// lane_j = +0                                   j = 0..15
/// lane_{k mod 16} = fma(a_k, b_k, lane_{k mod 16})    k ascending       (a plain term: lane + t_k)
/// lane_j = lane_j + lane_{j+h}                  for h = 8, 4, 2, 1 and j &lt; h
/// result = lane_0 + (+0)
/// </code>
/// The last addition makes a sum never -0, so that a term (+0, +0) is neutral and zero padding changes nothing.
/// Rotating the lanes by any offset changes nothing either: each addition of the fold is commutative.
/// </remarks>
public struct Lanes16
{
    private Sums lane;

    /// <summary>lane_{k mod 16} = fma(a, b, lane_{k mod 16}).</summary>
    public void AddProduct(int k, float a, float b)
    {
        int j = k & 15;
        lane[j] = MathF.FusedMultiplyAdd(a, b, lane[j]);
    }

    /// <summary>lane_{k mod 16} = lane_{k mod 16} + t, one rounding.</summary>
    public void Add(int k, float t)
    {
        int j = k & 15;
        lane[j] = lane[j] + t;
    }

    /// <summary>The sum of everything added so far; the lanes are left as they are.</summary>
    public readonly float Fold()
    {
        Sums s = lane;
        for (int h = 8; h >= 1; h /= 2)
            for (int j = 0; j < h; j++)
                s[j] = s[j] + s[j + h];
        return s[0] + 0f;
    }

    [InlineArray(16)]
    private struct Sums
    {
        private float element;
    }
}
