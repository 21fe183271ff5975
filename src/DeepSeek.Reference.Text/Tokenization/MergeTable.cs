using System.Numerics;

namespace DeepSeek.Reference.Text;

/// <summary>Pairs of tokens that merge: the rank of the merge and the token it gives.</summary>
internal sealed class MergeTable
{
    /// <summary>The rank of a pair that does not merge.</summary>
    public const int None = int.MaxValue;

    private readonly (ulong Pair, int Rank, int Id)[] slots;

    /// <summary>Merges in the order of their ranks; of a pair that comes twice the later counts, as in the published loaders.</summary>
    public MergeTable(IReadOnlyList<(int Left, int Right, int Id)> merges)
    {
        slots = new (ulong, int, int)[Math.Max(16, (int)BitOperations.RoundUpToPowerOf2((uint)(2 * merges.Count)))];
        Array.Fill(slots, (ulong.MaxValue, None, -1));
        for (int rank = 0; rank < merges.Count; rank++)
        {
            (int left, int right, int id) = merges[rank];
            ulong pair = Pair(left, right);
            uint slot = Hash(pair);
            while (slots[slot & (slots.Length - 1)].Pair != ulong.MaxValue && slots[slot & (slots.Length - 1)].Pair != pair)
                slot++;
            slots[slot & (slots.Length - 1)] = (pair, rank, id);
        }
    }

    /// <summary>The rank of a pair, <see cref="None"/> where it does not merge, and the token it gives.</summary>
    public int Rank(int left, int right, out int id)
    {
        ulong pair = Pair(left, right);
        for (uint slot = Hash(pair); ; slot++)
        {
            ref readonly (ulong Pair, int Rank, int Id) found = ref slots[slot & (slots.Length - 1)];
            if (found.Pair == pair || found.Pair == ulong.MaxValue)
            {
                id = found.Id;
                return found.Rank;
            }
        }
    }

    private static ulong Pair(int left, int right) => ((ulong)(uint)left << 32) | (uint)right;

    private static uint Hash(ulong pair) => (uint)((pair * 0x9E3779B97F4A7C15) >> 32) ^ (uint)((pair * 0xC4CEB9FE1A85EC53) >> 40);
}
