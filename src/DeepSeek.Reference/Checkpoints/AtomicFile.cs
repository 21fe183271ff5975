using System.Runtime.InteropServices;

namespace DeepSeek.Reference;

/// <summary>A file that appears whole under its name, or not at all.</summary>
/// <remarks>
/// Bytes go to a temporary file in the same directory; <see cref="Commit"/> flushes it to the disk and renames it over the target. Without a commit
/// the temporary file is removed and what stood under the name stays: on failure, on cancellation, when the process exits, and when a signal is about
/// to end it (.NET raises no ProcessExit for signals). A host that swallows the signal and goes on gets an error from the commit instead.
/// </remarks>
internal sealed class AtomicFile : IDisposable
{
    private static readonly PosixSignal[] Deadly = [PosixSignal.SIGINT, PosixSignal.SIGTERM, PosixSignal.SIGHUP, PosixSignal.SIGQUIT];

    private readonly string path;
    private readonly string temporary;
    private readonly FileStream stream;
    private readonly PosixSignalRegistration[] signals;
    private bool finished;

    /// <summary>Opens the temporary file beside <paramref name="path"/>.</summary>
    /// <exception cref="DataException">The directory is missing or forbidden, or the path names a directory or device.</exception>
    public AtomicFile(string path)
    {
        this.path = path;
        try
        {
            string full = Path.GetFullPath(path);
            string? directory = Path.GetDirectoryName(full);
            // A rename would put a plain file in a device's place.
            if (directory is null || directory == "/dev" || Directory.Exists(full) || Path.EndsInDirectorySeparator(path))
                throw new DataException($"{path}: a directory or device cannot be replaced; name a file to write");
            temporary = Path.Combine(directory, $".{Path.GetFileName(full)}.{Guid.NewGuid():N}.tmp");
            stream = new FileStream(temporary, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.Delete, 1 << 16);
        }
        catch (Exception e) when (FileError.IsInputOutput(e))
        {
            throw FileError.CannotWrite(path, e);
        }

        AppDomain.CurrentDomain.ProcessExit += RemoveAtExit;
        signals = Array.ConvertAll(Deadly, signal => PosixSignalRegistration.Create(signal, context =>
        {
            if (!context.Cancel)
                Remove();
        }));
    }

    /// <summary>Where to write; seekable.</summary>
    public Stream Stream => stream;

    /// <summary>Writes a file by <paramref name="write"/>; if it throws, nothing changes.</summary>
    /// <exception cref="DataException">The file cannot be written.</exception>
    public static void Write(string path, Action<Stream> write)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        using var file = new AtomicFile(path);
        try
        {
            write(file.Stream);
        }
        catch (IOException e)
        {
            throw FileError.CannotWrite(path, e);
        }

        file.Commit();
    }

    /// <summary>Makes the bytes durable and gives them their name.</summary>
    /// <exception cref="DataException">The disk is full, or the target cannot be replaced.</exception>
    public void Commit()
    {
        try
        {
            stream.Flush(flushToDisk: true);
            stream.Dispose();
            File.Move(temporary, path, overwrite: true);
        }
        catch (Exception e) when (FileError.IsInputOutput(e))
        {
            throw FileError.CannotWrite(path, e);
        }

        Finish();
    }

    /// <summary>Removes the temporary file unless it was committed.</summary>
    public void Dispose()
    {
        if (finished)
            return;
        try
        {
            stream.Dispose();
        }
        catch (IOException)
        {
            // The last buffer of a full disk: the file goes anyway, and the first failure is on its way to the caller.
        }

        Remove();
        Finish();
    }

    private void Finish()
    {
        finished = true;
        AppDomain.CurrentDomain.ProcessExit -= RemoveAtExit;
        foreach (PosixSignalRegistration signal in signals)
            signal.Dispose();
    }

    private void RemoveAtExit(object? sender, EventArgs e) => Remove();

    private void Remove()
    {
        try
        {
            File.Delete(temporary);
        }
        catch (Exception e) when (FileError.IsInputOutput(e))
        {
            // Nothing more can be done, and the reason for the removal matters more.
        }
    }
}
