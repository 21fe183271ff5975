namespace DeepSeek.Reference.Verification;

/// <summary>The run that gives a tensor's counterpart.</summary>
internal enum OracleRun
{
    /// <summary>One pass, absorbed.</summary>
    Absorbed,

    /// <summary>One pass, naive.</summary>
    Naive,

    /// <summary>A prefill of prefill_len tokens, then single steps; absorbed.</summary>
    Decode,

    /// <summary>The same, naive.</summary>
    DecodeNaive,

    /// <summary>One pass with the MTP module on the state before model.norm.</summary>
    PreNormMtp,

    /// <summary>One pass with the MTP module's first embedding zeroed.</summary>
    ZeroFirstMtp,

    /// <summary>Greedy generation from input_ids.</summary>
    Greedy,

    /// <summary>Greedy generation from ragged_prompts.</summary>
    Ragged,

    /// <summary>The loss of input_ids and its gradients, in binary32 and naive form.</summary>
    Gradients,

    /// <summary>None.</summary>
    None,
}

/// <summary>What a name in an oracle file stands for: which run, which of its probes, and whether it is judged (docs/spec/model-cases.md).</summary>
/// <param name="Name">The name in the file.</param>
/// <param name="Run">Where its counterpart comes from.</param>
/// <param name="Probe">The counterpart's name in that run.</param>
/// <param name="Role">Whether it counts.</param>
internal readonly record struct OracleName(string Name, OracleRun Run, string Probe, TensorRole Role)
{
    /// <summary>Names that are inputs of a case, not results.</summary>
    public static bool IsInput(string name) => name is "input_ids" or "prefill_len" or "ragged_prompts";

    /// <summary>Whether the tensor holds logits.</summary>
    public bool IsLogits => Probe is "logits" or "prefill_logits" or "step_logits"
        || (Probe.StartsWith("mtp.", StringComparison.Ordinal) && Probe.EndsWith(".logits", StringComparison.Ordinal) && !Probe.Contains(".gate.", StringComparison.Ordinal));

    /// <summary>Reads a name; <paramref name="decodes"/> when the case has prefill_len, <paramref name="generates"/> when it has generated_ids.</summary>
    public static OracleName Parse(string name, bool decodes, bool generates)
    {
        if (name == "generated_ids")
            return new OracleName(name, OracleRun.Greedy, name, TensorRole.Judged);
        if (name == "ragged_generated")
            return new OracleName(name, OracleRun.Ragged, name, TensorRole.Judged);
        if (name == "loss" || name.StartsWith("grad.", StringComparison.Ordinal))
            return new OracleName(name, OracleRun.Gradients, name, TensorRole.Judged);
        if (name == "top2_gap")
            return new OracleName(name, OracleRun.None, name, TensorRole.Information);
        if (name == "mtp.logits_prenorm_hidden")
            return new OracleName(name, OracleRun.PreNormMtp, "mtp.logits", TensorRole.Judged);
        if (name == "mtp.logits_vllm_mask_pos0")
            return new OracleName(name, OracleRun.ZeroFirstMtp, "mtp.logits", TensorRole.Information);

        string probe = name;
        TensorRole role = TensorRole.Judged;
        foreach (string mark in (ReadOnlySpan<string>)["_hf", "_vllm", "_f64"])
        {
            int at = probe.IndexOf(mark, StringComparison.Ordinal);
            if (at > 0)
            {
                role = TensorRole.Information;
                probe = probe[..at];
            }
        }

        bool naive = false;
        if (probe.StartsWith("naive.", StringComparison.Ordinal))
            (naive, probe) = (true, probe["naive.".Length..]);
        else if (probe.EndsWith("_naive", StringComparison.Ordinal))
            (naive, probe) = (true, probe[..^"_naive".Length]);

        if (probe == "step_logits" && generates && !decodes)
            return new OracleName(name, naive ? OracleRun.None : OracleRun.Greedy, probe, naive ? TensorRole.Unknown : role);
        if (probe == "logits_full_prefill")
            return new OracleName(name, naive ? OracleRun.Naive : OracleRun.Absorbed, "logits", role);
        if (decodes && !probe.StartsWith("mtp.", StringComparison.Ordinal))
            return new OracleName(name, naive ? OracleRun.DecodeNaive : OracleRun.Decode, probe, role);
        return new OracleName(name, naive ? OracleRun.Naive : OracleRun.Absorbed, probe, role);
    }
}
