using System.Text;

namespace DeepSeek.Reference.Text;

/// <summary>Makes byte-level tokenizers in DeepSeek-V3's form: its pre-tokenizer, its special tokens, merges learnt from texts.</summary>
/// <remarks>
/// <code>
/// pieces of all texts, each with its count; a piece is its bytes
/// the pair of neighbouring tokens that is most frequent becomes a token, everywhere; again, until the vocabulary is full
/// </code>
/// Among equally frequent pairs the one with the lower left id is taken, then the one with the lower right id. The same texts give the same file, in whatever order they come.
/// Ids: BOS 0, EOS 1, pad 2, the 256 bytes in the order of their characters, the merges, then FIM hole, begin and end, User, Assistant. docs/spec/text.md 5.
/// </remarks>
public static class TokenizerTrainer
{
    /// <summary>Ids of a tokenizer without merges.</summary>
    public const int LeastVocabulary = 3 + 256 + 5;

    /// <summary>A tokenizer.json without merges: the 256 bytes and the special tokens.</summary>
    public static byte[] Bytes() => TokenizerWriter.Write([]);

    /// <summary>A tokenizer.json with merges learnt from texts.</summary>
    /// <param name="texts">The texts; pieces do not cross their ends.</param>
    /// <param name="vocabularySize">All ids, special tokens too, at most; fewer where no pair is frequent enough.</param>
    /// <param name="leastCount">How often a pair must come to be merged.</param>
    /// <param name="progress">Told the tokens so far.</param>
    /// <param name="cancellation">Looked at before each merge and text.</param>
    /// <exception cref="ContractException">The vocabulary has no room for the bytes and special tokens, or the count is below 1.</exception>
    public static byte[] Train(IEnumerable<string> texts, int vocabularySize, int leastCount = 2, Action<int>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(texts);
        if (vocabularySize < LeastVocabulary || vocabularySize > Vocabulary.MostIds)
            throw new ContractException($"a vocabulary of {vocabularySize} was asked for; from {LeastVocabulary} (3 + 256 bytes + 5 special tokens) to {Vocabulary.MostIds}");
        if (leastCount < 1)
            throw new ContractException($"pairs that come {leastCount} times were asked for; from 1");
        return TokenizerWriter.Write(new PairCounts(Pieces(texts, cancellation)).Merge(vocabularySize - LeastVocabulary, leastCount, progress, cancellation));
    }

    private static Dictionary<string, long> Pieces(IEnumerable<string> texts, CancellationToken cancellation)
    {
        SplitStage[] stages = [.. DeepSeekTokens.Splits.Select((s, i) => SplitStage.At(new Pattern(s, $"split {i}"), SplitBehavior.Isolated))];
        var counts = new Dictionary<string, long>();
        foreach (string text in texts)
        {
            cancellation.ThrowIfCancellationRequested();
            string whole = Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text));
            var state = new Backtracks(whole.Length);
            List<(int From, int To)> pieces = [(0, whole.Length)];
            foreach (SplitStage stage in stages)
            {
                var next = new List<(int, int)>();
                foreach ((int from, int to) in pieces)
                    stage.Split(whole, from, to, state, next);
                pieces = next;
            }

            foreach ((int from, int to) in pieces)
            {
                string piece = whole[from..to];
                counts[piece] = counts.GetValueOrDefault(piece) + 1;
            }
        }

        return counts;
    }
}
