using DeepSeek.Reference.TensorCores;

namespace DeepSeek.Reference.Verification;

/// <summary>Dot products of a matrix unit: a, b, c and d, and c16 and d16 where the same operands went into a binary16 accumulator as well.</summary>
/// <param name="unit">The unit of c and d.</param>
/// <param name="half">The unit of c16 and d16; none where the file has them not.</param>
internal sealed class UnitVectors(TensorCore unit, TensorCore? half = null) : IVectorKind
{
    public string Name => half is null || half == unit ? unit.Name : $"{unit.Name} and {half.Accumulator}";

    public bool Knows(string field) => field is "id" or "cat" or "amb" or "unit" or "a" or "b" or "c" or "d" || (field is "c16" or "d16" && half is not null)
        || (field is "scale_a" or "scale_b" && unit.ScaleBlock != 0);

    public VectorDifference? Check(VectorLine line) =>
        (line.Has("d") || half is null ? Check(line, unit, "c", "d") : null) ?? (half is not null ? Check(line, half, "c16", "d16") : null);

    private static VectorDifference? Check(VectorLine line, TensorCore unit, string c, string d)
    {
        uint[] a = Operand(line, "a", unit, unit.A);
        uint[] b = Operand(line, "b", unit, unit.B);
        if (a.Length != b.Length)
            throw line.Bad($"'a' has {a.Length} elements and 'b' has {b.Length}", "give as many of both");
        uint start = line.Has(c) ? line.Code(c, unit.Accumulator.Digits) : 0;
        uint got = unit.ScaleBlock == 0 ? unit.Define(a, b, start) : unit.Define(a, b, Scales(line, "scale_a", unit, a), Scales(line, "scale_b", unit, b), start);
        return VectorDifference.Of(line, d, got, unit.Accumulator.Digits, anyNaN: false);
    }

    private static uint[] Operand(VectorLine line, string field, TensorCore unit, ElementFormat format)
    {
        uint[] codes = line.Codes(field, format.Digits);
        if (codes.Length == 0 || codes.Length % unit.K != 0)
            throw line.Bad($"'{field}' has {codes.Length} elements", $"{unit.Name} takes {unit.K}, or a multiple of it");
        foreach (uint code in codes)
        {
            if (format.StorageBits < 32 && code >> format.StorageBits != 0)
                throw line.Bad($"'{field}' has 0x{code:x}, which has more than the {format.StorageBits} bits of {format}", "give codes of the format");
        }

        return codes;
    }

    private static byte[] Scales(VectorLine line, string field, TensorCore unit, uint[] elements) =>
        [.. line.Codes(field, 2, elements.Length / unit.ScaleBlock).Select(code => (byte)code)];
}
