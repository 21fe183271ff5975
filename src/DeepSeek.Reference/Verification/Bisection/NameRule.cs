using System.Globalization;
using DeepSeek.Reference.Model;
using DeepSeek.Reference.Tracing;

namespace DeepSeek.Reference.Verification;

/// <summary>Which channels of a row belong to a probe: of each of Groups equal parts of width Width, Count from From on.</summary>
internal readonly record struct ChannelCut(int Groups, int Width, int From, int Count);

/// <summary>Where the pairs of a rotated key or query lie in a dump.</summary>
internal enum DumpRope
{
    /// <summary>Not a rotated tensor, or laid out as the contract says.</summary>
    AsContract,

    /// <summary>Pair i at (i, i + dr/2).</summary>
    Half,
}

/// <summary>One line of a name table: a name in a dump, and the probe it is.</summary>
/// <param name="Name">The dump's name; <c>{L}</c> stands for <c>model.layers.I</c>.</param>
/// <param name="Probe">The probe's name (docs/spec/probes.md); <c>{P}</c> stands for <c>layers.I</c>, or <c>mtp</c> of a layer after the last.</param>
internal sealed record NameRule(string Name, string Probe)
{
    /// <summary>As a probe's name: what enters the layer, which is the embedding or the layer before's output.</summary>
    public const string Residual = "{R}";

    /// <summary>The channels that are meant, by the model's sizes; null: all.</summary>
    public Func<DeepSeekConfig, ChannelCut>? Cut { get; init; }

    /// <summary>Layout of rotated pairs.</summary>
    public DumpRope Rope { get; init; }

    /// <summary>The slots of a choice of experts stand in no promised order.</summary>
    public bool AnyOrder { get; init; }

    /// <summary>Whether the layer must be (true) or must not be (false) of experts; null: either.</summary>
    public bool? Experts { get; init; }

    /// <summary>The probe that a dump's name is by this line; null where it does not fit.</summary>
    public string? Match(string name, DeepSeekConfig config)
    {
        if (!Name.StartsWith("{L}", StringComparison.Ordinal))
            return name == Name ? Probe : null;
        const string Layers = "model.layers.";
        if (!name.StartsWith(Layers, StringComparison.Ordinal))
            return null;
        ReadOnlySpan<char> rest = name.AsSpan(Layers.Length);
        int end = rest.IndexOf('.');
        ReadOnlySpan<char> number = end < 0 ? rest : rest[..end];
        if (!int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out int layer) || layer >= config.TotalLayers
            || !rest[number.Length..].SequenceEqual(Name.AsSpan(3)) || (Experts is { } needs && config.IsMoeLayer(layer) != needs))
            return null;
        string prefix = layer < config.NumHiddenLayers
            ? string.Create(CultureInfo.InvariantCulture, $"layers.{layer}")
            : OracleNames.MtpPrefix(layer - config.NumHiddenLayers + 1);
        if (Probe == Residual)
            return layer == 0 ? "embedding" : layer < config.NumHiddenLayers ? $"layers.{layer - 1}.hidden_after_mlp" : $"{prefix}.eh_proj_out";
        return Probe.Replace("{P}", prefix, StringComparison.Ordinal);
    }
}
