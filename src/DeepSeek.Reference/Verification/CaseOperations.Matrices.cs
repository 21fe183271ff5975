using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Verification;

internal static partial class CaseOperations
{
    /// <summary><c>linear[t=,n=,k=]</c> with sum.</summary>
    private static OperationCase Linear(CaseFields f)
    {
        int t = f.Size("t");
        int n = f.Size("n");
        int k = f.Size("k");
        f.Input("x", null, t, k);
        f.Factor("weight", null, n, k);
        f.Output("y", null, t, n);
        Accumulation sum = f.Sum();
        return f.Build(Operation.Linear, (long)t * n * k, (b, c) => b.Linear(c["x"], c["weight"], sum, c["y"]));
    }

    /// <summary><c>grouped_linear[r=,g=,n=,k=]</c> with sum: group i ends at row floor(r (i+1)² / g²), so that groups differ in size and the first may be empty.</summary>
    private static OperationCase GroupedLinear(CaseFields f)
    {
        int r = f.Size("r");
        int g = f.Size("g");
        int n = f.Size("n");
        int k = f.Size("k");
        Tensor ends = GroupsOf(f, r, g);
        f.Input("x", null, r, k);
        f.Factor("weight", null, g, n, k);
        f.Output("y", null, r, n);
        Accumulation sum = f.Sum();
        return f.Build(Operation.GroupedLinear, (long)r * n * k, (b, c) =>
            b.GroupedLinear(c["x"], c.Or("offsets", ends).AsReadOnlySpan<int>(), Parts(c["weight"], g), sum, c["y"]));
    }

    /// <summary><c>absorb_query[s=,h=,dn=,dr=,dv=,c=]</c> with sum.</summary>
    private static OperationCase AbsorbQuery(CaseFields f)
    {
        int s = f.Size("s");
        int h = f.Size("h");
        int dn = f.Size("dn");
        int dr = f.Size("dr");
        int dv = f.Size("dv");
        int latent = f.Size("c");
        f.Input("q", null, s, h, (long)dn + dr);
        f.Factor("kv_b", null, h, (long)dn + dv, latent);
        f.Output("y", null, s, h, (long)latent + dr);
        Accumulation sum = f.Sum();
        return f.Build(Operation.AbsorbQuery, (long)s * h * dn * latent, (b, c) => b.AbsorbQuery(c["q"], c["kv_b"], sum, c["y"]));
    }

    /// <summary><c>absorb_output[s=,h=,dn=,dv=,c=]</c> with sum.</summary>
    private static OperationCase AbsorbOutput(CaseFields f)
    {
        int s = f.Size("s");
        int h = f.Size("h");
        int dn = f.Size("dn");
        int dv = f.Size("dv");
        int latent = f.Size("c");
        f.Input("z", null, s, h, latent);
        f.Factor("kv_b", null, h, (long)dn + dv, latent);
        f.Output("y", null, s, h, dv);
        Accumulation sum = f.Sum();
        return f.Build(Operation.AbsorbOutput, (long)s * h * dv * latent, (b, c) => b.AbsorbOutput(c["z"], c["kv_b"], sum, c["y"]));
    }

    /// <summary><c>expand_keys[t=,h=,dn=,dr=,dv=]</c>.</summary>
    private static OperationCase ExpandKeys(CaseFields f)
    {
        int t = f.Size("t");
        int h = f.Size("h");
        int dn = f.Size("dn");
        int dr = f.Size("dr");
        int dv = f.Size("dv");
        f.Input("kv", null, t, h, (long)dn + dv);
        f.Input("k_pe", null, t, dr);
        f.Output("keys", null, t, h, (long)dn + dr);
        f.Output("values", null, t, h, dv);
        return f.Build(Operation.ExpandKeys, (long)t * h * (dn + dr + dv), (b, c) => b.ExpandKeys(c["kv"], c["k_pe"], c["keys"], c["values"]));
    }

    /// <summary>
    /// <c>attention[s=,t=,h=,hk=,d=,dv=]</c> with first (default t - s: the last s positions), scale (default 1/√d), latent=yes (values are
    /// the first dv channels of the keys), rounding, split, sum, lse=yes (log-sum-exp is an output). With schedule the fields of
    /// <see cref="CaseFields.AttentionContract"/> take the place of rounding and sum.
    /// </summary>
    private static OperationCase Attention(CaseFields f)
    {
        int s = f.Size("s");
        int t = f.Size("t");
        int h = f.Size("h");
        int hk = f.Size("hk");
        int d = f.Size("d");
        int dv = f.Size("dv");
        bool latent = f.Flag("latent", false);
        if (hk != h && hk != 1)
            throw f.Bad("hk", $"{hk} key heads serve neither one query head each (h={h}) nor all (hk=1)");
        if (latent && dv > d)
            throw f.Bad("dv", $"the first {dv} channels of keys with d={d} do not exist");
        f.Factor("q", null, s, h, d);
        f.Input("keys", null, t, hk, d);
        if (!latent)
            f.Input("values", null, t, hk, dv);
        f.Output("y", null, s, h, dv);
        bool lse = f.Flag("lse", false);
        if (lse)
            f.FixedOutput("log_sum_exp", DType.F32, s, h);
        float scale = f.Number("scale", d == 0 ? 1f : 1f / MathF.Sqrt(d));
        int first = f.Whole("first", Math.Max(0, t - s));
        AttentionContract? contract = f.AttentionContract();
        AttentionAttributes attributes = contract is null
            ? new(scale, first, f.Choice("rounding", f.Contract.AttentionRounding), f.Whole("split", 0), f.Sum())
            : new(scale, first, AttentionRounding.None, f.Whole("split", 0), Accumulation.Lanes16, contract);
        return f.Build(Operation.Attention, (long)s * t * h * (d + dv), (b, c) =>
            b.Attention(c["q"], c["keys"], latent ? null : c["values"], attributes, c["y"], lse ? c["log_sum_exp"] : null));
    }
}
