using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Verification;

/// <summary>Random small cases of every operation: shapes, dtypes, attributes, value maps.</summary>
internal static partial class BoundCases
{
    private static readonly string[] Maps = ["uniform", "int", "bell", "logspread", "outlier", "boundary", "tie", "bell", "logspread", "outlier", "special"];
    private static readonly int[] Lengths = [1, 2, 3, 5, 7, 16, 17, 32, 33, 64, 100, 128, 129, 256, 257, 500, 1000];
    private static readonly string[] Sums = ["lanes16", "sequential", "lanes16", "exact", "float64"];
    private static readonly string[] Floats = ["f32", "bf16"];

    private static readonly string[] Products = [.. ScaledProduct.Presets.Select(p => p.Name)];

    private static readonly Dictionary<string, Func<Random, string>> ByName = new()
    {
        ["absorb_output"] = r => $"s={r.Next(1, 4)},h={r.Next(1, 4)},dn={r.Next(0, 5)},dv={r.Next(1, 9)},c={Length(r)},sum={Of(r, Sums)},{Types(r, "z", "kv_b", "y")}",
        ["absorb_query"] = r => $"s={r.Next(1, 4)},h={r.Next(1, 4)},dn={Length(r)},dr={r.Next(0, 5)},dv={r.Next(0, 3)},c={r.Next(1, 9)},sum={Of(r, Sums)},{Types(r, "q", "kv_b", "y")}",
        ["add"] = r => $"n={Length(r)},{Types(r, "a", "b", "y")}",
        ["attention"] = Attention,
        ["attention_backward"] = r => $"s={r.Next(1, 6)},t={r.Next(1, 20)},h={r.Next(1, 3)},d={4 * r.Next(1, 12)},dv={r.Next(1, 20)},first={r.Next(0, 12)},sum={Of(r, Sums)}",
        ["balance_loss"] = r => $"t={r.Next(0, 20)},e={r.Next(4, 40)},k={r.Next(1, 5)},alpha={Of(r, ["1e-4", "0.01"])}",
        ["cast"] = r => $"n={Length(r)},{Types(r, "x", "y")}",
        ["combine"] = r => $"t={r.Next(1, 6)},d={r.Next(1, 40)},e=8,k={r.Next(1, 9)},holes={YesNo(r)},alone={YesNo(r)},rounding={Any<CombineRounding>(r)},{Types(r, "outputs", "weights", "y")}",
        ["combine_backward"] = r => $"t={r.Next(1, 6)},d={r.Next(1, 40)},e=8,k={r.Next(1, 9)},holes={YesNo(r)}",
        ["cross_entropy"] = r => $"t={r.Next(1, 4)},v={Length(r)},ignored={YesNo(r)}",
        ["cross_entropy_backward"] = r => $"t={r.Next(1, 4)},n={r.Next(1, 40)},first={r.Next(0, 3)},v=40,scale={Of(r, ["1", "0.125", "0.3"])},ignored={YesNo(r)}",
        ["dequantize"] = r => $"t={r.Next(1, 5)},k={Length(r)},tile={Any<QuantizationTile>(r)},codes={Of(r, ["e4m3", "e5m6"])},power={YesNo(r)},{Types(r, "y")}",
        ["dispatch"] = r => $"t={r.Next(1, 6)},d={r.Next(1, 40)},e=8,k={r.Next(1, 5)},holes={YesNo(r)},{Types(r, "x", "y")}",
        ["dispatch_backward"] = r => $"t={r.Next(1, 6)},d={r.Next(1, 40)},e=8,k={r.Next(1, 9)},holes={YesNo(r)}",
        ["embedding_backward"] = r => $"v={r.Next(1, 9)},d={r.Next(1, 20)},t={r.Next(0, 40)}",
        ["expand_keys_backward"] = r => $"t={r.Next(1, 4)},h={r.Next(1, 20)},dn={r.Next(0, 9)},dr={r.Next(0, 9)},dv={r.Next(0, 9)}",
        ["embedding"] = r => $"v={r.Next(1, 9)},d={r.Next(1, 40)},t={r.Next(0, 6)},{Types(r, "weight", "y")}",
        ["expand_keys"] = r => $"t={r.Next(1, 4)},h={r.Next(1, 4)},dn={r.Next(0, 9)},dr={r.Next(0, 9)},dv={r.Next(0, 9)},{Types(r, "kv", "k_pe", "keys", "values")}",
        ["gate_backward"] = r => $"t={r.Next(1, 5)},e={r.Next(8, 40)},k={r.Next(1, 9)},scoring={Any<ScoringFunction>(r)},normalize={YesNo(r)},other={YesNo(r)}",
        ["gate"] = Gate,
        ["grouped_linear"] = r => $"r={r.Next(0, 7)},g={r.Next(1, 4)},n={r.Next(1, 9)},k={Length(r)},sum={Of(r, Sums)},{Types(r, "x", "weight", "y")}",
        ["grouped_linear_dgrad"] = r => $"r={r.Next(0, 7)},g={r.Next(1, 4)},n={Length(r)},k={r.Next(1, 9)},sum={Of(r, Sums)},{Types(r, "weight")}",
        ["grouped_linear_wgrad"] = r => $"r={Length(r)},g={r.Next(1, 5)},n={r.Next(1, 6)},k={r.Next(1, 6)},sum={Of(r, Sums)}",
        ["grouped_scaled_linear"] = r => $"r={r.Next(0, 6)},g={r.Next(1, 4)},n={r.Next(1, 6)},k={Length(r)},product={Of(r, Products)},{Types(r, "y")}",
        ["indexed_scaled_linear"] = r => $"r={r.Next(1, 6)},g={r.Next(1, 4)},n={r.Next(1, 6)},k={Length(r)},align={r.Next(1, 3)},product={Of(r, Products)},{Types(r, "y")}",
        ["linear"] = Linear,
        ["linear_dgrad"] = r => $"t={r.Next(1, 4)},n={Length(r)},k={r.Next(1, 9)},sum={Of(r, Sums)},{Types(r, "weight")}",
        ["linear_wgrad"] = r => $"t={Length(r)},n={r.Next(1, 6)},k={r.Next(1, 6)},sum={Of(r, Sums)}",
        ["log_softmax"] = r => $"t={r.Next(1, 4)},n={Length(r)},{Types(r, "x", "y")}",
        ["masked_scaled_linear"] = r => $"m={r.Next(1, 4)},g={r.Next(1, 4)},n={r.Next(1, 6)},k={Length(r)},product={Of(r, Products)},{Types(r, "y")}",
        ["mtp_input"] = r => $"t={r.Next(0, 4)},d={r.Next(1, 40)},order={Any<MtpConcat>(r)},{Types(r, "embedding", "hidden", "y")}",
        ["mtp_input_backward"] = r => $"t={r.Next(0, 4)},d={r.Next(1, 40)},order={Any<MtpConcat>(r)}",
        ["rms_norm_backward"] = r => $"t={r.Next(1, 20)},n={Length(r)},{Types(r, "weight")}",
        ["rope_backward"] = r => $"t={r.Next(1, 4)},h={r.Next(1, 4)},d={r.Next(4, 12) * 2},dr={r.Next(0, 5) * 2},start={r.Next(0, 9000)},layout={Any<RopeLayout>(r)},rotation={Any<RopeRotation>(r)},magnitude={Of(r, ["1", "1.25"])}",
        ["swiglu_backward"] = r => $"n={Length(r)}",
        ["quantize"] = Quantize,
        ["rms_norm"] = r => $"t={r.Next(1, 4)},n={Length(r)},rounding={Any<RmsNormRounding>(r)},{Types(r, "x", "weight", "y")}",
        ["rope"] = r => $"t={r.Next(1, 4)},h={r.Next(1, 4)},d={r.Next(4, 12) * 2},dr={r.Next(0, 5) * 2},start={r.Next(0, 9000)},layout={Any<RopeLayout>(r)},rotation={Any<RopeRotation>(r)},magnitude={Of(r, ["1", "1.25"])},{Types(r, "x", "y")}",
        ["scaled_linear"] = r => $"t={r.Next(1, 4)},n={r.Next(1, 6)},k={Length(r)},product={Of(r, Products)},rows={YesNo(r)},add={YesNo(r)},{Types(r, "y")}",
        ["softmax"] = r => $"t={r.Next(1, 4)},n={Length(r)},{Types(r, "x", "y")}",
        ["swiglu"] = r => $"n={Length(r)},rounding={Any<SwiGluRounding>(r)},{Types(r, "gate", "up", "y")}",
    };

