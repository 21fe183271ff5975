using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Ops;

/// <summary>2^x as an attention contract computes it: correctly rounded, or a model of a GPU's ex2.approx.</summary>
/// <remarks>An implementation is a function of x alone (rule N1) and may be called by several threads at once.</remarks>
public interface IExp2
{
    /// <summary>The name, as reports print it.</summary>
    string Name { get; }

    /// <summary>2^x, for any x: 0 at -∞, NaN at NaN.</summary>
    float Exp2(float x);
}

/// <summary>2^x rounded once (rule N5).</summary>
public sealed class CorrectExp2 : IExp2
{
    /// <summary>The one there is.</summary>
    public static CorrectExp2 Instance { get; } = new();

    private CorrectExp2() { }

    /// <inheritdoc/>
    public string Name => "correct";

    /// <inheritdoc/>
    public float Exp2(float x) => Correct.Exp2(x);

    /// <inheritdoc/>
    public override string ToString() => Name;
}
