namespace DeepSeek.Reference.Faulty;

/// <summary>Element functions as bad kernels have them.</summary>
internal static class Approximations
{
    /// <summary>e^x = 2^n 2^f, 2^f by a polynomial of degree 3 for f in [0, 1): relative error up to 1e-4.</summary>
    public static float Exp(float x)
    {
        if (!(x > -87f))
            return float.IsNaN(x) ? x : 0f;
        float t = MathF.Min(x * 1.442695f, 127.9f);
        float n = MathF.Floor(t), f = t - n;
        float p = 1f + f * (0.6951786f + f * (0.2276459f + f * 0.0770675f));
        return BitConverter.Int32BitsToSingle(((int)n + 127) << 23) * p;
    }

    /// <summary>Sigmoid by that exponential, with the quotient's reciprocal from 10 bits.</summary>
    public static float Sigmoid(float x) => Reciprocal(1f + Exp(-x));

    /// <summary>1/√x to 12 bits, as an estimate instruction gives it without a Newton step.</summary>
    public static float ReciprocalSqrt(float x) => KeepBits(1f / MathF.Sqrt(x), 12);

    /// <summary>tanh's form of GELU's gate.</summary>
    public static float Gelu(float x) => 0.5f * x * (1f + (float)Math.Tanh(0.7978845608 * (x + 0.044715 * x * x * x)));

    private static float Reciprocal(float x) => KeepBits(1f / x, 10);

    private static float KeepBits(float x, int bits) => BitConverter.UInt32BitsToSingle(BitConverter.SingleToUInt32Bits(x) & ~((1u << (23 - bits)) - 1));
}
