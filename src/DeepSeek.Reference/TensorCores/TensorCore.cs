namespace DeepSeek.Reference.TensorCores;

/// <summary>How the bits below the last kept one are disposed of when a term is aligned.</summary>
public enum AlignmentRounding
{
    /// <summary>The magnitude is cut: toward zero. What every NVIDIA unit measured so far does.</summary>
    TowardZero,

    /// <summary>Toward minus infinity, as a shift that fills with the sign would.</summary>
    Downward,

    /// <summary>To nearest, ties to even.</summary>
    NearestEven,
}

/// <summary>How the sum becomes the output.</summary>
public enum OutputRounding
{
    /// <summary>The magnitude is cut. Beyond the largest finite value: infinity, not that value.</summary>
    TowardZero,

    /// <summary>To nearest, ties to even.</summary>
    NearestEven,
}

/// <summary>Where the accumulator C enters.</summary>
public enum AccumulatorEntry
{
    /// <summary>As one more term of the (first) aligned sum.</summary>
    InTheSum,

    /// <summary>By an ordinary addition, rounded to nearest, after the products have been summed from +0.</summary>
    AddedAfter,
}

/// <summary>Which elements of an instruction form a fused block.</summary>
public enum FusedOrder
{
    /// <summary>Blocks of consecutive k.</summary>
    Consecutive,

    /// <summary>Of each four consecutive k, the first two belong to the first of two blocks and the others to the second.</summary>
    PairsOfFour,
}

/// <summary>A matrix unit, as data: what one element of D = A·B + C is, bit for bit.</summary>
/// <remarks>
/// The fused sum of L products and the accumulator (rule N20):
/// <code>
/// p_k = a_k · b_k                 exact: significands multiplied, exponents added; not normalised, so p_k's significand lies in [0, 4)
/// E   = max exponent of the terms that are not 0, and the zero exponent where a term is 0; the terms are p_0 ... p_(L-1) and c
/// t_i = term i cut to a multiple of 2^(E - F)             toward zero
/// S   = Σ t_i                                              exact
/// d   = S rounded to the output format
/// </code>
/// An instruction of K elements is K / L such sums, each the accumulator of the next; a longer dot product is a chain of instructions, k ascending.
/// A NaN operand, 0·∞, or infinities of both signs give the unit's NaN; else an infinity among the terms is the result.
/// A zero result is +0, whatever the signs of its terms: in 73 million dot products of an H100 there is no -0. Other architectures are taken to do the same.
/// Every constant is a property, so that a wrong model is one <c>with</c> away. Page: docs/spec/tensor-cores.md.
/// Sources: "MMA-Sim: Bit-Accurate Reference Model of Tensor Cores and Matrix Cores" (arXiv 2511.10909);
/// Khattak and Mikaitis, "Accurate Models of NVIDIA Tensor Cores" (arXiv 2512.07004) and the outputs of hardware recorded with it.
/// </remarks>
public sealed partial record TensorCore
{
    /// <summary>The unit's name, such as "hopper-wgmma-e4m3-f32": architecture, instruction, operands, accumulator.</summary>
    public required string Name { get; init; }

    /// <summary>Format of A's elements.</summary>
    public required ElementFormat A { get; init; }

    /// <summary>Format of B's elements.</summary>
    public required ElementFormat B { get; init; }

    /// <summary>Elements of k that one instruction takes.</summary>
    public required int K { get; init; }

    /// <summary>L: products in one fused sum; divides K.</summary>
    public required int FusedLength { get; init; }

    /// <summary>Which elements of an instruction form a fused sum.</summary>
    public FusedOrder Order { get; init; }

    /// <summary>F: bits kept behind the point of the largest exponent when terms are aligned.</summary>
    public required int FractionBits { get; init; }

    /// <summary>What happens to the bits behind them.</summary>
    public AlignmentRounding Alignment { get; init; }

    /// <summary>Where C enters.</summary>
    public AccumulatorEntry Entry { get; init; }

    /// <summary>Format of the codes of C and D: <see cref="ElementFormat.F32"/> or <see cref="ElementFormat.F16"/>.</summary>
    public ElementFormat Accumulator { get; init; } = ElementFormat.F32;

    /// <summary>Fraction bits that D carries: 23, 13 (E8M13, in the code of binary32 with ten zeros), or 10.</summary>
    public required int OutputFractionBits { get; init; }

    /// <summary>How the sum is rounded to them.</summary>
    public OutputRounding Rounding { get; init; }

    /// <summary>EZ: the exponent that a zero term counts as when the largest is sought.</summary>
    public required int ZeroExponent { get; init; }

    /// <summary>Elements that share a UE8M0 scale, whose exponents are added to those of the products; 0 where the unit takes no scales.</summary>
    public int ScaleBlock { get; init; }

    /// <summary>Whether products are normalised to a significand in [1, 2) before they are aligned. No unit known does.</summary>
    public bool NormalisesProducts { get; init; }

    /// <summary>Whether subnormal elements of A and B count as zero. No unit known does it.</summary>
    public bool FlushesSubnormals { get; init; }

    /// <summary>
    /// The format that A's and B's elements are converted to before they are multiplied, exactly; null where there is no conversion. It decides the exponent of an
    /// element that is subnormal in its own format: E4M3's 2^-9 has exponent -6 in E4M3 and -9 in binary16.
    /// </summary>
    public ElementFormat? WidensTo { get; init; }

    /// <summary>The code of the NaN that the unit makes: all ones behind the sign.</summary>
    public uint NaN => Accumulator.NegativeZero - 1;

    /// <inheritdoc/>
    public override string ToString() => Name;
}
