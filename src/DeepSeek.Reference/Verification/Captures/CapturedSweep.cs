using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;

namespace DeepSeek.Reference.Verification;

/// <summary>One line of a sweep: the digest of what an instruction gives at neighbouring arguments.</summary>
/// <param name="Instruction">The conversion or function.</param>
/// <param name="First">The first argument's encoding; the others follow it, mod 2^32.</param>
/// <param name="Count">How many arguments.</param>
/// <param name="Sha256">SHA-256 of the results, little-endian words of the instruction's width, in hexadecimal.</param>
internal sealed record SweepLine(string Instruction, uint First, int Count, string Sha256)
{
    /// <summary>Whether the digest must be the model's; a function without a model has none to compare.</summary>
    public bool Judged => CapturedScalars.IsJudged(Instruction);
}

/// <summary>What a comparison of a sweep found.</summary>
/// <param name="Sweep">The file.</param>
/// <param name="Different">The judged lines whose digests are not the model's, in the file's order.</param>
internal sealed record SweepReport(CapturedSweep Sweep, IReadOnlyList<SweepLine> Different)
{
    /// <summary>Lines that are judged.</summary>
    public int Digests => Sweep.Lines.Count(line => line.Judged);

    /// <summary>Arguments of the lines that are judged.</summary>
    public long Total => Sweep.Lines.Where(line => line.Judged).Sum(line => (long)line.Count);

    /// <summary>Arguments of the lines whose digests are equal: of the others nothing is known.</summary>
    public long Equal => Total - Different.Sum(line => (long)line.Count);
}

/// <summary>Digests of conversions and approximate functions over ranges of arguments: what is kept where the results of every argument would be up to 16 GiB each.</summary>
/// <remarks>
/// <code>
/// # a remark; the first says where the file comes from
/// INSTRUCTION FIRST COUNT SHA256          ex2.approx.ftz.f32 0x3f800000 16777216 cc42…
/// </code>
/// docs/spec/capture.md 5. Some 25 million arguments a second and thread.
/// </remarks>
internal sealed class CapturedSweep
{
    /// <summary>How a file's name ends.</summary>
    public const string Extension = ".sweep";

    private const int Piece = 1 << 16;
    private const int LongestCount = 1 << 28;

    private CapturedSweep(string path, string provenance, IReadOnlyList<SweepLine> lines) => (Path, Provenance, Lines) = (path, provenance, lines);

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>The first remark: what the file was captured on, or nothing.</summary>
    public string Provenance { get; }

    /// <summary>Its lines, in the file's order.</summary>
    public IReadOnlyList<SweepLine> Lines { get; }

    /// <summary>Reads a file.</summary>
    /// <exception cref="DataException">It cannot be read, a line is not of that form or of an instruction for which nothing is expected, or there is none.</exception>
    public static CapturedSweep Read(string path)
    {
        string provenance = "";
        var lines = new List<SweepLine>();
        int number = 0;
        foreach (string text in VectorLines.Read(path))
        {
            number++;
            if (text.StartsWith('#'))
                provenance = provenance.Length == 0 ? text[1..].Trim() : provenance;
            else if (!string.IsNullOrWhiteSpace(text))
                lines.Add(Parse(path, number, text));
        }

        return lines.Count > 0 ? new CapturedSweep(path, provenance, lines) : throw new DataException($"{path}: holds no line INSTRUCTION FIRST COUNT SHA256; make one with capture --sweep");
    }

    /// <summary>Compares every line that is judged, several at a time.</summary>
    /// <param name="threads">How many.</param>
    /// <param name="report">Called with the arguments done and all of them, from any thread, one call at a time.</param>
    public SweepReport Judge(int threads, Action<long, long>? report = null)
    {
        SweepLine[] judged = [.. Lines.Where(line => line.Judged)];
        bool[] equal = new bool[judged.Length];
        long done = 0, all = judged.Sum(line => (long)line.Count);
        var reporting = new Lock();
        Parallel.For(0, judged.Length, new ParallelOptions { MaxDegreeOfParallelism = threads }, i => equal[i] = Agrees(judged[i], pieces =>
        {
            lock (reporting)
                report?.Invoke(done += pieces, all);
        }));
        return new SweepReport(this, [.. judged.Where((_, i) => !equal[i])]);
    }

    private static bool Agrees(SweepLine line, Action<int> report)
    {
        (Func<uint, uint> expected, int size) = CapturedScalars.Expected(line.Instruction);
        using var digest = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        byte[] results = new byte[size * Piece + sizeof(uint)];
        for (int done = 0; done < line.Count; done += Piece)
        {
            int take = Math.Min(Piece, line.Count - done);
            // A word of four bytes each: the next result overwrites what is beyond the width.
            for (int i = 0; i < take; i++)
                BinaryPrimitives.WriteUInt32LittleEndian(results.AsSpan(size * i), expected(unchecked(line.First + (uint)(done + i))));
            digest.AppendData(results, 0, size * take);
            report(take);
        }

        return Convert.ToHexStringLower(digest.GetHashAndReset()) == line.Sha256;
    }

    private static SweepLine Parse(string path, int number, string text)
    {
        string[] parts = text.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (parts.Length != 4
            || !parts[1].StartsWith("0x", StringComparison.Ordinal) || !uint.TryParse(parts[1].AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out uint first)
            || !int.TryParse(parts[2], NumberStyles.None, CultureInfo.InvariantCulture, out int count) || count is 0 or > LongestCount
            || parts[3].Length != 64 || !parts[3].All(char.IsAsciiHexDigitLower))
            throw new DataException($"{path}:{number}: is no line INSTRUCTION FIRST COUNT SHA256, such as 'ex2.approx.ftz.f32 0x3f800000 16777216' with 64 lower-case hexadecimal digits; copy or capture it again");
        try
        {
            _ = CapturedScalars.Expected(parts[0]);
        }
        catch (FormatException e)
        {
            throw new DataException($"{path}:{number}: {e.Message}", e);
        }

        return new SweepLine(parts[0], first, count, parts[3]);
    }
}
