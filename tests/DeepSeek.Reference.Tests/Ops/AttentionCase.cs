using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Tests.Ops;

/// <summary>One random attention: everything follows from the seed.</summary>
internal sealed class AttentionCase
{
    private static readonly float[] special =
    [
        float.NaN, float.PositiveInfinity, float.NegativeInfinity, -0f, 0f, 1e-45f, -1e-40f, 3e38f, -3e38f, 1e-30f, 1e20f, -1e20f,
    ];

    private readonly Random random;

    public AttentionCase(int seed, int mostKeys = 80)
    {
        random = new Random(seed);
        int[] channels = [0, 1, 3, 15, 16, 17, 31, 32, 40, 64, 80, 100];
        int H = random.Next(1, 20);
        int Hk = random.Next(2) == 0 ? 1 : H;
        int D = Any(channels);
        bool shares = random.Next(2) == 0;
        int Dv = shares ? random.Next(D + 1) : Any(channels);
        int S = Any([0, 1, 1, 2, 3, 5, 9, 35]);
        int T = random.Next(4) == 0 ? Any([0, 1, 2, 16]) : random.Next(mostKeys);
        Shape = new(S, H, T, Hk, D, Dv, shares);
        Specials = random.Next(3) == 0;
        Q = Values(S, H, D);
        Keys = Values(T, Hk, D);
        OwnValues = shares ? null : Values(T, Hk, Dv);
        Attributes = new(
            Any([0.125f, 1f, 0.07216878f, -0.5f]), random.Next(-2, T + 2), Any(Enum.GetValues<AttentionRounding>()),
            random.Next(2) == 0 ? 0 : random.Next(D + 1), new Accumulation(Any([AccumulationKind.Lanes16, AccumulationKind.Sequential, AccumulationKind.Exact, AccumulationKind.Float64])));
        OutputType = Any([DType.F32, DType.BF16]);
    }

    public AttentionShape Shape { get; }

    public bool Specials { get; }

    public Tensor Q { get; init; }

    public Tensor Keys { get; init; }

    public Tensor? OwnValues { get; init; }

    public AttentionAttributes Attributes { get; set; }

    public DType OutputType { get; }

    /// <summary>The bits of y, then of the log-sum-exp, NaNs canonical.</summary>
    public uint[] Run(IBackend backend) => Run(backend.Attention);

    public uint[] Run(Action<Tensor, Tensor, Tensor?, AttentionAttributes, Tensor, Tensor?> attention)
    {
        var y = new Tensor(OutputType, Shape.S, Shape.H, Shape.Dv);
        var lse = new Tensor(DType.F32, Shape.S, Shape.H);
        attention(Q, Keys, OwnValues, Attributes, y, lse);
        return [.. y.Bits(), .. lse.Bits()];
    }

    public override string ToString() => $"{Shape} {Attributes} q {Q.DType} keys {Keys.DType} values {OwnValues?.DType} y {OutputType} specials {Specials}";

    private Tensor Values(params ReadOnlySpan<long> shape)
    {
        var t = new Tensor(DType.F32, shape);
        foreach (ref float x in t.AsSpan<float>())
            x = Specials && random.Next(40) == 0 ? Any(special) : (random.NextSingle() - 0.5f) * MathF.ScaleB(1f, random.Next(-4, 4));
        return random.Next(2) == 0 ? t : t.As(DType.BF16);
    }

    private T Any<T>(T[] choices) => choices[random.Next(choices.Length)];
}

/// <summary>Bits and dtypes of whole tensors.</summary>
internal static class TensorBits
{
    /// <summary>Each element's encoding; every NaN is 0x7FC00000 (rule N3).</summary>
    public static uint[] Bits(this Tensor t)
    {
        ReadOnlySpan<float> values = Operands.Widen(t);
        var bits = new uint[values.Length];
        for (int i = 0; i < bits.Length; i++)
            bits[i] = float.IsNaN(values[i]) ? 0x7FC00000u : BitConverter.SingleToUInt32Bits(values[i]);
        return bits;
    }

    /// <summary>The tensor rounded once to the dtype.</summary>
    public static Tensor As(this Tensor t, DType dtype)
    {
        var y = new Tensor(dtype, t.Shape);
        Operands.Store(Operands.Widen(t), y);
        return y;
    }
}
