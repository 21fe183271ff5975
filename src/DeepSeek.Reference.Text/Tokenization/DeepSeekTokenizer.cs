using System.Buffers;
using System.Text;
using Microsoft.ML.Tokenizers;

namespace DeepSeek.Reference.Text;

/// <summary>A byte-level BPE tokenizer as <c>tokenizer.json</c> describes it: DeepSeek-V3's, and others of its family.</summary>
/// <remarks>
/// <code>
/// text  -> added tokens, and what lies between          leftmost, longest; half a surrogate pair reads as U+FFFD
///       -> pieces, by each stage of the pre-tokenizer    V3: digits by three, CJK and kana, words and the rest
///       -> UTF-8 bytes -> BPE in each piece -> ids
/// ids   -> bytes -> text                                 what is not UTF-8 reads as U+FFFD
/// </code>
/// No id is added by itself: BOS comes from the chat template or from the caller. docs/spec/text.md. Microsoft.ML.Tokenizers gives the interface; its
/// BpeTokenizer is not used, since it reads no tokenizer.json and its pre-tokenizers see UTF-16 units: a letter beyond U+FFFF is none for them.
/// An instance may be used by several threads at once.
/// </remarks>
public sealed class DeepSeekTokenizer : Tokenizer
{
    private readonly Vocabulary vocabulary;
    private readonly BytePairs pairs;
    private readonly SplitStage[] stages;
    private readonly Dictionary<string, int> literals;
    private readonly Dictionary<int, AddedToken> added;
    private readonly AddedTokenSearch? verbatim, normalized;
    private readonly byte[]?[] addedBytes;

    internal DeepSeekTokenizer(TokenizerParts parts)
    {
        vocabulary = parts.Vocabulary;
        pairs = new BytePairs(vocabulary, new MergeTable(parts.Merges), parts.IgnoreMerges, parts.Source);
        stages = [.. parts.Stages];
        literals = parts.Literals;
        AddedTokens = [.. parts.Added.OrderBy(t => t.Id)];
        added = AddedTokens.ToDictionary(t => t.Id);
        verbatim = Search(AddedTokens.Where(t => !t.Normalized));
        normalized = Search(AddedTokens.Where(t => t.Normalized));
        int limit = Math.Max(vocabulary.IdLimit, literals.Count == 0 ? 0 : literals.Values.Max() + 1);
        IdLimit = Math.Max(limit, AddedTokens.Count == 0 ? 0 : AddedTokens[^1].Id + 1);
        addedBytes = new byte[IdLimit][];
        foreach ((string text, int id) in literals)
            addedBytes[id] = DecodedBytes(text);
        foreach (AddedToken token in AddedTokens)
            addedBytes[token.Id] = DecodedBytes(token.Content);
    }

    /// <summary>The tokens that are found in a text as it stands, by id.</summary>
    public IReadOnlyList<AddedToken> AddedTokens { get; }

    /// <summary>One above the largest id. A model's vocabulary may be larger: its last rows then belong to no token.</summary>
    public int IdLimit { get; }

    /// <summary>Reads a tokenizer from a file, plain, .gz or .br, or from tokenizer.json in a directory.</summary>
    /// <exception cref="DataException">The file cannot be read, or asks for what is not known; names the field.</exception>
    public static DeepSeekTokenizer Load(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        (byte[] utf8, string source) = TextFile.Read(path, "tokenizer.json");
        return new DeepSeekTokenizer(TokenizerFile.Read(utf8, source));
    }

    /// <summary>Reads a tokenizer from the bytes of a tokenizer.json.</summary>
    /// <param name="utf8">The JSON.</param>
    /// <param name="source">What errors call it.</param>
    /// <exception cref="DataException">It asks for what is not known; names the field.</exception>
    public static DeepSeekTokenizer Parse(ReadOnlyMemory<byte> utf8, string source = "tokenizer.json") => new(TokenizerFile.Read(utf8, source));

