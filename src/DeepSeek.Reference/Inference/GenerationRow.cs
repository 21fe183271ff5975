using DeepSeek.Reference.Model;

namespace DeepSeek.Reference.Inference;

/// <summary>A prompt and what it was continued with.</summary>
internal sealed class GenerationRow(int index, int[] prompt, LatentCache cache, GenerationOptions options)
{
    private readonly List<int> known = [.. prompt];

    /// <summary>What errors and callbacks call the row.</summary>
    public int Index { get; } = index;

    /// <summary>The prompt.</summary>
    public int[] Prompt { get; } = prompt;

    /// <summary>How it is continued.</summary>
    public GenerationOptions Options { get; } = options;

    /// <summary>What the model keeps of it.</summary>
    public LatentCache Cache { get; } = cache;

    /// <summary>The new ids.</summary>
    public List<int> Ids { get; } = [];

    /// <summary>The prompt and the new ids.</summary>
    public IReadOnlyList<int> Known => known;

    /// <summary>The position of the next token to be chosen.</summary>
    public int Position => known.Count;

    /// <summary>Ids that the model has not taken yet.</summary>
    public int Pending => known.Count - Cache.Length;

    /// <summary>What penalties look at.</summary>
    public TokenHistory History { get; } = new(prompt);

    /// <summary>Why the row ended; null while it goes on.</summary>
    public StopReason? Reason { get; set; }

    /// <summary>Ids from..from+count of <see cref="Known"/>.</summary>
    public int[] Slice(int from, int count) => [.. known.GetRange(from, count)];

    /// <summary>Chooses the next token from logits [1, V] by a rule, and takes it.</summary>
    /// <exception cref="NotANumberException">A NaN reached the choice; names row, position and origin.</exception>
    public void Choose(DeepSeekModel model, Tensor logits, Func<int> rule)
    {
        Options.OnLogits?.Invoke(Index, Ids.Count, logits);
        int id;
        try
        {
            id = rule();
        }
        catch (NotANumberException e)
        {
            int chunk = Options.PrefillChunk == 0 ? Prompt.Length : Options.PrefillChunk;
            string origin = NotANumberSearch.OfWhole(model, [.. known], chunk, new ForwardOptions { LastLogitsOnly = true, RowLabels = [Index] });
            throw new NotANumberException($"row {Index}, position {Position}: no token can be chosen from the logits: {e.Message}; {origin}");
        }

        Take(id, model.Config);
    }

    private void Take(int id, DeepSeekConfig config)
    {
        if (!Options.IgnoreEos && id == config.EosTokenId)
        {
            Reason = StopReason.EndOfText;
            return;
        }

        int step = Ids.Count;
        Ids.Add(id);
        known.Add(id);
        History.Add(id);
        Options.OnToken?.Invoke(Index, step, id);
        if (Options.StopAfter?.Invoke(Index, step, id) == true)
            Reason = StopReason.Stopped;
        else if (Ids.Count == Options.MaxTokens)
            Reason = StopReason.MaxTokens;
        else if (known.Count > config.MaxPositionEmbeddings)
            Reason = StopReason.MaxPositions;
    }
}
