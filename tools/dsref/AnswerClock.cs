using System.Diagnostics;
using System.Globalization;
using DeepSeek.Reference.Inference;

namespace DeepSeek.Reference.Tool;

/// <summary>How fast a text came.</summary>
internal sealed class AnswerClock
{
    private readonly long start = Stopwatch.GetTimestamp();

    /// <summary>Tells tokens, seconds and tokens a second on standard error, and what became of drafts.</summary>
    public void Tell(Terminal terminal, int tokens, DraftCounts? drafts = null)
    {
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        string line = string.Create(CultureInfo.InvariantCulture, $"{tokens} tokens in {seconds:0.00} s, {tokens / Math.Max(seconds, 1e-9):0.0} tokens/s");
        if (drafts is not null)
            line += string.Create(CultureInfo.InvariantCulture, $"; {drafts.Accepted} of {drafts.Drafted} drafts taken ({100 * drafts.Rate:0.0} %), {drafts.Passes} passes, {TokensPerPass(drafts):0.00} tokens each");
        terminal.Error.WriteLine(line);
    }

    /// <summary>The same for all rows.</summary>
    public void Tell(Terminal terminal, int tokens, IReadOnlyList<GeneratedSequence> rows)
    {
        DraftCounts[] drafts = [.. rows.Select(r => r.Drafts).OfType<DraftCounts>()];
        Tell(terminal, tokens, drafts.Length == 0 ? null : new DraftCounts(drafts.Sum(d => d.Drafted), drafts.Sum(d => d.Accepted), drafts.Sum(d => d.Passes)));
    }

    /// <summary>A pass gives one token of its own and the drafts it takes.</summary>
    private static double TokensPerPass(DraftCounts drafts) => drafts.Passes == 0 ? 0 : (double)(drafts.Passes + drafts.Accepted) / drafts.Passes;
}
