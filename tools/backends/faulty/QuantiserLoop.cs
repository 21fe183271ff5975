using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Faulty;

/// <summary>The quantiser to E4M3 in plain loops, every step of which a variant may replace; as it stands it is the contract's.</summary>
internal sealed record QuantiserLoop
{
    /// <summary>The largest magnitude of a tile; values in row-major order.</summary>
    public Func<float[], float> Amax { get; init; } = tile => tile.Length == 0 ? 0f : tile.Max(MathF.Abs);

    /// <summary>The scale of a largest magnitude.</summary>
    public Func<float, QuantizeAttributes, float> Scale { get; init; } = (a, attributes) => TileScale.Of(a, Quantize.LargestE4M3, attributes).Scale;

    /// <summary>The quotient; by default as the attributes say for the scale that the contract has.</summary>
    public Func<float, float, float> Quotient { get; init; } = (x, s) => x / s;

    /// <summary>The code of a quotient.</summary>
    public Func<float, byte> Code { get; init; } = y => Float8E4M3.FromSingle(y, Fp8Overflow.Saturate).Bits;

    /// <summary>The scale's place that element (row, column) of the scales is stored at.</summary>
    public Func<int, int, int, int> Place { get; init; } = (row, column, across) => row * across + column;

    /// <summary>The tile whose scale serves tile (row, column), of so many across.</summary>
    public Func<int, int, int, int> Serves { get; init; } = (_, column, _) => column;

    /// <summary>Runs the call by this loop; the tiles are 1 x 128, or any other grid.</summary>
    public void Run(QuantizeCall call)
    {
        int T = (int)call.X.Shape[0], K = (int)call.X.Shape[1];
        var grid = new TileGrid(call.Attributes.Tile, T, K);
        float[] x = Values.Of(call.X);
        Span<float> scales = call.Scales.AsSpan<float>();
        Span<byte> codes = call.Codes.AsSpan<byte>();
        for (int i = 0; i < grid.Down; i++)
        {
            for (int j = 0; j < grid.Across; j++)
                scales[Place(i, j, grid.Across)] = Scale(Amax(Tile(x, K, grid, i, Serves(i, j, grid.Across))), call.Attributes);
        }

        for (int i = 0; i < codes.Length; i++)
        {
            int at = grid.ScaleOf(i / K, i % K);
            codes[i] = Code(Quotient(x[i], scales[Place(at / grid.Across, at % grid.Across, grid.Across)]));
        }
    }

    private static float[] Tile(float[] x, int K, TileGrid grid, int i, int j)
    {
        (int top, int bottom) = grid.Rows(i);
        (int left, int right) = grid.Columns(j);
        var tile = new float[(bottom - top) * (right - left)];
        for (int k = 0; k < tile.Length; k++)
            tile[k] = x[(top + k / (right - left)) * K + left + k % (right - left)];
        return tile;
    }
}
