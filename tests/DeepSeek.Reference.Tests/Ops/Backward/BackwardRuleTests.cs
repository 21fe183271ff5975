using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Ops;
using FsCheck.Xunit;
using Xunit;

namespace DeepSeek.Reference.Tests.Ops;

/// <summary>The sentences of rules N16 and N24, one by one, on both backends.</summary>
[Trait(InstructionSets.Trait, InstructionSets.Every)]
public class BackwardRuleTests
{
    private static readonly IBackwardBackend[] backends = [new ScalarBackend(), new SimdBackend(1)];

    [Fact]
    public void Rule_N16_the_lane_of_a_position_is_its_index_mod_16()
    {
        // Positions 0 and 16 share a lane, where 2^24 + 1 rounds to 2^24; 8 joins at the fold and leaves 0. One chain would give 1.
        float[] dy = new float[17];
        (dy[0], dy[16], dy[8]) = (16777216f, 1f, -16777216f);
        float[] ones = new float[17];
        ones.AsSpan().Fill(1f);
        foreach (IBackwardBackend backend in backends)
        {
            Tensor dW = Tensor.From([0f], 1, 1);
            backend.LinearWgrad(Tensor.From(dy, 17, 1), Tensor.From(ones, 17, 1), Accumulation.Lanes16, dW);
            Assert.Equal(0f, dW.AsReadOnlySpan<float>()[0]);
            Tensor row = Tensor.From([0f], 1, 1);
            backend.EmbeddingBackward(Tensor.From(dy, 17, 1), new Tensor(DType.I32, 17), row);
            Assert.Equal(0f, row.AsReadOnlySpan<float>()[0]);

            // The 1 at position 4 has a lane of its own until 2^24 - 2^24 has left 0. One chain would give 0.
            (dy[16], dy[4]) = (0f, 1f);
            Tensor apart = Tensor.From([0f], 1, 1);
            backend.LinearWgrad(Tensor.From(dy, 17, 1), Tensor.From(ones, 17, 1), Accumulation.Lanes16, apart);
            Assert.Equal(1f, apart.AsReadOnlySpan<float>()[0]);
            (dy[16], dy[4]) = (1f, 0f);
        }
    }

    [Fact]
    public void Rule_N16_a_sequence_is_one_addition_to_what_the_gradient_holds()
    {
        // 2^24 + (1 + 1) is 2^24 + 2; term by term it would stay 2^24.
        foreach (IBackwardBackend backend in backends)
        {
            Tensor dW = Tensor.From([16777216f], 1, 1);
            backend.LinearWgrad(Tensor.From([1f, 1f], 2, 1), Tensor.From([1f, 1f], 2, 1), Accumulation.Lanes16, dW);
            Assert.Equal(16777218f, dW.AsReadOnlySpan<float>()[0]);
            Tensor dw = Tensor.From([16777216f], 1);
            backend.RmsNormBackward(Tensor.From([1f, 1f], 2, 1), Tensor.From([3f, 3f], 2, 1), Tensor.From([1f], 1), 0f, new Tensor(DType.F32, 2, 1), dw);
            Assert.Equal(16777218f, dw.AsReadOnlySpan<float>()[0]);
        }
    }

    [Fact]
    public void Rule_N24_what_no_position_reaches_stays_as_it_is()
    {
        foreach (IBackwardBackend backend in backends)
        {
            Tensor[] dW = [Tensor.From([-0f, float.NaN], 1, 2), Tensor.From([1f, 2f], 1, 2)];
            backend.GroupedLinearWgrad(Tensor.From([1f], 1, 1), Tensor.From([1f, 1f], 1, 2), [0, 0, 1], Accumulation.Lanes16, dW);
            Assert.Equal([0x80000000u, 0x7FC00000u], dW[0].Bits());
            Assert.Equal([2f, 3f], dW[1].AsReadOnlySpan<float>().ToArray());

            Tensor table = Tensor.From([-0f, -0f], 2, 1);
            backend.EmbeddingBackward(Tensor.From([-0f], 1, 1), Tensor.From([1], 1), table);
            Assert.Equal([0x80000000u, 0u], table.Bits());
        }
    }

    [Property(MaxTest = 50)]
    public void Rule_N24_the_embeddings_gradient_is_the_products_with_one_hot_rows(int seed)
    {
        var draw = new Draw(seed);
        int T = 1 + draw.Int(40), V = 1 + draw.Int(6), d = 1 + draw.Int(20);
        Tensor dy = draw.Values(T, d), ids = draw.Ids(V, T), oneHot = new(DType.F32, T, V), start = draw.Values(V, d);
        for (int t = 0; t < T; t++)
            oneHot.AsSpan<float>()[t * V + ids.AsReadOnlySpan<int>()[t]] = 1f;
        foreach (IBackwardBackend backend in backends)
        {
            Tensor expected = start.Clone(), actual = start.Clone();
            backend.LinearWgrad(oneHot, dy, Accumulation.Lanes16, expected);
            backend.EmbeddingBackward(dy, ids, actual);
            Assert.Equal(expected.Bits(), actual.Bits());
        }
    }

