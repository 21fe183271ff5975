using System.Text;

namespace DeepSeek.Reference.Tool;

/// <summary>Reads a text file whole; bytes that are not UTF-8 are refused, not replaced.</summary>
internal static class Utf8Text
{
    /// <summary>What standard input is called where a file is named.</summary>
    public const string StandardInput = "-";

    private const char ByteOrderMark = '\uFEFF';

    /// <summary>The text of a file.</summary>
    /// <exception cref="DataException">It cannot be read, or is not UTF-8; names the byte.</exception>
    public static string Read(string path) => Decode(path, () => File.ReadAllBytes(path));

    /// <summary>The lines of a file, read as they are asked for.</summary>
    /// <exception cref="DataException">It cannot be read, or a line is not UTF-8; names the byte.</exception>
    public static IEnumerable<string> Lines(string path)
    {
        using Utf8Reader reader = Open(path);
        while (reader.ReadLine() is { } line)
            yield return line;
    }

    /// <summary>A prompt from a file, or from standard input where the path is <see cref="StandardInput"/>: every character of it but a byte order mark at its beginning.</summary>
    /// <exception cref="DataException">It cannot be read, is not UTF-8, or is empty.</exception>
    public static string ReadPrompt(string path, Terminal terminal)
    {
        bool piped = path == StandardInput;
        string name = piped ? "--prompt-file -, standard input" : path;
        string text = piped ? Decode(name, () => All(terminal.InBytes())) : Read(path);
        if (text.StartsWith(ByteOrderMark))
            text = text[1..];
        return text.Length > 0 ? text : throw new DataException($"{name}: is empty; a prompt has at least one character");
    }

    private static Utf8Reader Open(string path)
    {
        try
        {
            return new Utf8Reader(File.OpenRead(path), path);
        }
        catch (Exception e) when (FileError.IsInputOutput(e))
        {
            throw FileError.CannotRead(path, e);
        }
    }

    private static string Decode(string name, Func<byte[]> read)
    {
        try
        {
            return new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(read());
        }
        catch (DecoderFallbackException e)
        {
            throw new DataException($"{name}, byte {e.Index}: not UTF-8; convert the text first", e);
        }
        catch (Exception e) when (FileError.IsInputOutput(e))
        {
            throw FileError.CannotRead(name, e);
        }
    }

    private static byte[] All(Stream stream)
    {
        using (stream)
        {
            using var bytes = new MemoryStream();
            stream.CopyTo(bytes);
            return bytes.ToArray();
        }
    }
}
