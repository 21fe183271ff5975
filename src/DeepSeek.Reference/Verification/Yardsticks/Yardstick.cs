using DeepSeek.Reference.Backends;

namespace DeepSeek.Reference.Verification;

/// <summary>The exact result of one output element, and how far from it a legitimate result may lie.</summary>
/// <param name="Exact">
/// The result without any rounding of the accumulation, in binary64, with the roundings that the contract names kept where they decide what is computed.
/// NaN or an infinity where the result must be that.
/// </param>
/// <param name="Bound">Hard bound on |y - Exact|: every order of the declared accumulator's sums, the rounding to the output's dtype and this yardstick's own error included. +∞ where nothing is promised.</param>
internal readonly record struct Measurement(double Exact, double Bound);

/// <summary>What one output of a call must be near to, element by element; independent of the kernels (docs/spec/bounds.md).</summary>
/// <remarks>
/// A call's later outputs are measured on its earlier ones (stage by stage, on the candidate's own values): the codes of a quantiser on the scales that stand in
/// the call, the weights of a gate on its scores and indices.
/// </remarks>
internal abstract class Yardstick(string output)
{
    /// <summary>The output's name.</summary>
    public string Output { get; } = output;

    /// <summary>The value that element i of an output stands for: E5M6 codes, which lie in U16, decoded.</summary>
    public static double ValueOf(OperationCall call, Operand output, long i) => call is QuantizeCall && output.Tensor.DType == DType.U16
        ? FloatE5M6.FromBits((ushort)(ElementReader.Bits(output.Tensor, i) & 0xFFF)).ToSingle()
        : ElementReader.Value(output.Tensor, i);

    /// <summary>Measures elements, given by row-major index; one result each.</summary>
    public abstract void Measure(ReadOnlySpan<long> elements, Span<Measurement> results);
}

/// <summary>Whether a choice (top-k, argmax) is the contract's.</summary>
internal enum ChoiceVerdict
{
    /// <summary>The very choice of the contract.</summary>
    Equal,

    /// <summary>Another, and the margin between the two is below what rounding may move.</summary>
    Explained,

    /// <summary>Another, and no rounding explains it.</summary>
    Wrong,
}

/// <summary>Judges an output of whole numbers that were chosen by comparing real ones, row by row.</summary>
internal abstract class ChoiceYardstick(string output)
{
    /// <summary>The output's name.</summary>
    public string Output { get; } = output;

    /// <summary>Rows of the output.</summary>
    public abstract long Rows { get; }

    /// <summary>The verdict on a row, and for a choice that is not equal one line: which were swapped, the margin, the bound.</summary>
    public abstract (ChoiceVerdict Verdict, string Note) Judge(long row);
}
