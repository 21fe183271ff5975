using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace DeepSeek.Reference.Verification;

/// <summary>Digests of the tiles of a big output, so that a mismatch names its place without the golden's bytes.</summary>
/// <remarks>
/// <code>
/// the tensor as a matrix [R, C]     C the last dimension, R the product of the others
/// a tile                            128 rows x 128 columns; where R = 1, 16384 columns
/// its digest                        the first 8 bytes of SHA-256 over its canonical bytes, row by row (rule N15)
/// </code>
/// Tiles are cut by the edges, and stand row-major in one string of 16 hexadecimal digits each. Tensors of at most <see cref="Least"/> elements have none: their one digest says as much.
/// 8 bytes are no proof of equality, and need not be: the SHA-256 of the whole stands beside them.
/// </remarks>
internal readonly record struct TileDigests
{
    /// <summary>A tensor with more elements than this has tile digests.</summary>
    public const long Least = Side * Side;

    private const int Side = 128;
    private const int Digits = 16;

    private readonly long rows;
    private readonly long columns;
    private readonly int height;
    private readonly int width;

    /// <summary>The tiles of a shape.</summary>
    public TileDigests(Shape shape)
    {
        columns = shape.Rank == 0 ? 1 : shape[^1];
        rows = columns == 0 ? 0 : shape.ElementCount / columns;
        (height, width) = rows == 1 ? (1, Side * Side) : (Side, Side);
    }

    /// <summary>Tiles beside each other.</summary>
    public long Across => (columns + width - 1) / width;

    /// <summary>All tiles.</summary>
    public long Count => (rows + height - 1) / height * Across;

    /// <summary>Whether a tensor of this shape has tile digests.</summary>
    public static bool Concern(Shape shape) => shape.ElementCount > Least;

    /// <summary>The digests of a tensor; null where it has none.</summary>
    public static string? Of(Tensor tensor)
    {
        if (!Concern(tensor.Shape))
            return null;
        var tiles = new TileDigests(tensor.Shape);
        string[] digests = new string[tiles.Count];
        Parallel.For(0, digests.Length, i => digests[i] = tiles.Digest(tensor, i));
        return string.Concat(digests);
    }

    /// <summary>Whether a text has the form of the digests of this many tiles.</summary>
    public bool Fits(string text) => text.Length == Count * Digits;

    /// <summary>Which tiles differ, in words; empty where none does.</summary>
    /// <param name="expected">The golden's digests.</param>
    /// <param name="tensor">The tensor to compare.</param>
    /// <param name="most">The most tiles to name.</param>
    public static string Difference(string expected, Tensor tensor, int most = 4)
    {
        var tiles = new TileDigests(tensor.Shape);
        string actual = Of(tensor)!;
        var wrong = new List<int>();
        for (int i = 0; i < tiles.Count; i++)
        {
            if (string.CompareOrdinal(expected, i * Digits, actual, i * Digits, Digits) != 0)
                wrong.Add(i);
        }

        if (wrong.Count == 0)
            return "";
        string named = string.Join("; ", wrong.Take(most).Select(tiles.Place));
        return string.Create(CultureInfo.InvariantCulture, $"{wrong.Count} of {tiles.Count} tiles: {named}{(wrong.Count > most ? "; ..." : "")}");
    }

    private string Place(int tile)
    {
        (long top, long left) = (tile / Across * height, tile % Across * width);
        string across = string.Create(CultureInfo.InvariantCulture, $"columns {left}-{Math.Min(left + width, columns) - 1}");
        return rows == 1 ? across : string.Create(CultureInfo.InvariantCulture, $"rows {top}-{Math.Min(top + height, rows) - 1}, {across}");
    }

    private string Digest(Tensor tensor, int tile)
    {
        (long top, long left) = (tile / Across * height, tile % Across * width);
        int size = tensor.DType.Bits() / 8;
        byte[] row = new byte[Math.Min(width, columns - left) * size];
        using var sha = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        for (long r = top; r < Math.Min(top + height, rows); r++)
        {
            MemoryMarshal.CreateReadOnlySpan(ref Unsafe.AddByteOffset(ref tensor.ByteOrigin, (nint)(((r * columns) + left) * size)), row.Length).CopyTo(row);
            CanonicalNaN.Apply(tensor.DType, row);
            sha.AppendData(row);
        }

        return Convert.ToHexStringLower(sha.GetHashAndReset().AsSpan(0, Digits / 2));
    }
}
