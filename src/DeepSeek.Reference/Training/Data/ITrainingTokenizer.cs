namespace DeepSeek.Reference.Training;

/// <summary>From text to token ids, as training needs it: what a tokenizer of a released model offers too.</summary>
public interface ITrainingTokenizer
{
    /// <summary>Ids are below this; at least so many rows must an embedding have.</summary>
    int VocabularySize { get; }

    /// <summary>The tokens that stand for no text.</summary>
    SpecialTokens Special { get; }

    /// <summary>The ids of a text. Text that spells a special token is text.</summary>
    int[] Encode(string text);

    /// <summary>Writes the tokenizer as Hugging Face's <c>tokenizer.json</c>.</summary>
    void Write(Stream stream);
}

/// <summary>Ids of the tokens that stand for no text (docs/spec/training-recipe.md 5).</summary>
/// <param name="BeginOfSentence">Begins a document.</param>
/// <param name="EndOfSentence">Ends a document.</param>
/// <param name="Pad">Fills a window that no document ends exactly.</param>
/// <param name="FimHole">Between prefix and suffix, where the middle is missing.</param>
/// <param name="FimBegin">Before the prefix.</param>
/// <param name="FimEnd">Between suffix and middle.</param>
public readonly record struct SpecialTokens(int BeginOfSentence, int EndOfSentence, int Pad, int FimHole, int FimBegin, int FimEnd);