    /// <summary>The ids of a text.</summary>
    /// <exception cref="DataException">A byte of the text has no token, in a vocabulary without all 256.</exception>
    public int[] Encode(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var run = new EncodingRun(text.Length);
        Encode(WellFormed(text), run, splits: true);
        return run.Ids.ToArray();
    }

    /// <summary>The ids of a text in which nothing is a special token, not even what spells one: as documents are taken for training.</summary>
    /// <exception cref="DataException">A byte of the text has no token, in a vocabulary without all 256.</exception>
    public int[] EncodeOrdinary(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var run = new EncodingRun(text.Length);
        run.Split(WellFormed(text), 0, text.Length, stages, pairs, vocabulary);
        return run.Ids.ToArray();
    }

    /// <summary>The text of ids. An id without a token gives nothing, as in the published decoders.</summary>
    /// <param name="ids">The ids.</param>
    /// <param name="skipSpecialTokens">Whether special tokens give nothing too.</param>
    public string Decode(ReadOnlySpan<int> ids, bool skipSpecialTokens = false)
    {
        var bytes = new ArrayBufferWriter<byte>((4 * ids.Length) + 16);
        foreach (int id in ids)
            bytes.Write(Bytes(id, skipSpecialTokens));
        return Encoding.UTF8.GetString(bytes.WrittenSpan);
    }

    /// <summary>A decoder that takes ids one by one.</summary>
    public TokenStream Stream(bool skipSpecialTokens = false) => new(this, skipSpecialTokens);

    /// <summary>The id of a token by its text in tokenizer.json, null where there is none.</summary>
    public int? IdOf(string token)
    {
        ArgumentNullException.ThrowIfNull(token);
        if (AddedTokens.FirstOrDefault(t => t.Content == token) is { } found)
            return found.Id;
        if (literals.TryGetValue(token, out int literal))
            return literal;
        byte[] utf8 = Encoding.UTF8.GetBytes(token);
        int length = ByteAlphabet.Translate(utf8);
        int id = length <= 0 ? -1 : vocabulary.Find(utf8.AsSpan(0, length));
        return id < 0 ? null : id;
    }

    /// <summary>The text of an id in tokenizer.json, null where no token has it.</summary>
    public string? TokenOf(int id)
    {
        if (added.TryGetValue(id, out AddedToken? token))
            return token.Content;
        if (vocabulary.Has(id))
            return ByteAlphabet.Text(vocabulary.Bytes(id));
        foreach ((string text, int literal) in literals)
        {
            if (literal == id)
                return text;
        }

        return null;
    }

    /// <summary>The bytes that an id stands for; empty for an id without a token.</summary>
    public ReadOnlySpan<byte> Bytes(int id, bool skipSpecialTokens = false)
    {
        if (skipSpecialTokens && added.TryGetValue(id, out AddedToken? token) && token.Special)
            return [];
        return (uint)id < (uint)addedBytes.Length && addedBytes[id] is { } bytes ? bytes : vocabulary.Bytes(id);
    }

    /// <inheritdoc/>
    public override OperationStatus Decode(IEnumerable<int> ids, Span<char> destination, out int idsConsumed, out int charsWritten)
    {
        ArgumentNullException.ThrowIfNull(ids);
        TokenStream stream = Stream();
        (idsConsumed, charsWritten) = (0, 0);
        int[] all = [.. ids];
        for (int i = 0; i <= all.Length; i++)
        {
            string text = i < all.Length ? stream.Append(all[i]) : stream.Finish();
            if (!text.TryCopyTo(destination[charsWritten..]))
                return OperationStatus.DestinationTooSmall;
            charsWritten += text.Length;
            idsConsumed = Math.Min(i + 1, all.Length);
        }

        return OperationStatus.Done;
    }

    /// <inheritdoc/>
    public override string Decode(IEnumerable<int> ids)
    {
        ArgumentNullException.ThrowIfNull(ids);
        return Decode([.. ids], skipSpecialTokens: false);
    }

