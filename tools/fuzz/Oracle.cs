using System.IO.Compression;

namespace DeepSeek.Reference.Fuzz;

/// <summary>What one execution showed.</summary>
/// <param name="Finding">Null, or in one line what must not be.</param>
/// <param name="Refusal">The library's own error; null where the file was read.</param>
/// <param name="Allocated">Bytes allocated, all together.</param>
internal readonly record struct Execution(string? Finding, string? Refusal, long Allocated);

/// <summary>Runs a reader and says whether it kept its promises: only the library's own errors, each in one line, and memory bounded by the file.</summary>
/// <remarks>
/// The limit is on what is allocated in all, garbage included, which what is held at one time cannot exceed:
/// <code>
/// allocated ≤ F · length + Slack        length of the file, unpacked where it is compressed by gzip; F is 4, and 16 for lines of text
/// </code>
/// </remarks>
internal static class Oracle
{
    /// <summary>What a refusal costs beside the file: buffers of streams, the parser's tables, an exception with its trace and its message, which may quote up to a line.</summary>
    private const long Slack = 512 << 10;

    /// <summary>A case holds lists of up to 2^18 numbers of four bytes itself (groups, choices and their plan), however short its text is, and is read twice.</summary>
    private const long SlackOfCases = 16 << 20;

    /// <summary>Gives a target the file of <paramref name="path"/>, of that many bytes unpacked.</summary>
    public static Execution Run(string target, string path, long length) => Run(Readers.ByName[target], path, length * FactorOf(target) / 4, target == "case" ? SlackOfCases : Slack);

    /// <summary>Four times the file; lines of text are read up to three times over, each time as UTF-16 and once more as a string, of which one time is held.</summary>
    public static int FactorOf(string target) => target is "vectors" or "tables" or "sweep" ? 16 : 4;

    /// <summary>The same for any reader and any allowance beside four times <paramref name="length"/>.</summary>
    public static Execution Run(Action<string> reader, string path, long length, long slack)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        string? finding = null, refusal = null;
        try
        {
            reader(path);
        }
        catch (ReferenceException e)
        {
            refusal = e.Message;
        }
        catch (Exception e)
        {
            finding = $"{e.GetType().Name}: {e.Message.ReplaceLineEndings(" ")} at {Where(e)}";
        }

        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        if (finding is null && refusal is not null && refusal.AsSpan().ContainsAny('\n', '\r'))
            finding = $"a message of several lines: {refusal.ReplaceLineEndings("\\n")}";
        if (finding is null && allocated > 4 * length + slack)
            finding = $"{allocated} bytes allocated for a file of {length}";
        return new Execution(finding, refusal, allocated);
    }

    /// <summary>Bytes of a file once unpacked; of a damaged one, as many as come out.</summary>
    public static long UnpackedLength(byte[] file)
    {
        if (file is not [0x1F, 0x8B, ..])
            return file.Length;
        long length = 0;
        try
        {
            using var unpacked = new GZipStream(new MemoryStream(file), CompressionMode.Decompress);
            byte[] piece = new byte[1 << 14];
            for (int read; (read = unpacked.Read(piece)) > 0;)
                length += read;
        }
        catch (InvalidDataException)
        {
            // As far as it goes.
        }

        return Math.Max(length, file.Length);
    }

    private static string Where(Exception e) => (e.StackTrace ?? "").Split('\n').FirstOrDefault(line => line.Contains("DeepSeek.Reference", StringComparison.Ordinal))?.Trim() ?? "";
}
