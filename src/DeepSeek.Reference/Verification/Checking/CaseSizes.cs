namespace DeepSeek.Reference.Verification;

/// <summary>The arguments of a case that follow from the shapes of its tensors: what nobody should have to write who has the tensors.</summary>
/// <remarks>One reader an operation, in the letters of docs/spec/goldens.md. A tensor that is missing is told by its name; arguments that were written win.</remarks>
internal static class CaseSizes
{
    private static readonly Dictionary<string, Func<Given, IEnumerable<(string Key, object Value)>>> Readers = new()
    {
        ["absorb_output"] = g =>
        {
            (long s, long h, long c) = g.Three("z");
            long dv = g.Dim("y", 2);
            return [("s", s), ("h", h), ("dn", g.Dim("kv_b", 1) - dv), ("dv", dv), ("c", c)];
        },
        ["absorb_query"] = g =>
        {
            (long s, long h, long d) = g.Three("q");
            long c = g.Dim("kv_b", 2);
            long dr = g.Dim("y", 2) - c;
            return [("s", s), ("h", h), ("dn", d - dr), ("dr", dr), ("dv", g.Dim("kv_b", 1) - (d - dr)), ("c", c)];
        },
        ["add"] = g => [("n", g.Count("a"))],
        ["attention"] = g =>
        {
            (long s, long h, long d) = g.Three("q");
            (long t, long hk, _) = g.Three("keys");
            return [("s", s), ("t", t), ("h", h), ("hk", hk), ("d", d), ("dv", g.Dim("y", 2)), ("latent", !g.Has("values")), ("lse", g.Has("log_sum_exp"))];
        },
        ["attention_backward"] = g =>
        {
            (long s, long h, long d) = g.Three("q");
            return [("s", s), ("t", g.Dim("keys", 0)), ("h", h), ("d", d), ("dv", g.Dim("values", 2))];
        },
        ["balance_loss"] = g => [("t", g.Dim("scores", 0)), ("e", g.Dim("scores", 1)), ("k", g.Dim("indices", 1))],
        ["cast"] = g => [("n", g.Count("x"))],
        ["combine"] = g => [("t", g.Dim("y", 0)), ("d", g.Dim("y", 1)), ("e", g.Experts("indices")), ("k", g.Dim("indices", 1)), ("alone", !g.Has("shared"))],
        ["combine_backward"] = g => [("t", g.Dim("dy", 0)), ("d", g.Dim("dy", 1)), ("e", g.Experts("indices")), ("k", g.Dim("indices", 1))],
        ["cross_entropy"] = g => [("t", g.Dim("logits", 0)), ("v", g.Dim("logits", 1))],
        ["cross_entropy_backward"] = g => [("t", g.Dim("logits", 0)), ("n", g.Dim("logits", 1))],
        ["dequantize"] = g => [("t", g.Dim("codes", 0)), ("k", g.Dim("codes", 1)), ("codes", g.Code("codes"))],
        ["dispatch"] = g => [("t", g.Dim("x", 0)), ("d", g.Dim("x", 1)), ("e", g.Experts("indices")), ("k", g.Dim("indices", 1))],
        ["dispatch_backward"] = g => [("t", g.Dim("indices", 0)), ("d", g.Dim("dy", 1)), ("e", g.Experts("indices")), ("k", g.Dim("indices", 1))],
        ["embedding_backward"] = g => [("v", g.Dim("c", 0)), ("d", g.Dim("c", 1)), ("t", g.Count("ids"))],
        ["expand_keys_backward"] = g =>
        {
            (long t, long h, long d) = g.Three("d_keys");
            long dr = g.Dim("d_k_pe", 1);
            return [("t", t), ("h", h), ("dn", d - dr), ("dr", dr), ("dv", g.Dim("d_values", 2))];
        },
        ["embedding"] = g => [("v", g.Dim("weight", 0)), ("d", g.Dim("weight", 1)), ("t", g.Count("ids")), ("long", g["ids"].DType == DType.I64)],
        ["expand_keys"] = g =>
        {
            (long t, long h, long d) = g.Three("kv");
            long dv = g.Dim("values", 2);
            return [("t", t), ("h", h), ("dn", d - dv), ("dr", g.Dim("k_pe", 1)), ("dv", dv)];
        },
        ["gate_backward"] = g => [("t", g.Dim("logits", 0)), ("e", g.Dim("logits", 1)), ("k", g.Dim("indices", 1)), ("other", g.Has("d_scores"))],
        ["gate"] = g => [("t", g.Dim("logits", 0)), ("e", g.Dim("logits", 1)), ("k", g.Dim("indices", 1)), ("bias", g.Has("bias"))],
        ["grouped_linear"] = g => Groups(g, "r", 0),
        ["grouped_linear_dgrad"] = g => [("r", g.Dim("dy", 0)), ("g", g.Dim("weight", 0)), ("n", g.Dim("weight", 1)), ("k", g.Dim("weight", 2))],
        ["grouped_linear_wgrad"] = g => [("r", g.Dim("dy", 0)), ("g", g.Dim("c", 0)), ("n", g.Dim("c", 1)), ("k", g.Dim("c", 2))],
        ["grouped_scaled_linear"] = g => Groups(g, "r", 0),
        ["indexed_scaled_linear"] = g => Groups(g, "r", 0),
        ["linear"] = g => [("t", g.Dim("x", 0)), ("n", g.Dim("weight", 0)), ("k", g.Dim("x", 1))],
        ["linear_dgrad"] = g => [("t", g.Dim("dy", 0)), ("n", g.Dim("weight", 0)), ("k", g.Dim("weight", 1))],
        ["linear_wgrad"] = g => [("t", g.Dim("dy", 0)), ("n", g.Dim("dy", 1)), ("k", g.Dim("x", 1))],
        ["log_softmax"] = g => [("t", g.Dim("x", 0)), ("n", g.Dim("x", 1))],
        ["masked_scaled_linear"] = g => [("m", g.Dim("x", 1)), ("g", g.Dim("weight", 0)), ("n", g.Dim("weight", 1)), ("k", g.Dim("x", 2))],
        ["mtp_input"] = g => [("t", g.Dim("embedding", 0)), ("d", g.Dim("embedding", 1))],
        ["mtp_input_backward"] = g => [("t", g.Dim("dy", 0)), ("d", g.Dim("dy", 1) / 2)],
        ["rms_norm_backward"] = g => [("t", g.Dim("x", 0)), ("n", g.Dim("x", 1))],
        ["rope_backward"] = g =>
        {
            (long t, long h, long d) = g.Three("dy");
            return [("t", t), ("h", h), ("d", d), ("dr", 2 * g.Count("frequencies"))];
        },
        ["swiglu_backward"] = g => [("n", g.Count("gate"))],
        ["quantize"] = g => [("t", g.Dim("x", 0)), ("k", g.Dim("x", 1)), ("codes", g.Code("codes"))],
        ["rms_norm"] = g => [("t", g.Dim("x", 0)), ("n", g.Dim("x", 1))],
        ["rope"] = g =>
        {
            (long t, long h, long d) = g.Three("x");
            return [("t", t), ("h", h), ("d", d), ("dr", 2 * g.Count("frequencies"))];
        },
        ["scaled_linear"] = g =>
        {
            long n = g.Dim("weight", 0);
            return [("t", g.Dim("x", 0)), ("n", n), ("k", g.Dim("x", 1)), ("rows", g.Dim("weight_scale", 0) == n && n > 1), ("add", g.Has("c"))];
        },
        ["softmax"] = g => [("t", g.Dim("x", 0)), ("n", g.Dim("x", 1))],
        ["swiglu"] = g => [("n", g.Count("gate"))],
    };

