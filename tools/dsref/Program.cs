using System.Runtime.InteropServices;
using DeepSeek.Reference.Tool;

using var interrupted = new CancellationTokenSource();

Terminal terminal = Terminal.OfProcess(interrupted.Token);

// Ctrl-C stops an answer of a chat. Else the first ends the work at its next step, so that temporary files are removed; the second ends the process.
void Interrupt(PosixSignalContext context)
{
    if (context.Signal == PosixSignal.SIGINT && terminal.TakesInterrupt is { } stop)
    {
        context.Cancel = true;
        stop();
        return;
    }

    context.Cancel = !interrupted.IsCancellationRequested;
    interrupted.Cancel();
}

using PosixSignalRegistration onInterrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Interrupt);
using PosixSignalRegistration onTerminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Interrupt);

return Interruptible.Run(args, terminal);
