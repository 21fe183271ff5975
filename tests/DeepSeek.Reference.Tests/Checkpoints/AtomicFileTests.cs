using Xunit;

namespace DeepSeek.Reference.Tests.Checkpoints;

public sealed class AtomicFileTests : IDisposable
{
    private readonly SafetensorsBytes files = new();

    public void Dispose() => files.Dispose();

    [Fact]
    public void The_name_changes_hands_at_the_commit()
    {
        string path = files.Text("f", "before");
        using (var file = new AtomicFile(path))
        {
            file.Stream.Write("after"u8);
            Assert.Equal("before", File.ReadAllText(path));
            file.Commit();
            Assert.Equal("after", File.ReadAllText(path));
        }

        Assert.Equal([path], Directory.GetFileSystemEntries(files.Folder));
    }

    [Fact]
    public void A_failure_leaves_what_was_there()
    {
        string path = files.Text("f", "before");
        Assert.Throws<ArithmeticException>(() => AtomicFile.Write(path, stream =>
        {
            stream.Write("half"u8);
            throw new ArithmeticException();
        }));
        Assert.Equal("before", File.ReadAllText(path));
        Assert.Equal([path], Directory.GetFileSystemEntries(files.Folder));
    }

    [Fact]
    public void A_failure_of_the_disk_is_one_line() =>
        Refusal.Of(() => AtomicFile.Write(files.At("f"), _ => throw new IOException("No space left.\n")), files.At("f"), "No space left");

    [Fact]
    public void Places_that_cannot_be_written()
    {
        Refusal.Of(() => AtomicFile.Write(files.At("absent/f"), _ => { }), files.At("absent/f"), "directory does not exist");
        Refusal.Of(() => AtomicFile.Write(files.Folder, _ => { }), files.Folder, "name a file");
        Refusal.Of(() => AtomicFile.Write(files.At("f/"), _ => { }), "name a file");
        if (!OperatingSystem.IsWindows())
            Refusal.Of(() => AtomicFile.Write("/dev/null", _ => { }), "/dev/null", "name a file");
        Assert.Empty(Directory.GetFileSystemEntries(files.Folder));
    }
}
