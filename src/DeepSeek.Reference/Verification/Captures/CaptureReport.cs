using DeepSeek.Reference.TensorCores;

namespace DeepSeek.Reference.Verification;

/// <summary>In what a result differs from the model's.</summary>
internal enum DifferenceKind
{
    /// <summary>In nothing.</summary>
    None,

    /// <summary>+0 against -0.</summary>
    SignOfZero,

    /// <summary>Both NaN, with other codes.</summary>
    CodeOfNaN,

    /// <summary>One is a NaN or an infinity and the other is not, or infinities of both signs.</summary>
    Special,

    /// <summary>Neighbouring codes.</summary>
    LastPlace,

    /// <summary>Numbers further apart.</summary>
    Value,
}

/// <summary>One dot product: where it is, and both results.</summary>
/// <param name="Tile">The tile.</param>
/// <param name="Row">Row of A.</param>
/// <param name="Column">Row of B.</param>
/// <param name="C">Code of the accumulator that entered.</param>
/// <param name="Captured">Code that was captured.</param>
/// <param name="Model">Code of the model.</param>
internal readonly record struct CaptureDifference(long Tile, int Row, int Column, uint C, uint Captured, uint Model)
{
    /// <summary>The operands; given where a difference is kept.</summary>
    public IReadOnlyList<uint> A { get; init; } = [];

    /// <inheritdoc cref="A"/>
    public IReadOnlyList<uint> B { get; init; } = [];

    /// <summary>In what the results differ.</summary>
    public DifferenceKind Kind(CaptureFormat format)
    {
        if (Captured == Model)
            return DifferenceKind.None;
        if (format.IsNaN(Captured) && format.IsNaN(Model))
            return DifferenceKind.CodeOfNaN;
        if (format.IsSpecial(Captured) || format.IsSpecial(Model))
            return DifferenceKind.Special;
        uint sign = 1u << (format.Bits - 1);
        if (((Captured | Model) & (sign - 1)) == 0)
            return DifferenceKind.SignOfZero;
        return Math.Abs(Ordered(Captured, sign) - Ordered(Model, sign)) == 1 ? DifferenceKind.LastPlace : DifferenceKind.Value;
    }

    /// <summary>Codes by the order of what they stand for.</summary>
    private static long Ordered(uint code, uint sign) => (code & sign) != 0 ? -(long)(code & (sign - 1)) : code;
}

/// <summary>What a comparison with the model found.</summary>
internal sealed class CaptureReport(CapturedDots dots, TensorCore unit)
{
    private readonly long[] kinds = new long[Enum.GetValues<DifferenceKind>().Length];
    private readonly SortedDictionary<(ElementMap Elements, AddendMap Addend), (long Total, long Different)> maps = [];
    private readonly List<CaptureDifference> first = [];

    /// <summary>The model.</summary>
    public TensorCore Unit => unit;

    /// <summary>What was captured.</summary>
    public CapturedDots Dots => dots;

    /// <summary>Dot products.</summary>
    public long Total => kinds.Sum();

    /// <summary>Those equal in every bit.</summary>
    public long Equal => kinds[(int)DifferenceKind.None];

    /// <summary>By pair of maps: how many there are, and how many differ.</summary>
    public IReadOnlyDictionary<(ElementMap Elements, AddendMap Addend), (long Total, long Different)> Maps => maps;

    /// <summary>The first differences.</summary>
    public IReadOnlyList<CaptureDifference> First => first;

    /// <summary>How many are of a kind.</summary>
    public long Of(DifferenceKind kind) => kinds[(int)kind];

    /// <summary>Counts one dot product, and keeps it with its operands if it differs and is among the first.</summary>
    public void Count(CaptureDifference result, ReadOnlySpan<uint> a, ReadOnlySpan<uint> b, int keep)
    {
        DifferenceKind kind = result.Kind(dots.Instruction.Accumulator);
        kinds[(int)kind]++;
        bool differs = kind != DifferenceKind.None;
        Count((CaptureMaps.ElementMapOf(result.Tile), CaptureMaps.AddendMapOf(result.Tile)), 1, differs ? 1 : 0);
        if (differs && first.Count < keep)
            first.Add(result with { A = a.ToArray(), B = b.ToArray() });
    }

    /// <summary>Adds the counts of a later part.</summary>
    public void Add(CaptureReport later, int keep)
    {
        for (int i = 0; i < kinds.Length; i++)
            kinds[i] += later.kinds[i];
        foreach ((var map, (long total, long different)) in later.maps)
            Count(map, total, different);
        first.AddRange(later.first.Take(keep - first.Count));
    }

    private void Count((ElementMap, AddendMap) map, long total, long different)
    {
        maps.TryGetValue(map, out (long Total, long Different) before);
        maps[map] = (before.Total + total, before.Different + different);
    }
}
