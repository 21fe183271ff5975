namespace DeepSeek.Reference.Ops;

/// <summary>Applies W_UV to the attention's latent result.</summary>
/// <remarks>
/// <code>
/// y_{h,j} = Σ_i W_{UV,h,j,i} z_{h,i}       j &lt; dv, i &lt; c: named accumulation over i
/// </code>
/// z [S, H, c], kvB [H, dn + dv, c] whose last dv rows of a head are W_UV, y [S, H, dv]; F32, or BF16 widened exactly.
/// Rules N6, N7; DeepSeek-V3 model.py, class MLA, attn_impl "absorb"; docs/spec/mla.md 4.
/// </remarks>
public static partial class AbsorbOutput
{
    /// <summary>The definition for one head of one token.</summary>
    /// <param name="z">c values.</param>
    /// <param name="w">W_UV of the head: dv rows of c values.</param>
    /// <param name="accumulation">The named accumulation.</param>
    /// <param name="output">The format y will be stored in.</param>
    /// <param name="y">dv values.</param>
    /// <exception cref="ShapeException">The lengths do not fit.</exception>
    public static void Define(ReadOnlySpan<float> z, ReadOnlySpan<float> w, Accumulation accumulation, DType output, Span<float> y)
    {
        int c = z.Length;
        if (w.Length != (long)y.Length * c)
            throw new ShapeException($"z has {c}, W_UV {w.Length}, y {y.Length} values, which do not fit together");
        for (int j = 0; j < y.Length; j++)
            y[j] = DotProduct.Define(w.Slice(j * c, c), z, accumulation, output);
    }
}
