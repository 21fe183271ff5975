using DeepSeek.Reference.Backends;

namespace DeepSeek.Reference.Verification;

/// <summary>Which elements a call writes, and whether a candidate kept to that: what can be seen in the whole output without computing anything.</summary>
internal static class WrittenElements
{
    /// <summary>Elements of an output that the operation leaves as they are, as ranges of row-major indices; none for most operations.</summary>
    public static IEnumerable<(long From, long To)> Left(CallSampler? sampler, Tensor output)
    {
        if (sampler is null || sampler.Rows == 0 || sampler is not ProductSampler)
            yield break;
        long length = output.ElementCount / sampler.Rows;
        for (int t = 0; t < sampler.Rows; t++)
        {
            if (!sampler.IsWritten(t))
                yield return (t * length, (t + 1) * length);
        }
    }

    /// <summary>Whether each row of the call's sampler is written; null where all are.</summary>
    public static bool[]? Rows(CallSampler? sampler)
    {
        if (sampler is not ProductSampler)
            return null;
        bool[] written = [.. Enumerable.Range(0, sampler.Rows).Select(sampler.IsWritten)];
        return Array.TrueForAll(written, w => w) ? null : written;
    }

    /// <summary>The first element of these ranges that no longer has its former bits; -1 when all do.</summary>
    public static long FirstChanged(IEnumerable<(long From, long To)> ranges, Tensor before, Tensor after)
    {
        foreach ((long from, long to) in ranges)
        {
            for (long i = from; i < to; i++)
            {
                if (ElementReader.Bits(before, i) != ElementReader.Bits(after, i))
                    return i;
            }
        }

        return -1;
    }

    /// <summary>
    /// Elements of a piece that still have the bits from before the candidate ran, where the reference has others: their number and the first of them. A code of 8 bits equals
    /// another by chance too often to tell, and gives none unless half of all elements are so.
    /// </summary>
    public static (long Count, long First) Untouched(ReferencePieces pieces, Tensor before, Tensor after)
    {
        long count = 0, first = -1, all = 0;
        foreach (ReferencePiece piece in pieces.Pieces)
        {
            for (long i = 0; i < piece.Count; i++)
            {
                if (!piece.IsResult(i))
                    continue;
                long at = piece.At(i);
                all++;
                if (ElementReader.Bits(before, at) != ElementReader.Bits(after, at) || ReferencePieces.SameBits(piece.Reference, i, after, at))
                    continue;
                count++;
                first = first < 0 ? at : Math.Min(first, at);
            }
        }

        return after.DType.Bits() <= 8 && 2 * count < all ? (0, -1) : (count, first);
    }
}
