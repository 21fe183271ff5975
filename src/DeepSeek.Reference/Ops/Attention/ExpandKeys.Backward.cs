using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Ops;

/// <remarks>
/// Backward:
/// <code>
/// dkv_{t,h} = [dkeys_{t,h,0..dn} | dvalues_{t,h}]          copies
/// dkPe_t    = Σ_h dkeys_{t,h,dn..dn+dr}                    Lanes16 over the heads: one rotated key served them all
/// </code>
/// Rules N6, N24.
/// </remarks>
public static partial class ExpandKeys
{
    /// <summary>The definition of the backward for one token of H heads; every backend does so.</summary>
    /// <param name="dKeys">H rows of dn + dr values.</param>
    /// <param name="dValues">H rows of dv values.</param>
    /// <param name="H">Heads.</param>
    /// <param name="dKv">H rows of dn + dv values.</param>
    /// <param name="dKPe">dr values.</param>
    /// <exception cref="ShapeException">The lengths do not fit.</exception>
    public static void DefineBackward(ReadOnlySpan<float> dKeys, ReadOnlySpan<float> dValues, int H, Span<float> dKv, Span<float> dKPe)
    {
        int dr = dKPe.Length;
        int D = H == 0 ? dr : dKeys.Length / H;
        int dv = H == 0 ? 0 : dValues.Length / H;
        int dn = D - dr;
        if (dn < 0 || dKeys.Length != H * D || dValues.Length != H * dv || dKv.Length != H * (dn + dv))
            throw new ShapeException($"dKeys has {dKeys.Length}, dValues {dValues.Length}, dKv {dKv.Length}, dKPe {dKPe.Length} values, which do not fit {H} heads");
        for (int h = 0; h < H; h++)
        {
            dKeys.Slice(h * D, dn).CopyTo(dKv[(h * (dn + dv))..]);
            dValues.Slice(h * dv, dv).CopyTo(dKv[(h * (dn + dv) + dn)..]);
        }

        for (int i = 0; i < dr; i++)
        {
            var sum = new Lanes16();
            for (int h = 0; h < H; h++)
                sum.Add(h, dKeys[h * D + dn + i]);
            dKPe[i] = sum.Fold();
        }
    }
}
