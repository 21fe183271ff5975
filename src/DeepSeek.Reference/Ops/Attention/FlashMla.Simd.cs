using System.Runtime.CompilerServices;
using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.TensorCores;

namespace DeepSeek.Reference.Ops;

/// <summary>The twin of <see cref="OnlineAttention"/> and <see cref="WarpgroupAttention"/> on matrix units: heads that share a query and a key head are rows of one product.</summary>
/// <remarks>
/// Steps are the definitions', row by row; P = Q Kᵀ and O += W V are the unit's SIMD twin on a block of keys, copied once for all rows: keys as they lie or turned
/// (odd blocks of a pair), values transposed. All rows of a piece see the same keys.
/// </remarks>
internal sealed unsafe class FlashMlaRows
{
    private const int Block = OnlineAttention.Block;
    private const int MostRows = 16;
    private const int FirstOfOddBlocks = 256;

    private readonly AttentionOperands io;
    private readonly AttentionShape shape;
    private readonly AttentionContract contract;
    private readonly float a;
    private readonly bool inPairs;
    private readonly int pieces;
    private readonly IReadOnlyList<BlockRange> splits;

    public FlashMlaRows(AttentionOperands io)
    {
        this.io = io;
        shape = io.Shape;
        contract = io.Attributes.Contract!;
        a = contract.Multiplier(io.Attributes.Scale);
        inPairs = contract.Schedule == AttentionSchedule.WarpgroupPairs;
        pieces = (shape.Group + MostRows - 1) / MostRows;
        splits = SplitSchedule.Of([shape.T], contract.Parts).Of(0);
    }

    /// <summary>Pieces of work: queries, key heads, and up to sixteen heads of each.</summary>
    public int Count => shape.S * shape.Hk * pieces;

    /// <summary>Whether the twin is the contract's.</summary>
    public static bool Fits(AttentionContract contract) =>
        Isa.Any && contract.QueryKey.Unit is { } scores && contract.WeightValue.Unit is { } values && BFloat16Product.Fits(scores) && BFloat16Product.Fits(values)
        && (contract.Schedule == AttentionSchedule.WarpgroupPairs || contract.IsLike(AttentionContract.FlashMlaDense));

    /// <summary>Pieces from..to.</summary>
    public void Simd(int from, int to)
    {
        for (int piece = from; piece < to; piece++)
        {
            (int rest, int chunk) = Math.DivRem(piece, pieces);
            (int i, int hk) = Math.DivRem(rest, shape.Hk);
            int first = chunk * MostRows;
            Piece(i, hk, hk * shape.Group + first, Math.Min(MostRows, shape.Group - first));
        }
    }

    private void Piece(int i, int hk, int head, int rows)
    {
        (int D, int Dv) = (shape.D, shape.Dv);
        float[] q = new float[2 * rows * D];
        Operands.Widen(io.Q, ((long)i * shape.H + head) * D, rows * D).CopyTo(q);
        for (int r = 0; r < rows; r++)
            Turn<float>(q.AsSpan(r * D, D), q.AsSpan((rows + r) * D, D));

        var state = new State(rows, D, Dv, hk, shape.Visible(io.Attributes, i), q);
        float[] partials = new float[splits.Count * rows * Dv];
        float[] lse = new float[splits.Count * rows];
        for (int s = 0; s < splits.Count; s++)
        {
            Run(state, splits[s]);
            for (int r = 0; r < rows; r++)
            {
                float L = state.Total(r);
                bool undivided = L == 0f || float.IsNaN(L);
                float divisor = undivided ? 1f : L;
                for (int c = 0; c < Dv; c++)
                    partials[(r * splits.Count + s) * Dv + c] = contract.Functions.Divide(state.O[r * Dv + c], divisor);
                lse[r * splits.Count + s] = splits.Count == 1
                    ? undivided ? float.PositiveInfinity : contract.Functions.LogSumExp(state.M[r], L)
                    : undivided ? float.NegativeInfinity : contract.Functions.Log2(L) + state.M[r];
            }
        }

        float[] joined = new float[Dv];
        for (int r = 0; r < rows; r++)
        {
            ReadOnlySpan<float> o = partials.AsSpan(r * splits.Count * Dv, splits.Count * Dv);
            float total = lse[r * splits.Count];
            if (splits.Count > 1)
                total = CombineSplits.Define(o, lse.AsSpan(r * splits.Count, splits.Count), contract.Functions, null, joined);
            long row = (long)i * shape.H + head + r;
            Operands.Store(splits.Count > 1 ? joined : o, io.Y, row * Dv);
            if (io.LogSumExp is not null)
                Unsafe.Add(ref io.LogSumExp.First<float>(), (nint)row) = total;
        }
    }

