using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.TensorCores;

namespace DeepSeek.Reference.Verification;

/// <summary>A capture of dot products: its inputs made again, or read, and each result beside the model's.</summary>
/// <remarks>
/// A tile is 64 rows of A, 8 rows of B and 64 x 8 accumulators, over one instruction or a chain of them:
/// <code>
/// payload   d [tiles, 64, 8]; where inputs are explicit also a [tiles, steps, 64, K], b [tiles, steps, 8, K], c [tiles, 64, 8]
/// </code>
/// Codes of the formats' width, little-endian.
/// </remarks>
internal sealed class CapturedDots
{
    /// <summary>Rows of A in a tile.</summary>
    public const int Rows = 64;

    /// <summary>Rows of B in a tile.</summary>
    public const int Columns = 8;

    /// <summary>Dot products of a tile.</summary>
    public const int Dots = Rows * Columns;

    private const int MostTiles = 1 << 20;
    private const int MostSteps = 256;

    private readonly HardwareCapture capture;
    private readonly ulong seed;
    private readonly bool isExplicit;

    private CapturedDots(HardwareCapture capture, CaptureInstruction instruction)
    {
        this.capture = capture;
        Instruction = instruction;
        CaptureHeader header = capture.Header;
        (string Field, string Value)[] fixedFields = [("a", instruction.A.Name), ("b", instruction.B.Name), ("accumulator", instruction.Accumulator.Name), ("maps", CaptureMaps.Version)];
        foreach ((string field, string value) in fixedFields)
        {
            if (header.Text(field) != value)
                throw new FormatException($"its header's {field} is '{header.Text(field)}' where '{value}' belongs to {instruction.Name}");
        }

        header.Number("k", instruction.K, instruction.K);
        Steps = (int)header.Number("steps", 1, MostSteps);
        Tiles = header.Number("tiles", 1, MostTiles);
        header.Number("count", Tiles * Dots, Tiles * Dots);
        seed = header.Bits("seed");
        isExplicit = header.Text("inputs") switch
        {
            "explicit" => true,
            "seed" => false,
            string other => throw new FormatException($"its header's inputs are '{other}', neither seed nor explicit"),
        };
        long expected = ResultBytes + (isExplicit ? OperandBytes(true) + OperandBytes(false) + ResultBytes : 0);
        if (capture.Payload.Length != expected)
            throw new FormatException(string.Create(CultureInfo.InvariantCulture, $"has a payload of {capture.Payload.Length} bytes where its header describes {expected}"));
    }

    /// <summary>The instruction.</summary>
    public CaptureInstruction Instruction { get; }

    /// <summary>Instructions in a chain.</summary>
    public int Steps { get; }

    /// <summary>Tiles.</summary>
    public long Tiles { get; }

    /// <summary>Elements of one dot product.</summary>
    public int Length => Steps * Instruction.K;

    private long ResultBytes => Tiles * Dots * Instruction.Accumulator.Bytes;

    /// <summary>The dot products of a capture of that kind.</summary>
    /// <exception cref="DataException">Header and payload do not fit, or the inputs made from the seed are not those that were captured.</exception>
    public static CapturedDots Of(HardwareCapture capture)
    {
        try
        {
            var dots = new CapturedDots(capture, CaptureInstruction.Parse(capture.Header.Text("instruction")));
            string want = capture.Header.Text("inputs_sha256"), got = dots.InputDigest();
            return want == got ? dots : throw new FormatException($"was made from inputs of SHA-256 {want}, but its seed and maps give {got}");
        }
        catch (FormatException e)
        {
            throw HardwareCapture.Unusable(capture.Path, e);
        }
    }

    /// <summary>The header of inputs from a seed, with their digest, for whoever makes a capture.</summary>
    public static CaptureHeader Describe(string instruction, string origin, string device, ulong seed, long tiles, int steps)
    {
        CaptureInstruction parsed = CaptureInstruction.Parse(instruction);
        CaptureHeader header = new CaptureHeader().Add("kind", "dot").Add("origin", origin).Add("instruction", instruction).Add("device", device)
            .Add("a", parsed.A.Name).Add("b", parsed.B.Name).Add("accumulator", parsed.Accumulator.Name).Add("k", (long)parsed.K).Add("steps", (long)steps)
            .Add("tiles", tiles).Add("count", tiles * Dots).Add("seed", string.Create(CultureInfo.InvariantCulture, $"0x{seed:x16}")).Add("maps", CaptureMaps.Version)
            .Add("inputs", "seed");
        return header.Add("inputs_sha256", CaptureInputs.Digest(parsed, seed, tiles, steps));
    }

