using System.ComponentModel;
using System.Diagnostics;
using System.Net.Sockets;

namespace DeepSeek.Reference.Backends;

/// <summary>A running worker: its process, its socket, its folder, its log.</summary>
/// <remarks>The command's last argument is the socket's path. Standard output and error are kept as a log. The folder, with the socket and the tensors' files, goes with <see cref="Dispose"/>.</remarks>
internal sealed class WorkerProcess : IDisposable
{
    /// <summary>For the last lines of a process that has ended. What it started may hold its streams open for ever.</summary>
    private static readonly TimeSpan LastLines = TimeSpan.FromSeconds(1);

    private readonly Process process;
    private readonly WorkerLog log = new();

    private WorkerProcess(Process process, string folder)
    {
        this.process = process;
        Folder = folder;
    }

    /// <summary>Where files of tensors lie.</summary>
    public string Folder { get; }

    /// <summary>The control line.</summary>
    public WorkerFrames Frames { get; private set; } = null!;

    /// <summary>Starts a command and waits until it has connected.</summary>
    /// <exception cref="ContractException">The program cannot be started.</exception>
    /// <exception cref="BackendException">It ended, or did not connect in time.</exception>
    public static WorkerProcess Start(IReadOnlyList<string> command, TimeSpan limit)
    {
        string folder = Directory.CreateTempSubdirectory("dsref-").FullName;
        string path = Path.Combine(folder, "control");
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        WorkerProcess? worker = null;
        try
        {
            listener.Bind(new UnixDomainSocketEndPoint(path));
            listener.Listen(1);
            worker = new WorkerProcess(Launch([.. command, path]), folder);
            worker.Frames = new WorkerFrames(worker.Accept(listener, limit));
            return worker;
        }
        catch
        {
            worker?.Dispose();
            if (worker is null)
                Directory.Delete(folder, recursive: true);
            throw;
        }
    }

    /// <summary>How it ended, after its end was noticed: exit code or signal, and its last line since <see cref="Mark"/>.</summary>
    public string End()
    {
        if (!process.WaitForExit(2000))
            return "it closed the connection and still runs";
        log.WaitForEnd(LastLines);
        int code = process.ExitCode;
        string how = code > 128 && SignalName(code - 128) is { } signal ? $"ended by {signal}" : $"exit code {code}";
        string last = log.Last();
        return last.Length == 0 ? how : $"{how}; its last line: {last}";
    }

    /// <summary>What it writes from here on is about something else.</summary>
    public void Mark() => log.Mark();

    /// <summary>Bytes of memory that the process has now; 0 where that cannot be told.</summary>
    public long Resident()
    {
        try
        {
            process.Refresh();
            return process.WorkingSet64;
        }
        catch (InvalidOperationException)
        {
            return 0;
        }
    }

    /// <summary>What it wrote.</summary>
    public string[] Log() => log.All();

    /// <summary>Ends the process and removes the folder.</summary>
    public void Dispose()
    {
        Frames?.Dispose();
        try
        {
            // One that was told goodbye ends by itself.
            if (!process.WaitForExit(500))
                process.Kill(entireProcessTree: true);
            process.WaitForExit(2000);
        }
        catch (InvalidOperationException)
        {
            // It never started or is gone already.
        }

        process.Dispose();
        if (Directory.Exists(Folder))
            Directory.Delete(Folder, recursive: true);
    }

    /// <summary>Ends it at once: after a time-out there is nothing to wait for.</summary>
    public void Kill()
    {
        try
        {
            process.Kill(entireProcessTree: true);
        }
        catch (InvalidOperationException)
        {
            // It is gone already.
        }
    }

    private static Process Launch(IReadOnlyList<string> words)
    {
        var start = new ProcessStartInfo(words[0]) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        foreach (string word in words.Skip(1))
            start.ArgumentList.Add(word);
        try
        {
            return Process.Start(start)!;
        }
        catch (Exception e) when (e is Win32Exception or FileNotFoundException)
        {
            throw new ContractException($"backend `{string.Join(' ', words.SkipLast(1))}` cannot be started ({Reason(e)}); a backend is scalar, simd, or the command of a program that speaks docs/spec/worker.md");
        }
    }

    /// <summary>The system's reason without the sentence around it.</summary>
    private static string Reason(Exception e) => e.Message.ReplaceLineEndings(" ").Split(". ")[^1].TrimEnd('.');

    private Socket Accept(Socket listener, TimeSpan limit)
    {
        process.OutputDataReceived += (_, line) => log.Add(line.Data);
        process.ErrorDataReceived += (_, line) => log.Add(line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        process.StandardInput.Close();
        long until = Environment.TickCount64 + (long)limit.TotalMilliseconds;
        while (!listener.Poll(TimeSpan.FromMilliseconds(100), SelectMode.SelectRead))
        {
            if (process.HasExited)
                throw new BackendException($"the worker ended before it connected: {End()}");
            if (Environment.TickCount64 > until)
                throw new BackendException($"the worker did not connect within {limit.TotalSeconds:F0} s; does it take the socket's path, its last argument?");
        }

        return listener.Accept();
    }

    private static string? SignalName(int signal) => signal switch
    {
        4 => "SIGILL",
        6 => "SIGABRT",
        7 => "SIGBUS",
        8 => "SIGFPE",
        9 => "SIGKILL",
        11 => "SIGSEGV",
        15 => "SIGTERM",
        _ => null,
    };
}