    /// <summary>The arguments of an operation whose tensors these are.</summary>
    /// <exception cref="DataException">A tensor is missing or has too few dimensions; names the file's tensor.</exception>
    public static IEnumerable<KeyValuePair<string, string>> Of(string operation, Func<string, Tensor?> find)
    {
        foreach ((string key, object value) in Readers[operation](new Given(operation, find)))
            yield return new(key, value is bool flag ? flag ? "yes" : "no" : FormattableString.Invariant($"{value}"));
    }

    private static IEnumerable<(string, object)> Groups(Given g, string rows, int dimension) =>
        [(rows, g.Dim("x", dimension)), ("g", g.Dim("weight", 0)), ("n", g.Dim("weight", 1)), ("k", g.Dim("x", dimension + 1))];

    /// <summary>The tensors that were given.</summary>
    private readonly record struct Given(string Operation, Func<string, Tensor?> Find)
    {
        public Tensor this[string name] => Find(name) ?? throw new DataException($"{Operation} needs a tensor '{name}', which neither file holds; give it under that name");

        public bool Has(string name) => Find(name) is not null;

        public long Count(string name) => this[name].ElementCount;

        public long Dim(string name, int dimension) => this[name].Shape is var shape && shape.Rank > dimension
            ? shape[dimension]
            : throw new DataException($"{Operation}: tensor '{name}' is {this[name]} and needs at least {dimension + 1} dimensions; reshape it");

        public (long, long, long) Three(string name) => (Dim(name, 0), Dim(name, 1), Dim(name, 2));

        public string Code(string name) => this[name].DType == DType.U16 ? "e5m6" : "e4m3";

        /// <summary>Experts beyond the highest that was chosen change no result.</summary>
        public long Experts(string name)
        {
            long highest = -1;
            Tensor indices = this[name];
            if (!ElementReader.IsInteger(indices.DType))
                throw new DataException($"{Operation}: tensor '{name}' is {indices} and must hold whole numbers (I32)");
            for (long i = 0; i < indices.ElementCount; i++)
                highest = Math.Max(highest, (long)ElementReader.Integer(indices, i));
            return Math.Max(highest + 1, Dim(name, 1));
        }
    }
}
