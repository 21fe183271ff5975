using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference;

/// <summary>Counts source bytes, tells how many, and looks at the cancellation.</summary>
internal sealed class ConversionMeter(long total, IProgress<ConversionProgress>? progress, CancellationToken cancellationToken)
{
    private long done;
    private string shard = "";

    /// <summary>The next file.</summary>
    public void Begin(string name)
    {
        shard = name;
        Add(0);
    }

    /// <summary>More bytes were read.</summary>
    /// <exception cref="OperationCanceledException">The run was asked to stop.</exception>
    public void Add(long bytes)
    {
        cancellationToken.ThrowIfCancellationRequested();
        done += bytes;
        progress?.Report(new ConversionProgress(done, total, shard));
    }
}

/// <summary>Writes one weight file of a conversion, or recognises that it is there.</summary>
internal static class ShardConversion
{
    /// <summary>Elements of a panel, about; at least one block of rows.</summary>
    private const long PanelElements = 1 << 22;

    private const int Block = TileGrid.Side;

    /// <summary>Whether the file stands there whole: its length and header are those that it will have. Files appear whole or not at all.</summary>
    public static bool IsDone(string path, ShardPlan shard)
    {
        if (!File.Exists(path) || new FileInfo(path).Length != shard.Layout.Length)
            return false;
        using FileStream stream = File.OpenRead(path);
        var head = new byte[shard.Layout.Head.Length];
        stream.ReadExactly(head);
        return head.AsSpan().SequenceEqual(shard.Layout.Head);
    }

    /// <summary>Writes the file.</summary>
    /// <exception cref="DataException">The source cannot be read or converted, or the file cannot be written.</exception>
    public static void Write(string path, ShardPlan shard, IPanelConverter converter, ConversionMeter meter)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
        using FileStream source = OpenSource(shard.Tensors[0].Source);
        AtomicFile.Write(path, stream =>
        {
            stream.Write(shard.Layout.Head);
            stream.SetLength(shard.Layout.Length);
            Dictionary<string, TensorEntry> places = shard.Layout.Entries.ToDictionary(e => e.Name, StringComparer.Ordinal);
            foreach (TensorPlan tensor in shard.Tensors)
            {
                if (tensor.Scale is null)
                    Copy(source, tensor.Entry, stream, places[tensor.Entry.Name], meter);
                else
                    Convert(source, tensor, stream, places, converter, meter);
            }
        });
    }

    private static FileStream OpenSource(string path)
    {
        try
        {
            return new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 1);
        }
        catch (Exception e) when (FileError.IsInputOutput(e))
        {
            throw FileError.CannotRead(path, e);
        }
    }

    private static void Copy(FileStream source, TensorEntry from, Stream target, TensorEntry to, ConversionMeter meter)
    {
        var buffer = new byte[(int)Math.Min(1 << 22, Math.Max(1, from.ByteCount))];
        target.Position = to.FileOffset;
        for (long at = 0; at < from.ByteCount;)
        {
            int count = (int)Math.Min(buffer.Length, from.ByteCount - at);
            Read(source, from, at, buffer.AsSpan(0, count));
            target.Write(buffer, 0, count);
            at += count;
            meter.Add(count);
        }
    }

    private static void Convert(FileStream source, TensorPlan plan, Stream target, Dictionary<string, TensorEntry> places, IPanelConverter converter, ConversionMeter meter)
    {
        (long rows, long columns) = (plan.Entry.Shape[0], plan.Entry.Shape[1]);
        long most = Math.Max(1, PanelElements / Math.Max(1, columns) / Block) * Block;
        TensorEntry place = places[plan.Entry.Name];
        for (long row = 0; row < rows; row += most)
        {
            long count = Math.Min(most, rows - row);
            Tensor panel = converter.Panel.Get(plan.Entry.DType, count, columns);
            Read(source, plan.Entry, plan.Entry.DType.ByteCount(row * columns), Bytes(panel));
            (Tensor result, Tensor? scales) = converter.Convert(plan, panel, row);
            target.Position = place.FileOffset + plan.Result.ByteCount(row * columns);
            target.Write(Bytes(result));
            if (scales is not null)
            {
                target.Position = places[plan.Scale!].FileOffset + DType.F32.ByteCount(row / Block * scales.Shape[1]);
                target.Write(Bytes(scales));
            }

            meter.Add(panel.ByteCount);
        }
    }

    private static void Read(FileStream source, TensorEntry entry, long at, Span<byte> bytes)
    {
        for (int filled = 0; filled < bytes.Length;)
        {
            int read = RandomAccess.Read(source.SafeFileHandle, bytes[filled..], entry.FileOffset + at + filled);
            if (read == 0)
                throw new DataException($"{source.Name}: ends within tensor '{entry.Name}', at byte {entry.FileOffset + at + filled}; copy the file again");
            filled += read;
        }
    }

    private static Span<byte> Bytes(Tensor t) => MemoryMarshal.CreateSpan(ref t.ByteOrigin, checked((int)t.ByteCount));
}
