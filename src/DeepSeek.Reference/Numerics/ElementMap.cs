using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace DeepSeek.Reference.Numerics;

/// <summary>One correctly rounded function of one variable, as the steps that every vector width shares.</summary>
internal interface IElementFunction
{
    /// <summary>Whether <see cref="Core"/> serves every lane of x; if not, each lane goes through <see cref="Elsewhere"/>.</summary>
    static abstract bool Covers<F>(F x) where F : struct, IFloatLanes<F>;

    /// <summary>The result where <see cref="Covers"/> is false.</summary>
    static abstract float Elsewhere(float x);

    /// <summary>x, kept where <see cref="Core"/> is valid; beyond that the result does not change.</summary>
    static abstract F Clamp<F>(F x) where F : struct, IFloatLanes<F>;

    /// <summary>The function in binary64.</summary>
    static abstract D Core<D>(D x) where D : struct, IDoubleLanes<D>;

    /// <summary>Zeros, NaN and the listed exceptions, after the one rounding.</summary>
    static abstract F Finish<F>(F x, F y) where F : struct, IFloatLanes<F>;
}

/// <summary>Applies a function to a scalar, a register, or a span: the same steps, so the same bits.</summary>
internal static class ElementMap<TFunction> where TFunction : struct, IElementFunction
{
    /// <summary>One value.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Scalar(float x)
    {
        var lane = new Float1(x);
        return TFunction.Covers(lane) ? Block<Float1, Double1>(lane).V : TFunction.Elsewhere(x);
    }

    /// <summary>Eight values in 512-bit arithmetic: needs <see cref="Isa.Has512"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Eight(Vector256<float> x)
    {
        var lanes = new Float8(x);
        return TFunction.Covers(lanes) ? Block<Float8, Double8>(lanes).V : EightElsewhere(x);
    }

    /// <summary>Four values in 256-bit arithmetic: needs <see cref="Isa.Has256"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Four(Vector128<float> x)
    {
        var lanes = new Float4(x);
        return TFunction.Covers(lanes) ? Block<Float4, Double4>(lanes).V : FourElsewhere(x);
    }

    /// <summary>y_i = f(x_i); x and y are the same memory or do not overlap.</summary>
    public static void Span(ReadOnlySpan<float> x, Span<float> y)
    {
        if (x.Length != y.Length)
            throw new ShapeException($"x has {x.Length} elements and y has {y.Length}: give an output of the input's length.");

        if (Isa.Has512) Span512(x, y);
        else if (Isa.Has256) Span256(x, y);
        else if (Isa.Has128) Span128(x, y);
        else SpanScalar(x, y);
    }

    /// <summary>Eight at a time; what is left over is padded to eight.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Span512(ReadOnlySpan<float> x, Span<float> y)
    {
        ref float from = ref MemoryMarshal.GetReference(x);
        ref float to = ref MemoryMarshal.GetReference(y);
        nint n = x.Length, i = 0;
        for (; i <= n - 8; i += 8)
        {
            var lanes = new Float8(Vector256.LoadUnsafe(ref from, (nuint)i));
            if (TFunction.Covers(lanes))
                Block<Float8, Double8>(lanes).V.StoreUnsafe(ref to, (nuint)i);
            else
                OneByOne(ref Unsafe.Add(ref from, i), ref Unsafe.Add(ref to, i), 8);
        }
        if (i < n)
            Rest512(x[(int)i..], y[(int)i..]);
    }

    /// <summary>Four at a time, then one by one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Span256(ReadOnlySpan<float> x, Span<float> y)
    {
        ref float from = ref MemoryMarshal.GetReference(x);
        ref float to = ref MemoryMarshal.GetReference(y);
        nint n = x.Length, i = 0;
        for (; i <= n - 4; i += 4)
        {
            var lanes = new Float4(Vector128.LoadUnsafe(ref from, (nuint)i));
            if (TFunction.Covers(lanes))
                Block<Float4, Double4>(lanes).V.StoreUnsafe(ref to, (nuint)i);
            else
                OneByOne(ref Unsafe.Add(ref from, i), ref Unsafe.Add(ref to, i), 4);
        }
        OneByOne(ref Unsafe.Add(ref from, i), ref Unsafe.Add(ref to, i), n - i);
    }

    /// <summary>Two at a time, then one by one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Span128(ReadOnlySpan<float> x, Span<float> y)
    {
        ref float from = ref MemoryMarshal.GetReference(x);
        ref float to = ref MemoryMarshal.GetReference(y);
        nint n = x.Length, i = 0;
        for (; i <= n - 2; i += 2)
        {
            var lanes = new Float2(Vector64.LoadUnsafe(ref from, (nuint)i));
            if (TFunction.Covers(lanes))
                Block<Float2, Double2>(lanes).V.StoreUnsafe(ref to, (nuint)i);
            else
                OneByOne(ref Unsafe.Add(ref from, i), ref Unsafe.Add(ref to, i), 2);
        }
        OneByOne(ref Unsafe.Add(ref from, i), ref Unsafe.Add(ref to, i), n - i);
    }

    internal static void SpanScalar(ReadOnlySpan<float> x, Span<float> y)
    {
        for (int i = 0; i < x.Length; i++)
            y[i] = Scalar(x[i]);
    }

    /// <summary>The steps in order.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static F Block<F, D>(F x) where F : struct, IWidened<F, D> where D : struct, IDoubleLanes<D> =>
        TFunction.Finish(x, F.Narrow(TFunction.Core(F.Widen(TFunction.Clamp(x)))));

    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static void OneByOne(ref float from, ref float to, nint count)
    {
        for (nint i = 0; i < count; i++)
            Unsafe.Add(ref to, i) = Scalar(Unsafe.Add(ref from, i));
    }

    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static void Rest512(ReadOnlySpan<float> x, Span<float> y)
    {
        Span<float> eight = stackalloc float[8];
        eight.Fill(1f);
        x.CopyTo(eight);
        Eight(Vector256.Create<float>(eight)).CopyTo(eight);
        eight[..y.Length].CopyTo(y);
    }

    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static Vector256<float> EightElsewhere(Vector256<float> x)
    {
        Span<float> lanes = stackalloc float[8];
        x.CopyTo(lanes);
        SpanScalar(lanes, lanes);
        return Vector256.Create<float>(lanes);
    }

    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static Vector128<float> FourElsewhere(Vector128<float> x)
    {
        Span<float> lanes = stackalloc float[4];
        x.CopyTo(lanes);
        SpanScalar(lanes, lanes);
        return Vector128.Create<float>(lanes);
    }
}
