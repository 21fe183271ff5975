using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Verification.Explaining;

/// <summary>Inputs of a matrix product that bring rounding to light: drawn from a value map, then arranged.</summary>
/// <param name="Map">The value map.</param>
/// <param name="Arrangement">What is done with the values.</param>
/// <param name="PowersOfTwo">Scales are cut to powers of two, so that sums may be exact ties of the output.</param>
internal sealed record InputDesign(string Map, Arrangement Arrangement, bool PowersOfTwo)
{
    /// <summary>All designs, the plainest first.</summary>
    public static IEnumerable<InputDesign> All =>
        from arrangement in Enum.GetValues<Arrangement>()
        from powers in (bool[])[false, true]
        from map in (string[])["bell", "logspread", "outlier", "uniform", "int", "boundary"]
        select new InputDesign(map, arrangement, powers);

    /// <summary>Arranges the inputs of a case in place.</summary>
    public void Arrange(CaseTensors tensors)
    {
        Tensor x = tensors["x"], weight = tensors["weight"];
        int K = (int)x.Shape[^1];
        if (Arrangement != Arrangement.AsDrawn)
        {
            int distance = DistanceOf(K);
            Cancel(x, K, distance, -1f);
            Cancel(weight, K, distance, 1f);
        }

        foreach (string name in tensors.Names.Where(n => n is "x_scale" or "weight_scale").ToArray())
        {
            Span<float> scales = tensors[name].AsSpan<float>();
            if (PowersOfTwo)
            {
                foreach (ref float s in scales)
                    s = BitConverter.UInt32BitsToSingle(BitConverter.SingleToUInt32Bits(s) & 0x7F800000);
            }

            // Blocks that cancel have the same scale.
            int blocks = (int)tensors[name].Shape[^1];
            int apart = DistanceOf(K) / ScaledProduct.ScaleBlock;
            for (int i = 0; Arrangement == Arrangement.HalvesCancel && apart > 0 && i < scales.Length; i++)
            {
                if (i % blocks >= apart)
                    scales[i] = scales[i / blocks * blocks + i % blocks % apart];
            }
        }
    }

    /// <summary>In words.</summary>
    public override string ToString() => $"{Map}{(PowersOfTwo ? ", scales of powers of two" : "")}{Arrangement switch
    {
        Arrangement.HalvesCancel => ", the second half of K cancels most of the first",
        Arrangement.StretchesCancel => ", every second stretch of 64 cancels most of the one before",
        _ => "",
    }}";

    private int DistanceOf(int K) => Arrangement == Arrangement.StretchesCancel ? Math.Min(64, Math.Max(1, K / 2))
        : K >= 2 * ScaledProduct.ScaleBlock ? (K / 2 + ScaledProduct.ScaleBlock - 1) / ScaledProduct.ScaleBlock * ScaledProduct.ScaleBlock : Math.Max(1, K / 2);

    /// <summary>Elements of every second stretch repeat those of the stretch before, with a sign; one in 16 stays, so that sums are not 0.</summary>
    private static void Cancel(Tensor t, int K, int distance, float sign)
    {
        for (long i = 0; i < t.ElementCount; i++)
        {
            int k = (int)(i % K);
            if (k / distance % 2 == 0 || k % 16 == 5)
                continue;
            long from = i - distance;
            switch (t.DType)
            {
                case DType.F32:
                    t.AsSpan<float>()[(int)i] = sign * t.AsSpan<float>()[(int)from];
                    break;
                case DType.BF16:
                    t.AsSpan<BFloat16>()[(int)i] = BFloat16.Round(sign * t.AsSpan<BFloat16>()[(int)from].ToSingle());
                    break;
                default:
                    byte code = t.AsSpan<Float8E4M3>()[(int)from].Bits;
                    t.AsSpan<Float8E4M3>()[(int)i] = Float8E4M3.FromBits((byte)(sign < 0 ? code ^ 0x80 : code));
                    break;
            }
        }
    }
}

/// <summary>What is done with drawn values.</summary>
internal enum Arrangement
{
    /// <summary>Nothing.</summary>
    AsDrawn,

    /// <summary>Most products of the second half of K are minus those of the first: what the order of blocks, splits and the accumulator lose stands out.</summary>
    HalvesCancel,

    /// <summary>The same within 128 elements: what a unit's alignment loses stands out.</summary>
    StretchesCancel,
}
