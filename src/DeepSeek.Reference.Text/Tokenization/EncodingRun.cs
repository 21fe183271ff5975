using System.Text;

namespace DeepSeek.Reference.Text;

/// <summary>The encoding of one text: the ids so far, where each stands if that is asked for, and the buffers in use.</summary>
internal sealed class EncodingRun(int length)
{
    private readonly Backtracks backtracks = new(length);
    private List<(int From, int To)> pieces = [], next = [];
    private byte[] utf8 = new byte[256];

    /// <summary>The ids so far.</summary>
    public IdBuffer Ids { get; } = new((length / 3) + 1);

    /// <summary>For each id the UTF-16 units of the text that it covers, whole characters; null where nobody asked.</summary>
    public List<(int Start, int End)>? Offsets { get; init; }

    /// <summary>An added token.</summary>
    public void Add(int id, int from, int to)
    {
        Ids.Add(id);
        Offsets?.Add((from, to));
    }

    /// <summary>Cuts text[from..to] by all stages and encodes each piece.</summary>
    public void Split(string text, int from, int to, SplitStage[] stages, BytePairs pairs, Vocabulary vocabulary)
    {
        if (Array.Exists(stages, s => s.AddsPrefixSpace))
        {
            SplitWithSpaces(text, from, to, 0, 0, stages, pairs, vocabulary);
            return;
        }

        pieces.Clear();
        pieces.Add((from, to));
        foreach (SplitStage stage in stages)
        {
            next.Clear();
            foreach ((int start, int end) in pieces)
                stage.Split(text, start, end, backtracks, next);
            (pieces, next) = (next, pieces);
        }

        foreach ((int start, int end) in pieces)
            Encode(text, start, end, 0, pairs, vocabulary);
    }

    /// <summary>The ids of one piece; <paramref name="shift"/> says how far the text lies behind the caller's.</summary>
    public void Encode(string text, int from, int to, int shift, BytePairs pairs, Vocabulary vocabulary)
    {
        int most = 3 * (to - from);
        if (utf8.Length < most)
            utf8 = new byte[Math.Max(most, 2 * utf8.Length)];
        int count = Encoding.UTF8.GetBytes(text.AsSpan(from, to - from), utf8);
        int before = Ids.Count;
        pairs.Encode(utf8.AsSpan(0, count), Ids);
        if (Offsets is null)
            return;
        int done = 0, character = 0, unit = from;
        foreach (int id in Ids.From(before))
        {
            // A token begins with the character that its first byte lies in, and ends behind that of its last.
            int start = unit, end = unit, bytes = character;
            for (done += vocabulary.Bytes(id).Length; bytes < done;)
            {
                int units = char.IsHighSurrogate(text[end]) ? 2 : 1;
                bytes += units == 2 ? 4 : text[end] < 0x80 ? 1 : text[end] < 0x800 ? 2 : 3;
                end += units;
                if (bytes <= done)
                    (character, unit) = (bytes, end);
            }

            Offsets.Add((Math.Max(start - shift, 0), Math.Max(end - shift, 0)));
        }
    }

    /// <summary>The same where a stage puts a space before each of its pieces: from there on a piece is a text of its own.</summary>
    private void SplitWithSpaces(string text, int from, int to, int shift, int stage, SplitStage[] stages, BytePairs pairs, Vocabulary vocabulary)
    {
        if (stage == stages.Length)
        {
            Encode(text, from, to, shift, pairs, vocabulary);
        }
        else if (stages[stage].AddsPrefixSpace)
        {
            if (text[from] != ' ')
                SplitWithSpaces($" {text.AsSpan(from, to - from)}", 0, to - from + 1, shift + 1 - from, stage + 1, stages, pairs, vocabulary);
            else
                SplitWithSpaces(text, from, to, shift, stage + 1, stages, pairs, vocabulary);
        }
        else
        {
            var cut = new List<(int From, int To)>();
            stages[stage].Split(text, from, to, backtracks, cut);
            foreach ((int start, int end) in cut)
                SplitWithSpaces(text, start, end, shift, stage + 1, stages, pairs, vocabulary);
        }
    }
}
