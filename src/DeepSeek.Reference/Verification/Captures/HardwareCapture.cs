using System.Buffers.Binary;
using System.Globalization;
using System.IO.Compression;
using System.Security.Cryptography;

namespace DeepSeek.Reference.Verification;

/// <summary>A capture file: what a piece of hardware gave for inputs that a seed makes, with a header that says which (docs/spec/capture.md).</summary>
/// <remarks>
/// <code>
/// "DSREFCAP"  version u32 = 1  length u32  header (JSON)  length u64  payload  SHA-256 of all before it        little-endian
/// </code>
/// The file may lie in a gzip wrapper.
/// </remarks>
internal sealed class HardwareCapture
{
    private const uint Version = 1;
    private const int DigestLength = 32;
    private const int LongestHeader = 1 << 16;

    /// <summary>More than any capture needs, and little enough to hold: a damaged or hostile wrapper must not fill the memory.</summary>
    private const long LongestFile = 1L << 30;

    private HardwareCapture(string path, CaptureHeader header, ReadOnlyMemory<byte> payload)
    {
        Path = path;
        Header = header;
        Payload = payload;
    }

    private static ReadOnlySpan<byte> Magic => "DSREFCAP"u8;

    /// <summary>Where it was read from.</summary>
    public string Path { get; }

    /// <summary>The header.</summary>
    public CaptureHeader Header { get; }

    /// <summary>What came out, and what went in where the header says explicit.</summary>
    public ReadOnlyMemory<byte> Payload { get; }

    /// <summary>dot, convert or function.</summary>
    public string Kind => Header.Text("kind");

    /// <summary>Whether a model made it in place of hardware.</summary>
    public bool IsSynthetic => Header.Text("origin") == "synthetic";

    /// <summary>Device, driver and date, as far as the header has them.</summary>
    public string Provenance
    {
        get
        {
            string text = IsSynthetic ? $"synthetic, by {Header.Text("device", "?")}" : Header.Text("device", "unknown device");
            foreach (string name in (string[])["driver", "compiler", "date"])
                text += Header.Text(name, "") is { Length: > 0 } value ? $", {(name == "driver" ? "driver " : "")}{value}" : "";
            return text;
        }
    }

    /// <summary>Reads and checks a file.</summary>
    /// <exception cref="DataException">It cannot be read, is no capture, is cut short or was altered; names the offset.</exception>
    public static HardwareCapture Read(string path)
    {
        byte[] bytes = Bytes(path);
        try
        {
            if (bytes.Length < Magic.Length || !bytes.AsSpan(0, Magic.Length).SequenceEqual(Magic))
                throw new FormatException("is no capture: it does not begin with DSREFCAP");
            int at = Magic.Length;
            uint version = BinaryPrimitives.ReadUInt32LittleEndian(Part(bytes, at, 4, "version").Span);
            if (version != Version)
                throw new FormatException(string.Create(CultureInfo.InvariantCulture, $"has version {version}; this reader knows {Version}"));
            uint headerLength = BinaryPrimitives.ReadUInt32LittleEndian(Part(bytes, at + 4, 4, "header's length").Span);
            if (headerLength > LongestHeader)
                throw new FormatException(string.Create(CultureInfo.InvariantCulture, $"claims a header of {headerLength} bytes; {LongestHeader} is the most"));
            at += 8;
            ReadOnlyMemory<byte> header = Part(bytes, at, headerLength, "header");
            at += (int)headerLength;
            ulong length = BinaryPrimitives.ReadUInt64LittleEndian(Part(bytes, at, 8, "payload's length").Span);
            at += 8;
            ReadOnlyMemory<byte> payload = Part(bytes, at, length, "payload");
            at += payload.Length;
            ReadOnlyMemory<byte> digest = Part(bytes, at, DigestLength, "checksum");
            if (at + DigestLength != bytes.Length)
                throw new FormatException(string.Create(CultureInfo.InvariantCulture, $"goes on for {bytes.Length - at - DigestLength} bytes behind its checksum at byte {at}"));
            if (!digest.Span.SequenceEqual(SHA256.HashData(bytes.AsSpan(0, at))))
                throw new FormatException(string.Create(CultureInfo.InvariantCulture, $"does not have the SHA-256 that its checksum at byte {at} says: it was altered"));
            var capture = new HardwareCapture(path, CaptureHeader.Parse(header), payload);
            foreach (string needed in (string[])["kind", "origin", "instruction"])
                capture.Header.Text(needed);
            return capture;
        }
        catch (FormatException e)
        {
            throw Unusable(path, e);
        }
    }

    /// <summary>Writes a file: whole under its name, or not at all.</summary>
    /// <exception cref="DataException">It cannot be written.</exception>
    public static void Write(string path, CaptureHeader header, ReadOnlySpan<byte> payload)
    {
        byte[] json = header.ToBytes();
        byte[] all = new byte[Magic.Length + 8 + json.Length + 8 + payload.Length + DigestLength];
        Magic.CopyTo(all);
        int at = Magic.Length;
        BinaryPrimitives.WriteUInt32LittleEndian(all.AsSpan(at), Version);
        BinaryPrimitives.WriteUInt32LittleEndian(all.AsSpan(at + 4), (uint)json.Length);
        json.CopyTo(all, at + 8);
        at += 8 + json.Length;
        BinaryPrimitives.WriteUInt64LittleEndian(all.AsSpan(at), (ulong)payload.Length);
        payload.CopyTo(all.AsSpan(at + 8));
        at += 8 + payload.Length;
        SHA256.HashData(all.AsSpan(0, at), all.AsSpan(at));
        AtomicFile.Write(path, stream => stream.Write(all));
    }

    /// <summary>The error of a file whose contents do not fit.</summary>
    public static DataException Unusable(string path, FormatException e) => new($"{path}: {e.Message.ReplaceLineEndings(" ")}; copy or capture it again", e);

    private static ReadOnlyMemory<byte> Part(byte[] bytes, int at, ulong length, string what) => length <= (ulong)(bytes.Length - at)
        ? bytes.AsMemory(at, (int)length)
        : throw new FormatException(string.Create(CultureInfo.InvariantCulture, $"is cut short: its {what} needs {length} bytes at byte {at}, and {bytes.Length - at} are there"));

    private static byte[] Bytes(string path)
    {
        try
        {
            using FileStream file = File.OpenRead(path);
            int first = file.ReadByte(), second = file.ReadByte();
            file.Position = 0;
            if (first != 0x1F || second != 0x8B)
            {
                if (file.Length > LongestFile)
                    throw new DataException($"{path}: is longer than any capture, 2^30 bytes; check the path");
                byte[] whole = new byte[file.Length];
                file.ReadExactly(whole);
                return whole;
            }

            using var inflated = new GZipStream(file, CompressionMode.Decompress);
            using var bytes = new MemoryStream();
            byte[] buffer = new byte[1 << 16];
            for (int read; (read = inflated.Read(buffer)) > 0;)
            {
                bytes.Write(buffer, 0, read);
                if (bytes.Length > LongestFile)
                    throw new DataException($"{path}: is longer than any capture, 2^30 bytes; check the path");
            }

            return bytes.ToArray();
        }
        catch (InvalidDataException e)
        {
            throw new DataException($"{path}: is no sound gzip file: {e.Message.ReplaceLineEndings(" ")}; copy it again", e);
        }
        catch (Exception e) when (FileError.IsInputOutput(e))
        {
            throw FileError.CannotRead(path, e);
        }
    }
}
