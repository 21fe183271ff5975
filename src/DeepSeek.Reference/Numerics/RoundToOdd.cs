namespace DeepSeek.Reference.Numerics;

/// <summary>The step between binary64 and a narrow format that keeps a second rounding harmless.</summary>
internal static class RoundToOdd
{
    /// <summary>x cut to binary32, the last bit set where something was cut off: rounding the result to at most 22 bits rounds x once.</summary>
    public static float Single(double x)
    {
        float f = (float)x;
        double back = f;
        if (back == x || double.IsNaN(x))
            return f;
        uint u = BitConverter.SingleToUInt32Bits(f);
        if (Math.Abs(back) > Math.Abs(x))
            u--;
        return BitConverter.UInt32BitsToSingle(u | 1);
    }
}
