using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.TensorCores;

/// <summary>The SIMD twin of a chain of <see cref="TensorCore.Define(ReadOnlySpan{uint}, ReadOnlySpan{uint}, uint)"/> on bfloat16 operands: a lane is an output.</summary>
/// <remarks>
/// The definition's own steps, where binary32 does them exactly. A product of two bfloat16 numbers has 16 bits; scaled by 2^(F - E) its integer part, which a
/// conversion to integers takes, is the aligned term; half a fused sum of them stays inside 32 bits, the whole inside binary64, where cutting the last 29 bits is
/// the rounding of the output. Products are exact, and results normal, while E lies in <see cref="Lowest"/> ... <see cref="Highest"/>;
/// a lane that leaves it, or meets an infinity or NaN, has that fused sum done by the definition.
/// </remarks>
internal static unsafe class BFloat16Product
{
    /// <summary>Least E of the fast path: any term that is not cut to 0 is then a normal product.</summary>
    private const int Lowest = -90;

    /// <summary>Largest E of the fast path: sums stay below 2^127.</summary>
    private const int Highest = 120;

    // Stand-ins for the exponents of zeros, which never win, and of infinities and NaNs, which always do, even against a zero.
    private const int Absent = -1000;
    private const int NotFinite = 4000;
    private const int Empty = -500;

    // A block of the weight, [k][column], that stays in the second-level cache with its exponents.
    private const int Columns = 32;
    private const int BlockK = 256;

    /// <summary>Whether the twin is the unit's: bfloat16 into binary32, with constants that the exactness above allows.</summary>
    public static bool Fits(TensorCore unit) =>
        unit.A == ElementFormat.BF16 && unit.B == ElementFormat.BF16 && unit.Accumulator == ElementFormat.F32 && unit.OutputFractionBits == ElementFormat.F32.FractionBits
        && unit.Alignment == AlignmentRounding.TowardZero && unit.Rounding == OutputRounding.TowardZero && unit.Entry == AccumulatorEntry.InTheSum
        && unit.Order == FusedOrder.Consecutive && unit.ScaleBlock == 0 && !unit.NormalisesProducts && !unit.FlushesSubnormals && unit.WidensTo is null
        && unit.FractionBits is >= 14 and <= 25 && unit.FusedLength is 2 or 4 or 8 or 16 && unit.K % unit.FusedLength == 0 && BlockK % unit.FusedLength == 0
        && unit.ZeroExponent < Lowest;

    /// <summary>Columns n0..n1 of y = x Wᵀ: x binary32 values of bfloat16 with row stride K, w bfloat16 codes, y with row stride yStride. Sums go on from y, or start from +0.</summary>
    public static void Simd(TensorCore unit, float* x, int T, ushort* w, int n0, int n1, int K, float* y, nint yStride, bool fromY = false)
    {
        if (Isa.Has512)
            Lanes<Column16>(unit, x, T, w, n0, n1, K, y, yStride, fromY);
        else if (Isa.Has256)
            Lanes<Column8>(unit, x, T, w, n0, n1, K, y, yStride, fromY);
        else
            Lanes<Column4>(unit, x, T, w, n0, n1, K, y, yStride, fromY);
    }

    /// <summary>As <see cref="Simd"/>, at a given width.</summary>
    internal static void Lanes<V>(TensorCore unit, float* x, int T, ushort* w, int n0, int n1, int K, float* y, nint yStride, bool fromY = false) where V : struct, IColumnLanes<V>
    {
        TensorCore sum = unit with { K = unit.FusedLength };
        int padded = (K + unit.K - 1) / unit.K * unit.K;
        using var panel = new AlignedFloats(2 * BlockK * Columns);
        using var row = new AlignedFloats(2 * BlockK);
        using var accumulators = new AlignedFloats(T * Columns);
        float* weights = panel.Pointer;
        int* weightExponents = (int*)(weights + BlockK * Columns);
        float* c = accumulators.Pointer;
        for (int n = n0; n < n1; n += Columns)
        {
            int used = Math.Min(Columns, n1 - n);
            new Span<float>(c, T * Columns).Clear();
            for (int t = 0; fromY && t < T; t++)
                new ReadOnlySpan<float>(y + t * yStride + n, used).CopyTo(new Span<float>(c + t * Columns, used));
            for (int k = 0; k < padded; k += BlockK)
            {
                int count = Math.Min(BlockK, padded - k);
                int there = Math.Min(count, K - k);
                Transpose(w + (nint)n * K + k, K, used, there, weights, count);
                Exponents<V>(weights, weightExponents, count * Columns);
                for (int t = 0; t < T; t++)
                    Row<V>(sum, x + (nint)t * K + k, there, count, row.Pointer, weights, weightExponents, used, c + t * Columns);
            }

            for (int t = 0; t < T; t++)
                new ReadOnlySpan<float>(c + t * Columns, used).CopyTo(new Span<float>(y + t * yStride + n, used));
        }
    }

