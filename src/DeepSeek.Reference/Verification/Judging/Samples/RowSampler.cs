using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Verification;

/// <summary>Operations whose rows are independent and whole: norms, softmax, rotations, gates, copies of rows, and quantisers by their tiles.</summary>
internal sealed class RowSampler : CallSampler
{
    private readonly IReadOnlyDictionary<string, int> heights;

    private RowSampler(OperationCall call, int rows, IReadOnlyDictionary<string, int> heights) : base(call)
    {
        Rows = rows;
        this.heights = heights;
    }

    /// <inheritdoc/>
    public override int Rows { get; }

    /// <inheritdoc/>
    public override int Columns => 1;

    /// <inheritdoc/>
    public override double Work => Rows == 0 ? 0 : 16.0 * Call.Outputs.Sum(o => o.Tensor.ElementCount) / Rows;

    /// <summary>The sampler of a call; null for an operation whose rows depend on each other.</summary>
    public static RowSampler? For(OperationCall call) => call switch
    {
        EmbeddingCall => Of(call, "ids", "y"),
        RmsNormCall or SoftmaxCall or LogSoftmaxCall => Of(call, "x", "y"),
        RopeCall => Of(call, "x", "positions", "y"),
        MtpInputCall => Of(call, "embedding", "hidden", "y"),
        ExpandKeysCall => Of(call, "kv", "k_pe", "keys", "values"),
        GateCall => Of(call, "logits", "scores", "indices", "weights"),
        GateBackwardCall gate => gate.DScores is null
            ? Of(call, "logits", "scores", "indices", "d_weights", "d_logits")
            : Of(call, "logits", "scores", "indices", "d_weights", "d_scores", "d_logits"),
        RopeBackwardCall => Of(call, "dy", "positions", "dx"),
        MtpInputBackwardCall => Of(call, "dy", "d_embedding", "d_hidden"),
        ExpandKeysBackwardCall => Of(call, "d_keys", "d_values", "d_kv", "d_k_pe"),
        CrossEntropyCall => Of(call, "logits", "targets", "losses", "statistics"),
        CrossEntropyBackwardCall => Of(call, "logits", "targets", "statistics", "d_logits"),
        QuantizeCall quantize => Tiles(call, quantize.Attributes.Tile, "x", "codes", "scales"),
        DequantizeCall dequantize => Tiles(call, dequantize.Tile, "codes", "y", "scales"),
        _ => null,
    };

    /// <inheritdoc/>
    public override IEnumerable<CallSample> Take(int[] rows, int[] columns)
    {
        OperationCall part = Call.Replace(o => heights.TryGetValue(o.Name, out int height) ? Gather.Blocks(o.Tensor, rows, height) : o.Tensor);
        yield return new CallSample(part, Call.Outputs.ToDictionary(o => o.Name, o => Elements(o.Tensor, rows, heights[o.Name])));
    }

    private static long[] Elements(Tensor t, int[] rows, int height)
    {
        long length = t.Shape[0] == 0 ? 0 : t.ElementCount / t.Shape[0];
        int[] each = [.. rows.SelectMany(b => Enumerable.Range(b * height, (int)Math.Min(height, t.Shape[0] - (long)b * height)))];
        return RowElements(each, length);
    }

    private static RowSampler Of(OperationCall call, params ReadOnlySpan<string> operands)
    {
        var heights = new Dictionary<string, int>();
        foreach (string name in operands)
            heights.Add(name, 1);
        return new RowSampler(call, Operands.Dim(call[operands[0]], 0), heights);
    }

    /// <summary>A row is one tile high; its scales are one row of theirs. A scale of the whole tensor leaves nothing to sample.</summary>
    private static RowSampler? Tiles(OperationCall call, QuantizationTile tile, string first, string second, string scales)
    {
        if (tile == QuantizationTile.PerTensor)
            return null;
        int T = Operands.Dim(call[first], 0);
        int height = tile is QuantizationTile.Column128x1 or QuantizationTile.Block128x128 ? TileGrid.Side : 1;
        return new RowSampler(call, (T + height - 1) / height, new Dictionary<string, int> { [first] = height, [second] = height, [scales] = 1 });
    }
}

/// <summary>Operations whose elements are independent.</summary>
internal sealed class ElementSampler(OperationCall call) : CallSampler(call)
{
    /// <inheritdoc/>
    public override int Rows => checked((int)Math.Min(int.MaxValue, Call.Outputs.First().Tensor.ElementCount));

    /// <inheritdoc/>
    public override int Columns => 1;

    /// <inheritdoc/>
    public override double Work => Call is AddCall or CastCall ? 1 : 16; // one instruction an element, or a function

    /// <inheritdoc/>
    public override IEnumerable<CallSample> Take(int[] rows, int[] columns)
    {
        OperationCall part = Call.Replace(o => Gather.Rows(o.Tensor.Reshape(o.Tensor.ElementCount, 1), rows).Reshape(1, rows.Length));
        yield return new CallSample(part, Call.Outputs.ToDictionary(o => o.Name, _ => RowElements(rows, 1)));
    }
}
