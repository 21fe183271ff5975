namespace DeepSeek.Reference.Ops;

/// <summary>How tiles of Height by Width cover [T, K]: Down of them one below the other, Across beside each other.</summary>
internal readonly record struct TileGrid
{
    /// <summary>The side of a tile and the granularity of scales in all of DeepSeek's formats.</summary>
    public const int Side = 128;

    private readonly int T;
    private readonly int K;

    public TileGrid(QuantizationTile tile, int T, int K)
    {
        this.T = T;
        this.K = K;
        (Height, Width, Down, Across) = tile switch
        {
            QuantizationTile.Row1x128 => (1, Side, T, Ceil(K)),
            QuantizationTile.Column128x1 => (Side, 1, Ceil(T), K),
            QuantizationTile.Block128x128 => (Side, Side, Ceil(T), Ceil(K)),
            QuantizationTile.PerTensor => (T, K, 1, 1),
            QuantizationTile.PerChannel => (1, K, T, 1),
            _ => throw new ContractException($"QuantizationTile {tile} is not defined; take one of {string.Join(", ", Enum.GetNames<QuantizationTile>())}"),
        };
    }

    public int Height { get; }

    public int Width { get; }

    public int Down { get; }

    public int Across { get; }

    /// <summary>The number of scales.</summary>
    public long Count => (long)Down * Across;

    /// <summary>The rows of the i-th tiles from above.</summary>
    public (int Top, int Bottom) Rows(int i) => (i * Height, i * Height + Math.Min(Height, T - i * Height));

    /// <summary>The columns of the j-th tiles from the left.</summary>
    public (int Left, int Right) Columns(int j) => (j * Width, j * Width + Math.Min(Width, K - j * Width));

    /// <summary>The index of the scale of element (t, k).</summary>
    public int ScaleOf(int t, int k) => t / Height * Across + k / Width;

    /// <summary>ceil(n / 128).</summary>
    public static int Ceil(int n) => (int)(((long)n + Side - 1) / Side);

    /// <summary>The shape of the scales tensor.</summary>
    public Shape ScaleShape(QuantizationTile tile) => tile switch
    {
        QuantizationTile.PerTensor => new Shape(1),
        QuantizationTile.PerChannel => new Shape(Down),
        _ => new Shape(Down, Across),
    };
}