    /// <summary>One split: O before the division, m and the quads.</summary>
    private void Run(State state, BlockRange blocks)
    {
        state.Clear(OnlineAttention.InitialMaximum);
        int half = shape.Dv / 2;
        for (int b = blocks.From; b < blocks.To; b += inPairs ? 2 : 1)
        {
            Weigh(state, b, odd: false, state.A);
            if (!inPairs)
            {
                state.Add(state.LanesOfA, state.A);
                Values(state, b, state.A, 0, shape.Dv, state.A.Corr, null);
                continue;
            }

            if (b + 1 < blocks.To)
                Weigh(state, b + 1, odd: true, state.B);
            else
                state.B.Pass();
            float[] both = new float[state.Rows];
            for (int r = 0; r < state.Rows; r++)
                both[r] = state.B.Corr[r] * state.A.Corr[r];

            state.Add(state.LanesOfA, state.A);
            for (int t = 0; t < 4 * state.Rows; t++)
                state.LanesOfA[t] = state.LanesOfA[t] * state.B.Corr[t / 4];
            (float[] own, state.B.Corr) = (state.B.Corr, both);
            state.Add(state.LanesOfB, state.B);
            state.B.Corr = own;

            Values(state, b, state.A, 0, half, state.A.Corr, null);
            Values(state, b + 1, state.B, 0, half, state.B.Corr, null);
            Values(state, b + 1, state.B, half, shape.Dv, both, null);
            Values(state, b, state.A, half, shape.Dv, null, state.B.Corr);
        }
    }

    /// <summary>Scores of a block, the new maxima, corrections and weights.</summary>
    private void Weigh(State state, int b, bool odd, Weights weights)
    {
        int seen = Math.Clamp(state.Visible - b * Block, 0, Block);
        (int D, int rows) = (shape.D, state.Rows);
        ReadOnlySpan<ushort> source = Codes(io.Keys);
        for (int j = 0; j < seen; j++)
        {
            ReadOnlySpan<ushort> key = source.Slice(checked((int)(((long)(b * Block + j) * shape.Hk + state.KeyHead) * D)), D);
            if (odd)
                Turn(key, state.Keys.AsSpan(j * D, D));
            else
                key.CopyTo(state.Keys.AsSpan(j * D, D));
        }

        fixed (float* q = state.Q, P = weights.W)
        {
            fixed (ushort* k = state.Keys)
                BFloat16Product.Simd(contract.QueryKey.Unit!, q + (odd ? rows * D : 0), rows, k, 0, seen, D, P, Block);
        }

        for (int r = 0; r < rows; r++)
        {
            Span<float> w = weights.W.AsSpan(r * Block, Block);
            w[seen..].Fill(OnlineAttention.Masked);
            float largest = OnlineAttention.Masked;
            foreach (float x in w)
                largest = ContractSteps.Maximum(MaximumRule.DropsNaN, largest, x);
            float mNew = ContractSteps.Maximum(MaximumRule.DropsNaN, state.M[r], largest * a);
            weights.Corr[r] = contract.Functions.Exp2(state.M[r] - mNew);
            for (int j = 0; j < Block; j++)
                w[j] = contract.Functions.Exp2(MathF.FusedMultiplyAdd(w[j], a, -mNew));
            state.M[r] = mNew;
        }
    }

