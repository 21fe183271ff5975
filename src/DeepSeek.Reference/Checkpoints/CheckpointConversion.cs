using DeepSeek.Reference.Backends;

namespace DeepSeek.Reference;

/// <summary>How far a conversion has come.</summary>
/// <param name="BytesDone">Source bytes read, those of shards that were finished earlier included.</param>
/// <param name="BytesTotal">Source bytes in all.</param>
/// <param name="Shard">The file at work.</param>
public readonly record struct ConversionProgress(long BytesDone, long BytesTotal, string Shard);

/// <summary>What a conversion did.</summary>
/// <param name="Shards">Weight files of the checkpoint.</param>
/// <param name="Kept">How many of them an earlier, interrupted run had finished.</param>
/// <param name="Converted">Tensors quantised or dequantised.</param>
/// <param name="Copied">Tensors copied byte for byte.</param>
/// <param name="SourceBytes">Bytes of the source's tensors.</param>
/// <param name="TargetBytes">Bytes of the result's tensors, scales included.</param>
public sealed record ConversionReport(int Shards, int Kept, int Converted, int Copied, long SourceBytes, long TargetBytes);

/// <summary>Writes an FP8 checkpoint of an F32 or BF16 one, and back; a shard at a time, in bounded memory.</summary>
/// <remarks>
/// <code>
/// Quantize    code = E4M3(w / s), s = amax/448 of each block of 128 x 128    weight F8_E4M3, weight_scale_inv F32
/// Dequantize  w = code · s, one rounding to binary32, one to the dtype       torch_dtype: BF16, or F32
/// </code>
/// Which tensors: those that <see cref="ParameterTable"/> has as F8_E4M3 under a <c>quantization_config</c> (the projections); every other tensor is copied byte
/// for byte. Tensors go through memory in panels of whole blocks of rows, about 2^22 elements each; no file is mapped for its data.
/// config.json gains or loses <c>quantization_config</c>, the index is written anew, the other files of the directory are copied (its folders are not).
/// Each file appears whole or not at all; a scale lies in its weight's shard. A run that was interrupted goes on where it stopped when it is started again with
/// the same source and options: shards that are there and whole are kept. Rule N22; docs/spec/checkpoints.md 6; fp8_cast_bf16.py of the demo.
/// </remarks>
public static class CheckpointConversion
{
    /// <summary>Writes the FP8 form of <paramref name="source"/> into the directory <paramref name="target"/>.</summary>
    /// <param name="source">A model directory with F32 or BF16 weights.</param>
    /// <param name="target">A directory that does not exist, is empty, or holds the unfinished result of the same conversion.</param>
    /// <param name="scales">Any binary32, or powers of two.</param>
    /// <param name="backend">Quantises.</param>
    /// <param name="progress">Told after each panel.</param>
    /// <param name="cancellationToken">Stops after a panel; finished shards stay.</param>
    /// <exception cref="DataException">The source is not sound, is FP8 already, or holds NaN or infinity; or the target belongs to something else.</exception>
    public static ConversionReport Quantize(string source, string target, ScaleFormat scales, IBackend backend, IProgress<ConversionProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(backend);
        Operands.RequireDefined(scales);
        using Checkpoint checkpoint = Open(source, target, out DeepSeekConfig config);
        if (config.QuantizationConfig is not null)
            throw new DataException($"{Path.Combine(source, "config.json")}: quantization_config says that the checkpoint is FP8 already; dequantise it first");
        ParameterTable.Validate(checkpoint, config);
        DeepSeekConfig quantized = config with { QuantizationConfig = ConvertedConfig.Quantization(scales) };
        var plan = ConversionPlan.Quantize(checkpoint, new ParameterTable(quantized));
        var words = new ConversionWords("quantize", scales.ToString());
        return Run(checkpoint, target, plan, words, ConvertedConfig.With(source, quantized.QuantizationConfig!), new PanelQuantizer(scales, backend), progress, cancellationToken);
    }

