using System.Collections.Concurrent;
using System.IO.MemoryMappedFiles;

namespace DeepSeek.Reference;

/// <summary>A file mapped read-only into memory, whole, of any length.</summary>
/// <remarks>
/// Spans into the mapping are plain references that the collector does not follow. The mapping is therefore rooted here from open to
/// <see cref="Dispose"/>, and holds a reference on its handle: no finalizer can unmap it under a span. An owner that is forgotten leaks
/// address space, never memory safety. A file that another process shortens while it is mapped is outside of what a reader can defend.
/// </remarks>
internal sealed unsafe class MappedFile : IDisposable
{
    private static readonly ConcurrentDictionary<MappedFile, bool> Open = new();

    private readonly MemoryMappedViewAccessor? view;
    private readonly byte* pointer;
    private int closed;

    /// <summary>Maps the file.</summary>
    /// <exception cref="DataException">It does not exist or cannot be read.</exception>
    public MappedFile(string path)
    {
        Path = path;
        try
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 1);
            Length = stream.Length;
            // An empty file cannot be mapped; its length is all there is to know.
            if (Length > 0)
            {
                using var mapping = MemoryMappedFile.CreateFromFile(stream, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: true);
                view = mapping.CreateViewAccessor(0, Length, MemoryMappedFileAccess.Read);
                byte* start = null;
                view.SafeMemoryMappedViewHandle.AcquirePointer(ref start);
                pointer = start + view.PointerOffset;
            }
        }
        catch (Exception e) when (FileError.IsInputOutput(e))
        {
            throw FileError.CannotRead(path, e);
        }

        Open[this] = true;
    }

    /// <summary>The path as it was given.</summary>
    public string Path { get; }

    /// <summary>Bytes in the file.</summary>
    public long Length { get; }

    /// <summary>True once the file is unmapped.</summary>
    public bool IsClosed => Volatile.Read(ref closed) != 0;

    /// <summary>A part of the file; the caller has checked that it lies inside.</summary>
    public ReadOnlySpan<byte> Slice(long offset, int length)
    {
        ObjectDisposedException.ThrowIf(IsClosed, this);
        return new ReadOnlySpan<byte>(pointer + offset, length);
    }

    /// <summary>The whole file as a storage for tensors.</summary>
    public MappedStorage Storage() => new(pointer, Length, Path, () => IsClosed);

    /// <summary>Unmaps the file. Spans into it must no longer be used; tensors over it refuse from now on.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref closed, 1) != 0)
            return;
        Open.TryRemove(this, out _);
        if (view is not null)
        {
            view.SafeMemoryMappedViewHandle.ReleasePointer();
            view.Dispose();
        }
    }
}
