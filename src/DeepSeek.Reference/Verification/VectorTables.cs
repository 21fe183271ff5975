using System.Globalization;

namespace DeepSeek.Reference.Verification;

/// <summary>What the evaluation of a table found.</summary>
/// <param name="Kind">What the table is, for example "encode e4m3fn" or "function exp".</param>
/// <param name="Rows">Rows.</param>
/// <param name="Matches">Rows of which every column is what the library computes.</param>
/// <param name="FirstDifference">The first other row: its line, what was computed, what stands there; null when there is none.</param>
internal sealed record VectorTableResult(string Kind, long Rows, long Matches, string? FirstDifference);

/// <summary>Evaluates tables of results that others computed: decoding and encoding of small formats, and correctly rounded functions.</summary>
/// <remarks>
/// Which table a file is, its name and its first line say together; a name may go on with <c>.gz</c>. All cells are hexadecimal encodings, in either case; the last
/// columns, <c>class</c> and <c>kind</c>, may be missing. NaNs of a decode table count as one: implementations widen to payloads of their own.
/// <code>
/// FORMAT_decode.csv    code,f32_bits...,class
/// FORMAT_encode.csv    f32_bits,IMPLEMENTATION,...     one column for each implementation and policy: <see cref="EncodeColumns"/>
/// FUNCTIONf.csv        x_bits,cr_bits,kind
/// </code>
/// Rules N5, N12 and N18; docs/spec/fp8-formats.md 6.
/// </remarks>
internal static class VectorTables
{
    private const int LongestLine = 4096;
    private const string DecodeEnding = "_decode";
    private const string EncodeEnding = "_encode";

    /// <summary>Whether the file's name is that of such a table.</summary>
    public static bool Recognises(string path) => Kind(path) is not null;

    /// <summary>Reads a table and compares every row with the library.</summary>
    /// <exception cref="DataException">The file cannot be read, is no such table, or has a damaged line; the message names file and line.</exception>
    public static VectorTableResult Evaluate(string path)
    {
        return Evaluate(path, Kind(path) ?? throw new DataException($"{path}: no table is known by this name; expected FORMAT_decode.csv, FORMAT_encode.csv or FUNCTIONf.csv"));
    }

    /// <summary>The same for a file of any name, whose kind is known: "decode e5m2", "encode bf16", "function log".</summary>
    /// <exception cref="DataException">The file cannot be read, is no such table, or has a damaged line; the message names file and line.</exception>
    public static VectorTableResult Evaluate(string path, string kind)
    {
        // One reader for lines of vectors and of tables: it bounds the length of a line.
        using IEnumerator<string> lines = VectorLines.Read(path).GetEnumerator();
        string[] columns = Cells(lines.MoveNext() ? lines.Current : "", path, 1);
        Func<string[], string?> difference = Judge(path, kind, columns);
        return Count(lines, path, kind, columns.Length, difference);
    }

    /// <summary>The name without folder and endings, split: "decode e5m2", "encode bf16", "function log"; null where it is no table's.</summary>
    private static string? Kind(string path)
    {
        string name = Path.GetFileName(path);
        if (name.EndsWith(".gz", StringComparison.Ordinal))
            name = name[..^3];
        if (!name.EndsWith(".csv", StringComparison.Ordinal))
            return null;
        name = name[..^4];
        if (name.EndsWith(DecodeEnding, StringComparison.Ordinal) && name[..^DecodeEnding.Length] is "e4m3fn" or "e5m2" or "e8m0fnu")
            return $"decode {name[..^DecodeEnding.Length]}";
        if (name.EndsWith(EncodeEnding, StringComparison.Ordinal) && EncodeColumns.Knows(name[..^EncodeEnding.Length]))
            return $"encode {name[..^EncodeEnding.Length]}";
        return name.EndsWith('f') && ExhaustiveFunctions.Names.Contains(name[..^1]) ? $"function {name[..^1]}" : null;
    }

