using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace DeepSeek.Reference.Training;

/// <summary>One file of a checkpoint.</summary>
/// <param name="Name">Its name in the checkpoint's directory.</param>
/// <param name="Write">Writes its bytes.</param>
public sealed record CheckpointPart(string Name, Action<Stream> Write);

/// <summary>A checkpoint whose files have the hashes they were written with.</summary>
/// <param name="Step">The step it was saved after.</param>
/// <param name="Directory">Where its files are.</param>
public sealed record StoredCheckpoint(long Step, string Directory);

/// <summary>The checkpoints of a training run: each appears whole or not at all, and the last good one is always there.</summary>
/// <remarks>
/// A checkpoint is a directory <c>step-000000123</c> with its files and <c>SHA256SUMS</c>, which <c>sha256sum -c</c> reads. It is written under a name that begins with a
/// dot, each file flushed to the disk, and then renamed; what is older than the newest few is renamed away before it is removed. So a run that ends at any moment, by a
/// signal, a full disk or a power cut, leaves whole directories and some that begin with a dot; those are removed when the next checkpoint is saved.
/// One process writes to a directory at a time.
/// </remarks>
public sealed class CheckpointStore
{
    private const string Sums = "SHA256SUMS", Prefix = "step-", Unfinished = ".writing-", Discarded = ".old-";

    private readonly string directory;
    private readonly int keep;
    private readonly ICheckpointFiles files;

    /// <summary>The checkpoints in a directory, which is made when the first is saved.</summary>
    /// <param name="directory">Where they are.</param>
    /// <param name="keep">How many of the newest stay; at least 1.</param>
    public CheckpointStore(string directory, int keep) : this(directory, keep, new DiskFiles()) { }

    internal CheckpointStore(string directory, int keep, ICheckpointFiles files)
    {
        ArgumentException.ThrowIfNullOrEmpty(directory);
        ArgumentOutOfRangeException.ThrowIfLessThan(keep, 1);
        this.directory = directory;
        this.keep = keep;
        this.files = files;
    }

    /// <summary>Saves a checkpoint and removes those that are too old; returns its directory. A sound checkpoint of the same step stays as it is.</summary>
    /// <exception cref="DataException">The disk is full, or the directory cannot be written; the checkpoints before it are as they were.</exception>
    public string Save(long step, IReadOnlyList<CheckpointPart> parts)
    {
        ArgumentNullException.ThrowIfNull(parts);
        string target = Path.Combine(directory, NameOf(step));
        if (!Directory.Exists(target) || Fault(target) is not null)
            Place(target, parts);
        Guarded(Prune);
        return target;
    }

