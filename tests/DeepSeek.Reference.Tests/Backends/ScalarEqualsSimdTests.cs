using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Ops;
using FsCheck.Xunit;

namespace DeepSeek.Reference.Tests.Backends;

/// <summary>Rule N1: the definitions and the vector code agree in every bit, for any shape, value, dtype and number of threads.</summary>
public class ScalarEqualsSimdTests
{
    private static readonly ScalarBackend Scalar = new();
    private static readonly SimdBackend[] Simd = [new(1), new(2), new(7)];

    [Property(MaxTest = 150)]
    public bool Rule_N1_Embedding(int seed)
    {
        var s = new Samples(seed);
        int V = 1 + s.Int(9), d = s.Length(), T = s.Int(9);
        Tensor weight = s.Tensor(s.FloatType(), V, d);
        int[] rows = [.. Enumerable.Range(0, T).Select(_ => s.Int(V))];
        Tensor ids = s.Coin() ? Tensor.From(rows, T) : Tensor.From([.. rows.Select(i => (long)i)], T);
        return Agree(new Tensor(s.FloatType(), T, d), (b, y) => b.Embedding(weight, ids, y));
    }

    [Property(MaxTest = 150)]
    public bool Rule_N1_Cast(int seed)
    {
        var s = new Samples(seed);
        Tensor x = s.Tensor(s.FloatType(), s.Length(), s.Int(5));
        return Agree(new Tensor(s.FloatType(), x.Shape), (b, y) => b.Cast(x, y));
    }

    [Property(MaxTest = 150)]
    public bool Rule_N1_Add(int seed)
    {
        var s = new Samples(seed);
        Tensor x = s.Tensor(s.FloatType(), s.Length(), s.Int(5));
        Tensor z = s.Tensor(s.FloatType(), x.Shape.Dimensions);
        return Agree(new Tensor(s.FloatType(), x.Shape), (b, y) => b.Add(x, z, y));
    }

    [Property(MaxTest = 300)]
    public bool Rule_N1_RmsNorm(int seed)
    {
        var s = new Samples(seed);
        int T = s.Int(5), n = s.Length();
        Tensor x = s.Tensor(s.FloatType(), T, n);
        Tensor w = s.Tensor(s.FloatType(), n);
        RmsNormRounding rounding = s.OneOf<RmsNormRounding>();
        return Agree(new Tensor(s.FloatType(), T, n), (b, y) => b.RmsNorm(x, w, 1e-6f, rounding, y));
    }

    [Property(MaxTest = 200)]
    public bool Rule_N1_SwiGlu(int seed)
    {
        var s = new Samples(seed);
        Tensor x = s.Tensor(s.FloatType(), s.Int(5), s.Length());
        Tensor z = s.Tensor(s.FloatType(), x.Shape.Dimensions);
        SwiGluRounding rounding = s.OneOf<SwiGluRounding>();
        return Agree(new Tensor(s.FloatType(), x.Shape), (b, y) => b.SwiGlu(x, z, rounding, y));
    }

    [Property(MaxTest = 300)]
    public bool Rule_N1_Rope(int seed)
    {
        var s = new Samples(seed);
        int T = s.Int(4), H = 1 + s.Int(3), half = s.Int(40), D = 2 * half + s.Int(20);
        Tensor x = s.Tensor(s.FloatType(), T, H, D);
        Tensor positions = Tensor.From([.. Enumerable.Range(0, T).Select(_ => s.Int(s.Coin() ? 100 : 200000))], T);
        Tensor f = Tensor.From([.. Enumerable.Range(0, half).Select(i => 1f / (1 + i * i))], half);
        var attributes = new RopeAttributes(s.OneOf<RopeLayout>(), s.OneOf<RopeRotation>(), s.Coin() ? 1f : 1.3688879f);
        return Agree(new Tensor(s.FloatType(), T, H, D), (b, y) => b.Rope(x, positions, f, attributes, y));
    }

    [Property(MaxTest = 300)]
    public bool Rule_N1_Softmax(int seed)
    {
        var s = new Samples(seed);
        Tensor x = s.Tensor(s.FloatType(), s.Int(5), s.Length());
        return Agree(new Tensor(s.FloatType(), x.Shape), (b, y) => b.Softmax(x, y))
            && Agree(new Tensor(s.FloatType(), x.Shape), (b, y) => b.LogSoftmax(x, y));
    }

    [Property(MaxTest = 100)]
    public bool Rule_N1_MtpInput(int seed)
    {
        var s = new Samples(seed);
        int T = s.Int(5), d = s.Length();
        Tensor e = s.Tensor(s.FloatType(), T, d);
        Tensor h = s.Tensor(s.FloatType(), T, d);
        MtpConcat order = s.OneOf<MtpConcat>();
        return Agree(new Tensor(s.FloatType(), T, 2 * d), (b, y) => b.MtpInput(e, h, order, y));
    }

    [Property(MaxTest = 300)]
    public bool Rule_N1_Gate(int seed)
    {
        var s = new Samples(seed);
        int groups = 1 + s.Int(8), size = 1 + s.Int(33), T = s.Int(6), E = groups * size, kept = 1 + s.Int(groups);
        int K = s.Int(Math.Min(9, kept * size + 1));
        Tensor logits = s.Tensor(s.FloatType(), true, T, E);
        Tensor? bias = s.Coin() ? null : s.Tensor(DType.F32, true, E);
        var attributes = new GateAttributes(
            s.OneOf<ScoringFunction>(), groups, kept, s.OneOf<GroupScore>(), s.OneOf<GroupMask>(), s.Coin(), s.Coin() ? 0f : 1e-20f, 2.5f, s.OneOf<GateRounding>());

        DType scoreType = s.FloatType(), weightType = s.FloatType();
        Tensor[] Run(IBackend b)
        {
            Tensor scores = new(scoreType, T, E), indices = new(DType.I32, T, K), weights = new(weightType, T, K);
            b.Gate(logits, bias, attributes, scores, indices, weights);
            return [scores, indices, weights];
        }

        Tensor[] expected = Run(Scalar);
        return Simd.All(b => expected.Zip(Run(b), Samples.Same).All(same => same));
    }

    [Property(MaxTest = 300)]
    public bool Rule_N1_Dispatch_and_Combine(int seed)
    {
        var s = new Samples(seed);
        int T = s.Int(6), K = s.Int(9), E = 1 + s.Int(12), d = s.Length();
        var plan = new ExpertPlan([.. Enumerable.Range(0, T * K).Select(_ => s.Int(E + 1) - 1)], K, E);
        if (K == 0)
            T = 0;
        Tensor x = s.Tensor(s.FloatType(), T, d);
        Tensor o = s.Tensor(s.FloatType(), plan.Rows, d);
        Tensor w = s.Tensor(s.FloatType(), T, K);
        Tensor? z = s.Coin() ? null : s.Tensor(s.FloatType(), T, d);
        CombineRounding rounding = s.OneOf<CombineRounding>();
        return Agree(new Tensor(s.FloatType(), plan.Rows, d), (b, y) => b.Dispatch(x, plan, y))
            && Agree(new Tensor(s.FloatType(), T, d), (b, y) => b.Combine(o, plan, w, z, rounding, y));
    }

    private static bool Agree(Tensor y, Action<IBackend, Tensor> run)
    {
        run(Scalar, y);
        return Simd.All(b =>
        {
            var other = new Tensor(y.DType, y.Shape);
            run(b, other);
            return Samples.Same(y, other);
        });
    }
}
