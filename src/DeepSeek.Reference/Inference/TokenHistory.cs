namespace DeepSeek.Reference.Inference;

/// <summary>Which ids a row's prompt has, and how often each new one came: what penalties look at.</summary>
internal sealed class TokenHistory
{
    private readonly Dictionary<int, int> generated = [];
    private readonly HashSet<int> seen;

    /// <summary>The history of a prompt.</summary>
    public TokenHistory(IEnumerable<int> prompt) => seen = [.. prompt];

    /// <summary>New ids and how often each came.</summary>
    public IReadOnlyDictionary<int, int> Generated => generated;

    /// <summary>Ids of the prompt and new ones.</summary>
    public IReadOnlyCollection<int> Seen => seen;

    /// <summary>A new id.</summary>
    public void Add(int id)
    {
        generated[id] = generated.GetValueOrDefault(id) + 1;
        seen.Add(id);
    }
}