    /// <summary>Writes the BF16 (with <c>torch_dtype</c> float32, F32) form of an FP8 checkpoint.</summary>
    /// <param name="source">A model directory with FP8 weights and their scales.</param>
    /// <param name="target">A directory that does not exist, is empty, or holds the unfinished result of the same conversion.</param>
    /// <param name="backend">Dequantises.</param>
    /// <param name="progress">Told after each panel.</param>
    /// <param name="cancellationToken">Stops after a panel; finished shards stay.</param>
    /// <exception cref="DataException">The source is not sound, is not FP8, or lacks a scale; or the target belongs to something else.</exception>
    public static ConversionReport Dequantize(string source, string target, IBackend backend, IProgress<ConversionProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(backend);
        using Checkpoint checkpoint = Open(source, target, out DeepSeekConfig config);
        if (config.QuantizationConfig is not { } quantization)
            throw new DataException($"{Path.Combine(source, "config.json")}: no quantization_config, so there is nothing to dequantise; name an FP8 checkpoint");
        if (config.TorchDtype is not (DType.BF16 or DType.F32))
            throw new DataException($"{Path.Combine(source, "config.json")}: torch_dtype is {config.TorchDtype.Name()}; BF16 and F32 can be written");
        ParameterTable.Validate(checkpoint, config);
        var plan = ConversionPlan.Dequantize(checkpoint, quantization, config.TorchDtype);
        var words = new ConversionWords("dequantize", config.TorchDtype.Name());
        return Run(checkpoint, target, plan, words, ConvertedConfig.Without(source), new PanelDequantizer(checkpoint, config.TorchDtype, backend), progress, cancellationToken);
    }

    private static Checkpoint Open(string source, string target, out DeepSeekConfig config)
    {
        ArgumentException.ThrowIfNullOrEmpty(source);
        ArgumentException.ThrowIfNullOrEmpty(target);
        string from = WithoutLinks(source), to = WithoutLinks(target);
        if (from == to || to.StartsWith(from + Path.DirectorySeparatorChar, StringComparison.Ordinal) || from.StartsWith(to + Path.DirectorySeparatorChar, StringComparison.Ordinal))
            throw new DataException($"{target}: lies in the source {source}, or holds it; name another directory for the result");
        config = DeepSeekConfig.Load(Path.Combine(source, "config.json"));
        return Checkpoint.Open(source);
    }

    /// <summary>The full path with every symbolic link on its way followed, as far as it exists.</summary>
    private static string WithoutLinks(string path)
    {
        string full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        string? parent = Path.GetDirectoryName(full);
        if (parent is null)
            return full;
        full = Path.Combine(WithoutLinks(parent), Path.GetFileName(full));
        return Directory.Exists(full) && Directory.ResolveLinkTarget(full, returnFinalTarget: true) is { } end ? WithoutLinks(end.FullName) : full;
    }

    private static ConversionReport Run(
        Checkpoint checkpoint, string target, ConversionPlan plan, ConversionWords words, byte[] config, IPanelConverter converter, IProgress<ConversionProgress>? progress, CancellationToken cancellationToken)
    {
        using var state = ConversionState.Begin(checkpoint.Directory, target, plan, words);
        int kept = 0;
        var meter = new ConversionMeter(plan.SourceBytes, progress, cancellationToken);
        foreach (ShardPlan shard in plan.Shards)
        {
            meter.Begin(shard.Name);
            string path = Path.Combine(target, shard.Name);
            if (ShardConversion.IsDone(path, shard))
            {
                kept++;
                meter.Add(shard.SourceBytes);
                continue;
            }

            ShardConversion.Write(path, shard, converter, meter);
        }

        state.CopyOthers(checkpoint.Directory, cancellationToken);
        if (plan.IsSharded)
            AtomicFile.Write(Path.Combine(target, CheckpointIndex.FileName), stream => stream.Write(plan.Index()));
        AtomicFile.Write(Path.Combine(target, "config.json"), stream => stream.Write(config));
        state.Finish();
        return new ConversionReport(plan.Shards.Count, kept, plan.Converted, plan.Copied, plan.SourceBytes, plan.TargetBytes);
    }
}
