namespace DeepSeek.Reference.TensorCores;

public sealed partial record TensorCore
{
    // Terms are below 2^(F + 2): this many of them, of this length, stay inside 64 bits.
    private const int MostFractionBits = 48;
    private const int LongestSum = 1024;

    /// <summary>The definition: the code of D from the codes of K elements of A and B, or of any multiple of K as a chain of instructions, and of C.</summary>
    /// <param name="a">Codes of A's elements, k ascending.</param>
    /// <param name="b">Codes of B's elements.</param>
    /// <param name="c">Code of C; +0 where the instruction is told to ignore C.</param>
    /// <exception cref="ShapeException">a and b differ in length, or are no whole number of instructions.</exception>
    /// <exception cref="ContractException">The unit takes scales.</exception>
    /// <exception cref="DataException">A code has more bits than its format.</exception>
    public uint Define(ReadOnlySpan<uint> a, ReadOnlySpan<uint> b, uint c)
    {
        if (ScaleBlock != 0)
            throw new ContractException($"{Name} takes a scale for each {ScaleBlock} elements; give the scales of a and of b");
        return Chain(a, b, [], [], c, null);
    }

    /// <summary>As the other overload, for a unit with block scales.</summary>
    /// <param name="a">Codes of A's elements, k ascending.</param>
    /// <param name="b">Codes of B's elements.</param>
    /// <param name="scalesOfA">UE8M0 codes, one for each <see cref="ScaleBlock"/> elements of a.</param>
    /// <param name="scalesOfB">The same for b.</param>
    /// <param name="c">Code of C.</param>
    /// <exception cref="ShapeException">Lengths that do not fit.</exception>
    /// <exception cref="ContractException">The unit takes no scales.</exception>
    /// <exception cref="DataException">A code has more bits than its format.</exception>
    public uint Define(ReadOnlySpan<uint> a, ReadOnlySpan<uint> b, ReadOnlySpan<byte> scalesOfA, ReadOnlySpan<byte> scalesOfB, uint c)
    {
        if (ScaleBlock == 0)
            throw new ContractException($"{Name} takes no scales");
        return Chain(a, b, scalesOfA, scalesOfB, c, null);
    }

    /// <summary>The evaluation of the definition, with all its steps.</summary>
    /// <param name="a">Codes of A's elements, k ascending.</param>
    /// <param name="b">Codes of B's elements.</param>
    /// <param name="scalesOfA">UE8M0 codes of the scales; empty where the unit takes none.</param>
    /// <param name="scalesOfB">The same for b.</param>
    /// <param name="c">Code of C.</param>
    /// <exception cref="ShapeException">Lengths that do not fit.</exception>
    /// <exception cref="DataException">A code has more bits than its format.</exception>
    public TensorCoreExplanation Explain(ReadOnlySpan<uint> a, ReadOnlySpan<uint> b, ReadOnlySpan<byte> scalesOfA, ReadOnlySpan<byte> scalesOfB, uint c)
    {
        var record = new Recording([], []);
        uint d = Chain(a, b, scalesOfA, scalesOfB, c, record);
        return new TensorCoreExplanation(this, record.Sums, record.Additions, d);
    }

    private uint Chain(ReadOnlySpan<uint> a, ReadOnlySpan<uint> b, ReadOnlySpan<byte> scalesOfA, ReadOnlySpan<byte> scalesOfB, uint c, Recording? record)
    {
        RequireOperands(a.Length, b.Length, scalesOfA.Length, scalesOfB.Length);
        uint d = c;
        for (int k = 0; k < a.Length; k += K)
            d = Instruction(a, b, scalesOfA, scalesOfB, k, d, record);
        return d;
    }

