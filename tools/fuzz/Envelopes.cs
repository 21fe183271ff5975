using System.Buffers.Binary;
using System.IO.Compression;
using System.Security.Cryptography;

namespace DeepSeek.Reference.Fuzz;

/// <summary>How a file is taken apart, one part changed, and put together again, with lengths and checksums that fit: else every mutant dies at the door.</summary>
internal static class Envelopes
{
    private const int CaptureHead = 16;
    private const int Digest = 32;

    /// <summary>A change of a part.</summary>
    public delegate byte[] Change(byte[] part);

    /// <summary>The whole file is the part.</summary>
    public static byte[] Plain(byte[] file, Change text, Change bytes, Randomness random) => text(file);

    /// <summary>Length, header of JSON, data.</summary>
    public static byte[] Safetensors(byte[] file, Change text, Change bytes, Randomness random)
    {
        if (file.Length < 8 || BinaryPrimitives.ReadUInt64LittleEndian(file) is var length && length > (ulong)(file.Length - 8))
            return bytes(file);
        byte[] header = file[8..(8 + (int)length)], data = file[(8 + (int)length)..];
        (header, data) = random.Percent(85) ? (text(header), data) : (header, bytes(data));
        byte[] stated = new byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(stated, (ulong)header.Length);
        return [.. stated, .. header, .. data];
    }

    /// <summary>Magic, version, length, literal, data; version 1.</summary>
    public static byte[] Npy(byte[] file, Change text, Change bytes, Randomness random)
    {
        if (file.Length < 10 || BinaryPrimitives.ReadUInt16LittleEndian(file.AsSpan(8)) is var length && length > file.Length - 10)
            return bytes(file);
        byte[] header = text(file[10..(10 + length)]);
        byte[] stated = new byte[2];
        BinaryPrimitives.WriteUInt16LittleEndian(stated, (ushort)header.Length);
        return [.. file[..8], .. stated, .. header, .. file[(10 + length)..]];
    }

    /// <summary>An archive of .npy, of which one entry or its name is changed.</summary>
    public static byte[] Npz(byte[] file, Change text, Change bytes, Randomness random)
    {
        try
        {
            using var from = new ZipArchive(new MemoryStream(file), ZipArchiveMode.Read);
            var to = new MemoryStream();
            using (var archive = new ZipArchive(to, ZipArchiveMode.Create, leaveOpen: true))
            {
                int chosen = random.Below(Math.Max(1, from.Entries.Count));
                for (int i = 0; i < from.Entries.Count; i++)
                    Copy(from.Entries[i], archive, i == chosen, text, bytes, random);
            }

            return random.Percent(10) ? bytes(to.ToArray()) : to.ToArray();
        }
        catch (Exception e) when (e is InvalidDataException or ArgumentException or NotSupportedException or IOException)
        {
            return bytes(file);
        }
    }

    /// <summary>Lines, and at times the same packed, or packed and damaged.</summary>
    public static byte[] Lines(byte[] file, Change text, Change bytes, Randomness random)
    {
        byte[] changed = text(file);
        if (random.Percent(80))
            return changed;
        var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest, leaveOpen: true))
            gzip.Write(changed);
        return random.Percent(50) ? bytes(packed.ToArray()) : packed.ToArray();
    }

    /// <summary>Magic, version, length, header of JSON, length, payload, SHA-256.</summary>
    public static byte[] Capture(byte[] file, Change text, Change bytes, Randomness random)
    {
        if (file.Length < CaptureHead || BinaryPrimitives.ReadUInt32LittleEndian(file.AsSpan(12)) is var length && length > file.Length - CaptureHead - 8 - Digest)
            return bytes(file);
        byte[] header = file[CaptureHead..(CaptureHead + (int)length)], payload = file[(CaptureHead + (int)length + 8)..^Digest];
        (header, payload) = random.Percent(80) ? (text(header), payload) : (header, bytes(payload));
        byte[] first = new byte[4], second = new byte[8];
        BinaryPrimitives.WriteUInt32LittleEndian(first, (uint)header.Length);
        BinaryPrimitives.WriteUInt64LittleEndian(second, (ulong)payload.Length);
        byte[] all = [.. file[..12], .. first, .. header, .. second, .. payload];
        return [.. all, .. SHA256.HashData(all)];
    }

    private static void Copy(ZipArchiveEntry entry, ZipArchive archive, bool changed, Change text, Change bytes, Randomness random)
    {
        bool renamed = changed && random.Percent(15);
        string name = renamed ? System.Text.Encoding.Latin1.GetString(text(System.Text.Encoding.Latin1.GetBytes(entry.FullName))) : entry.FullName;
        using var whole = new MemoryStream();
        using (Stream stream = entry.Open())
            stream.CopyTo(whole);
        byte[] content = changed && !renamed ? Npy(whole.ToArray(), text, bytes, random) : whole.ToArray();
        using Stream to = archive.CreateEntry(name.Length > 1000 ? name[..1000] : name, random.Percent(50) ? CompressionLevel.Fastest : CompressionLevel.NoCompression).Open();
        to.Write(content);
    }
}
