using System.Runtime.InteropServices;
using DeepSeek.Reference.Tool;

using var interrupted = new CancellationTokenSource();

// The first Ctrl-C ends the work at its next step, so that temporary files are removed; the second ends the process.
void Interrupt(PosixSignalContext context)
{
    context.Cancel = !interrupted.IsCancellationRequested;
    interrupted.Cancel();
}

using PosixSignalRegistration onInterrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Interrupt);
using PosixSignalRegistration onTerminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Interrupt);

return Interruptible.Run(args, Terminal.OfProcess(interrupted.Token));
