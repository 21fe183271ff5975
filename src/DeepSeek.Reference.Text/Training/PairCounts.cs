using System.Text;

namespace DeepSeek.Reference.Text;

/// <summary>Counts of neighbouring tokens over all pieces, kept up to date while pairs merge.</summary>
/// <remarks>
/// A heap holds each pair with a count that it once had; one that is out of date goes back with its present count, so that no merge looks at all pairs.
/// Two merges never give the same bytes: between two ends that no merge crosses, all merges go the same way wherever the bytes stand.
/// </remarks>
internal sealed class PairCounts
{
    private const int FirstByte = 3;

    private readonly List<(List<int> Tokens, long Count)> pieces = [];
    private readonly Dictionary<(int Left, int Right), long> counts = [];
    private readonly Dictionary<(int Left, int Right), HashSet<int>> places = [];
    private readonly PriorityQueue<(int Left, int Right), (long Less, int Left, int Right)> heap = new();
    private readonly List<byte[]> tokens;

    /// <summary>Counts of pieces of text.</summary>
    public PairCounts(Dictionary<string, long> texts)
    {
        tokens = [.. Order.Select(b => new[] { b })];
        var ofByte = new int[256];
        for (int i = 0; i < 256; i++)
            ofByte[Order[i]] = FirstByte + i;

        // Sorted only to be the same from run to run while looked at; no order changes a count.
        foreach ((string text, long count) in texts.OrderBy(t => t.Key, StringComparer.Ordinal))
        {
            List<int> piece = [.. Encoding.UTF8.GetBytes(text).Select(b => ofByte[b])];
            for (int i = 0; i + 1 < piece.Count; i++)
                Add((piece[i], piece[i + 1]), count, pieces.Count);
            pieces.Add((piece, count));
        }

        foreach (((int Left, int Right) pair, long count) in counts)
            heap.Enqueue(pair, (-count, pair.Left, pair.Right));
    }

    /// <summary>The bytes in the order of their characters: the order of their ids.</summary>
    public static byte[] Order { get; } = [.. Enumerable.Range(0, 256).Select(b => (byte)b).OrderBy(ByteAlphabet.Character)];

    /// <summary>The pairs that merge, as bytes, in the order of their ranks.</summary>
    /// <param name="room">New tokens, at most.</param>
    /// <param name="leastCount">Where to stop.</param>
    /// <param name="progress">Told the new tokens.</param>
    /// <param name="cancellation">Looked at before each merge.</param>
    public List<(byte[] Left, byte[] Right)> Merge(int room, int leastCount, Action<int>? progress, CancellationToken cancellation)
    {
        var merges = new List<(byte[], byte[])>();
        while (tokens.Count < 256 + room && heap.TryDequeue(out (int Left, int Right) pair, out (long Less, int, int) noted))
        {
            cancellation.ThrowIfCancellationRequested();
            long count = counts.GetValueOrDefault(pair);
            if (count < leastCount)
                continue;
            if (count != -noted.Less)
            {
                heap.Enqueue(pair, (-count, pair.Left, pair.Right));
                continue;
            }

            byte[] left = tokens[pair.Left - FirstByte], right = tokens[pair.Right - FirstByte], joined = [.. left, .. right];
            merges.Add((left, right));
            Replace(pair, FirstByte + tokens.Count);
            tokens.Add(joined);
            progress?.Invoke(tokens.Count - 256);
        }

        return merges;
    }

    private void Replace((int Left, int Right) pair, int id)
    {
        var changed = new HashSet<(int, int)>();
        foreach (int at in places[pair])
        {
            (List<int> piece, long count) = pieces[at];
            if (!Holds(piece, pair))
                continue;
            for (int i = 0; i + 1 < piece.Count; i++)
            {
                Add((piece[i], piece[i + 1]), -count, at);
                changed.Add((piece[i], piece[i + 1]));
            }

            int kept = 0;
            for (int i = 0; i < piece.Count; i++)
                piece[kept++] = i + 1 < piece.Count && (piece[i], piece[i + 1]) == pair && i++ >= 0 ? id : piece[i];
            piece.RemoveRange(kept, piece.Count - kept);
            for (int i = 0; i + 1 < piece.Count; i++)
            {
                Add((piece[i], piece[i + 1]), count, at);
                changed.Add((piece[i], piece[i + 1]));
            }
        }

        places.Remove(pair);
        foreach ((int Left, int Right) other in changed)
        {
            long count = counts.GetValueOrDefault(other);
            if (count > 0)
                heap.Enqueue(other, (-count, other.Left, other.Right));
        }
    }

    private static bool Holds(List<int> piece, (int Left, int Right) pair)
    {
        for (int i = 0; i + 1 < piece.Count; i++)
        {
            if ((piece[i], piece[i + 1]) == pair)
                return true;
        }

        return false;
    }

    private void Add((int Left, int Right) pair, long count, int piece)
    {
        counts[pair] = counts.GetValueOrDefault(pair) + count;
        if (count < 0)
            return;
        if (!places.TryGetValue(pair, out HashSet<int>? found))
            places.Add(pair, found = []);
        found.Add(piece);
    }
}
