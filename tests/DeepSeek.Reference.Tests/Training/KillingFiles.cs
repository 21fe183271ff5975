using DeepSeek.Reference.Training;

namespace DeepSeek.Reference.Tests.Training;

/// <summary>The process ends here: nothing after it runs, no file is closed or removed.</summary>
#pragma warning disable CA1032, CA1064 // Made in one place, caught in tests alone.
internal sealed class SimulatedKill : Exception;
#pragma warning restore CA1032, CA1064

/// <summary>A disk on which the run ends at a given change: before it, or, of a write and of a removal, in the middle of it.</summary>
/// <param name="changes">Changes until the end; -1 for none.</param>
internal sealed class KillingFiles(int changes) : ICheckpointFiles
{
    private readonly DiskFiles disk = new();

    /// <summary>Changes so far.</summary>
    public int Count { get; private set; }

    public void CreateDirectory(string path)
    {
        Change();
        disk.CreateDirectory(path);
    }

    public Stream Create(string path)
    {
        Change();
        // Unbuffered, so that every write is one of the disk's.
        return new Torn(this, new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.None, 0));
    }

    public void Finish(Stream file)
    {
        Change();
        ((Torn)file).Inner.Flush(flushToDisk: true);
        ((Torn)file).Inner.Dispose();
    }

    public void Rename(string from, string to)
    {
        Change();
        disk.Rename(from, to);
    }

    public void Delete(string path)
    {
        if (IsLast())
        {
            File.Delete(Directory.GetFiles(path).FirstOrDefault() ?? path);
            throw new SimulatedKill();
        }

        disk.Delete(path);
    }

    private void Change()
    {
        if (IsLast())
            throw new SimulatedKill();
    }

    private bool IsOver => changes >= 0 && Count > changes;

    private bool IsLast() => Count++ == changes;

    /// <summary>A file of which the last write is half done.</summary>
    private sealed class Torn(KillingFiles owner, FileStream inner) : Stream
    {
        public FileStream Inner => inner;

        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => inner.Length;

        public override long Position { get => inner.Position; set => throw new NotSupportedException(); }

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            // What runs after the end, as an exception unwinds, does not run in a process that is gone.
            if (owner.IsOver)
                return;
            if (owner.IsLast())
            {
                inner.Write(buffer[..(buffer.Length / 2)]);
                inner.Dispose();
                throw new SimulatedKill();
            }

            inner.Write(buffer);
        }

        public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

        public override void Flush()
        {
            if (!owner.IsOver)
                inner.Flush();
        }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            if (disposing)
                inner.Dispose();
            base.Dispose(disposing);
        }
    }
}

/// <summary>A disk with so much room.</summary>
internal sealed class SmallDisk(long bytes) : ICheckpointFiles
{
    private readonly DiskFiles disk = new();
    private long left = bytes;

    public void CreateDirectory(string path) => disk.CreateDirectory(path);

    public Stream Create(string path) => new Full(this, new FileStream(path, FileMode.CreateNew));

    public void Finish(Stream file) => file.Dispose();

    public void Rename(string from, string to) => disk.Rename(from, to);

    public void Delete(string path) => disk.Delete(path);

    private sealed class Full(SmallDisk owner, FileStream inner) : Stream
    {
        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => inner.Length;

        public override long Position { get => inner.Position; set => throw new NotSupportedException(); }

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            if (buffer.Length > owner.left)
                throw new IOException("No space left on device.");
            owner.left -= buffer.Length;
            inner.Write(buffer);
        }

        public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

        public override void Flush() => inner.Flush();

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            if (disposing)
                inner.Dispose();
            base.Dispose(disposing);
        }
    }
}
