using System.Globalization;
using DeepSeek.Reference.TensorCores;
using DeepSeek.Reference.Verification;

namespace DeepSeek.Reference.Tool;

/// <summary>One capture beside its model, whichever of the kinds it is: one of the three reports is there.</summary>
/// <param name="Path">The file.</param>
/// <param name="Kind">dot, convert, function, or sweep.</param>
/// <param name="Instruction">The instruction; those of a sweep, joined.</param>
/// <param name="IsSynthetic">Whether a model made it.</param>
/// <param name="Device">What it was captured on.</param>
/// <param name="Provenance">The device and, of hardware, driver, compiler and date.</param>
internal sealed record CaptureJudgement(string Path, string Kind, string Instruction, bool IsSynthetic, string Device, string Provenance)
{
    /// <summary>The kinds of difference, in the order they are told.</summary>
    public static readonly DifferenceKind[] Kinds = [DifferenceKind.SignOfZero, DifferenceKind.CodeOfNaN, DifferenceKind.Special, DifferenceKind.LastPlace, DifferenceKind.Value];

    /// <summary>Of dot products.</summary>
    public CaptureReport? Dots { get; private init; }

    /// <summary>Of a conversion or function.</summary>
    public ScalarReport? Scalars { get; private init; }

    /// <summary>Of digests.</summary>
    public SweepReport? Sweep { get; private init; }

    /// <summary>Whether a difference is a failure.</summary>
    public bool Judged => Dots is not null || (Scalars?.Judged ?? Sweep!.Digests > 0);

    /// <summary>Whether all bits are equal, or need not be.</summary>
    public bool Passes => !Judged || Equal == Total;

    /// <summary>Results.</summary>
    public long Total => Dots?.Total ?? Scalars?.Total ?? Sweep!.Total;

    /// <summary>Those with equal bits.</summary>
    public long Equal => Dots?.Equal ?? Scalars?.Equal ?? Sweep!.Equal;

    /// <summary>What they were compared with.</summary>
    public string Model => Dots?.Unit.Name ?? (Judged ? Instruction : $"{Instruction} against the correctly rounded value");

    /// <summary>What differs.</summary>
    public IEnumerable<string> Lines => Dots is not null ? DotLines(Dots) : Scalars is not null ? ScalarLines(Scalars) : SweepLines(Sweep!);

    /// <summary>Reads a file and compares it.</summary>
    /// <exception cref="DataException">The file cannot be used.</exception>
    public static CaptureJudgement Of(string file, TensorCore? model, int threads, int keep, Action<long, long> report)
    {
        if (file.EndsWith(CapturedSweep.Extension, StringComparison.Ordinal))
            return Of(CapturedSweep.Read(file).Judge(threads, report));
        HardwareCapture capture = HardwareCapture.Read(file);
        string kind = capture.Header.Text("kind", "");
        var known = new CaptureJudgement(file, kind, capture.Header.Text("instruction"), capture.IsSynthetic, capture.Header.Text("device", ""), capture.Provenance);
        return kind switch
        {
            "dot" => known with { Dots = CapturedDots.Of(capture).Judge(model, threads, keep, report) },
            "convert" or "function" => known with { Scalars = CapturedScalars.Of(capture).Judge(keep) },
            _ => throw new DataException($"{file}: its header's kind '{kind}' is none of dot, convert, function; a newer version may know it"),
        };
    }

    private static CaptureJudgement Of(SweepReport report)
    {
        CapturedSweep sweep = report.Sweep;
        string instructions = string.Join(", ", sweep.Lines.Select(line => line.Instruction).Distinct());
        string provenance = sweep.Provenance.Length > 0 ? sweep.Provenance : "unknown device";
        return new CaptureJudgement(sweep.Path, "sweep", instructions, provenance.StartsWith("synthetic", StringComparison.Ordinal), sweep.Provenance, provenance) { Sweep = report };
    }

    /// <summary>Codes as hexadecimal digits of their width, joined.</summary>
    public static string Hex(IEnumerable<uint> codes, CaptureFormat format) =>
        string.Concat(codes.Select(c => c.ToString(string.Create(CultureInfo.InvariantCulture, $"x{format.Bits / 4}"), CultureInfo.InvariantCulture)));

    /// <summary>A kind of difference in a word.</summary>
    public static string Word(DifferenceKind kind) => kind switch
    {
        DifferenceKind.SignOfZero => "sign_of_zero",
        DifferenceKind.CodeOfNaN => "code_of_nan",
        DifferenceKind.Special => "special",
        DifferenceKind.LastPlace => "last_place",
        _ => "value",
    };

    private static IEnumerable<string> DotLines(CaptureReport r)
    {
        foreach (DifferenceKind kind in Kinds.Where(kind => r.Of(kind) > 0))
            yield return string.Create(CultureInfo.InvariantCulture, $"{r.Of(kind)} differ in {Word(kind)}");
        if (r.Equal < r.Total)
        {
            yield return "by map of elements: " + ByMap(r, map => $"{map.Elements}");
            yield return "by map of addends: " + ByMap(r, map => $"{map.Addend}");
        }

        CaptureInstruction instruction = r.Dots.Instruction;
        foreach (CaptureDifference d in r.First)
        {
            string captured = Hex([d.Captured], instruction.Accumulator), model = Hex([d.Model], instruction.Accumulator);
            yield return string.Create(CultureInfo.InvariantCulture, $"tile {d.Tile}, row {d.Row}, column {d.Column}: captured 0x{captured}, model 0x{model}, differing bits 0x{d.Captured ^ d.Model:x}");
            yield return $"  dsref mma --unit {r.Unit.Name} --a {Hex(d.A, instruction.A)} --b {Hex(d.B, instruction.B)} --c {Hex([d.C], instruction.Accumulator)} --explain";
        }
    }

    private static string ByMap(CaptureReport r, Func<(ElementMap Elements, AddendMap Addend), string> name) => string.Join(", ", r.Maps
        .GroupBy(m => name(m.Key), m => m.Value)
        .Where(group => group.Any(count => count.Different > 0))
        .Select(group => string.Create(CultureInfo.InvariantCulture, $"{group.Key} {group.Sum(count => count.Different)} of {group.Sum(count => count.Total)}")));

    private static IEnumerable<string> ScalarLines(ScalarReport r)
    {
        if (!r.Judged)
            yield return string.Create(CultureInfo.InvariantCulture, $"largest distance {r.LargestDistance} units in the last place");
        foreach (ScalarDifference d in r.First)
            yield return $"argument 0x{d.Argument:x8}: captured 0x{d.Captured:x}, expected 0x{d.Expected:x}";
    }
    private static IEnumerable<string> SweepLines(SweepReport r)
    {
        int others = r.Sweep.Lines.Count - r.Digests;
        yield return string.Create(CultureInfo.InvariantCulture, $"{r.Digests - r.Different.Count} of {r.Digests} digests equal{(others > 0 ? $"; {others} of functions without a model" : "")}");
        foreach (SweepLine line in r.Different)
            yield return string.Create(CultureInfo.InvariantCulture, $"{line.Instruction}: another digest of the {line.Count} arguments from 0x{line.First:x8}; which, tells a capture of them, --first 0x{line.First:x8} --step 1 --count {line.Count}");
    }
}