    /// <summary>The inputs of a tile: a [steps, 64, K], b [steps, 8, K], c [64, 8].</summary>
    public void Inputs(long tile, Span<uint> a, Span<uint> b, Span<uint> c)
    {
        if (!isExplicit)
        {
            CaptureInputs.Tile(Instruction, seed, Steps, tile, a, b, c);
            return;
        }

        long at = ResultBytes;
        Codes(at + tile * a.Length * Instruction.A.Bytes, Instruction.A.Bytes, a);
        at += OperandBytes(true);
        Codes(at + tile * b.Length * Instruction.B.Bytes, Instruction.B.Bytes, b);
        at += OperandBytes(false);
        Codes(at + tile * Dots * Instruction.Accumulator.Bytes, Instruction.Accumulator.Bytes, c);
    }

    /// <summary>The captured results of a tile [64, 8].</summary>
    public void Results(long tile, Span<uint> d) => Codes(tile * Dots * Instruction.Accumulator.Bytes, Instruction.Accumulator.Bytes, d);

    /// <summary>Evaluates the model on every dot product.</summary>
    /// <param name="unit">The model; by default the instruction's own.</param>
    /// <param name="threads">How many tiles are evaluated at once; changes nothing else.</param>
    /// <param name="keep">How many differences to describe, the first by index.</param>
    /// <param name="report">Told after each slice how many tiles are done; may throw to stop.</param>
    /// <exception cref="ContractException">The unit takes other operands.</exception>
    public CaptureReport Judge(TensorCore? unit = null, int threads = 1, int keep = 8, Action<long, long>? report = null)
    {
        unit ??= Instruction.Unit;
        if (unit.K > Length || Length % unit.K != 0 || unit.ScaleBlock != 0 || unit.A != Instruction.A.Elements || unit.B != Instruction.B.Elements || unit.Accumulator != Instruction.Accumulator.Elements)
            throw new ContractException($"{unit.Name} does not take the operands of {Instruction.Name}; name a unit with the same formats");
        var total = new CaptureReport(this, unit);
        const int slice = 64;
        for (long first = 0; first < Tiles; first += slice)
        {
            int count = (int)Math.Min(slice, Tiles - first);
            var parts = new CaptureReport[count];
            Parallel.For(0, count, new ParallelOptions { MaxDegreeOfParallelism = threads }, i => parts[i] = Tile(unit, first + i, keep));
            foreach (CaptureReport part in parts)
                total.Add(part, keep);
            report?.Invoke(first + count, Tiles);
        }

        return total;
    }

    private CaptureReport Tile(TensorCore unit, long tile, int keep)
    {
        int K = Instruction.K;
        uint[] a = new uint[Steps * Rows * K], b = new uint[Steps * Columns * K], c = new uint[Dots], d = new uint[Dots];
        Inputs(tile, a, b, c);
        Results(tile, d);
        var report = new CaptureReport(this, unit);
        uint[] x = new uint[Length], y = new uint[Length];
        for (int i = 0; i < Dots; i++)
        {
            Row(a, Rows, i / Columns, x);
            Row(b, Columns, i % Columns, y);
            uint model = unit.Define(x, y, c[i]);
            report.Count(new CaptureDifference(tile, i / Columns, i % Columns, c[i], d[i], model), x, y, keep);
        }

        return report;
    }

    /// <summary>The elements of one row over all steps.</summary>
    private void Row(ReadOnlySpan<uint> operand, int rows, int row, Span<uint> elements)
    {
        int K = Instruction.K;
        for (int s = 0; s < Steps; s++)
            operand.Slice((s * rows + row) * K, K).CopyTo(elements[(s * K)..]);
    }

    private long OperandBytes(bool isA) => Tiles * Length * (isA ? Rows * Instruction.A.Bytes : Columns * Instruction.B.Bytes);

    private string InputDigest() => isExplicit
        ? Convert.ToHexStringLower(SHA256.HashData(capture.Payload.Span[(int)ResultBytes..]))
        : CaptureInputs.Digest(Instruction, seed, Tiles, Steps);

    private void Codes(long at, int size, Span<uint> codes)
    {
        ReadOnlySpan<byte> bytes = capture.Payload.Span.Slice((int)at, codes.Length * size);
        for (int i = 0; i < codes.Length; i++)
        {
            codes[i] = size switch
            {
                1 => bytes[i],
                2 => BinaryPrimitives.ReadUInt16LittleEndian(bytes[(2 * i)..]),
                _ => BinaryPrimitives.ReadUInt32LittleEndian(bytes[(4 * i)..]),
            };
        }
    }
}
