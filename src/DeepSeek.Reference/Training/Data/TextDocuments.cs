using System.Text;
using System.Text.Json;

namespace DeepSeek.Reference.Training;

/// <summary>One document of a corpus.</summary>
/// <param name="Place">File, and line where it has several, for messages.</param>
/// <param name="Text">Its text.</param>
public sealed record TextDocument(string Place, string Text);

/// <summary>The documents of a text file, a JSON-lines file, or a folder of them, always in the same order.</summary>
/// <remarks>
/// A <c>.jsonl</c> file has a document a line, in the field <c>text</c>; any other file is one document. A folder is taken with its folders, files by the ordinal order
/// of their paths below it; names that begin with a dot are left out. Text is UTF-8, without its byte-order mark; documents without a character are left out.
/// </remarks>
public static class TextDocuments
{
    /// <summary>Reads a file or a folder.</summary>
    /// <exception cref="DataException">There is none, a file is not UTF-8, or a line has no text.</exception>
    public static IEnumerable<TextDocument> Read(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return Directory.Exists(path) ? FilesBelow(path).SelectMany(ReadFile) : ReadFile(path);
    }

    private static string[] FilesBelow(string folder)
    {
        try
        {
            return
            [
                .. Directory.GetFiles(folder, "*", SearchOption.AllDirectories)
                    .Select(file => (File: file, Below: Path.GetRelativePath(folder, file).Replace('\\', '/')))
                    .Where(f => !f.Below.Split('/').Any(part => part.StartsWith('.')))
                    .OrderBy(f => f.Below, StringComparer.Ordinal)
                    .Select(f => f.File),
            ];
        }
        catch (Exception e) when (FileError.IsInputOutput(e))
        {
            throw FileError.CannotRead(folder, e);
        }
    }

    private static IEnumerable<TextDocument> ReadFile(string path)
    {
        byte[] bytes;
        try
        {
            bytes = File.ReadAllBytes(path);
        }
        catch (Exception e) when (FileError.IsInputOutput(e))
        {
            throw FileError.CannotRead(path, e);
        }

        string text = Utf8(bytes, path);
        IEnumerable<TextDocument> documents = Path.GetExtension(path).Equals(".jsonl", StringComparison.OrdinalIgnoreCase) ? Lines(path, text) : [new TextDocument(path, text)];
        return documents.Where(d => d.Text.Length > 0);
    }

    private static string Utf8(byte[] bytes, string path)
    {
        ReadOnlySpan<byte> body = bytes.AsSpan().StartsWith(Encoding.UTF8.Preamble) ? bytes.AsSpan(Encoding.UTF8.Preamble.Length) : bytes;
        try
        {
            return new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(body);
        }
        catch (DecoderFallbackException e)
        {
            throw new DataException($"{path}: not UTF-8 text at byte {e.Index + bytes.Length - body.Length}; convert the file, or take it out of the corpus", e);
        }
    }

    private static IEnumerable<TextDocument> Lines(string path, string text)
    {
        int number = 0;
        foreach (string line in text.Split('\n'))
        {
            number++;
            if (!string.IsNullOrWhiteSpace(line))
                yield return new TextDocument($"{path} line {number}", TextOf(line, $"{path} line {number}"));
        }
    }

    private static string TextOf(string line, string place)
    {
        try
        {
            using var document = JsonDocument.Parse(line);
            if (document.RootElement.ValueKind == JsonValueKind.Object && document.RootElement.TryGetProperty("text", out JsonElement value) && value.ValueKind == JsonValueKind.String)
                return value.GetString()!;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new DataException($"{place}: not JSON; each line of a .jsonl file is an object with a string 'text'", e);
        }

        throw new DataException($"{place}: no string 'text'; each line of a .jsonl file is an object with one");
    }
}
