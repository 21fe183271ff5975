using System.Runtime.InteropServices;
using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Ops;
using DeepSeek.Reference.Tests.Backends;
using FsCheck.Xunit;

namespace DeepSeek.Reference.Tests.Ops;

/// <summary>Rule N1: every vector width that this processor can run gives the definition's bits, whichever of them it would choose.</summary>
public class WidthTests
{
    [Property(MaxTest = 100)]
    public bool Rule_N1_RmsNorm_at_every_width(int seed)
    {
        var s = new Samples(seed);
        float[] w = s.Values(s.Length()), x = s.Values(2 * w.Length), expected = new float[x.Length], y = new float[x.Length];
        RmsNormRounding rounding = s.OneOf<RmsNormRounding>();
        RmsNorm.Define(x, w, 1e-6f, rounding, expected);

        bool Same<L>() where L : struct, ILanes<L>
        {
            RmsNorm.Rows<L>(x, w, 1e-6f, rounding, y);
            return Samples.Same(expected, y);
        }

        return Same<Lanes128>() && (!Isa.Has256 || Same<Lanes256>()) && (!Isa.Has512 || Same<Lanes512>());
    }

    [Property(MaxTest = 100)]
    public bool Rule_N1_softmax_sums_at_every_width(int seed)
    {
        var s = new Samples(seed);
        float[] x = s.Values(s.Length(), finite: true), e = new float[x.Length];
        float m = Softmax.Maximum(x);
        if (x.Length == 0)
            return true;
        var sum = new Lanes16();
        for (int k = 0; k < x.Length; k++)
            sum.Add(k, Correct.Exp(x[k] - m));

        bool Same<L>() where L : struct, ILanes<L> => Softmax.Exponentials<L>(x, m, e) == sum.Fold();
        return m == Softmax.SimdMaximum(x) && Same<Lanes128>() && (!Isa.Has256 || Same<Lanes256>()) && (!Isa.Has512 || Same<Lanes512>());
    }

    [Property(MaxTest = 100)]
    public bool Rule_N1_combine_at_every_width(int seed)
    {
        var s = new Samples(seed);
        int d = s.Length(), K = s.Int(5);
        float[] w = s.Values(K), o = s.Values(K * d), expected = new float[d], y = new float[d];
        bool fused = s.Coin();
        int[] experts = [.. Enumerable.Range(0, K)];
        if (K > 0)
            Combine.Define(o, d, new ExpertPlan(experts, K, K), w, default, fused ? CombineRounding.Fused : CombineRounding.Separate, expected);

        bool Same<L>() where L : struct, ILanes<L>
        {
            Combine.Columns<L, float>(fused, ref MemoryMarshal.GetArrayDataReference(o), experts, w, y);
            return Samples.Same(expected, y);
        }

        return Same<Lanes128>() && (!Isa.Has256 || Same<Lanes256>()) && (!Isa.Has512 || Same<Lanes512>());
    }
}
