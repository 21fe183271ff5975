using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Training;

/// <summary>The exponential moving average of the weights, which follows each step.</summary>
/// <remarks>
/// <code>
/// e = fma(1 - d, θ - e, e)        d the decay; 1 - d in binary64, rounded to binary32 once; one subtraction, one fma
/// </code>
/// e begins as the initial weights. DeepSeek-V3 report 3.2.3 keeps it in the CPU's memory; its decay is not published. Rule N25.
/// </remarks>
public static class WeightAverage
{
    /// <summary>The definition: what every implementation must equal, bit for bit.</summary>
    /// <exception cref="ShapeException">The sizes differ.</exception>
    public static void Define(Span<float> average, ReadOnlySpan<float> theta, double decay)
    {
        RequireEqualSizes(average, theta);
        float rest = (float)(1 - decay);
        for (int i = 0; i < theta.Length; i++)
            average[i] = MathF.FusedMultiplyAdd(rest, theta[i] - average[i], average[i]);
    }

    /// <summary>The same bits as <see cref="Define"/>, by vector instructions.</summary>
    internal static void Simd(Span<float> average, ReadOnlySpan<float> theta, double decay)
    {
        RequireEqualSizes(average, theta);
        if (Isa.Has512)
            Follow<Lanes512>(average, theta, decay);
        else if (Isa.Has256)
            Follow<Lanes256>(average, theta, decay);
        else if (Isa.Has128)
            Follow<Lanes128>(average, theta, decay);
        else
            Define(average, theta, decay);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Follow<L>(Span<float> average, ReadOnlySpan<float> theta, double decay) where L : struct, ILanes<L>
    {
        ref float pe = ref MemoryMarshal.GetReference(average);
        ref float pt = ref MemoryMarshal.GetReference(theta);
        L rest = L.Broadcast((float)(1 - decay));
        int i = 0;
        for (; i <= theta.Length - 16; i += 16)
        {
            L e = L.Load(ref Unsafe.Add(ref pe, i));
            L.Store(L.Fma(rest, L.Load(ref Unsafe.Add(ref pt, i)) - e, e), ref Unsafe.Add(ref pe, i));
        }

        Define(average[i..], theta[i..], decay);
    }

    private static void RequireEqualSizes(Span<float> average, ReadOnlySpan<float> theta)
    {
        if (average.Length != theta.Length)
            throw new ShapeException($"WeightAverage: {theta.Length} weights and {average.Length} averages");
    }
}
