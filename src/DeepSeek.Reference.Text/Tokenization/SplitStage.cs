namespace DeepSeek.Reference.Text;

/// <summary>One stage of pre-tokenisation: cuts a piece of text at what a pattern, a literal or a set of code points matches.</summary>
internal sealed class SplitStage
{
    private Pattern? pattern;
    private string? literal;
    private CodePointSet? set;

    private SplitStage(SplitBehavior behavior, bool invert) => (Behavior, Invert) = (behavior, invert);

    private SplitBehavior Behavior { get; }

    /// <summary>Matches and what lies between them change their roles.</summary>
    private bool Invert { get; }

    /// <summary>A space goes before each piece that does not begin with one; such a stage cuts nothing.</summary>
    public bool AddsPrefixSpace { get; private init; }

    /// <summary>Cuts at a regular expression.</summary>
    public static SplitStage At(Pattern pattern, SplitBehavior behavior, bool invert = false) => new(behavior, invert) { pattern = pattern };

    /// <summary>Cuts at a literal text.</summary>
    public static SplitStage At(string literal, SplitBehavior behavior, bool invert) => new(behavior, invert) { literal = literal };

    /// <summary>Cuts at each code point of a set.</summary>
    public static SplitStage At(CodePointSet set, SplitBehavior behavior) => new(behavior, false) { set = set };

    /// <summary>Puts a space before each piece.</summary>
    public static SplitStage PrefixSpace() => new(SplitBehavior.Isolated, false) { AddsPrefixSpace = true };

    /// <summary>Appends the pieces of text[from..to].</summary>
    public void Split(string text, int from, int to, Backtracks state, List<(int From, int To)> pieces)
    {
        int first = pieces.Count;
        int at = from;
        bool previous = false;
        while (at < to && Find(text, at, to, state, out int start, out int end))
        {
            if (start > at)
                Append(at, start, Invert);
            Append(start, end, !Invert);
            at = end;
        }

        if (at < to)
            Append(at, to, Invert);

        // The published loaders fold a list from its front, or from its back for the next: this is the same, as it comes.
        void Append(int start, int end, bool match)
        {
            switch (Behavior)
            {
                case SplitBehavior.Removed when match:
                    return;
                case SplitBehavior.MergedWithPrevious when match && !previous && pieces.Count > first:
                case SplitBehavior.Contiguous when match == previous && pieces.Count > first:
                case SplitBehavior.MergedWithNext when !match && previous && pieces.Count > first:
                    pieces[^1] = (pieces[^1].From, end);
                    break;
                default:
                    pieces.Add((start, end));
                    break;
            }

            previous = match;
        }
    }

    private bool Find(string text, int at, int to, Backtracks state, out int start, out int end)
    {
        if (pattern is not null)
            return pattern.Find(text, at, to, state, out start, out end);
        if (literal is not null)
        {
            int skipped = text.AsSpan(at, to - at).IndexOf(literal, StringComparison.Ordinal);
            (start, end) = (at + skipped, at + skipped + literal.Length);
            return skipped >= 0;
        }

        for (start = at; start < to;)
        {
            int size = set!.Matches(text, start);
            if (size > 0)
            {
                end = start + size;
                return true;
            }

            start += char.IsHighSurrogate(text[start]) ? 2 : 1;
        }

        end = to;
        return false;
    }
}
