using System.Diagnostics;
using DeepSeek.Reference.Backends;

namespace DeepSeek.Reference.Verification;

/// <summary>What shrinking a failing case gave.</summary>
internal sealed record ShrinkReport
{
    /// <summary>The case as it was given.</summary>
    public required OperationCase Start { get; init; }

    /// <summary>What the given case gave.</summary>
    public required TrialResult First { get; init; }

    /// <summary>The smallest case that fails as badly; the given one where it passes.</summary>
    public required OperationCase Smallest { get; init; }

    /// <summary>Its call, with simplified values where they were, and the backend's results.</summary>
    public required TrialResult Last { get; init; }

    /// <summary>Whether <see cref="Last"/> has other values than <see cref="Smallest"/>'s, so that a file has to hold them.</summary>
    public bool ValuesChanged { get; init; }

    /// <summary>Whether <see cref="Last"/> is the one dot of <see cref="Smallest"/>'s failing element.</summary>
    public bool IsAlone { get; init; }

    /// <summary>For matrix products, the failing element's dot.</summary>
    public FailingDot? Dot { get; init; }

    /// <summary>Elements of the inputs that are not zero, at the end.</summary>
    public long NonZeros { get; init; }

    /// <summary>Trials made.</summary>
    public int Trials { get; init; }

    /// <summary>Whether the time ended before nothing more could be made smaller.</summary>
    public bool RanOut { get; init; }
}

/// <summary>Makes a failing case small: its id first, so that one line repeats it, then one dot of it, then its values.</summary>
/// <remarks>
/// What BOUND or SUSPECT say is a matter of many elements: there the id alone is made smaller. Everything is deterministic but for the end of the time.
/// </remarks>
internal static class Shrink
{
    /// <summary>Shrinks a case.</summary>
    /// <param name="start">The case.</param>
    /// <param name="backend">What is judged.</param>
    /// <param name="bits">Any bit that differs is a failure.</param>
    /// <param name="seconds">Time after which the smallest found so far is taken.</param>
    /// <param name="progress">Told what is tried; may throw to end it.</param>
    public static ShrinkReport Run(OperationCase start, IBackend backend, bool bits, double seconds, Action<string>? progress = null)
    {
        long clock = Stopwatch.GetTimestamp();
        bool ranOut = false;
        bool TimeIsUp() => ranOut |= Stopwatch.GetElapsedTime(clock).TotalSeconds > seconds;

        var trial = new FailureTrial(backend, bits, new JudgeOptions());
        progress?.Invoke(start.Id.ToString());
        TrialResult first = trial.Run(start.Call(start.Prepare()));
        if (first.Failure is Failure.None or Failure.Unsupported)
            return new ShrinkReport { Start = start, First = first, Smallest = start, Last = first, Trials = trial.Count };

        OperationCase smallest = new CaseShrink(trial, first.Failure, TimeIsUp, progress).Run(start);
        TrialResult last = trial.Run(smallest.Call(smallest.Prepare()));
        bool changed = false, alone = false;
        if (last.Failure >= Failure.Wrong && !TimeIsUp())
        {
            // A fresh call: what a crashed or careless backend wrote is in none of its tensors.
            OperationCall call = smallest.Call(smallest.Prepare());
            if (FailingDot.Of(last.Call) is { } dot && call is LinearCall { Y.ElementCount: > 1 } && FailingDot.Alone(call, dot.At) is { } one && trial.Run(one).Failure >= first.Failure)
                (call, alone) = (one, true);
            var values = new ValueShrink(trial, first.Failure, TimeIsUp, progress);
            call = values.Run(call);
            changed = values.Changed || alone;
            last = trial.Run(call);
        }

        return new ShrinkReport
        {
            Start = start,
            First = first,
            Smallest = smallest,
            Last = last,
            ValuesChanged = changed,
            IsAlone = alone,
            Dot = last.Failure == Failure.Crash ? null : FailingDot.Of(last.Call),
            NonZeros = ValueShrink.NonZeros(last.Call),
            Trials = trial.Count,
            RanOut = ranOut,
        };
    }
}
