using System.IO.Compression;
using System.Text;

namespace DeepSeek.Reference.Text;

/// <summary>Reads a file that may be compressed, or that is to be found in a directory.</summary>
internal static class TextFile
{
    private const int MostBytes = 1 << 29;

    /// <summary>The bytes of a file, unpacked where its name ends in .gz or .br, and the name under which it was found.</summary>
    /// <param name="path">A file, or a directory.</param>
    /// <param name="name">What is looked for in a directory, plain or compressed.</param>
    /// <exception cref="DataException">There is no such file, or it is unsound.</exception>
    public static (byte[] Bytes, string Source) Read(string path, string name)
    {
        string found = path;
        if (Directory.Exists(path))
        {
            string[] candidates = [.. new[] { "", ".gz", ".br" }.Select(end => Path.Combine(path, name + end))];
            found = Array.Find(candidates, File.Exists) ?? throw new DataException($"{path}: holds no {name}, plain, .gz or .br; name the file");
        }

        try
        {
            using FileStream file = File.OpenRead(found);
            if (found.EndsWith(".gz", StringComparison.OrdinalIgnoreCase))
                return (Unpack(new GZipStream(file, CompressionMode.Decompress), found), found);
            if (found.EndsWith(".br", StringComparison.OrdinalIgnoreCase))
                return (Unpack(new BrotliStream(file, CompressionMode.Decompress), found), found);
            return (Unpack(file, found), found);
        }
        catch (Exception e) when (e is InvalidDataException or InvalidOperationException)
        {
            throw new DataException($"{found}: not a sound compressed file ({e.Message.TrimEnd('.')}); fetch it again", e);
        }
        catch (Exception e) when (FileError.IsInputOutput(e))
        {
            throw FileError.CannotRead(found, e);
        }
    }

    /// <summary>The text of a file.</summary>
    /// <exception cref="DataException">There is no such file, or it is not UTF-8; names the byte.</exception>
    public static string Utf8(string path)
    {
        try
        {
            return new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(Read(path, "").Bytes);
        }
        catch (DecoderFallbackException e)
        {
            throw new DataException($"{path}, byte {e.Index}: not UTF-8; convert the text first", e);
        }
    }

    private static byte[] Unpack(Stream stream, string path)
    {
        using (stream)
        {
            using var bytes = new MemoryStream();
            var buffer = new byte[1 << 16];
            for (int read; (read = stream.Read(buffer)) > 0;)
            {
                if (bytes.Length + read > MostBytes)
                    throw new DataException($"{path}: holds more than {MostBytes >> 20} MiB; this is no tokenizer");
                bytes.Write(buffer, 0, read);
            }

            return bytes.ToArray();
        }
    }
}
