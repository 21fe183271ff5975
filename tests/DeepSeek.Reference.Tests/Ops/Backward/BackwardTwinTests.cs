using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Ops;
using FsCheck.Xunit;
using Xunit;

namespace DeepSeek.Reference.Tests.Ops;

/// <summary>Each backward's definition and twin agree in every bit, over shapes, values, widths and threads.</summary>
[Trait(InstructionSets.Trait, InstructionSets.Every)]
public class BackwardTwinTests
{
    private static readonly ScalarBackend scalar = new();
    private static readonly int[] channels = [0, 1, 3, 15, 16, 17, 33, 64, 70];

    [Property(MaxTest = 60)]
    public void Rule_N1_N24_linear_gradients_equal_their_definitions(int seed)
    {
        var draw = new Draw(seed, seed % 3 == 0);
        int T = draw.Any(0, 1, 2, 5, 17, 40, 83), N = draw.Any([.. channels, 150]), K = draw.Any([.. channels, 300]);
        Tensor dy = draw.Values(T, N), x = draw.Values(T, K), weight = draw.Weight(N, K), held = draw.Values(N, K);
        Accumulation accumulation = draw.Any(Accumulation.Lanes16, Accumulation.Lanes16, Accumulation.Lanes16, Accumulation.Sequential, Accumulation.Float64, Accumulation.Exact);
        Agree(backend => Into(new Tensor(DType.F32, T, K), dx => backend.LinearDgrad(dy, weight, accumulation, dx)));
        Agree(backend => Into(held.Clone(), dW => backend.LinearWgrad(dy, x, accumulation, dW)));
    }

    [Theory]
    [InlineData(15, 40, 600)]
    [InlineData(16, 40, 600)]
    [InlineData(17, 1600, 20)]
    [InlineData(1600, 20, 33)]
    [InlineData(1030, 70, 17)]
    [InlineData(40, 530, 540)]
    public void Rule_N1_N24_linear_gradients_equal_their_definitions_where_pieces_and_blocks_end(int T, int N, int K)
    {
        var draw = new Draw(T + N + K);
        Tensor dy = draw.Values(T, N), x = draw.Values(T, K), weight = draw.Values(N, K), held = draw.Values(N, K);
        foreach (Tensor w in new[] { weight, weight.As(DType.BF16) })
            Agree(backend => Into(new Tensor(DType.F32, T, K), dx => backend.LinearDgrad(dy, w, Accumulation.Lanes16, dx)));
        Agree(backend => Into(held.Clone(), dW => backend.LinearWgrad(dy, x, Accumulation.Lanes16, dW)));
    }

    [Property(MaxTest = 60)]
    public void Rule_N1_N24_grouped_gradients_equal_their_definitions(int seed)
    {
        var draw = new Draw(seed, seed % 3 == 0);
        int G = draw.Any(1, 2, 5, 9), R = draw.Any(0, 1, 7, 40), N = draw.Any(channels), K = draw.Any(channels);
        int[] offsets = draw.Offsets(G, R);
        Tensor dy = draw.Values(R, N), x = draw.Values(R, K);
        Tensor[] weights = [.. Enumerable.Range(0, G).Select(_ => draw.Weight(N, K))];
        Tensor[] held = [.. Enumerable.Range(0, G).Select(_ => draw.Values(N, K))];
        Agree(backend => Into(new Tensor(DType.F32, R, K), dx => backend.GroupedLinearDgrad(dy, offsets, weights, Accumulation.Lanes16, dx)));
        Agree(backend =>
        {
            Tensor[] sums = Array.ConvertAll(held, t => t.Clone());
            backend.GroupedLinearWgrad(dy, x, offsets, Accumulation.Lanes16, sums);
            return [.. sums.SelectMany(t => t.Bits())];
        });
    }

    [Property(MaxTest = 60)]
    public void Rule_N1_N24_the_backward_of_rows_equals_its_definition(int seed)
    {
        var draw = new Draw(seed, seed % 3 == 0);
        int T = draw.Any(0, 1, 2, 16, 19, 35), n = draw.Any([.. channels, 130]);
        Tensor dy = draw.Values(T, n), x = draw.Values(T, n), other = draw.Values(T, n), weight = draw.Weight(n), held = draw.Values(n);
        Agree(backend => Two(new Tensor(DType.F32, T, n), held.Clone(), (dx, dw) => backend.RmsNormBackward(dy, x, weight, 1e-6f, dx, dw)));
        Agree(backend => Two(dy.Clone(), held.Clone(), (dx, dw) => backend.RmsNormBackward(dx, x, weight, 1e-6f, dx, dw)));
        Agree(backend => Two(new Tensor(DType.F32, T, n), new Tensor(DType.F32, T, n), (da, db) => backend.SwiGluBackward(dy, x, other, da, db)));
        Tensor wide = draw.Values(T, 2 * n);
        MtpConcat order = draw.Any(MtpConcat.EmbeddingFirst, MtpConcat.HiddenFirst);
        Agree(backend => Two(new Tensor(DType.F32, T, n), new Tensor(DType.F32, T, n), (e, h) => backend.MtpInputBackward(wide, order, e, h)));
        int V = draw.Any(1, 5, 40);
        Tensor ids = draw.Ids(V, T), table = draw.Values(V, n);
        Agree(backend => Into(table.Clone(), dW => backend.EmbeddingBackward(dy, ids, dW)));
    }

