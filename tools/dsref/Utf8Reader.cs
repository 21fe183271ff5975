using System.Text;

namespace DeepSeek.Reference.Tool;

/// <summary>Lines of UTF-8, each as soon as it is there; bytes that are none are refused, not replaced. A byte order mark at the beginning is left out.</summary>
/// <remarks>Lines end in LF or CR LF. Only what is read is looked at: a file need not fit into memory.</remarks>
internal sealed class Utf8Reader(Stream stream, string name) : TextReader
{
    private static readonly UTF8Encoding Strict = new(false, throwOnInvalidBytes: true);

    private readonly byte[] buffer = new byte[1 << 16];
    private readonly MemoryStream line = new();
    private int at, length;
    private long lineAt;

    /// <summary>The next line, or null at the end.</summary>
    /// <exception cref="DataException">It is not UTF-8, or cannot be read; names the byte.</exception>
    public override string? ReadLine()
    {
        line.SetLength(0);
        while (true)
        {
            if (at == length && !Fill())
                return line.Length == 0 ? null : Decode(ended: false);
            int end = Array.IndexOf(buffer, (byte)'\n', at, length - at);
            line.Write(buffer, at, (end < 0 ? length : end) - at);
            at = end < 0 ? length : end + 1;
            if (end >= 0)
                return Decode(ended: true);
        }
    }

    /// <summary>Not offered: a line is decoded as a whole. What reads by characters would find nothing here, and must not take that for the end.</summary>
    public override int Peek() => throw new NotSupportedException("lines alone are read");

    /// <inheritdoc cref="Peek"/>
    public override int Read() => throw new NotSupportedException("lines alone are read");

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            stream.Dispose();
            line.Dispose();
        }

        base.Dispose(disposing);
    }

    private bool Fill()
    {
        try
        {
            (at, length) = (0, stream.Read(buffer));
            return length > 0;
        }
        catch (Exception e) when (FileError.IsInputOutput(e))
        {
            throw FileError.CannotRead(name, e);
        }
    }

    private string Decode(bool ended)
    {
        ReadOnlySpan<byte> bytes = line.GetBuffer().AsSpan(0, (int)line.Length);
        int mark = lineAt == 0 && bytes.StartsWith(Encoding.UTF8.Preamble) ? Encoding.UTF8.Preamble.Length : 0;
        try
        {
            string text = Strict.GetString(bytes[mark..]);
            lineAt += bytes.Length + (ended ? 1 : 0);
            return text.EndsWith('\r') ? text[..^1] : text;
        }
        catch (DecoderFallbackException e)
        {
            throw new DataException($"{name}, byte {lineAt + mark + e.Index}: not UTF-8; convert the text first", e);
        }
    }
}
