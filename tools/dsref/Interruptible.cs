namespace DeepSeek.Reference.Tool;

/// <summary>Runs a command so that Ctrl-C ends it soon, whatever it is at.</summary>
/// <remarks>
/// The command works on a thread of its own and looks at the token at its steps. A step may take minutes (one case of verify, one product of a large
/// model on the scalar backend): after a moment of grace the process ends without it. A command that has begun to write files is waited for, since
/// it looks at the token as it writes. What lies in temporary places is removed as the process exits.
/// </remarks>
internal static class Interruptible
{
    private static readonly TimeSpan Grace = TimeSpan.FromMilliseconds(500);

    /// <summary>Runs one command and returns its exit code.</summary>
    public static int Run(string[] args, Terminal terminal)
    {
        Task<int> work = Task.Factory.StartNew(() => Application.Run(args, terminal), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        try
        {
            work.Wait(terminal.Cancelled);
        }
        catch (OperationCanceledException)
        {
            while (!work.Wait(Grace))
            {
                if (terminal.IsWriting)
                    continue;
                terminal.Fail(terminal.WhenInterrupted);
                return ExitCode.Interrupted;
            }
        }

        return work.GetAwaiter().GetResult();
    }
}
