using System.Diagnostics;

namespace DeepSeek.Reference.Verification.Explaining;

/// <summary>The time that an explanation may take as a whole, and where its steps are told as they begin.</summary>
/// <param name="seconds">The time.</param>
/// <param name="told">Takes the name of each step; null for nobody.</param>
internal sealed class ExplainClock(double seconds, Action<string>? told = null)
{
    private readonly long start = Stopwatch.GetTimestamp();

    /// <summary>Seconds that are left; 0 when the time is up.</summary>
    public double Left => Math.Max(0, seconds - Stopwatch.GetElapsedTime(start).TotalSeconds);

    /// <summary>Whether more than this share of the whole time is over.</summary>
    public bool IsPast(double share) => Left < (1 - share) * seconds;

    /// <summary>A clock that ends with this one, or earlier: after a share of what is left.</summary>
    public ExplainClock Part(double share) => new(share * Left, told);

    /// <summary>Tells that a step begins.</summary>
    public void Step(string words) => told?.Invoke(words);
}