    /// <summary>One instruction, on elements k ... k + K - 1.</summary>
    private uint Instruction(
        ReadOnlySpan<uint> a, ReadOnlySpan<uint> b, ReadOnlySpan<byte> scalesOfA, ReadOnlySpan<byte> scalesOfB, int k, uint c, Recording? record)
    {
        uint sum = Entry == AccumulatorEntry.InTheSum ? c : 0;
        Span<FusedTerm> terms = stackalloc FusedTerm[FusedLength + 1];
        for (int block = 0; block < K / FusedLength; block++)
        {
            for (int j = 0; j < FusedLength; j++)
            {
                int i = k + Index(block, j);
                int scale = ScaleBlock == 0 ? 0 : ScaleExponent(scalesOfA[i / ScaleBlock]) + ScaleExponent(scalesOfB[i / ScaleBlock]);
                bool scaleIsNaN = ScaleBlock != 0 && (scalesOfA[i / ScaleBlock] == 0xFF || scalesOfB[i / ScaleBlock] == 0xFF);
                FusedTerm product = Product(Read(A, a[i]), Read(B, b[i]), scale);
                terms[j] = scaleIsNaN ? product with { Kind = ElementKind.NaN } : product;
            }

            Element accumulator = Accumulator.Decode(sum);
            terms[FusedLength] = new FusedTerm(accumulator.Kind, accumulator.Negative, accumulator.Exponent, accumulator.Significand, Accumulator.FractionBits);
            uint result = Fused(terms, out int largest, out long S);
            record?.Sums.Add(new FusedSum([.. Enumerable.Range(0, FusedLength).Select(j => k + Index(block, j))], [.. terms], sum, largest, S, result));
            sum = result;
        }

        if (Entry == AccumulatorEntry.InTheSum)
            return sum;
        uint d = AddNearest(sum, c);
        record?.Additions.Add(new LateAddition(sum, c, d));
        return d;
    }

    /// <summary>Which element of an instruction is number j of fused block <paramref name="block"/>.</summary>
    internal int Index(int block, int j) => Order == FusedOrder.Consecutive ? block * FusedLength + j : 4 * (j / 2) + 2 * block + j % 2;

    /// <summary>The fused sum of L products and the accumulator.</summary>
    private uint Fused(ReadOnlySpan<FusedTerm> terms, out int largest, out long S)
    {
        largest = int.MinValue;
        S = 0;
        if (Special(terms) is uint special)
            return special;

        foreach (FusedTerm term in terms)
            largest = Math.Max(largest, term.Kind == ElementKind.Zero ? ZeroExponent : term.Exponent);

        foreach (FusedTerm term in terms)
            S += term.Align(largest, FractionBits, Alignment);
        return S == 0 ? 0 : Round(S, largest - FractionBits);
    }

    /// <summary>The result where a term is a NaN or an infinity; else none.</summary>
    private uint? Special(ReadOnlySpan<FusedTerm> terms)
    {
        bool nan = false;
        bool positive = false;
        bool negative = false;
        foreach (FusedTerm term in terms)
        {
            nan |= term.Kind == ElementKind.NaN;
            positive |= term.Kind == ElementKind.Infinity && !term.Negative;
            negative |= term.Kind == ElementKind.Infinity && term.Negative;
        }

        if (nan || (positive && negative))
            return NaN;
        if (positive || negative)
            return negative ? Accumulator.NegativeZero | Accumulator.Infinity : Accumulator.Infinity;
        return null;
    }

    /// <summary>The exact product of two operands, times 2^scale.</summary>
    private FusedTerm Product(Element a, Element b, int scale)
    {
        bool negative = a.Negative != b.Negative;
        int fractionBits = A.FractionBits + B.FractionBits;
        if (a.Kind == ElementKind.NaN || b.Kind == ElementKind.NaN)
            return new FusedTerm(ElementKind.NaN, negative, 0, 0, fractionBits);
        if (a.Kind == ElementKind.Infinity || b.Kind == ElementKind.Infinity)
        {
            bool zero = a.Kind == ElementKind.Zero || b.Kind == ElementKind.Zero;
            return new FusedTerm(zero ? ElementKind.NaN : ElementKind.Infinity, negative, 0, 0, fractionBits);
        }

        if (a.Kind == ElementKind.Zero || b.Kind == ElementKind.Zero)
            return new FusedTerm(ElementKind.Zero, negative, 0, 0, fractionBits);

        int exponent = a.Exponent + b.Exponent + scale;
        ulong significand = (ulong)a.Significand * b.Significand;
        if (NormalisesProducts)
        {
            int length = 64 - (int)ulong.LeadingZeroCount(significand);
            exponent += length - 1 - fractionBits;
            fractionBits = length - 1;
        }

        return new FusedTerm(ElementKind.Normal, negative, exponent, significand, fractionBits);
    }

