using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Ops;
using DeepSeek.Reference.TensorCores;

namespace DeepSeek.Reference.Tests.Ops.Contracts;

/// <summary>One random attention under a contract: everything follows from the seed.</summary>
internal sealed class ContractCase
{
    private static readonly float[] special = [float.NaN, float.PositiveInfinity, float.NegativeInfinity, -0f, 1e-40f, 3e38f, -3e38f, 1e20f, -1e20f];

    private readonly Random random;

    public ContractCase(int seed, int mostKeys = 150, bool specials = true)
    {
        random = new Random(seed);
        int H = random.Next(1, 4);
        int Hk = random.Next(2) == 0 ? 1 : H;
        int D = Any([1, 3, 16, 17, 24]);
        bool shares = random.Next(2) == 0;
        int Dv = shares ? random.Next(1, D + 1) : Any([1, 4, 9]);
        int S = Any([0, 1, 1, 2, 4]);
        int T = Any([0, 1, 8, 63, 64, 65, 128, 129, random.Next(mostKeys)]);
        Shape = new(S, H, T, Hk, D, Dv, shares);
        Specials = specials && random.Next(3) == 0;
        Q = Values(S, H, D);
        Keys = Values(T, Hk, D);
        OwnValues = shares ? null : Values(T, Hk, Dv);
        FirstPosition = random.Next(-2, T + 2);
        OutputType = Any([DType.F32, DType.BF16]);
    }

    public AttentionShape Shape { get; }

    public bool Specials { get; }

    public Tensor Q { get; }

    public Tensor Keys { get; set; }

    public Tensor? OwnValues { get; set; }

    public int FirstPosition { get; set; }

    public float Scale { get; set; } = 0.25f;

    public DType OutputType { get; }

    /// <summary>A contract that validates, each field drawn by itself.</summary>
    public AttentionContract AnyContract()
    {
        Accumulation[] sums = [Accumulation.Lanes16, Accumulation.Sequential, Accumulation.Exact, Accumulation.Float64, Accumulation.TensorCore(TensorCore.HopperWgmmaBF16F32)];
        while (true)
        {
            var contract = new AttentionContract
            {
                Name = "any",
                Schedule = Any([AttentionSchedule.TwoPass, AttentionSchedule.Online]),
                Block = Any([0, 8, 16, 64, 128]),
                Base = Any(Enum.GetValues<SoftmaxBase>()),
                Scaling = Any(Enum.GetValues<ScoreScaling>()),
                Scores = Any(Enum.GetValues<ScoreRounding>()),
                Maximum = Any(Enum.GetValues<MaximumRule>()),
                InitialMaximum = Any([float.NegativeInfinity, -1e30f]),
                MaskValue = Any<float?>([null, -1e33f, -1e9f]),
                Weights = Any([DType.F32, DType.BF16, DType.F8_E4M3]),
                Denominator = Any(Enum.GetValues<WeightSum>()),
                Order = Any(Enum.GetValues<WeightOrder>()),
                Division = Any(Enum.GetValues<AttentionDivision>()),
                Empty = Any(Enum.GetValues<EmptyRow>()),
                QueryKey = Any(sums),
                WeightValue = Any(sums),
                Split = Any(Enum.GetValues<KeySplit>()),
                Parts = Any([1, 2, 3, 5]),
                Functions = Any([AttentionFunctions.Correct, AttentionFunctions.Correct, AttentionFunctions.HopperFastMath]),
                Partials = Any([DType.F32, DType.BF16]),
                Combine = Any(Enum.GetValues<CombineOrder>()),
            };
            try
            {
                contract.RequireCall(Scale, DType.BF16, DType.BF16, DType.BF16);
                return contract;
            }
            catch (ContractException)
            {
                // Drawn again: most combinations of so many fields mean nothing.
            }
        }
    }

    /// <summary>The bits of y, then of the log-sum-exp, NaNs canonical.</summary>
    public uint[] Run(IBackend backend, AttentionContract contract) => Run(backend, new AttentionAttributes(Scale, FirstPosition, contract));

    public uint[] Run(IBackend backend, AttentionAttributes attributes)
    {
        var y = new Tensor(OutputType, Shape.S, Shape.H, Shape.Dv);
        var lse = new Tensor(DType.F32, Shape.S, Shape.H);
        backend.Attention(Q, Keys, OwnValues, attributes, y, lse);
        return [.. y.Bits(), .. lse.Bits()];
    }

    /// <summary>As <see cref="Run(IBackend, AttentionContract)"/>, by the general definition whatever the contract.</summary>
    public uint[] RunGeneral(AttentionContract contract)
    {
        var attributes = new AttentionAttributes(Scale, FirstPosition, contract);
        var y = new Tensor(DType.F32, Shape.S, Shape.H, Shape.Dv);
        var lse = new Tensor(DType.F32, Shape.S, Shape.H);
        for (int r = 0; r < Shape.S * Shape.H; r++)
        {
            var row = new AttentionRow(
                Operands.Widen(Q).Slice(r * Shape.D, Shape.D), Operands.Widen(Keys), Operands.Widen(OwnValues ?? Keys), r % Shape.H, Shape.Visible(attributes, r / Shape.H), Shape);
            lse.AsSpan<float>()[r] = GeneralAttention.Define(row, attributes, OutputType, y.AsSpan<float>().Slice(r * Shape.Dv, Shape.Dv));
        }

        return [.. y.As(OutputType).Bits(), .. lse.Bits()];
    }

    public override string ToString() => $"{Shape} first {FirstPosition} scale {Scale} y {OutputType} specials {Specials}";

    public T Any<T>(T[] choices) => choices[random.Next(choices.Length)];

    private Tensor Values(params ReadOnlySpan<long> shape)
    {
        var t = new Tensor(DType.F32, shape);
        foreach (ref float x in t.AsSpan<float>())
            x = Specials && random.Next(60) == 0 ? Any(special) : (random.NextSingle() - 0.5f) * MathF.ScaleB(1f, random.Next(-2, 4));
        return t.As(DType.BF16);
    }
}
