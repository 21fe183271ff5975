using System.Security.Cryptography;
using System.Text;

namespace DeepSeek.Reference;

/// <summary>What a conversion was asked to do, in words that a resumed one must repeat.</summary>
/// <param name="Verb">quantize or dequantize.</param>
/// <param name="Option">The format of the scales, or the dtype.</param>
internal readonly record struct ConversionWords(string Verb, string Option);

/// <summary>The target directory while a conversion is at work: a note in it says of what, so that an interrupted run can go on, and nothing else is written over.</summary>
/// <remarks>
/// The note holds the verb, its option and a digest of the source: names, lengths and headers of its weight files, 64 pieces of 64 KiB spread over the data of each,
/// config and index whole. It is held open, so that two runs cannot share a target, and is removed when the result is complete.
/// </remarks>
internal sealed class ConversionState : IDisposable
{
    private const string Name = ".dsref-conversion";
    private const int Pieces = 64;
    private const int Piece = 1 << 16;

    private readonly string target;
    private FileStream? note;

    private ConversionState(string target, FileStream note)
    {
        this.target = target;
        this.note = note;
    }

    /// <summary>Takes the target, new or to be gone on with.</summary>
    /// <exception cref="DataException">It holds something else, or another run is at work in it.</exception>
    public static ConversionState Begin(string source, string target, ConversionPlan plan, ConversionWords words)
    {
        string text = $"{words.Verb} {words.Option}\nsource {Digest(source, plan)}\n";
        string path = Path.Combine(target, Name);
        try
        {
            if (File.Exists(target))
                throw new DataException($"{target}: a file where a directory is to be written; name a new directory");
            bool begun = File.Exists(path);
            if (!begun && Directory.Exists(target) && Directory.EnumerateFileSystemEntries(target).Any())
                throw new DataException($"{target}: is not empty, and no unfinished conversion; name a new directory, or empty this one");
            Directory.CreateDirectory(target);
            if (!begun)
                AtomicFile.Write(path, stream => stream.Write(Encoding.UTF8.GetBytes(text)));
            var note = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.None);
            try
            {
                using var reader = new StreamReader(note, Encoding.UTF8, leaveOpen: true);
                if (reader.ReadToEnd() != text)
                    throw new DataException($"{target}: holds the unfinished conversion of another source, or with other options; finish that one, empty the directory, or name a new one");
                RemoveHalves(target);
                return new ConversionState(target, note);
            }
            catch
            {
                note.Dispose();
                throw;
            }
        }
        catch (Exception e) when (FileError.IsInputOutput(e))
        {
            throw FileError.CannotWrite(path, e);
        }
    }

    /// <summary>Copies the files beside the weights: tokenizer, generation_config and the like, but no config, index, weights or oracle.</summary>
    public void CopyOthers(string source, CancellationToken cancellationToken)
    {
        try
        {
            foreach (string file in Directory.GetFiles(source).Order(StringComparer.Ordinal))
            {
                cancellationToken.ThrowIfCancellationRequested();
                string name = Path.GetFileName(file);
                if (name is "config.json" or CheckpointIndex.FileName or Name || name.EndsWith(".safetensors", StringComparison.Ordinal))
                    continue;
                // Opening a pipe would wait for someone to write into it; what has no bytes is made, not opened.
                var info = new FileInfo(file);
                if (((info.ResolveLinkTarget(returnFinalTarget: true) as FileInfo) ?? info).Length == 0)
                {
                    AtomicFile.Write(Path.Combine(target, name), _ => { });
                    continue;
                }

                using FileStream from = File.OpenRead(file);
                AtomicFile.Write(Path.Combine(target, name), from.CopyTo);
            }
        }
        catch (Exception e) when (FileError.IsInputOutput(e))
        {
            throw FileError.CannotRead(source, e);
        }
    }

    /// <summary>The result is complete: the note goes.</summary>
    public void Finish()
    {
        Dispose();
        File.Delete(Path.Combine(target, Name));
    }

    /// <summary>Lets go of the target; an unfinished one can be gone on with.</summary>
    public void Dispose()
    {
        note?.Dispose();
        note = null;
    }

    /// <summary>Temporary files of a run that was killed.</summary>
    private static void RemoveHalves(string target)
    {
        foreach (string half in Directory.GetFiles(target, ".*.tmp", SearchOption.AllDirectories))
            File.Delete(half);
    }

    private static string Digest(string source, ConversionPlan plan)
    {
        using var digest = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (string name in (string[])["config.json", CheckpointIndex.FileName])
        {
            string path = Path.Combine(source, name);
            if (File.Exists(path))
                digest.AppendData(File.ReadAllBytes(path));
        }

        var buffer = new byte[Piece];
        foreach (ShardPlan shard in plan.Shards)
        {
            using FileStream stream = File.OpenRead(Path.Combine(source, shard.Name));
            digest.AppendData(Encoding.UTF8.GetBytes($"\n{shard.Name} {stream.Length}\n"));
            long data = shard.Tensors.Min(t => t.Entry.FileOffset - t.Entry.Begin);
            Append(digest, stream, 0, data, buffer);
            long step = Math.Max(Piece, (stream.Length - data) / Pieces);
            for (long at = data; at < stream.Length; at += step)
                Append(digest, stream, at, Math.Min(stream.Length, at + Piece), buffer);
        }

        return Convert.ToHexStringLower(digest.GetHashAndReset());
    }

    private static void Append(IncrementalHash digest, FileStream stream, long from, long to, byte[] buffer)
    {
        stream.Position = from;
        while (from < to)
        {
            int read = stream.Read(buffer, 0, (int)Math.Min(buffer.Length, to - from));
            if (read == 0)
                return;
            digest.AppendData(buffer, 0, read);
            from += read;
        }
    }
}