    [Property(MaxTest = 50)]
    public void Rule_N1_N24_a_row_alone_equals_the_row_in_a_batch(int seed)
    {
        var draw = new Draw(seed);
        int T = 2 + draw.Int(30), N = 1 + draw.Int(40), K = 1 + draw.Int(40), t = draw.Int(T - 1);
        Tensor dy = draw.Values(T, N), w = draw.Weight(N, K), x = draw.Values(T, N), norm = draw.Values(N);
        foreach (IBackwardBackend backend in backends)
        {
            Tensor all = new(DType.F32, T, K), one = new(DType.F32, 1, K), dx = new(DType.F32, T, N), dxOne = new(DType.F32, 1, N);
            backend.LinearDgrad(dy, w, Accumulation.Lanes16, all);
            backend.LinearDgrad(dy.Rows(t, 1), w, Accumulation.Lanes16, one);
            Assert.Equal(all.Rows(t, 1).Bits(), one.Bits());
            backend.RmsNormBackward(dy, x, norm, 1e-6f, dx, new Tensor(DType.F32, N));
            backend.RmsNormBackward(dy.Rows(t, 1), x.Rows(t, 1), norm, 1e-6f, dxOne, new Tensor(DType.F32, N));
            Assert.Equal(dx.Rows(t, 1).Bits(), dxOne.Bits());
        }
    }

    [Property(MaxTest = 30)]
    public void Rule_N24_queries_that_follow_change_no_gradient_of_those_before(int seed)
    {
        var draw = new Draw(seed);
        int T = 2 + draw.Int(20), S = 1 + draw.Int(T - 2);
        Tensor q = draw.Values(T, 1, 5), k = draw.Values(T, 1, 5), v = draw.Values(T, 1, 3), dy = draw.Values(T, 1, 3), y = new(DType.F32, T, 1, 3), lse = new(DType.F32, T, 1);
        var attributes = new AttentionAttributes(0.5f, 0, AttentionRounding.None, 0, Accumulation.Lanes16);
        foreach (IBackwardBackend backend in backends)
        {
            backend.Attention(q, k, v, attributes, y, lse);
            Tensor all = new(DType.F32, T, 1, 5), some = new(DType.F32, S, 1, 5);
            backend.AttentionBackward(q, k, v, y, lse, dy, attributes, all, new Tensor(DType.F32, T, 1, 5), new Tensor(DType.F32, T, 1, 3));
            backend.AttentionBackward(
                q.Rows(0, S), k.Rows(0, S), v.Rows(0, S), y.Rows(0, S), lse.Rows(0, S), dy.Rows(0, S), attributes, some, new Tensor(DType.F32, S, 1, 5), new Tensor(DType.F32, S, 1, 3));
            Assert.Equal(all.Rows(0, S).Bits(), some.Bits());
        }
    }

    [Fact]
    public void Rule_N24_the_bits_of_small_losses_and_gradients()
    {
        foreach (IBackwardBackend backend in backends)
        {
            // Two equal logits: ln 2, and ±1/2 of a quarter.
            Tensor logits = Tensor.From([3f, 3f], 1, 2), targets = Tensor.From([1], 1), losses = new(DType.F32, 1), statistics = new(DType.F32, 1, 2), dl = new(DType.F32, 1, 2);
            backend.CrossEntropy(logits, targets, losses, statistics);
            backend.CrossEntropyBackward(logits, 0, targets, statistics, 0.25f, dl);
            Assert.Equal([0x3F317218u], losses.Bits());
            Assert.Equal([3f, 2f], statistics.AsReadOnlySpan<float>().ToArray());
            Assert.Equal([0.125f, -0.125f], dl.AsReadOnlySpan<float>().ToArray());

            // silu'(0) = 1/2; silu(0) = 0.
            Tensor da = new(DType.F32, 1), db = new(DType.F32, 1);
            backend.SwiGluBackward(Tensor.From([4f], 1), Tensor.From([0f], 1), Tensor.From([3f], 1), da, db);
            Assert.Equal([6f], da.AsReadOnlySpan<float>().ToArray());
            Assert.Equal([0u], db.Bits());

            // A row of one channel is normalised to its sign: only epsilon lets dx through, and there is none.
            Tensor dx = new(DType.F32, 1, 1), dw = new(DType.F32, 1);
            backend.RmsNormBackward(Tensor.From([5f], 1, 1), Tensor.From([-2f], 1, 1), Tensor.From([3f], 1), 0f, dx, dw);
            Assert.Equal([0f], dx.AsReadOnlySpan<float>().ToArray());
            Assert.Equal([-5f], dw.AsReadOnlySpan<float>().ToArray());
        }
    }