    [Property(MaxTest = 60)]
    public void Rule_N1_N24_the_backward_of_rotations_and_keys_equals_its_definition(int seed)
    {
        var draw = new Draw(seed, seed % 3 == 0);
        int T = draw.Any(0, 1, 3, 20), H = draw.Any(1, 2, 5, 17), dn = draw.Any(0, 1, 7, 16), half = draw.Any(0, 1, 4, 9, 16), dv = draw.Any(0, 1, 6, 16), dr = 2 * half;
        Tensor dy = draw.Values(T, H, dn + dr), frequencies = draw.Values(half), positions = draw.Ids(5000, T), dValues = draw.Values(T, H, dv);
        foreach (RopeLayout layout in Enum.GetValues<RopeLayout>())
        {
            var attributes = new RopeAttributes(layout, draw.Any(RopeRotation.Fused, RopeRotation.Separate), draw.Any(1f, 0.75f));
            Agree(backend => Into(new Tensor(DType.F32, T, H, dn + dr), dx => backend.RopeBackward(dy, positions, frequencies, attributes, dx)));
            Agree(backend => Into(dy.Clone(), dx => backend.RopeBackward(dx, positions, frequencies, attributes, dx)));
        }

        Agree(backend => Two(new Tensor(DType.F32, T, H, dn + dv), new Tensor(DType.F32, T, dr), (kv, kPe) => backend.ExpandKeysBackward(dy, dValues, kv, kPe)));
    }

    [Property(MaxTest = 60)]
    public void Rule_N1_N24_the_backward_of_attention_equals_its_definition(int seed)
    {
        var draw = new Draw(seed, seed % 4 == 0);
        int S = draw.Any(0, 1, 2, 5, 19, 40, 100), T = draw.Any(S, S, S + 3, 0, 70, 150), H = draw.Int(3) + 1, D = draw.Any(channels), Dv = draw.Any(channels);
        Tensor q = draw.Values(S, H, D), keys = draw.Values(T, H, D), values = draw.Values(T, H, Dv), dy = draw.Values(S, H, Dv);
        var attributes = new AttentionAttributes(draw.Any(0.25f, -0.5f), draw.Any(0, T - S, -1, 2, -40), AttentionRounding.None, 0, draw.Any(Accumulation.Lanes16, Accumulation.Lanes16, Accumulation.Sequential));
        Tensor y = new(DType.F32, S, H, Dv), lse = new(DType.F32, S, H);
        scalar.Attention(q, keys, values, attributes, y, lse);
        Agree(backend =>
        {
            Tensor dq = new(DType.F32, S, H, D), dk = new(DType.F32, T, H, D), dv = new(DType.F32, T, H, Dv);
            backend.AttentionBackward(q, keys, values, y, lse, dy, attributes, dq, dk, dv);
            return [.. dq.Bits(), .. dk.Bits(), .. dv.Bits()];
        });
    }

    [Property(MaxTest = 60)]
    public void Rule_N1_N24_the_backward_of_experts_equals_its_definition(int seed)
    {
        var draw = new Draw(seed, seed % 3 == 0);
        int T = draw.Any(0, 1, 3, 20, 35), E = draw.Any(1, 4, 17, 40), K = 1 + draw.Int(Math.Min(E, 5) - 1), d = draw.Any(channels);
        Tensor indices = draw.Choice(T, E, K);
        var plan = new ExpertPlan(indices.AsReadOnlySpan<int>(), K, E);
        Tensor dy = draw.Values(T, d), outputs = draw.Values(T * K, d), weights = draw.Values(T, K);
        Agree(backend => Two(new Tensor(DType.F32, T * K, d), new Tensor(DType.F32, T, K), (o, w) => backend.CombineBackward(dy, outputs, plan, weights, o, w)));
        Agree(backend => Into(new Tensor(DType.F32, T, d), dx => backend.DispatchBackward(outputs, plan, dx)));
        Tensor logits = draw.Values(T, E), scores = new(DType.F32, T, E), other = draw.Values(T, E);
        foreach (ScoringFunction scoring in Enum.GetValues<ScoringFunction>())
        {
            var attributes = new GateAttributes(scoring, 1, 1, GroupScore.Max, GroupMask.NegativeInfinity, draw.Any(true, false), draw.Any(0f, 1e-20f), 2.5f, GateRounding.None);
            Scores(logits, scoring, scores);
            Agree(backend => Into(new Tensor(DType.F32, T, E), dl => backend.GateBackward(logits, scores, indices, attributes, weights, null, dl)));
            Agree(backend => Into(new Tensor(DType.F32, T, E), dl => backend.GateBackward(logits, scores, indices, attributes, weights, other, dl)));
            Agree(backend => Two(new Tensor(DType.F32, 1), new Tensor(DType.F32, T, E), (loss, ds) => backend.BalanceLoss(scores, indices, 0.125f, loss, ds)));
        }
    }