    /// <summary>The operations, as ids name them.</summary>
    public static IReadOnlyList<string> Operations { get; } = [.. ByName.Keys.Order(StringComparer.Ordinal)];

    /// <summary>A case of an operation.</summary>
    public static OperationCase Of(string operation, Random random) =>
        OperationCase.Parse($"{operation}[{ByName[operation](random)},map={Of(random, Maps)},seed={random.Next()}]");

    private static string Linear(Random r)
    {
        string sizes = $"t={r.Next(1, 4)},n={r.Next(1, 9)},k={Length(r)}";
        return r.Next(3) == 0
            ? $"{sizes},sum={Of(r, ["hopper-wgmma-bf16-f32", "ampere-mma-bf16-f32", "blackwell-tcgen05-bf16-f32"])},x=bf16,weight=bf16,{Types(r, "y")}"
            : $"{sizes},sum={Of(r, Sums)},{Types(r, "x", "weight", "y")}";
    }

    private static string Attention(Random r)
    {
        if (r.Next(2) == 0)
            return UnderContract(r);
        bool latent = r.Next(2) == 0;
        int h = r.Next(1, 4), d = 4 * r.Next(1, 20), dv = latent ? r.Next(1, d + 1) : r.Next(1, 20);
        string rounding = Any<AttentionRounding>(r);
        string split = rounding == "everystep" && r.Next(2) == 0 ? $",split={r.Next(1, d)}" : "";
        string values = latent ? "" : ",values=" + Of(r, Floats);
        return $"s={r.Next(1, 4)},t={r.Next(1, 60)},h={h},hk={(r.Next(2) == 0 ? h : 1)},d={d},dv={dv},latent={(latent ? "yes" : "no")},rounding={rounding},sum={Of(r, Sums)},lse=yes,{Types(r, "q", "keys", "y")}{split}{values}";
    }