    /// <summary>O = rn(O · corr) + ⟦w⟧ V over channels c0..c1; without corr O as it is, with rescale ⟦rn(w · rescale)⟧.</summary>
    private void Values(State state, int b, Weights weights, int c0, int c1, float[]? corr, float[]? rescale)
    {
        int seen = Math.Clamp(state.Visible - b * Block, 0, Block);
        (int rows, int Dv) = (state.Rows, shape.Dv);
        for (int r = 0; r < rows; r++)
        {
            for (int j = 0; j < seen; j++)
                state.P[r * seen + j] = BFloat16.RoundToFloat(rescale is null ? weights.W[r * Block + j] : weights.W[r * Block + j] * rescale[r]);
            for (int c = c0; corr is not null && c < c1; c++)
                state.O[r * Dv + c] = state.O[r * Dv + c] * corr[r];
        }

        if (seen == 0 || c0 == c1)
            return;
        ReadOnlySpan<ushort> source = Codes(io.Values);
        int width = shape.ValueStride;
        for (int j = 0; j < seen; j++)
        {
            ReadOnlySpan<ushort> value = source.Slice(checked((int)(((long)(b * Block + j) * shape.Hk + state.KeyHead) * width)), Dv);
            for (int c = c0; c < c1; c++)
                state.Values[c * seen + j] = value[c];
        }

        fixed (float* p = state.P, o = state.O)
        {
            fixed (ushort* v = state.Values)
                BFloat16Product.Simd(contract.WeightValue.Unit!, p, rows, v, c0, c1, seen, o, Dv, fromY: true);
        }
    }

    private static ReadOnlySpan<ushort> Codes(Tensor t) => System.Runtime.InteropServices.MemoryMarshal.Cast<BFloat16, ushort>(t.AsReadOnlySpan<BFloat16>());

    /// <summary>Channels 256 and up, then 0 to 255.</summary>
    private static void Turn<E>(ReadOnlySpan<E> from, Span<E> to)
    {
        int first = Math.Min(FirstOfOddBlocks, from.Length);
        from[first..].CopyTo(to);
        from[..first].CopyTo(to[(from.Length - first)..]);
    }

    /// <summary>Weights of a block, a row of 64 for each head, and what earlier sums are multiplied with.</summary>
    private sealed class Weights(int rows)
    {
        public float[] W { get; } = new float[rows * Block];

        public float[] Corr { get; set; } = new float[rows];

        /// <summary>A block that is not there.</summary>
        public void Pass()
        {
            W.AsSpan().Clear();
            Corr.AsSpan().Fill(1f);
        }
    }

    /// <summary>The running values of a piece's rows, and its scratch.</summary>
    private sealed class State(int rows, int D, int Dv, int keyHead, int visible, float[] q)
    {
        public int Rows => rows;

        public int KeyHead => keyHead;

        public int Visible => visible;

        /// <summary>The rows as they are, then turned.</summary>
        public float[] Q => q;

        public float[] O { get; } = new float[rows * Dv];

        public float[] M { get; } = new float[rows];

        public float[] LanesOfA { get; } = new float[4 * rows];

        public float[] LanesOfB { get; } = new float[4 * rows];

        public Weights A { get; } = new(rows);

        public Weights B { get; } = new(rows);

        public float[] P { get; } = new float[rows * Block];

        public ushort[] Keys { get; } = new ushort[Block * D];

        public ushort[] Values { get; } = new ushort[Block * Dv];

        public void Clear(float m)
        {
            O.AsSpan().Clear();
            M.AsSpan().Fill(m);
            LanesOfA.AsSpan().Clear();
            LanesOfB.AsSpan().Clear();
        }

        /// <summary>L_t = fma(L_t, corr, Σ_i (w_(8i+2t) + w_(8i+2t+1))).</summary>
        public void Add(float[] lanes, Weights weights)
        {
            for (int t = 0; t < 4 * rows; t++)
            {
                ReadOnlySpan<float> w = weights.W.AsSpan(t / 4 * Block, Block);
                float sum = 0f;
                for (int j = t % 4 * 2; j < Block; j += 8)
                    sum = sum + (w[j] + w[j + 1]);
                lanes[t] = MathF.FusedMultiplyAdd(lanes[t], weights.Corr[t / 4], sum);
            }
        }

        /// <summary>L of a row; lanes of B stay +0 outside pairs.</summary>
        public float Total(int r)
        {
            static float Fold(ReadOnlySpan<float> l) => (l[0] + l[1]) + (l[2] + l[3]);
            return Fold(LanesOfA.AsSpan(4 * r, 4)) + Fold(LanesOfB.AsSpan(4 * r, 4));
        }
    }
}
