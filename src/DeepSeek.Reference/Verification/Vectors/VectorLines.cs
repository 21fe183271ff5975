using System.IO.Compression;
using System.Text;
using System.Text.Json;

namespace DeepSeek.Reference.Verification;

/// <summary>Reads files of vectors, plain or compressed by gzip (told by their first bytes).</summary>
internal static class VectorLines
{
    /// <summary>Longest line that is read, in characters: two rows of 2^21 codes are far inside it.</summary>
    private const int LongestLine = 1 << 26;

    /// <summary>The lines of a text file, without their ends.</summary>
    /// <exception cref="DataException">The file cannot be read or unpacked, or has a line too long to be one.</exception>
    public static IEnumerable<string> Read(string path)
    {
        using StreamReader reader = Open(path);
        int number = 0;
        var line = new StringBuilder();
        while (true)
        {
            bool more;
            try
            {
                more = ReadLine(reader, line);
            }
            catch (InvalidDataException e)
            {
                throw new DataException($"{path}:{number + 1}: the compressed data is damaged; get the file again", e);
            }
            catch (Exception e) when (FileError.IsInputOutput(e))
            {
                throw FileError.CannotRead(path, e);
            }

            number++;
            if (line.Length > LongestLine)
                throw new DataException($"{path}:{number}: a line of more than {LongestLine} characters; give one vector a line");
            if (!more && line.Length == 0)
                yield break;
            yield return line.ToString();
        }
    }

    /// <summary>Each line as a JSON object; empty lines are passed over.</summary>
    /// <exception cref="DataException">The file cannot be read, or a line is no JSON object.</exception>
    public static IEnumerable<VectorLine> ReadJson(string path)
    {
        int number = 0;
        foreach (string text in Read(path))
        {
            number++;
            if (string.IsNullOrWhiteSpace(text))
                continue;
            using JsonDocument document = Parse(path, number, text);
            if (document.RootElement.ValueKind != JsonValueKind.Object)
                throw new DataException($"{path}:{number}: is a JSON {document.RootElement.ValueKind}, not an object; give one object a line");
            yield return new VectorLine(path, number, document.RootElement);
        }
    }

    private static JsonDocument Parse(string path, int number, string text)
    {
        try
        {
            if (text.Contains("\\ud", StringComparison.OrdinalIgnoreCase))
                ReadTexts(Encoding.UTF8.GetBytes(text));
            return JsonDocument.Parse(text);
        }
        catch (JsonException e)
        {
            throw new DataException($"{path}:{number}: is not JSON (at character {e.BytePositionInLine + 1}); give one object a line", e);
        }
        catch (InvalidOperationException e)
        {
            throw new DataException($"{path}:{number}: a string with half a surrogate pair; write the line again", e);
        }
    }

    /// <summary>Reads every text once: half a surrogate pair is JSON and no text, and a JsonElement would refuse it wherever it is read first.</summary>
    private static void ReadTexts(ReadOnlySpan<byte> json)
    {
        var reader = new Utf8JsonReader(json);
        while (reader.Read())
        {
            if (reader.TokenType is JsonTokenType.PropertyName or JsonTokenType.String)
                reader.GetString();
        }
    }

    private static StreamReader Open(string path)
    {
        try
        {
            Stream file = File.OpenRead(path);
            bool packed = file.ReadByte() == 0x1F && file.ReadByte() == 0x8B;
            file.Position = 0;
            return new StreamReader(packed ? new GZipStream(file, CompressionMode.Decompress) : file, Encoding.UTF8);
        }
        catch (Exception e) when (FileError.IsInputOutput(e))
        {
            throw FileError.CannotRead(path, e);
        }
    }

    /// <summary>The next line, cut short once it is too long; false at the end of the file.</summary>
    private static bool ReadLine(StreamReader reader, StringBuilder line)
    {
        line.Clear();
        while (reader.Read() is var c and >= 0)
        {
            if (c == '\n')
                return true;
            if (c != '\r')
                line.Append((char)c);
            if (line.Length > LongestLine)
                return true;
        }

        return false;
    }
}
