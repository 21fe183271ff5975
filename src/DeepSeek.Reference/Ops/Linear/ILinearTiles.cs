namespace DeepSeek.Reference.Ops;

/// <summary>Register tiles of <see cref="Linear"/>'s outputs for one vector width; the driver in Linear.Simd.cs is compiled once for each.</summary>
internal unsafe interface ILinearTiles
{
    /// <summary>Rows of x in a tile.</summary>
    static abstract int Rows { get; }

    /// <summary>Rows of x in a tall tile; <see cref="Rows"/> where there is none.</summary>
    static abstract int Tall { get; }

    /// <summary>Rows of the weight in a tile.</summary>
    static abstract int Columns { get; }

    /// <summary>
    /// Adds x_{i,k} w_{j,k} over k &lt; count to the lanes of output (i, j) at lanes + 16 (i·Columns + j). <paramref name="first"/> starts from +0 instead of
    /// what lies there; <paramref name="last"/> folds into y_{i,j} instead of storing the lanes. count is a multiple of 16 unless last.
    /// </summary>
    static abstract void Tile(float* x, nint xStride, float* w, nint wStride, int count, float* lanes, bool first, bool last, float* y, nint yStride);

    /// <summary>As <see cref="Tile"/>, of <see cref="Tall"/> rows of x.</summary>
    static abstract void TallTile(float* x, nint xStride, float* w, nint wStride, int count, float* lanes, bool first, bool last, float* y, nint yStride);

    /// <summary>How many regions of the weight a single row of x reads side by side: what draws most from memory.</summary>
    static abstract int Regions<TCodes>(int K) where TCodes : struct, IWeightCodes;

    /// <summary>
    /// One row of x against as many rows of the weight (wStride bytes apart) as <paramref name="regions"/> says, <see cref="Columns"/> or
    /// <see cref="Regions"/>, whole k: y_j at y + j·yStride. What follows each row in memory is asked for.
    /// </summary>
    static abstract void Row<TCodes>(float* x, byte* w, nint wStride, int K, int regions, float* y, nint yStride) where TCodes : struct, IWeightCodes;

    /// <summary>One row of x against one row of the weight.</summary>
    static abstract float Dot<TCodes>(float* x, byte* w, int K) where TCodes : struct, IWeightCodes;
}
