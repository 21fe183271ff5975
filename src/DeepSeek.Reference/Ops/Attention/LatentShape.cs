namespace DeepSeek.Reference.Ops;

/// <summary>The dimensions shared by AbsorbQuery, AbsorbOutput and ExpandKeys.</summary>
internal static class LatentShape
{
    /// <summary>Tokens, heads, channels without position, with position, of a value, of the latent; dv + dn is known alone in kvB.</summary>
    /// <exception cref="ShapeException">The tensors do not fit together.</exception>
    public static (int S, int H, int dn, int dr, int c, int Rows) OfQuery(Tensor q, Tensor kvB, Tensor y)
    {
        Operands.RequireRank(q, nameof(q), 3);
        Operands.RequireRank(kvB, nameof(kvB), 3);
        Operands.RequireRank(y, nameof(y), 3);
        int S = Operands.Dim(q, 0), H = Operands.Dim(q, 1), c = Operands.Dim(kvB, 2), rows = Operands.Dim(kvB, 1);
        int dr = Operands.Dim(y, 2) - c;
        int dn = Operands.Dim(q, 2) - dr;
        if (dr < 0 || dn < 0 || dn > rows)
            throw new ShapeException($"q is {q}, kvB {kvB}, y {y}: q's last dimension is dn + dr, y's c + dr, and kvB has at least dn rows a head");
        Operands.RequireFloat(q, nameof(q));
        Operands.Require(kvB, nameof(kvB), H, rows, c);
        Operands.RequireOutput(y, nameof(y), S, H, c + dr);
        return (S, H, dn, dr, c, rows);
    }

    /// <inheritdoc cref="OfQuery"/>
    public static (int S, int H, int dv, int c, int Rows) OfOutput(Tensor z, Tensor kvB, Tensor y)
    {
        Operands.RequireRank(z, nameof(z), 3);
        Operands.RequireRank(kvB, nameof(kvB), 3);
        Operands.RequireRank(y, nameof(y), 3);
        int S = Operands.Dim(z, 0), H = Operands.Dim(z, 1), c = Operands.Dim(z, 2), dv = Operands.Dim(y, 2), rows = Operands.Dim(kvB, 1);
        if (dv > rows)
            throw new ShapeException($"kvB is {kvB}, y {y}: kvB has at least dv rows a head");
        Operands.RequireFloat(z, nameof(z));
        Operands.Require(kvB, nameof(kvB), H, rows, c);
        Operands.RequireOutput(y, nameof(y), S, H, dv);
        return (S, H, dv, c, rows);
    }

    /// <inheritdoc cref="OfQuery"/>
    public static (int T, int H, int dn, int dr, int dv) OfKeys(Tensor kv, Tensor kPe, Tensor keys, Tensor values)
    {
        var shape = OfExpansion(kv, kPe, keys, values);
        Operands.ThrowIfReadOnly(keys);
        Operands.ThrowIfReadOnly(values);
        return shape;
    }

    /// <summary>The same of tensors that are all read, or of which kv and kPe are written: the backward.</summary>
    public static (int T, int H, int dn, int dr, int dv) OfExpansion(Tensor kv, Tensor kPe, Tensor keys, Tensor values)
    {
        Operands.RequireRank(kv, nameof(kv), 3);
        Operands.RequireRank(kPe, nameof(kPe), 2);
        Operands.RequireRank(values, nameof(values), 3);
        int T = Operands.Dim(kv, 0), H = Operands.Dim(kv, 1), dr = Operands.Dim(kPe, 1), dv = Operands.Dim(values, 2);
        int dn = Operands.Dim(kv, 2) - dv;
        if (dn < 0)
            throw new ShapeException($"kv is {kv}, values {values}: kv's last dimension is dn + dv");
        Operands.RequireFloat(kv, nameof(kv));
        Operands.Require(kPe, nameof(kPe), T, dr);
        Operands.Require(keys, nameof(keys), T, H, dn + dr);
        Operands.Require(values, nameof(values), T, H, dv);
        return (T, H, dn, dr, dv);
    }
}
