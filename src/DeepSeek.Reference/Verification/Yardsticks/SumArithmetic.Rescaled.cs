using System.Runtime.Intrinsics;

namespace DeepSeek.Reference.Verification;

internal sealed partial class SumArithmetic
{
    /// <summary>
    /// Bound on the error of a sum that is taken in blocks, what came before each being multiplied with a factor of at most 1: of one number, in units of the last block,
    /// ending in binary32. The factors' own errors are not in it (docs/spec/bounds.md 8).
    /// </summary>
    /// <param name="sum">The exact sum.</param>
    /// <param name="magnitude">Σ |a b|, every term with all its factors.</param>
    /// <param name="sizes">Σ (|a| + |b|): what a matrix unit aligns the products of subnormal operands by.</param>
    /// <param name="n">Terms.</param>
    /// <param name="blocks">Blocks; 1 for a sum without any.</param>
    /// <remarks>
    /// Each partial sum is at most what its terms' magnitudes add up to, and errors shrink with what they are errors of; so all is relative to the magnitude. The power of two
    /// that a unit aligns by does not shrink alike: it is at most twice as far from its sum, and the magnitude is doubled for that.
    /// </remarks>
    public double RescaledError(double sum, double magnitude, double sizes, int n, int blocks)
    {
        double size = Aligned && blocks > 1 ? 2 * magnitude : magnitude;
        var chain = new ChainSums
        {
            Sum = Vector512.Create(sum),
            Magnitude = Vector512.Create(size),
            Up = Vector512.Create(size),
            Down = Vector512.Create(size),
            Largest = Vector512.Create(size + sizes * LeastNormal),
        };
        double error = Error(chain, n + blocks * Instruction)[0];
        int additions = RoundsOnce ? 2 * blocks : blocks - 1;
        return error + (magnitude + error) * Roundoff.Growth(additions, Roundoff.Single) + 2 * blocks * Roundoff.SingleUnderflow;
    }
}