    /// <inheritdoc/>
    protected override EncodeResults<int> EncodeToIds(string? text, ReadOnlySpan<char> textSpan, EncodeSettings settings)
    {
        if (settings.MaxTokenCount != int.MaxValue)
            return base.EncodeToIds(text, textSpan, settings);
        string whole = text ?? textSpan.ToString();
        var run = new EncodingRun(whole.Length);
        Encode(WellFormed(whole), run, settings.ConsiderPreTokenization);
        return new EncodeResults<int> { Tokens = run.Ids.ToArray(), CharsConsumed = whole.Length };
    }

    /// <inheritdoc/>
    protected override EncodeResults<EncodedToken> EncodeToTokens(string? text, ReadOnlySpan<char> textSpan, EncodeSettings settings)
    {
        string whole = text ?? textSpan.ToString();
        var run = new EncodingRun(whole.Length) { Offsets = [] };
        Encode(WellFormed(whole), run, settings.ConsiderPreTokenization);
        ReadOnlySpan<int> ids = run.Ids.From(0);
        int count = Math.Min(ids.Length, settings.MaxTokenCount);

        // A cut within a character would lose the rest of its bytes: the tokens before it are kept.
        while (count > 0 && count < ids.Length && run.Offsets[count - 1].End > run.Offsets[count].Start)
            count--;
        var tokens = new EncodedToken[count];
        for (int i = 0; i < count; i++)
            tokens[i] = new EncodedToken(ids[i], TokenOf(ids[i]) ?? "", new Range(run.Offsets[i].Start, run.Offsets[i].End));
        return new EncodeResults<EncodedToken> { Tokens = tokens, CharsConsumed = count == ids.Length ? whole.Length : count == 0 ? 0 : run.Offsets[count - 1].End };
    }

    private void Encode(string text, EncodingRun run, bool splits)
    {
        foreach (AddedTokenSearch.Part part in Parts(verbatim, text, 0, text.Length))
        {
            if (part.Token is not null)
            {
                run.Add(part.Token.Id, part.From, part.To);
                continue;
            }

            foreach (AddedTokenSearch.Part inner in Parts(normalized, text, part.From, part.To))
            {
                if (inner.Token is not null)
                    run.Add(inner.Token.Id, inner.From, inner.To);
                else if (splits)
                    run.Split(text, inner.From, inner.To, stages, pairs, vocabulary);
                else
                    run.Encode(text, inner.From, inner.To, 0, pairs, vocabulary);
            }
        }
    }

    private static IEnumerable<AddedTokenSearch.Part> Parts(AddedTokenSearch? search, string text, int from, int to) =>
        search is null ? from < to ? [new AddedTokenSearch.Part(from, to, null)] : [] : search.Split(text, from, to);

    private static AddedTokenSearch? Search(IEnumerable<AddedToken> tokens) => tokens.Any() ? new AddedTokenSearch(tokens) : null;

    /// <summary>What the byte-level decoder makes of a token's text: the bytes of the alphabet, or its UTF-8 where a character is none of it.</summary>
    private static byte[] DecodedBytes(string token)
    {
        byte[] utf8 = Encoding.UTF8.GetBytes(token);
        int length = ByteAlphabet.Translate(utf8);
        return length < 0 ? utf8 : utf8[..length];
    }

    /// <summary>The text with U+FFFD for each half of a surrogate pair that stands alone.</summary>
    private static string WellFormed(string text)
    {
        int alone = LoneSurrogate(text, 0);
        if (alone < 0)
            return text;
        char[] characters = text.ToCharArray();
        for (; alone >= 0; alone = LoneSurrogate(text, alone + 1))
            characters[alone] = '\uFFFD';
        return new string(characters);
    }

    private static int LoneSurrogate(string text, int from)
    {
        for (int i = from; i < text.Length; i++)
        {
            int skipped = text.AsSpan(i).IndexOfAnyInRange('\uD800', '\uDFFF');
            if (skipped < 0)
                return -1;
            i += skipped;
            if (char.IsLowSurrogate(text[i]) || i + 1 == text.Length || !char.IsLowSurrogate(text[i + 1]))
                return i;
            i++;
        }

        return -1;
    }
}
