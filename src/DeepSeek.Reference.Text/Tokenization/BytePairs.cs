using System.Buffers;

namespace DeepSeek.Reference.Text;

/// <summary>Byte-pair encoding of one piece: its bytes as tokens, then always the merge of the lowest rank, the leftmost among equals, until none applies.</summary>
/// <remarks>
/// A short piece is scanned for its lowest rank after each merge. A long one keeps its pairs in a heap, so that n bytes take n log n steps whatever they are.
/// A piece that is itself a token, and that merges reach, is the common case: which tokens those are is found out once each.
/// </remarks>
internal sealed class BytePairs(Vocabulary vocabulary, MergeTable merges, bool ignoreMerges, string source)
{
    private const int Short = 96;
    private const byte Reached = 1, NotReached = 2;

    // What is found out does not depend on who finds it out; threads may do so twice.
    private readonly byte[] reach = new byte[vocabulary.IdLimit];

    /// <summary>Appends the tokens of a piece.</summary>
    /// <exception cref="DataException">A byte has no token.</exception>
    public void Encode(ReadOnlySpan<byte> piece, IdBuffer output)
    {
        if (piece.Length == 1)
        {
            output.Add(Single(piece[0]));
            return;
        }

        int whole = vocabulary.Find(piece);
        if (whole >= 0 && (ignoreMerges || reach[whole] == Reached))
        {
            output.Add(whole);
            return;
        }

        int before = output.Count;
        if (piece.Length <= Short)
            EncodeShort(piece, output);
        else
            EncodeLong(piece, output);
        if (whole >= 0)
            reach[whole] = output.Count == before + 1 ? Reached : NotReached;
    }

    private int Single(byte value)
    {
        int id = vocabulary.OfByte(value);
        return id >= 0 ? id : throw new DataException($"{source}: model.vocab has no token of the byte 0x{value:X2}, which the text holds; a byte-level vocabulary has all 256");
    }

    private void EncodeShort(ReadOnlySpan<byte> piece, IdBuffer output)
    {
        Span<int> tokens = stackalloc int[Short], ranks = stackalloc int[Short], merged = stackalloc int[Short];
        int count = piece.Length;
        for (int i = 0; i < count; i++)
            tokens[i] = Single(piece[i]);
        for (int i = 0; i + 1 < count; i++)
            ranks[i] = merges.Rank(tokens[i], tokens[i + 1], out merged[i]);
        while (count > 1)
        {
            int best = 0;
            for (int i = 1; i + 1 < count; i++)
            {
                if (ranks[i] < ranks[best])
                    best = i;
            }

            if (ranks[best] == MergeTable.None)
                break;
            tokens[best] = merged[best];
            count--;
            tokens[(best + 2)..(count + 1)].CopyTo(tokens[(best + 1)..]);
            if (best + 1 < count)
            {
                ranks[(best + 1)..count].CopyTo(ranks[best..]);
                merged[(best + 1)..count].CopyTo(merged[best..]);
                ranks[best] = merges.Rank(tokens[best], tokens[best + 1], out merged[best]);
            }

            if (best > 0)
                ranks[best - 1] = merges.Rank(tokens[best - 1], tokens[best], out merged[best - 1]);
        }

        for (int i = 0; i < count; i++)
            output.Add(tokens[i]);
    }

    private void EncodeLong(ReadOnlySpan<byte> piece, IdBuffer output)
    {
        int n = piece.Length;
        int[] tokens = ArrayPool<int>.Shared.Rent(n), next = ArrayPool<int>.Shared.Rent(n), previous = ArrayPool<int>.Shared.Rent(n);
        var pairs = new PriorityQueue<(int At, int Left, int Right, int Id), long>(n);
        for (int i = 0; i < n; i++)
            (tokens[i], next[i], previous[i]) = (Single(piece[i]), i + 1, i - 1);
        for (int i = 0; i + 1 < n; i++)
            Offer(i);
        while (pairs.TryDequeue(out (int At, int Left, int Right, int Id) pair, out _))
        {
            // A pair whose tokens are no longer those that were offered is one of the past.
            int at = pair.At, right = next[at];
            if (tokens[at] != pair.Left || right >= n || tokens[right] != pair.Right)
                continue;
            tokens[at] = pair.Id;
            tokens[right] = -1;
            next[at] = next[right];
            if (next[at] < n)
                previous[next[at]] = at;
            if (previous[at] >= 0)
                Offer(previous[at]);
            Offer(at);
        }

        for (int i = 0; i < n; i = next[i])
            output.Add(tokens[i]);
        foreach (int[] rented in (int[][])[tokens, next, previous])
            ArrayPool<int>.Shared.Return(rented);

        void Offer(int at)
        {
            if (next[at] >= n)
                return;
            int rank = merges.Rank(tokens[at], tokens[next[at]], out int id);
            if (rank != MergeTable.None)
                pairs.Enqueue((at, tokens[at], tokens[next[at]], id), ((long)rank << 32) | (uint)at);
        }
    }
}
