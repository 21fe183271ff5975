using System.Buffers;

namespace DeepSeek.Reference.Text;

/// <summary>Finds added tokens in a text: leftmost, the longest among those that begin together.</summary>
internal sealed class AddedTokenSearch
{
    private readonly Dictionary<(int Node, char Next), int> edges = [];
    private readonly List<AddedToken?> ends = [null];
    private readonly SearchValues<char> firsts;

    /// <summary>A search for these tokens.</summary>
    public AddedTokenSearch(IEnumerable<AddedToken> tokens)
    {
        AddedToken[] all = [.. tokens];
        foreach (AddedToken token in all)
        {
            int node = 0;
            foreach (char c in token.Content)
            {
                if (!edges.TryGetValue((node, c), out int next))
                {
                    next = ends.Count;
                    ends.Add(null);
                    edges.Add((node, c), next);
                }

                node = next;
            }

            ends[node] = token;
        }

        firsts = SearchValues.Create([.. all.Select(t => t.Content[0]).Distinct()]);
    }

    /// <summary>A part of a text: a token, or what lies between.</summary>
    internal readonly record struct Part(int From, int To, AddedToken? Token);

    /// <summary>The parts of text[from..to] in order; tokens look no further than that.</summary>
    public IEnumerable<Part> Split(string text, int from, int to)
    {
        int done = from;
        for (int at = from; ;)
        {
            if (Next(text, at, to) is not { } match)
                break;
            at = match.To;
            AddedToken token = match.Token!;
            if (token.SingleWord && (EndsWithWord(text, from, match.From) || BeginsWithWord(text, match.To, to)))
                continue;
            int start = match.From, end = match.To;
            if (token.LeftStrip)
            {
                while (start > done && UnicodeClass.Space.Contains(text[start - 1]))
                    start--;
            }

            if (token.RightStrip)
            {
                while (end < to && UnicodeClass.Space.Contains(text[end]))
                    end++;
            }

            if (start > done)
                yield return new Part(done, start, null);
            yield return new Part(start, end, token);
            done = end;
            at = Math.Max(at, end);
        }

        if (done < to)
            yield return new Part(done, to, null);
    }

    private Part? Next(string text, int at, int to)
    {
        while (true)
        {
            int skipped = text.AsSpan(at, to - at).IndexOfAny(firsts);
            if (skipped < 0)
                return null;
            at += skipped;
            AddedToken? found = null;
            int end = at;
            for (int node = 0, i = at; i < to && edges.TryGetValue((node, text[i]), out node);)
            {
                i++;
                if (ends[node] is { } token)
                    (found, end) = (token, i);
            }

            if (found is not null)
                return new Part(at, end, found);
            at++;
        }
    }

    private static bool BeginsWithWord(string text, int at, int to) => at < to && UnicodeClass.Word.Matches(text, at) > 0;

    private static bool EndsWithWord(string text, int from, int at)
    {
        if (at == from)
            return false;
        int start = at - 1;
        if (char.IsLowSurrogate(text[start]))
            start--;
        return UnicodeClass.Word.Matches(text, start) > 0;
    }
}