    /// <summary>Writes files as a directory of that name beside the checkpoints, in place of what was there; returns its path.</summary>
    /// <exception cref="DataException">The disk is full, or the directory cannot be written.</exception>
    public string Publish(string name, IReadOnlyList<CheckpointPart> parts)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentNullException.ThrowIfNull(parts);
        string target = Path.Combine(directory, name);
        Place(target, parts);
        Guarded(Clean);
        return target;
    }

    /// <summary>The newest checkpoint whose every file has its hash; null where there is none.</summary>
    /// <param name="skipped">Told of each newer one that is damaged, in one line.</param>
    /// <exception cref="DataException">The directory cannot be read.</exception>
    public StoredCheckpoint? Newest(Action<string>? skipped = null)
    {
        foreach (long step in Steps().OrderDescending())
        {
            string candidate = Path.Combine(directory, NameOf(step));
            if (Fault(candidate) is not { } fault)
                return new StoredCheckpoint(step, candidate);
            skipped?.Invoke($"{candidate}: {fault}; an older checkpoint is taken");
        }

        return null;
    }

    /// <summary>The steps that have a checkpoint, sound or not, in ascending order.</summary>
    public IReadOnlyList<long> Steps() => [.. Entries($"{Prefix}*").Select(StepOf).OfType<long>().Order()];

    private static string NameOf(long step) => string.Create(CultureInfo.InvariantCulture, $"{Prefix}{step:D9}");

    private static long? StepOf(string path)
    {
        string name = Path.GetFileName(path);
        return long.TryParse(name.AsSpan(Prefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out long step) && NameOf(step) == name ? step : null;
    }

    private string[] Entries(string pattern)
    {
        try
        {
            return Directory.Exists(directory) ? Directory.GetDirectories(directory, pattern) : [];
        }
        catch (Exception e) when (FileError.IsInputOutput(e))
        {
            throw FileError.CannotRead(directory, e);
        }
    }

    /// <summary>Writes under another name, then renames. What cannot be written is removed; what ends the process is left for the next checkpoint to remove.</summary>
    private void Place(string target, IReadOnlyList<CheckpointPart> parts)
    {
        string name = Path.GetFileName(target), temporary = Path.Combine(directory, Unfinished + name);
        try
        {
            files.CreateDirectory(directory);
            Clean();
            files.CreateDirectory(temporary);
            var sums = new StringBuilder();
            foreach (CheckpointPart part in parts)
                sums.Append(CultureInfo.InvariantCulture, $"{WriteFile(Path.Combine(temporary, part.Name), part.Write)}  {part.Name}\n");
            WriteFile(Path.Combine(temporary, Sums), stream => stream.Write(Encoding.UTF8.GetBytes(sums.ToString())));
            if (Directory.Exists(target))
                files.Rename(target, Path.Combine(directory, Discarded + name));
            files.Rename(temporary, target);
        }
        catch (Exception e) when (FileError.IsInputOutput(e))
        {
            RemoveQuietly(temporary);
            throw new DataException($"{target}: cannot be written: {e.Message.ReplaceLineEndings(" ").TrimEnd('.', ' ')}; make room or check the directory, then resume: the checkpoint before it is whole", e);
        }
    }

    private string WriteFile(string path, Action<Stream> write)
    {
        Stream file = files.Create(path);
        try
        {
            using var hashed = new HashedWriter(file);
            write(hashed);
            files.Finish(file);
            return hashed.Hash();
        }
        catch (IOException)
        {
            DisposeQuietly(file);
            throw;
        }
    }

    /// <summary>Old checkpoints lose their name first, so that none is ever half removed under it.</summary>
    private void Prune()
    {
        foreach (long step in Steps().SkipLast(keep))
            files.Rename(Path.Combine(directory, NameOf(step)), Path.Combine(directory, Discarded + NameOf(step)));
        Clean();
    }

    private void Clean()
    {
        foreach (string left in Entries($"{Unfinished}*").Concat(Entries($"{Discarded}*")))
            files.Delete(left);
    }

    private void Guarded(Action change)
    {
        try
        {
            change();
        }
        catch (Exception e) when (FileError.IsInputOutput(e))
        {
            throw FileError.CannotWrite(directory, e);
        }
    }

    private void RemoveQuietly(string temporary)
    {
        try
        {
            if (Directory.Exists(temporary))
                files.Delete(temporary);
        }
        catch (Exception e) when (FileError.IsInputOutput(e))
        {
            // The next checkpoint removes it; the reason why this one failed matters more.
        }
    }

    private static void DisposeQuietly(Stream file)
    {
        try
        {
            file.Dispose();
        }
        catch (IOException)
        {
            // The last buffer of a full disk; the first failure is on its way to the caller.
        }
    }

    /// <summary>What is wrong with a checkpoint; null where every file has its hash.</summary>
    private static string? Fault(string checkpoint)
    {
        try
        {
            string sums = Path.Combine(checkpoint, Sums);
            if (!File.Exists(sums))
                return $"has no {Sums}";
            string[] lines = File.ReadAllText(sums).Split('\n');
            if (lines.Length < 2 || lines[^1].Length > 0)
                return $"{Sums} is cut off";
            var named = new HashSet<string> { Sums };
            foreach (string line in lines[..^1])
            {
                string[] parts = line.Split("  ", 2);
                if (parts.Length != 2 || parts[0].Length != 64 || Path.GetFileName(parts[1]) != parts[1] || !named.Add(parts[1]))
                    return $"{Sums} is damaged";
                string path = Path.Combine(checkpoint, parts[1]);
                if (!File.Exists(path))
                    return $"{parts[1]} is missing";
                using FileStream stream = File.OpenRead(path);
                if (Convert.ToHexStringLower(SHA256.HashData(stream)) != parts[0])
                    return $"{parts[1]} has another SHA-256 than {Sums} says";
            }

            // A listing that lost a whole line would vouch for the rest.
            string? other = Directory.GetFileSystemEntries(checkpoint).Select(p => Path.GetFileName(p)).FirstOrDefault(name => !named.Contains(name));
            return other is null ? null : $"{other} is not named by {Sums}";
        }
        catch (Exception e) when (FileError.IsInputOutput(e))
        {
            return $"cannot be read: {e.Message.ReplaceLineEndings(" ").TrimEnd('.', ' ')}";
        }
    }
}
