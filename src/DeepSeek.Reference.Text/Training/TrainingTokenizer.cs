using DeepSeek.Reference.Training;

namespace DeepSeek.Reference.Text;

/// <summary>A tokenizer.json as training takes it: any with DeepSeek-V3's special tokens, such as <see cref="TokenizerTrainer"/> makes.</summary>
/// <remarks>Text that spells a special token is text: it is cut and merged as any other. The file goes into checkpoints byte for byte. docs/spec/training-recipe.md 5.</remarks>
public sealed class TrainingTokenizer : ITrainingTokenizer
{
    private readonly DeepSeekTokenizer tokenizer;
    private readonly byte[] utf8;

    private TrainingTokenizer(byte[] utf8, string source)
    {
        this.utf8 = utf8;
        tokenizer = DeepSeekTokenizer.Parse(utf8, source);
        int Id(string token) => tokenizer.IdOf(token) ??
            throw new DataException($"{source}: has no token {token}, which training needs; make one with `dsref tokenizer train`");
        Special = new SpecialTokens(
            Id(DeepSeekTokens.BeginOfSentence), Id(DeepSeekTokens.EndOfSentence), Id(DeepSeekTokens.Pad),
            Id(DeepSeekTokens.FimHole), Id(DeepSeekTokens.FimBegin), Id(DeepSeekTokens.FimEnd));
    }

    /// <inheritdoc/>
    public int VocabularySize => tokenizer.IdLimit;

    /// <inheritdoc/>
    public SpecialTokens Special { get; }

    /// <summary>Reads a file, plain, .gz or .br, or tokenizer.json in a directory.</summary>
    /// <exception cref="DataException">It cannot be read, is no tokenizer, or lacks a special token.</exception>
    public static TrainingTokenizer Load(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        (byte[] utf8, string source) = TextFile.Read(path, "tokenizer.json");
        return new TrainingTokenizer(utf8, source);
    }

    /// <summary>Reads the bytes of a tokenizer.json.</summary>
    /// <param name="utf8">The JSON.</param>
    /// <param name="source">What errors call it.</param>
    /// <exception cref="DataException">It is no tokenizer, or lacks a special token.</exception>
    public static TrainingTokenizer Parse(ReadOnlySpan<byte> utf8, string source = "tokenizer.json") => new(utf8.ToArray(), source);

    /// <inheritdoc/>
    public int[] Encode(string text) => tokenizer.EncodeOrdinary(text);

    /// <inheritdoc/>
    public void Write(Stream stream)
    {
        ArgumentNullException.ThrowIfNull(stream);
        stream.Write(utf8);
    }
}