    [Property(MaxTest = 60)]
    public void Rule_N1_N24_cross_entropy_equals_its_definition_in_any_pieces_of_the_vocabulary(int seed)
    {
        var draw = new Draw(seed, seed % 3 == 0);
        int T = draw.Any(0, 1, 3, 9), V = draw.Any(1, 2, 15, 33, 100);
        Tensor logits = draw.Values(T, V), targets = draw.Ids(V + 1, T);
        foreach (ref int id in targets.AsSpan<int>())
            id = id == V ? -1 : id;
        Tensor statistics = new(DType.F32, T, 2);
        scalar.CrossEntropy(logits, targets, new Tensor(DType.F32, T), statistics);
        Agree(backend => Two(new Tensor(DType.F32, T), new Tensor(DType.F32, T, 2), (losses, stat) => backend.CrossEntropy(logits, targets, losses, stat)));
        Tensor whole = new(DType.F32, T, V);
        scalar.CrossEntropyBackward(logits, 0, targets, statistics, 0.1f, whole);
        Agree(backend => Into(logits.Clone(), dl => backend.CrossEntropyBackward(dl, 0, targets, statistics, 0.1f, dl)));

        int cut = draw.Int(V);
        foreach ((int first, int count) in new[] { (0, cut), (cut, V - cut) })
        {
            Tensor piece = Columns(logits, first, count);
            uint[] expected = Columns(whole, first, count).Bits();
            Assert.Equal(expected, Into(new Tensor(DType.F32, T, count), dl => scalar.CrossEntropyBackward(piece, first, targets, statistics, 0.1f, dl)));
            Agree(backend => Into(new Tensor(DType.F32, T, count), dl => backend.CrossEntropyBackward(piece, first, targets, statistics, 0.1f, dl)));
        }
    }

    [Property(MaxTest = 40)]
    public void Rule_N1_the_products_agree_at_every_width(int seed)
    {
        var draw = new Draw(seed);
        int T = draw.Any(1, 5, 40), N = draw.Any(1, 17, 32), K = draw.Any(1, 16, 70);
        Tensor dy = draw.Values(T, N), x = draw.Values(T, K), weight = draw.Values(N, K);
        Tensor dx = new(DType.F32, T, K), dW = new(DType.F32, N, K);
        scalar.LinearDgrad(dy, weight, Accumulation.Lanes16, dx);
        scalar.LinearWgrad(dy, x, Accumulation.Lanes16, dW);
        foreach ((Tensor a, Tensor b) in new[] { Width<Lanes256>(Isa.Has256), Width<Lanes128>(Isa.Any) })
        {
            Assert.Equal(dx.Bits(), a.Bits());
            Assert.Equal(dW.Bits(), b.Bits());
        }

        (Tensor, Tensor) Width<L>(bool offered) where L : struct, ILanes<L>
        {
            if (!offered)
                return (dx, dW);
            Tensor a = new(DType.F32, T, K), b = new(DType.F32, N, K);
            Linear.Dgrad<L, float>(ref dy.First<float>(), ref weight.First<float>(), T, N, K, 0, K, ref a.First<float>());
            Linear.Wgrad<L>(ref dy.First<float>(), ref x.First<float>(), T, N, K, 0, N, 0, K, ref b.First<float>());
            return (a, b);
        }
    }

    private static void Agree(Func<IBackwardBackend, uint[]> run)
    {
        uint[] expected = run(scalar);
        foreach (int threads in new[] { 1, 2, 7 })
            Assert.Equal(expected, run(new SimdBackend(threads)));
    }

    private static uint[] Into(Tensor result, Action<Tensor> run)
    {
        run(result);
        return result.Bits();
    }

    private static uint[] Two(Tensor first, Tensor second, Action<Tensor, Tensor> run)
    {
        run(first, second);
        return [.. first.Bits(), .. second.Bits()];
    }

    private static Tensor Columns(Tensor x, int first, int count)
    {
        int T = (int)x.Shape[0], V = (int)x.Shape[1];
        var y = new Tensor(DType.F32, T, count);
        for (int t = 0; t < T; t++)
            x.AsReadOnlySpan<float>().Slice(t * V + first, count).CopyTo(y.AsSpan<float>()[(t * count)..]);
        return y;
    }

    private static void Scores(Tensor logits, ScoringFunction scoring, Tensor scores)
    {
        if (scoring == ScoringFunction.Softmax)
            scalar.Softmax(logits, scores);
        else
            Correct.Sigmoid(logits.AsReadOnlySpan<float>(), scores.AsSpan<float>());
    }
}
