namespace DeepSeek.Reference.Training;

/// <summary>Every change that a checkpoint store makes to a disk, one call each: a test counts them, and ends the run at any.</summary>
internal interface ICheckpointFiles
{
    /// <summary>Makes a directory.</summary>
    void CreateDirectory(string path);

    /// <summary>Opens a new file for writing.</summary>
    Stream Create(string path);

    /// <summary>Makes what was written to a file durable and closes it.</summary>
    void Finish(Stream file);

    /// <summary>Gives a directory its name: at once, and only where the name is free.</summary>
    void Rename(string from, string to);

    /// <summary>Removes a directory with what is in it.</summary>
    void Delete(string path);
}

/// <summary>The disk itself.</summary>
internal sealed class DiskFiles : ICheckpointFiles
{
    /// <inheritdoc/>
    public void CreateDirectory(string path) => Directory.CreateDirectory(path);

    /// <inheritdoc/>
    public Stream Create(string path) => new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1 << 16);

    /// <inheritdoc/>
    public void Finish(Stream file)
    {
        ((FileStream)file).Flush(flushToDisk: true);
        file.Dispose();
    }

    /// <inheritdoc/>
    public void Rename(string from, string to) => Directory.Move(from, to);

    /// <inheritdoc/>
    public void Delete(string path) => Directory.Delete(path, recursive: true);
}
