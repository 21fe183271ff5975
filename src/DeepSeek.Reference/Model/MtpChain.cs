namespace DeepSeek.Reference.Model;

/// <summary>Runs the MTP modules behind the main model, also across passes: each holds back the state whose next token is not known yet.</summary>
/// <remarks>
/// With P tokens before the pass and N after it, module k works on positions max(0, P - k) to N - k - 1: state i needs the token at i + k.
/// When P ≥ k the first of these states belongs to an earlier pass and was kept in the cache; the last state of this pass is kept for the next.
/// So a prompt at once, in chunks, or token by token gives the same values. A module that has no state to work on yet runs on no rows: its probes are
/// there in every pass, with a token dimension of 0.
/// </remarks>
internal sealed class MtpChain
{
    private readonly ModelNumerics n;
    private readonly MtpModule[] modules;
    private readonly Scratch[] states;
    private readonly Scratch ids = new();

    public MtpChain(ModelNumerics numerics, ModelWeights weights, Tensor embedding, Tensor head)
    {
        n = numerics;
        modules = new MtpModule[numerics.Config.NumNextnPredictLayers];
        states = new Scratch[modules.Length];
        for (int k = 1; k <= modules.Length; k++)
        {
            modules[k - 1] = new MtpModule(numerics, weights, k, embedding, head);
            states[k - 1] = new Scratch();
        }
    }

    /// <summary>The modules, the first one first.</summary>
    public IReadOnlyList<MtpModule> Modules => modules;

    /// <summary>Follows a pass of the main model: its new states [B·T, d] and the ids [B·T].</summary>
    /// <param name="pass">The main model's pass.</param>
    /// <param name="ids">The pass's tokens.</param>
    /// <param name="state">The states after or before model.norm, as the contract asks.</param>
    /// <exception cref="ContractException">Caches whose lengths give the modules different numbers of rows.</exception>
    public void Forward(ForwardPass pass, ReadOnlySpan<int> ids, Tensor state)
    {
        int T = pass.Tokens;
        foreach (MtpModule module in modules)
        {
            int k = module.Depth;
            int lower = LowerRows(pass, 0, k - 1);
            int rows = LowerRows(pass, 0, k);
            for (int b = 1; b < pass.Sequences; b++)
            {
                if (LowerRows(pass, b, k) != rows || LowerRows(pass, b, k - 1) != lower)
                    throw new ContractException($"MTP module {k} would get {rows} tokens of sequence 0 and {LowerRows(pass, b, k)} of sequence {b}; run sequences that begin together alone");
            }

            Tensor taken = Take(pass, state, k, rows, lower);
            var first = new int[pass.Sequences];
            Tensor tokens = this.ids.Get(DType.I32, (long)pass.Sequences * rows);
            for (int b = 0; b < pass.Sequences; b++)
            {
                first[b] = Math.Max(0, pass.First(b) - k);
                ids.Slice((b * T) + T - rows, rows).CopyTo(tokens.AsSpan<int>()[(b * rows)..]);
            }

            var own = new ForwardPass(pass.Caches, first, rows, pass.Workspace, pass.Trace);
            module.Forward(taken, tokens, own);
            state = n.Contract.MtpHidden == Ops.MtpHidden.PostNorm ? module.NormedOutput : module.BlockOutput;
        }
    }

    /// <summary>New rows of level k (0 is the main model) of sequence b.</summary>
    private static int LowerRows(ForwardPass pass, int b, int k)
    {
        int before = Math.Max(0, pass.First(b) - k);
        return Math.Max(0, pass.First(b) + pass.Tokens - k) - before;
    }

    /// <summary>The states module k works on, [B·rows, d]; keeps the last new one of the level below.</summary>
    private Tensor Take(ForwardPass pass, Tensor state, int k, int rows, int lower)
    {
        int d = n.Config.HiddenSize;
        Tensor taken = states[k - 1].Get(n.Activations, (long)pass.Sequences * rows, d);
        for (int b = 0; b < pass.Sequences; b++)
        {
            int kept = pass.First(b) >= k ? 1 : 0;
            if (rows > 0)
            {
                if (kept == 1)
                    Columns.Copy(pass.Caches[b].MtpHidden[k - 1]!, d, 0, taken, d, 0, d, 1, 0, (long)b * rows);
                Columns.Copy(state, d, 0, taken, d, 0, d, rows - kept, (long)b * lower, ((long)b * rows) + kept);
            }

            if (lower > 0)
            {
                // A new tensor: a pass that fails can be run again from the states before it.
                Tensor last = pass.Caches[b].MtpHidden[k - 1] = new Tensor(n.Activations, 1, d);
                Columns.Copy(state, d, 0, last, d, 0, d, 1, ((long)b * lower) + lower - 1);
            }
        }

        return taken;
    }
}
