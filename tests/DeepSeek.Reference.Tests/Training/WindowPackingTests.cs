using DeepSeek.Reference.Training;
using FsCheck.Xunit;
using Xunit;

namespace DeepSeek.Reference.Tests.Training;

public sealed class WindowPackingTests
{
    private const int Pad = -1;

    /// <summary>Tokens are numbered through the corpus, so that each can be found again.</summary>
    [Property(MaxTest = 300)]
    public bool Rule_N29_no_token_is_lost_or_doubled_and_pieces_stay_whole(int seed)
    {
        var random = new Random(seed);
        int length = random.Next(2, 12);
        int[][] documents = Documents(random, length);
        PackedWindows packed = PackedWindows.Pack(documents, length, WindowPacking.BestFit, Pad);
        int[] place = new int[documents.Sum(d => d.Length)];
        Array.Fill(place, -1);
        for (int w = 0; w < packed.Count; w++)
        {
            for (int k = 0; k < length; k++)
            {
                int token = packed[w][k];
                if (token == Pad != k >= packed.Used(w) || (token != Pad && place[token] >= 0))
                    return false;
                if (token != Pad)
                    place[token] = w * length + k;
            }
        }

        // Within a document, a token follows the one before it except at multiples of the window: documents that fit are never cut.
        foreach (int[] d in documents)
        {
            for (int k = 1; k < d.Length; k++)
            {
                if (k % length != 0 && place[d[k]] != place[d[k - 1]] + 1)
                    return false;
            }
        }

        return !place.Contains(-1) && packed.TokenCount == place.Length;
    }

    [Property(MaxTest = 200)]
    public bool Rule_N29_concatenation_is_the_documents_one_after_the_other(int seed)
    {
        var random = new Random(seed);
        int length = random.Next(2, 12);
        int[][] documents = Documents(random, length);
        PackedWindows packed = PackedWindows.Pack(documents, length, WindowPacking.Concatenated, Pad);
        var all = new List<int>();
        for (int w = 0; w < packed.Count; w++)
        {
            if (w < packed.Count - 1 && packed.Used(w) != length)
                return false;
            all.AddRange(packed[w][..packed.Used(w)]);
        }

        return all.SequenceEqual(documents.SelectMany(d => d)) && (packed.Count == 0 || packed[packed.Count - 1][packed.Used(packed.Count - 1)..].IndexOfAnyExcept(Pad) < 0);
    }

    [Fact]
    public void Rule_N29_a_piece_goes_to_the_fullest_window_with_room()
    {
        // Lengths 7, 6, 4, 3, 2 in windows of 8; the third document is a whole window and a rest of 2.
        PackedWindows packed = PackedWindows.Pack([Run(10, 7), Run(20, 6), Run(30, 10), Run(40, 4), Run(50, 3), Run(60, 1)], 8, WindowPacking.BestFit, 0);
        Assert.Equal(
            ["30 31 32 33 34 35 36 37", "10 11 12 13 14 15 16 60", "20 21 22 23 24 25 38 39", "40 41 42 43 50 51 52 0"],
            Enumerable.Range(0, packed.Count).Select(i => string.Join(' ', packed[i].ToArray())));
    }

    [Fact]
    public void Best_fit_needs_no_more_windows_than_first_come()
    {
        var random = new Random(1);
        int[][] documents = [.. Enumerable.Range(0, 500).Select(_ => new int[random.Next(1, 200)])];
        PackedWindows packed = PackedWindows.Pack(documents, 128, WindowPacking.BestFit, 0);
        // Fewer than 2 % of the positions are pad.
        Assert.InRange(packed.Count * 128L, packed.TokenCount, packed.TokenCount * 102 / 100);
    }

    [Fact]
    public void Nothing_to_pack_is_no_window()
    {
        Assert.Equal(0, PackedWindows.Pack([], 4, WindowPacking.BestFit, 0).Count);
        Assert.Equal(0, PackedWindows.Pack([[]], 4, WindowPacking.Concatenated, 0).Count);
        Assert.Throws<ShapeException>(() => PackedWindows.Pack([], 1, WindowPacking.BestFit, 0));
    }

    private static int[] Run(int first, int count) => [.. Enumerable.Range(first, count)];

    private static int[][] Documents(Random random, int length)
    {
        int next = 0;
        int[][] documents = new int[random.Next(0, 20)][];
        for (int d = 0; d < documents.Length; d++)
        {
            documents[d] = Run(next, random.Next(0, 3 * length));
            next += documents[d].Length;
        }

        return documents;
    }
}
