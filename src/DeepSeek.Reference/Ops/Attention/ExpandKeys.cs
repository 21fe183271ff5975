namespace DeepSeek.Reference.Ops;

/// <summary>Lays out naive keys and values from kv = W_UKV c and the one rotated key all heads share. Copies only.</summary>
/// <remarks>
/// <code>
/// keys_{t,h}   = [kv_{t,h,0..dn} | kPe_t]
/// values_{t,h} = kv_{t,h,dn..dn+dv}
/// </code>
/// kv [T, H, dn + dv], kPe [T, dr], keys [T, H, dn + dr], values [T, H, dv]. DeepSeek-V3 model.py, class MLA, attn_impl "naive"; docs/spec/mla.md 3.
/// </remarks>
public static partial class ExpandKeys
{
    /// <summary>The definition for one head of one token; every backend copies so.</summary>
    /// <param name="kv">dn + dv values.</param>
    /// <param name="kPe">dr values.</param>
    /// <param name="key">dn + dr values.</param>
    /// <param name="value">dv values.</param>
    /// <exception cref="ShapeException">The lengths do not fit.</exception>
    public static void Define(ReadOnlySpan<float> kv, ReadOnlySpan<float> kPe, Span<float> key, Span<float> value)
    {
        int dn = kv.Length - value.Length;
        if (dn < 0 || key.Length != dn + kPe.Length)
            throw new ShapeException($"kv has {kv.Length}, kPe {kPe.Length}, key {key.Length}, value {value.Length} values, which do not fit together");
        kv[..dn].CopyTo(key);
        kPe.CopyTo(key[dn..]);
        kv[dn..].CopyTo(value);
    }
}
