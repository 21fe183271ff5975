using System.Text;
using DeepSeek.Reference.Tests.Checkpoints;
using DeepSeek.Reference.Training;
using Xunit;

namespace DeepSeek.Reference.Tests.Training;

public sealed class CheckpointStoreTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("dsref-store-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void The_newest_is_found_and_the_oldest_go()
    {
        var store = new CheckpointStore(folder, 2);
        Assert.Null(store.Newest());
        foreach (long step in (long[])[5, 10, 1_000_000_000, 20])
            store.Save(step, Parts(step));
        Assert.Equal([20, 1_000_000_000], store.Steps());
        Assert.Equal(new StoredCheckpoint(1_000_000_000, Path.Combine(folder, "step-1000000000")), store.Newest());
        Assert.Equal(["step-000000020", "step-1000000000"], Directory.GetFileSystemEntries(folder).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void The_sums_are_those_of_sha256sum()
    {
        string saved = new CheckpointStore(folder, 1).Save(1, [new("a", s => s.Write("abc"u8)), new("b", _ => { })]);
        Assert.Equal(
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  a\ne3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  b\n",
            File.ReadAllText(Path.Combine(saved, "SHA256SUMS")));
    }

    /// <summary>The run ends at each change to the disk in turn: the newest sound checkpoint is always there, whole, and the next run needs no care.</summary>
    [Fact]
    public void Killed_at_any_change_it_leaves_the_last_good_one()
    {
        int at = 0;
        for (bool killed = true; killed; at++)
        {
            string run = Path.Combine(folder, $"{at}");
            new CheckpointStore(run, 1).Save(1, Parts(1));
            killed = false;
            var files = new KillingFiles(at);
            try
            {
                new CheckpointStore(run, 1, files).Save(2, Parts(2));
            }
            catch (SimulatedKill)
            {
                killed = true;
            }

            var store = new CheckpointStore(run, 1);
            StoredCheckpoint? newest = store.Newest(line => Assert.Fail($"killed at {at}: {line}"));
            Assert.NotNull(newest);
            Assert.True(newest.Step is 1 or 2 && (killed || newest.Step == 2), $"killed at {at}: step {newest.Step}");
            Assert.Equal(Expected(newest.Step), Content(newest.Directory));
            store.Save(2, Parts(2));
            Assert.Equal(["step-000000002"], Directory.GetFileSystemEntries(run).Select(Path.GetFileName));
            Assert.Equal(Expected(2), Content(store.Newest()!.Directory));
        }

        // Two directories, three files with two or three writes each and an end, two names, two removals.
        Assert.InRange(at, 15, 40);
    }

    [Theory]
    [InlineData("a.bin")]
    [InlineData("SHA256SUMS")]
    [InlineData("b.txt")]
    public void A_damaged_one_is_skipped_with_its_reason(string file)
    {
        var store = new CheckpointStore(folder, 3);
        store.Save(1, Parts(1));
        string second = store.Save(2, Parts(2));
        string path = Path.Combine(second, file);
        byte[] bytes = File.ReadAllBytes(path);
        foreach (byte[] damaged in (byte[][])[[.. bytes[..^1]], [(byte)(bytes[0] ^ 1), .. bytes[1..]], [.. bytes, 0]])
        {
            File.WriteAllBytes(path, damaged);
            string? told = null;
            Assert.Equal(1, store.Newest(line => told = line)?.Step);
            Assert.Contains(file, told, StringComparison.Ordinal);
            Assert.Contains("step-000000002", told, StringComparison.Ordinal);
        }

        File.Delete(path);
        Assert.Equal(1, store.Newest()?.Step);
        // Saved again, it is whole, and a second time it is left alone.
        store.Save(2, Parts(2));
        DateTime written = File.GetLastWriteTimeUtc(path);
        store.Save(2, Parts(2));
        Assert.Equal(2, store.Newest(line => Assert.Fail(line))?.Step);
        Assert.Equal(written, File.GetLastWriteTimeUtc(path));
        Assert.Equal(["step-000000001", "step-000000002"], Directory.GetFileSystemEntries(folder).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void A_listing_that_lost_a_line_is_damaged()
    {
        var store = new CheckpointStore(folder, 3);
        string sums = Path.Combine(store.Save(2, Parts(2)), "SHA256SUMS");
        string[] lines = File.ReadAllLines(sums);
        File.WriteAllText(sums, lines[0] + "\n");
        string? told = null;
        Assert.Null(store.Newest(line => told = line));
        Assert.Contains("b.txt is not named by SHA256SUMS", told, StringComparison.Ordinal);
        File.WriteAllText(sums, $"{lines[0]}\n{lines[0]}\n{lines[1]}\n");
        Assert.Null(store.Newest());
        File.WriteAllText(sums, "");
        Assert.Null(store.Newest());
    }

    /// <summary>Room for each part of a checkpoint in turn, but not for all of it.</summary>
    [Fact]
    public void A_full_disk_is_one_line_and_changes_nothing()
    {
        new CheckpointStore(folder, 1).Save(1, Parts(1));
        long whole = Directory.GetFiles(Path.Combine(folder, "step-000000001")).Sum(f => new FileInfo(f).Length);
        for (long room = 0; room < whole; room += 50)
        {
            Refusal.Of(() => new CheckpointStore(folder, 1, new SmallDisk(room)).Save(2, Parts(2)), "step-000000002", "No space left", "the checkpoint before it is whole");
            Assert.Equal(["step-000000001"], Directory.GetFileSystemEntries(folder).Select(Path.GetFileName));
            Assert.Equal(Expected(1), Content(new CheckpointStore(folder, 1).Newest()!.Directory));
        }

        new CheckpointStore(folder, 1, new SmallDisk(whole)).Save(2, Parts(2));
        Assert.Equal(2, new CheckpointStore(folder, 1).Newest()?.Step);
    }

    [Fact]
    public void Publishing_replaces_what_was_there()
    {
        var store = new CheckpointStore(folder, 1);
        store.Publish("model", Parts(1));
        string path = store.Publish("model", Parts(2));
        Assert.Equal(Expected(2), Content(path));
        Assert.Empty(store.Steps());
        Assert.Equal(["model"], Directory.GetFileSystemEntries(folder).Select(Path.GetFileName));
    }

    [Fact]
    public void Other_directories_are_left_alone()
    {
        foreach (string other in (string[])["step-1", "step-x", "step-00000000a", "notes"])
            Directory.CreateDirectory(Path.Combine(folder, other));
        var store = new CheckpointStore(folder, 1);
        Assert.Empty(store.Steps());
        store.Save(1, Parts(1));
        Assert.Equal(5, Directory.GetDirectories(folder).Length);
    }

    [Fact]
    public void A_place_that_cannot_be_written_is_refused()
    {
        string file = Path.Combine(folder, "file");
        File.WriteAllText(file, "");
        Refusal.Of(() => new CheckpointStore(file, 1).Save(1, Parts(1)), "step-000000001", "cannot be written");
    }

    private static IReadOnlyList<CheckpointPart> Parts(long step) =>
    [
        new("a.bin", stream =>
        {
            stream.Write(new byte[100]);
            stream.Write(Encoding.UTF8.GetBytes($"step {step}"));
        }),
        new("b.txt", stream => stream.Write(Encoding.UTF8.GetBytes($"{step}{step}"))),
    ];

    private static string Expected(long step) => new string('\0', 100) + $"step {step}|{step}{step}";

    private static string Content(string directory) => File.ReadAllText(Path.Combine(directory, "a.bin")) + "|" + File.ReadAllText(Path.Combine(directory, "b.txt"));
}