    private static string Gate(Random r)
    {
        int groups = 1 << r.Next(0, 4), e = groups * r.Next(1, 9), kept = r.Next(1, groups + 1);
        int k = r.Next(1, Math.Min(8, e / groups * kept) + 1);
        return $"t={r.Next(1, 5)},e={e},k={k},groups={groups},kept={kept},scoring={Any<ScoringFunction>(r)},groupscore={Any<GroupScore>(r)},mask={Any<GroupMask>(r)}"
            + $",normalize={YesNo(r)},epsilon={Of(r, ["0", "1e-20"])},rounding={Any<GateRounding>(r)},bias={YesNo(r)},{Types(r, "logits")}";
    }

    private static string Quantize(Random r)
    {
        string start = $"t={r.Next(1, 4)},k={Length(r)},tile={Any<QuantizationTile>(r)},{Types(r, "x")}";
        if (r.Next(4) == 0)
            return $"{start},codes=e5m6,clamp={Of(r, ["amax", "scale", "none"])}";
        string arithmetic = Any<QuantizerArithmetic>(r);
        string clamp = arithmetic is "deepgemm2025" or "deepeplowlatency" ? Of(r, ["amax", "none"]) : Of(r, ["amax", "scale", "none"]);
        return $"{start},arithmetic={arithmetic},scales={Of(r, ["f32", "ue8m0"])},clamp={clamp}";
    }

    private static int Length(Random r) => Of(r, Lengths);

    private static T Of<T>(Random r, T[] values) => values[r.Next(values.Length)];

    private static string Any<T>(Random r) where T : struct, Enum => Of(r, Enum.GetNames<T>()).ToLowerInvariant();

    private static string YesNo(Random r) => Of(r, ["yes", "no"]);

    private static string Types(Random r, params string[] names) => string.Join(",", names.Select(n => $"{n}={Of(r, Floats)}"));
}