    /// <summary>A function from a row to what differs in it, or null.</summary>
    private static Func<string[], string?> Judge(string path, string kind, string[] columns)
    {
        string[] words = kind.Split(' ');
        string[] expected = words[0] switch
        {
            "decode" => ["code", columns.Length > 1 ? columns[1] : "f32_bits", .. columns.Length == 2 ? [] : new[] { "class" }],
            "function" => ["x_bits", "cr_bits", .. columns.Length == 2 ? [] : new[] { "kind" }],
            _ => ["f32_bits", .. columns.Skip(1)],
        };
        if (!columns.SequenceEqual(expected) || columns.Length < 2)
            throw new DataException($"{path}:1: the columns {Shown(string.Join(',', columns))} are not those of a table '{kind}'; expected {string.Join(',', columns.Length < 2 ? [.. expected, "..."] : expected)}");
        Func<string[], string?>? judge = words[0] switch
        {
            "decode" => row => Decoded(words[1], row),
            "function" => row => Computed(words[1], row),
            _ => EncodeColumns.Judge(words[1], columns),
        };
        return judge ?? throw new DataException($"{path}:1: a column of {Shown(string.Join(',', columns))} is not known; known are {string.Join(", ", EncodeColumns.Names(words[1]))}");
    }

    private static VectorTableResult Count(IEnumerator<string> lines, string path, string kind, int width, Func<string[], string?> difference)
    {
        (long rows, long matches, string? first, int number) = (0, 0, null, 1);
        while (lines.MoveNext())
        {
            number++;
            if (string.IsNullOrWhiteSpace(lines.Current))
                continue;
            string[] cells = Cells(lines.Current, path, number);
            rows++;
            try
            {
                if (cells.Length != width)
                    throw new DataException($"{path}:{number}: '{Shown(lines.Current)}' has {cells.Length} cells where the first line has {width}; restore the file from its source");
                if (difference(cells) is not { } text)
                    matches++;
                else
                    first ??= $"line {number}: {text}";
            }
            catch (Exception e) when (e is FormatException or OverflowException)
            {
                throw new DataException($"{path}:{number}: '{Shown(lines.Current)}' is no row of this table: a cell is no hexadecimal code of its column's length; restore the file from its source", e);
            }
        }

        return new VectorTableResult(kind, rows, matches, first);
    }

    /// <summary>The cells of a line; a cell takes many times the memory of its text, so that a long line is refused before it is cut.</summary>
    private static string[] Cells(string line, string path, int number) => line.Length <= LongestLine
        ? line.Split(',')
        : throw new DataException($"{path}:{number}: a line of {line.Length} characters is no row of a table; restore the file from its source");

    /// <summary>The beginning of a line, for a message.</summary>
    private static string Shown(string line) => line.Length <= 80 ? line : line[..80] + "...";

    private static string? Decoded(string format, string[] row)
    {
        byte code = byte.Parse(row[0], NumberStyles.HexNumber, CultureInfo.InvariantCulture);
        (float value, bool subnormal, bool scale) = format switch
        {
            "e4m3fn" => (Float8E4M3.FromBits(code).ToSingle(), Float8E4M3.IsSubnormal(Float8E4M3.FromBits(code)), false),
            "e5m2" => (Float8E5M2.FromBits(code).ToSingle(), Float8E5M2.IsSubnormal(Float8E5M2.FromBits(code)), false),
            _ => (Float8E8M0.FromBits(code).ToSingle(), false, true),
        };
        string category = float.IsNaN(value) ? "nan" : scale ? "pow2" : float.IsInfinity(value) ? "inf" : value == 0 ? "zero" : subnormal ? "subnormal" : "normal";
        float want = Single(row[1]);
        bool same = float.IsNaN(want) ? float.IsNaN(value) : BitConverter.SingleToUInt32Bits(want) == BitConverter.SingleToUInt32Bits(value);
        if (same && (row.Length == 2 || row[2] == category))
            return null;
        return $"{format} code {row[0]} decodes to {BitConverter.SingleToUInt32Bits(value):x8},{category}, the table says {string.Join(',', row.Skip(1))}";
    }

    private static string? Computed(string function, string[] row)
    {
        float want = Single(row[1]);
        float got = ExhaustiveFunctions.Evaluate(function, Single(row[0]));
        bool same = float.IsNaN(want) ? float.IsNaN(got) : BitConverter.SingleToUInt32Bits(got) == BitConverter.SingleToUInt32Bits(want);
        return same ? null : $"{function} of {row[0]} is {BitConverter.SingleToUInt32Bits(got):x8}, the table says {row[1]}";
    }

    /// <summary>The binary32 with this encoding.</summary>
    internal static float Single(string bits) => BitConverter.UInt32BitsToSingle(uint.Parse(bits, NumberStyles.HexNumber, CultureInfo.InvariantCulture));
}
