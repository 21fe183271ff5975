using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Ops;

/// <summary>How a product of many rows is cut so that what is read again lies in a cache. No cut changes a bit: each output keeps its sixteen lanes from its first term to its last.</summary>
/// <param name="Tall">Tiles of six rows of x, where so many are left; rows that are cut along k take none.</param>
/// <param name="BlockBytes">Bytes of x that stay in the second-level cache while the weight passes.</param>
/// <param name="Columns">Rows of the weight in a panel: every tile of x meets all of them before the next tile does. A multiple of a tile's.</param>
/// <param name="K">Terms that are summed before the next tile: fewer than a row has, and the lanes wait in scratch. Then a multiple of 16.</param>
internal readonly record struct LinearBlocking(bool Tall, int BlockBytes, int Columns, int K)
{
    // Longer rows are cut along k.
    private const int WholeK = 1536;

    // From here on four rows of x and a panel of the weight no longer fit the first-level cache; before it, a panel of this size does.
    private const int ShortK = 768;
    private const int ShortPanelBytes = 24 << 10;

    // A panel beside the block of x, and the panel after it, in the second-level cache; for fewer rows of x it would hardly be read again.
    private const int TallPanelBytes = 256 << 10;
    private const int TallRows = 24;

    /// <summary>The cut for T rows of x and K terms.</summary>
    /// <param name="T">Rows of x.</param>
    /// <param name="K">Terms.</param>
    /// <param name="tileColumns">Rows of the weight in a tile.</param>
    /// <param name="wide">512-bit registers that outrun the second-level cache, with a first-level cache of 48 KiB: not a Zen 4, whose tile of four rows is the whole panel.</param>
    public static LinearBlocking Choose(int T, int K, int tileColumns, bool wide)
    {
        if (K > WholeK)
            return wide ? new LinearBlocking(false, 256 << 10, 8, 512) : new LinearBlocking(false, 512 << 10, tileColumns, 1024);
        if (!wide)
            return new LinearBlocking(false, 384 << 10, tileColumns, K);
        int row = Math.Max(1, K) * sizeof(float);
        return K > ShortK && T >= TallRows
            ? new LinearBlocking(true, 384 << 10, Math.Min(TallPanelBytes / row, 64) / tileColumns * tileColumns, K)
            : new LinearBlocking(false, 384 << 10, Math.Clamp(ShortPanelBytes / row, tileColumns, 16) / tileColumns * tileColumns, K);
    }
}
