using System.Runtime.ExceptionServices;
using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Backends;

/// <summary>The same bits as <see cref="ScalarBackend"/>, by vector instructions and threads.</summary>
/// <remarks>
/// Threads split independent outputs only (rule N8), so their number never changes a bit. The widest path that the processor has is taken
/// (AVX-512, AVX2 with FMA, AdvSimd); without one the definitions run.
/// Accumulations other than <see cref="Accumulation.Lanes16"/> run their definitions, in parallel over outputs.
/// </remarks>
public sealed partial class SimdBackend : IBackend
{
    /// <summary>A backend that uses up to <paramref name="threads"/> threads; 0 takes all processors.</summary>
    /// <exception cref="ContractException">A negative number of threads, or native code has left this thread another floating-point mode (rule N2).</exception>
    public SimdBackend(int threads = 0)
    {
        FloatingPointMode.Require();
        if (threads < 0)
            throw new ContractException($"{threads} threads were asked for; take 0 for all processors, or a positive number");
        Threads = threads == 0 ? Environment.ProcessorCount : threads;
    }

    /// <inheritdoc/>
    public string Name => "simd";

    /// <summary>The most threads an operation uses.</summary>
    public int Threads { get; }

    /// <inheritdoc/>
    public bool Supports(Operation operation, Accumulation accumulation) => Enum.IsDefined(operation) && LinearShape.Offers(operation, accumulation);

    /// <summary>Runs body(from, to) over a partition of 0..count into ranges of at least <paramref name="grain"/>.</summary>
    /// <remarks>Every index is worked on exactly once and alone: where the cuts lie changes no bit.</remarks>
    internal void For(int count, int grain, Action<int, int> body)
    {
        int parts = (int)Math.Min(Threads, ((long)count + grain - 1) / Math.Max(1, grain));
        if (parts <= 1)
        {
            if (count > 0)
                body(0, count);
            return;
        }

        // Four pieces a thread: a busy neighbour on one core then costs a quarter piece, not a half.
        long pieces = Math.Min((long)parts * 4, ((long)count + grain - 1) / grain);
        try
        {
            Parallel.For(0, (int)pieces, new ParallelOptions { MaxDegreeOfParallelism = Threads }, p =>
            {
                int from = (int)(count * (long)p / pieces);
                int to = (int)(count * (long)(p + 1) / pieces);
                if (from < to)
                    body(from, to);
            });
        }
        catch (AggregateException e)
        {
            // One thread's error comes out as itself, as it does on a single thread.
            ExceptionDispatchInfo.Throw(e.InnerExceptions[0]);
        }
    }
}
