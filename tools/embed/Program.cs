using System.IO.Compression;

// embed LIST FOLDER: compresses each file of LIST, a line "path|name" each, to FOLDER/name.br. Part of building tools/dsref.
// Brotli, which .NET brings along in its own C code: the same bytes give the same bytes, on any processor.
if (args.Length != 2)
{
    Console.Error.WriteLine("embed: usage: embed LIST FOLDER");
    return 2;
}

foreach (string line in File.ReadAllLines(args[0]))
{
    string[] parts = line.Split('|');
    byte[] bytes = File.ReadAllBytes(parts[0]);
    byte[] packed = new byte[BrotliEncoder.GetMaxCompressedLength(bytes.Length)];
    if (!BrotliEncoder.TryCompress(bytes, packed, out int length, quality: 9, window: 22))
    {
        Console.Error.WriteLine($"embed: {parts[0]} cannot be compressed");
        return 1;
    }

    string path = Path.Combine(args[1], parts[1] + ".br");
    Directory.CreateDirectory(Path.GetDirectoryName(path)!);
    // Two builds may write the same bytes at once; a reader sees one whole file or the other.
    string temporary = $"{path}.{Environment.ProcessId}";
    File.WriteAllBytes(temporary, packed.AsSpan(0, length));
    File.Move(temporary, path, overwrite: true);
}

return 0;
