using System.Text;
using DeepSeek.Reference.Inference;

namespace DeepSeek.Reference.Text;

/// <summary>The texts of rows that are continued, one after another or side by side; each ends before its first stop text.</summary>
/// <remarks>A row's text is a function of its ids alone, whenever they come. docs/spec/text.md 6.</remarks>
internal sealed class TextRows
{
    private readonly StringBuilder[] texts;
    private readonly TokenStream[] streams;
    private readonly StopText[] until;
    private readonly Action<int, string>? onText;

    /// <summary>Rows without text yet.</summary>
    /// <param name="tokenizer">Makes ids text.</param>
    /// <param name="rows">How many.</param>
    /// <param name="stops">Texts that end a row.</param>
    /// <param name="onText">Called with a row and each part of its text as soon as it is known.</param>
    /// <exception cref="ContractException">A stop text is empty.</exception>
    public TextRows(DeepSeekTokenizer tokenizer, int rows, IReadOnlyList<string> stops, Action<int, string>? onText = null)
    {
        this.onText = onText;
        texts = [.. Enumerable.Range(0, rows).Select(_ => new StringBuilder())];
        streams = [.. Enumerable.Range(0, rows).Select(_ => tokenizer.Stream(skipSpecialTokens: true))];
        until = [.. Enumerable.Range(0, rows).Select(_ => new StopText(stops))];
    }

    /// <summary>The same options for rows whose texts are made here.</summary>
    public GenerationOptions Follow(GenerationOptions options) => options with
    {
        StopAfter = (row, step, id) =>
        {
            Show(row, until[row].Append(streams[row].Append(id)));
            return until[row].Found is not null || options.StopAfter?.Invoke(row, step, id) == true;
        },
    };

    /// <summary>What rows were continued with: what was held back is shown first.</summary>
    public IReadOnlyList<GeneratedText> Finish(IReadOnlyList<int[]> prompts, IReadOnlyList<GeneratedSequence> made)
    {
        for (int row = 0; row < texts.Length; row++)
        {
            Show(row, until[row].Append(streams[row].Finish()));
            Show(row, until[row].Finish());
        }

        return [.. made.Select((m, row) => new GeneratedText(texts[row].ToString(), prompts[row].Length, m.Ids, m.Reason, until[row].Found) { Drafts = m.Drafts })];
    }

    private void Show(int row, string part)
    {
        if (part.Length == 0)
            return;
        texts[row].Append(part);
        onText?.Invoke(row, part);
    }
}
