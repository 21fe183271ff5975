using System.Net.Sockets;
using DeepSeek.Reference.Backends;
using Xunit;

namespace DeepSeek.Reference.Tests.Backends;

/// <summary>Workers that never come to speak: each ends in one line that says how. Workers that speak are in tests/External, which has Python.</summary>
public sealed class WorkerProcessTests
{
    private static readonly WorkerOptions Quick = new() { Load = TimeSpan.FromSeconds(1), Run = TimeSpan.FromSeconds(1) };

    // Long enough for a shell to start on a machine that is busy.
    private static readonly WorkerOptions Patient = new() { Load = TimeSpan.FromSeconds(60), Run = TimeSpan.FromSeconds(60) };

    [Theory]
    [InlineData("sh -c 'echo no device; exit 3'", "ended before it connected: exit code 3; its last line: no device")]
    [InlineData("sh -c 'kill -SEGV $$'", "ended before it connected: ended by SIGSEGV")]
    public void A_worker_that_ends_is_told_by_how(string command, string says)
    {
        BackendException e = Assert.Throws<BackendException>(() => new WorkerBackend(command, Patient, ["eager"]));
        Assert.Contains(says, e.Message, StringComparison.Ordinal);
    }

    /// <summary>A process that the worker left behind holds its streams open: its end is told all the same, while that one still runs.</summary>
    [Fact]
    public void A_worker_that_leaves_a_process_behind_is_told_by_its_own_end()
    {
        string file = Path.GetTempFileName();
        try
        {
            BackendException e = Assert.Throws<BackendException>(() => new WorkerBackend($"sh -c 'sleep 600 & echo $! >{file}; echo gone; exit 3'", Patient, ["eager"]));
            Assert.Contains("ended before it connected: exit code 3; its last line: gone", e.Message, StringComparison.Ordinal);
            using var left = System.Diagnostics.Process.GetProcessById(int.Parse(File.ReadAllText(file), System.Globalization.CultureInfo.InvariantCulture));
            Assert.False(left.HasExited);
            left.Kill();
        }
        finally
        {
            File.Delete(file);
        }
    }

    /// <summary>What does not fit the socket's buffers waits for a reader: not for ever.</summary>
    [Fact]
    public void A_worker_that_does_not_read_is_timed_out()
    {
        string path = Path.Combine(Directory.CreateTempSubdirectory("dsref-").FullName, "control");
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(path));
        listener.Listen(1);
        using var deaf = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        deaf.Connect(new UnixDomainSocketEndPoint(path));
        using var frames = new WorkerFrames(listener.Accept());
        string tooLong = new('x', 8 << 20);
        frames.Send(json => json.WriteString("call", "hello"), TimeSpan.FromSeconds(60));
        Assert.Throws<TimeoutException>(() => frames.Send(json => json.WriteString("call", tooLong), TimeSpan.FromMilliseconds(200)));
        Directory.Delete(Path.GetDirectoryName(path)!, recursive: true);
    }

    [Fact]
    public void A_worker_that_sleeps_is_ended()
    {
        BackendException e = Assert.Throws<BackendException>(() => new WorkerBackend("sh -c 'sleep 300'", Quick, ["eager"]));
        Assert.Contains("did not connect within 1 s", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_program_that_is_not_there_is_refused_in_one_line()
    {
        ContractException e = Assert.Throws<ContractException>(() => new WorkerBackend("no-such-program --flag", Quick, ["eager"]));
        Assert.Contains("backend `no-such-program --flag` cannot be started", e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', e.Message);
    }

    [Theory]
    [InlineData("a b  c", "a|b|c")]
    [InlineData("python3 \"my kernels.py\" 'x y'", "python3|my kernels.py|x y")]
    [InlineData(@"a\ b ""q\""q"" ''", "a b|q\"q|")]
    public void A_command_splits_as_it_is_typed(string command, string words) => Assert.Equal(words.Split('|'), CommandWords.Split(command));

    [Theory]
    [InlineData("python3 'x")]
    [InlineData("  ")]
    public void A_command_that_is_none_is_refused(string command) => Assert.Throws<ContractException>(() => CommandWords.Split(command));
}
