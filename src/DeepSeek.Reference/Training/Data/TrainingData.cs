using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;

namespace DeepSeek.Reference.Training;

/// <summary>How a corpus becomes batches.</summary>
public sealed record TrainingDataOptions
{
    /// <summary>T: positions of a sequence; a window has one token more.</summary>
    public int SequenceLength { get; init; } = 4096;

    /// <summary>How documents fill windows.</summary>
    public WindowPacking Packing { get; init; } = WindowPacking.BestFit;

    /// <summary>The part of documents that is rearranged for filling in the middle.</summary>
    public double FimRate { get; init; } = 0.1;

    /// <summary>Whether a document begins with the begin-of-sentence token, as the released tokenizer's <c>add_bos_token</c> has it for prompts; not published for training.</summary>
    public bool BeginOfSentence { get; init; } = true;

    /// <summary>Seed of every choice.</summary>
    public ulong Seed { get; init; }
}

/// <summary>A corpus in windows, and the batch at any position of a run.</summary>
/// <remarks>
/// document → tokens, perhaps rearranged (<see cref="FillInMiddle"/>), with begin and end → windows (<see cref="PackedWindows"/>) → order of an epoch (<see cref="WindowOrder"/>).
/// All of it is a pure function of documents, tokenizer and options; <see cref="Digest"/> names the outcome. Windows are kept in memory, four bytes a token.
/// </remarks>
public sealed class TrainingData
{
    private readonly PackedWindows windows;
    private readonly WindowOrder order;

    private TrainingData(PackedWindows windows, TrainingDataOptions options)
    {
        this.windows = windows;
        order = new WindowOrder(windows.Count, options.Seed);
        Options = options;
        Digest = DigestOf(windows, options);
    }

    /// <summary>How the corpus became windows.</summary>
    public TrainingDataOptions Options { get; }

    /// <summary>Windows of an epoch.</summary>
    public int WindowCount => windows.Count;

    /// <summary>Tokens of documents in an epoch.</summary>
    public long TokenCount => windows.TokenCount;

    /// <summary>SHA-256 of the windows and of the seed of their order: runs with one digest see the same batches.</summary>
    public string Digest { get; }

    /// <summary>Tokenises, rearranges and packs documents.</summary>
    /// <exception cref="DataException">There is no token among them.</exception>
    public static TrainingData Of(IEnumerable<TextDocument> documents, ITrainingTokenizer tokenizer, TrainingDataOptions options)
    {
        ArgumentNullException.ThrowIfNull(documents);
        ArgumentNullException.ThrowIfNull(tokenizer);
        ArgumentNullException.ThrowIfNull(options);
        var tokens = new List<int[]>();
        foreach (TextDocument document in documents)
            tokens.Add(Tokens(document.Text, tokens.Count, tokenizer, options));
        return new TrainingData(PackedWindows.Pack(tokens, options.SequenceLength + 1, options.Packing, tokenizer.Special.Pad), options);
    }

    /// <summary>The tokens of document number d: begin, text or its three parts, end.</summary>
    public static int[] Tokens(string text, long document, ITrainingTokenizer tokenizer, TrainingDataOptions options)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        ArgumentNullException.ThrowIfNull(options);
        int[] body;
        if (FillInMiddle.Chosen(options.Seed, document, options.FimRate))
        {
            (string prefix, string middle, string suffix) = FillInMiddle.Cut(options.Seed, document, text);
            body = FillInMiddle.Arrange(tokenizer.Encode(prefix), tokenizer.Encode(middle), tokenizer.Encode(suffix), tokenizer.Special);
        }
        else
        {
            body = tokenizer.Encode(text);
        }

        int[] begin = options.BeginOfSentence ? [tokenizer.Special.BeginOfSentence] : [];
        return [.. begin, .. body, tokenizer.Special.EndOfSentence];
    }

    /// <summary>The batch of so many windows that begins at a position: windows seen before it in the run.</summary>
    public TrainingBatch Batch(long position, int rows)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(position);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(rows);
        var batch = new TrainingBatch(rows, windows.Length - 1);
        for (int row = 0; row < rows; row++)
        {
            int window = order.At(position + row);
            batch.Fill(row, windows[window], windows.Used(window));
        }

        return batch;
    }

    private static string DigestOf(PackedWindows windows, TrainingDataOptions options)
    {
        using var sha = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        sha.AppendData(System.Text.Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{options.Seed} {windows.Count} {windows.Length}\n")));
        byte[] bytes = new byte[4 * (windows.Length + 1)];
        for (int i = 0; i < windows.Count; i++)
        {
            BinaryPrimitives.WriteInt32LittleEndian(bytes, windows.Used(i));
            for (int k = 0; k < windows.Length; k++)
                BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(4 * (k + 1)), windows[i][k]);
            sha.AppendData(bytes);
        }

        return Convert.ToHexStringLower(sha.GetHashAndReset());
    }
}