    /// <summary>One row of x against a block of columns.</summary>
    private static void Row<V>(TensorCore sum, float* x, int there, int count, float* row, float* weights, int* weightExponents, int used, float* c) where V : struct, IColumnLanes<V>
    {
        var values = new Span<float>(row, BlockK);
        new ReadOnlySpan<float>(x, there).CopyTo(values);
        values[there..].Clear();
        int* exponents = (int*)(row + BlockK);
        Exponents<V>(row, exponents, BlockK);
        for (int j = 0; j < used; j += V.Count)
            Chain<V>(sum, row, exponents, weights + j, weightExponents + j, count, c + j);
    }

    /// <summary>As many outputs as there are lanes, from accumulators c on, by fused sums over count elements.</summary>
    private static void Chain<V>(TensorCore sum, float* x, int* ex, float* w, int* ew, int count, float* accumulators) where V : struct, IColumnLanes<V>
    {
        int L = sum.FusedLength;
        int F = sum.FractionBits;
        V c = V.Load(accumulators);
        for (int k = 0; k < count; k += L)
        {
            V E = Exponent(c);
            for (int i = k; i < k + L; i++)
                E = V.MaxIntegers(E, V.AddIntegers(V.OfInteger(ex[i]), V.Load((float*)(ew + i * Columns))));

            V inside = V.And(V.Greater(E, V.OfInteger(Lowest - 1)), V.Greater(V.OfInteger(Highest + 1), E));
            V nothing = V.And(V.Greater(V.OfInteger(Empty), E), V.Equal(c, V.OfInteger(0)));
            V fast = V.Or(inside, nothing);
            E = V.MinIntegers(V.MaxIntegers(E, V.OfInteger(Lowest)), V.OfInteger(Highest));

            // Two sums of half the terms, each inside 32 bits.
            V scale = V.ShiftLeft(V.SubtractIntegers(V.OfInteger(F + 127), E), 23);
            V even = V.Truncate(c * scale);
            V odd = V.OfInteger(0);
            for (int i = k; i < k + L; i += 2)
            {
                even = V.AddIntegers(even, V.Truncate(V.Load(w + i * Columns) * V.Of(x[i]) * scale));
                odd = V.AddIntegers(odd, V.Truncate(V.Load(w + (i + 1) * Columns) * V.Of(x[i + 1]) * scale));
            }

            V d = V.SumTowardZero(even, odd) * V.ShiftLeft(V.AddIntegers(E, V.OfInteger(127 - F)), 23);
            c = V.All(fast) ? d : ByDefinition(sum, x + k, w + k * Columns, c, d, fast);
        }

        V.Store(c, accumulators);
    }

    /// <summary>d in the lanes that are fast; in the others the fused sum by its definition.</summary>
    private static V ByDefinition<V>(TensorCore sum, float* x, float* w, V c, V d, V fast) where V : struct, IColumnLanes<V>
    {
        float* start = stackalloc float[V.Count];
        float* result = stackalloc float[V.Count];
        int* isFast = stackalloc int[V.Count];
        V.Store(c, start);
        V.Store(d, result);
        V.Store(fast, (float*)isFast);
        Span<uint> a = stackalloc uint[sum.K];
        Span<uint> b = stackalloc uint[sum.K];
        for (int lane = 0; lane < V.Count; lane++)
        {
            if (isFast[lane] != 0)
                continue;
            for (int k = 0; k < sum.K; k++)
            {
                a[k] = BitConverter.SingleToUInt32Bits(x[k]) >> 16;
                b[k] = BitConverter.SingleToUInt32Bits(w[k * Columns + lane]) >> 16;
            }

            result[lane] = BitConverter.UInt32BitsToSingle(sum.Define(a, b, BitConverter.SingleToUInt32Bits(start[lane])));
        }

        return V.Load(result);
    }

    /// <summary>The columns' codes widened, [k][column]; +0 beyond those that are there.</summary>
    private static void Transpose(ushort* w, int K, int columns, int there, float* to, int count)
    {
        if (columns < Columns || there < count)
            new Span<float>(to, count * Columns).Clear();
        for (int j = 0; j < columns; j++)
        {
            ushort* row = w + (nint)j * K;
            for (int k = 0; k < there; k++)
                to[k * Columns + j] = BitConverter.UInt32BitsToSingle((uint)row[k] << 16);
        }
    }

    private static void Exponents<V>(float* values, int* exponents, int count) where V : struct, IColumnLanes<V>
    {
        for (int i = 0; i < count; i += V.Count)
            V.Store(Exponent(V.Load(values + i)), (float*)(exponents + i));
    }

    /// <summary>Exponents as the unit has them: of subnormal numbers the smallest.</summary>
    private static V Exponent<V>(V value) where V : struct, IColumnLanes<V>
    {
        V field = V.And(V.ShiftRight(value, 23), V.OfInteger(0xFF));
        V exponent = V.SubtractIntegers(V.MaxIntegers(field, V.OfInteger(1)), V.OfInteger(127));
        exponent = V.Select(V.Equal(V.ShiftLeft(value, 1), V.OfInteger(0)), V.OfInteger(Absent), exponent);
        return V.Select(V.Equal(field, V.OfInteger(0xFF)), V.OfInteger(NotFinite), exponent);
    }
}
