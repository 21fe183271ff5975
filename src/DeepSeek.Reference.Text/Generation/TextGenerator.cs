using DeepSeek.Reference.Inference;
using DeepSeek.Reference.Model;

namespace DeepSeek.Reference.Text;

/// <summary>Continues texts with a model: text to text, as <see cref="Generator"/> does ids to ids.</summary>
/// <remarks>Not for two threads at once. docs/spec/text.md 6.</remarks>
public sealed class TextGenerator
{
    private readonly Generator generator;

    /// <summary>A generator on a model and its tokenizer.</summary>
    public TextGenerator(DeepSeekModel model, DeepSeekTokenizer tokenizer)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(tokenizer);
        (Model, Tokenizer, generator) = (model, tokenizer, new Generator(model));
    }

    /// <summary>The model.</summary>
    public DeepSeekModel Model { get; }

    /// <summary>Its tokenizer.</summary>
    public DeepSeekTokenizer Tokenizer { get; }

    /// <summary>The ids of a text that is to be continued: BOS, where the tokenizer has it and the text does not begin with it, and the text's.</summary>
    public int[] PromptIds(string text)
    {
        int[] ids = Tokenizer.Encode(text);
        return Tokenizer.IdOf(DeepSeekTokens.BeginOfSentence) is not { } bos || (ids.Length > 0 && ids[0] == bos) ? ids : [bos, .. ids];
    }

    /// <summary>Continues ids.</summary>
    /// <param name="prompt">The ids.</param>
    /// <param name="options">How.</param>
    /// <param name="stop">Texts that end it.</param>
    /// <param name="onText">Called with each part of the text as soon as it is known; the parts together are the text.</param>
    /// <param name="cancellation">Looked at between passes.</param>
    /// <exception cref="DataException">The prompt cannot be taken by the model.</exception>
    /// <exception cref="ContractException">An option is outside its range, or a stop text is empty.</exception>
    public GeneratedText Generate(int[] prompt, GenerationOptions options, IReadOnlyList<string>? stop = null, Action<string>? onText = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(prompt);
        ArgumentNullException.ThrowIfNull(options);
        var rows = new TextRows(Tokenizer, 1, stop ?? [], onText is null ? null : (_, part) => onText(part));
        return rows.Finish([prompt], generator.Generate([prompt], rows.Follow(options), cancellation))[0];
    }

    /// <summary>Continues a text, behind BOS.</summary>
    /// <inheritdoc cref="Generate(int[], GenerationOptions, IReadOnlyList{string}?, Action{string}?, CancellationToken)"/>
    public GeneratedText Generate(string prompt, GenerationOptions options, IReadOnlyList<string>? stop = null, Action<string>? onText = null, CancellationToken cancellation = default) =>
        Generate(PromptIds(prompt), options, stop, onText, cancellation);

    /// <summary>Writes what lies between a prefix and a suffix: BOS, FIM begin, prefix, FIM hole, suffix, FIM end, and the middle follows.</summary>
    /// <exception cref="ContractException">The tokenizer has no FIM tokens.</exception>
    /// <inheritdoc cref="Generate(int[], GenerationOptions, IReadOnlyList{string}?, Action{string}?, CancellationToken)"/>
    public GeneratedText FillInMiddle(string prefix, string suffix, GenerationOptions options, IReadOnlyList<string>? stop = null, Action<string>? onText = null, CancellationToken cancellation = default)
    {
        int[] fim = [.. new[] { DeepSeekTokens.FimBegin, DeepSeekTokens.FimHole, DeepSeekTokens.FimEnd }.Select(t => Tokenizer.IdOf(t) ?? throw new ContractException($"the tokenizer has no {t}; it cannot fill in a middle"))];
        return Generate([.. PromptIds(""), fim[0], .. Tokenizer.Encode(prefix), fim[1], .. Tokenizer.Encode(suffix), fim[2]], options, stop, onText, cancellation);
    }
}
