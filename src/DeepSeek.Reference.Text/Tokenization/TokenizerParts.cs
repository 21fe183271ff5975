namespace DeepSeek.Reference.Text;

/// <summary>What a tokenizer is made of, as its file gave it.</summary>
/// <param name="Source">The file, for errors.</param>
/// <param name="Vocabulary">The tokens of bytes.</param>
/// <param name="Literals">Tokens of the vocabulary whose text is not of the byte alphabet: no bytes lead to them.</param>
/// <param name="Merges">Left, right and what they give, in the order of their ranks.</param>
/// <param name="IgnoreMerges">Whether a piece that is a token is taken without merging.</param>
/// <param name="Stages">The pre-tokenizer.</param>
/// <param name="Added">The added tokens.</param>
internal sealed record TokenizerParts(
    string Source, Vocabulary Vocabulary, Dictionary<string, int> Literals, IReadOnlyList<(int Left, int Right, int Id)> Merges, bool IgnoreMerges,
    IReadOnlyList<SplitStage> Stages, IReadOnlyList<AddedToken> Added);
