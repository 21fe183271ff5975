namespace DeepSeek.Reference.Ops;

/// <summary>Folds W_UK into the query, so that it meets the latent cache itself: q_nope · (W_UK c) = (W_UKᵀ q_nope) · c.</summary>
/// <remarks>
/// <code>
/// y_{h,i}     = Σ_d q_{h,d} W_{UK,h,d,i}       i &lt; c, d &lt; dn: named accumulation over d
/// y_{h,c+r}   = q_{h,dn+r}                     r &lt; dr: the rotated channels are copied
/// </code>
/// q [S, H, dn + dr], kvB [H, dn + dv, c] whose first dn rows of a head are W_UK, y [S, H, c + dr]; F32, or BF16 widened exactly.
/// The terms of one output lie c apart in W_UK: its lane is d mod 16 (rule N6). Equal to the naive form over the reals, not in bits.
/// Rules N6, N7; DeepSeek-V3 model.py, class MLA, attn_impl "absorb"; docs/spec/mla.md 4.
/// </remarks>
public static partial class AbsorbQuery
{
    /// <summary>The definition for one head of one token.</summary>
    /// <param name="q">dn + dr values.</param>
    /// <param name="w">W_UK of the head: dn rows of c values.</param>
    /// <param name="dn">Channels without position.</param>
    /// <param name="c">Channels of the latent.</param>
    /// <param name="accumulation">The named accumulation.</param>
    /// <param name="output">The format y will be stored in.</param>
    /// <param name="y">c + dr values.</param>
    /// <exception cref="ShapeException">The lengths do not fit.</exception>
    public static void Define(ReadOnlySpan<float> q, ReadOnlySpan<float> w, int dn, int c, Accumulation accumulation, DType output, Span<float> y)
    {
        if (q.Length < dn || w.Length != (long)dn * c || y.Length != c + q.Length - dn)
            throw new ShapeException($"q has {q.Length}, W_UK {w.Length}, y {y.Length} values, which do not fit dn = {dn}, c = {c}");
        float[] column = new float[dn];
        for (int i = 0; i < c; i++)
        {
            for (int d = 0; d < dn; d++)
                column[d] = w[d * c + i];
            y[i] = DotProduct.Define(q[..dn], column, accumulation, output);
        }

        q[dn..].CopyTo(y[c..]);
    }
}