    [Fact]
    public void Rule_N24_perfect_balance_costs_alpha_and_pulls_nowhere()
    {
        foreach (IBackwardBackend backend in backends)
        {
            Tensor scores = Tensor.From([0.25f, 0.75f, 0.75f, 0.25f], 2, 2), indices = Tensor.From([1, 0], 2, 1), loss = new(DType.F32, 1), ds = new(DType.F32, 2, 2);
            backend.BalanceLoss(scores, indices, 0.5f, loss, ds);
            Assert.Equal([0.5f], loss.AsReadOnlySpan<float>().ToArray());
            Assert.Equal(new float[4], ds.AsReadOnlySpan<float>().ToArray());

            // One expert takes all: f = (2, 0), P = (1/2, 1/2); the loss is the same, but the gradient lowers the first.
            Tensor all = Tensor.From([1f, 1f, 1f, 1f], 2, 2);
            backend.BalanceLoss(all, Tensor.From([0, 0], 2, 1), 0.5f, loss, ds);
            Assert.Equal([0.5f], loss.AsReadOnlySpan<float>().ToArray());
            Assert.Equal([0.125f, -0.125f, 0.125f, -0.125f], ds.AsReadOnlySpan<float>().ToArray());
        }
    }

    [Fact]
    public void Rule_N24_a_single_expert_that_is_normalised_has_no_gradient()
    {
        var attributes = new GateAttributes(ScoringFunction.Sigmoid, 1, 1, GroupScore.Max, GroupMask.NegativeInfinity, true, 0f, 2.5f, GateRounding.None);
        foreach (IBackwardBackend backend in backends)
        {
            Tensor logits = Tensor.From([0.3f, -1f], 1, 2), scores = new(DType.F32, 1, 2), dl = new(DType.F32, 1, 2);
            Correct.Sigmoid(logits.AsReadOnlySpan<float>(), scores.AsSpan<float>());
            backend.GateBackward(logits, scores, Tensor.From([1], 1, 1), attributes, Tensor.From([7f], 1, 1), null, dl);
            Assert.Equal([0u, 0u], dl.Bits());
        }
    }

    [Fact]
    public void What_has_no_backward_or_does_not_fit_is_refused()
    {
        foreach (IBackwardBackend backend in backends)
        {
            Tensor x = new(DType.F32, 2, 1, 4), v = new(DType.F32, 2, 1, 4), lse = new(DType.F32, 2, 1);
            var rounds = new AttentionAttributes(1f, 0, AttentionRounding.EveryStep, 0, Accumulation.Lanes16);
            Assert.Throws<ContractException>(() => backend.AttentionBackward(x, x, v, v, lse, v, rounds, x.Clone(), x.Clone(), v.Clone()));
            Tensor two = new(DType.F32, 2, 2, 4);
            Assert.Throws<ContractException>(() => backend.AttentionBackward(two, x, v, two, new Tensor(DType.F32, 2, 2), two, rounds with { Rounding = AttentionRounding.None }, two.Clone(), x.Clone(), v.Clone()));
            var gate = new GateAttributes(ScoringFunction.Sigmoid, 1, 1, GroupScore.Max, GroupMask.NegativeInfinity, true, 0f, 1f, GateRounding.EveryStep);
            Tensor l = new(DType.F32, 1, 2);
            Assert.Throws<ContractException>(() => backend.GateBackward(l, l, new Tensor(DType.I32, 1, 1), gate, new Tensor(DType.F32, 1, 1), null, l.Clone()));
            Assert.Throws<ShapeException>(() => backend.LinearDgrad(new Tensor(DType.F32, 2, 3), new Tensor(DType.F32, 4, 5), Accumulation.Lanes16, new Tensor(DType.F32, 2, 5)));
            Assert.Throws<ShapeException>(() => backend.LinearWgrad(new Tensor(DType.F32, 2, 3), new Tensor(DType.F32, 3, 5), Accumulation.Lanes16, new Tensor(DType.F32, 3, 5)));
            Assert.Throws<ShapeException>(() => backend.EmbeddingBackward(new Tensor(DType.F32, 1, 3), Tensor.From([7], 1), new Tensor(DType.F32, 7, 3)));
            Assert.Throws<ShapeException>(() => backend.CrossEntropy(new Tensor(DType.F32, 1, 3), Tensor.From([3], 1), new Tensor(DType.F32, 1), new Tensor(DType.F32, 1, 2)));
            Assert.Throws<ShapeException>(() => backend.GroupedLinearWgrad(new Tensor(DType.F32, 2, 3), new Tensor(DType.F32, 2, 5), [0, 1], Accumulation.Lanes16, [new Tensor(DType.F32, 3, 5)]));
        }
    }
}