    /// <summary>The code of S · 2^unit in the output format; S is not 0. What becomes a zero is +0.</summary>
    private uint Round(long S, int unit)
    {
        ulong magnitude = (ulong)Math.Abs(S);
        uint sign = S < 0 ? Accumulator.NegativeZero : 0;
        int exponent = unit + 63 - (int)ulong.LeadingZeroCount(magnitude);
        int quantum = Math.Max(exponent, Accumulator.MinExponent) - OutputFractionBits;
        int shift = quantum - unit;

        ulong kept;
        if (shift <= 0)
            kept = magnitude << -shift;
        else if (Rounding == OutputRounding.NearestEven)
            kept = FusedTerm.NearestEven(magnitude, shift);
        else
            kept = shift >= 64 ? 0 : magnitude >> shift;

        // A subnormal result lacks the leading 1 and has exponent field 0; a carry out of the fraction moves into the field by itself.
        int field = Math.Max(exponent, Accumulator.MinExponent) + Accumulator.Bias - 1;
        long code = ((long)field << Accumulator.FractionBits) + (long)(kept << (Accumulator.FractionBits - OutputFractionBits));
        if (code == 0)
            return 0;
        if (code >= Accumulator.Infinity)
            return sign | Accumulator.Infinity;
        return sign | (uint)code;
    }

    /// <summary>x + y, rounded to nearest, ties to even: the ordinary addition of the accumulator's format.</summary>
    private uint AddNearest(uint x, uint y)
    {
        Element a = Accumulator.Decode(x);
        Element b = Accumulator.Decode(y);
        bool infinities = a.Kind == ElementKind.Infinity && b.Kind == ElementKind.Infinity;
        if (a.Kind == ElementKind.NaN || b.Kind == ElementKind.NaN || (infinities && a.Negative != b.Negative))
            return NaN;

        if (Accumulator == ElementFormat.F16)
            return BitConverter.HalfToUInt16Bits(BitConverter.UInt16BitsToHalf((ushort)x) + BitConverter.UInt16BitsToHalf((ushort)y));
        return BitConverter.SingleToUInt32Bits(BitConverter.UInt32BitsToSingle(x) + BitConverter.UInt32BitsToSingle(y));
    }

    private Element Read(ElementFormat format, uint code)
    {
        Element element = format.Decode(code);
        if (element.Kind != ElementKind.Subnormal)
            return element;
        if (FlushesSubnormals)
            return new Element(ElementKind.Zero, element.Negative, 0, 0);
        if (WidensTo is null)
            return element;

        // The wider format has it with a leading 1, or nearer to one.
        int length = 32 - (int)uint.LeadingZeroCount(element.Significand);
        int shift = Math.Min(format.FractionBits + 1 - length, element.Exponent - WidensTo.MinExponent);
        return element with { Exponent = element.Exponent - shift, Significand = element.Significand << shift };
    }

    /// <summary>Throws for constants that no evaluation is defined for.</summary>
    private void RequireModel()
    {
        if (FusedLength < 1 || FusedLength > LongestSum || K % FusedLength != 0 || (Order == FusedOrder.PairsOfFour && K != 2 * FusedLength))
            throw new ContractException($"{Name}: instructions of {K} do not fall into {Order} sums of {FusedLength}");
        if (FractionBits is < 0 or > MostFractionBits || OutputFractionBits < 0 || OutputFractionBits > Accumulator.FractionBits)
            throw new ContractException($"{Name}: {FractionBits} kept bits and {OutputFractionBits} bits of output; take 0 to {MostFractionBits} and 0 to {Accumulator.FractionBits}");
        if (WidensTo is not null && (WidensTo.MinExponent > Math.Min(A.MinExponent, B.MinExponent) || WidensTo.FractionBits < Math.Max(A.FractionBits, B.FractionBits)))
            throw new ContractException($"{Name}: {WidensTo} does not hold every value of {A} and {B}");
        if (ScaleBlock < 0 || (ScaleBlock > 0 && K % ScaleBlock != 0))
            throw new ContractException($"{Name}: instructions of {K} do not fall into scales for each {ScaleBlock}");
    }

    private static int ScaleExponent(byte code) => code - 127;

    private void RequireOperands(int a, int b, int scalesOfA, int scalesOfB)
    {
        RequireModel();
        if (a != b)
            throw new ShapeException($"a has {a} elements and b has {b}; a dot product takes as many of both");
        if (a % K != 0)
            throw new ShapeException($"{a} elements are no whole number of instructions of {Name}, which take {K}; pad with zeros");
        int scales = ScaleBlock == 0 ? 0 : a / ScaleBlock;
        if (scalesOfA != scales || scalesOfB != scales)
            throw new ShapeException($"{scalesOfA} scales of a and {scalesOfB} of b; {a} elements of {Name} take {scales}");
    }

    /// <summary>What an evaluation leaves behind when it is asked to.</summary>
    private sealed record Recording(List<FusedSum> Sums, List<LateAddition> Additions);
}
