using System.Text.Encodings.Web;
using System.Text.Json;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference;

/// <summary>One tensor of the source, and what becomes of it.</summary>
/// <param name="Source">The file it lies in.</param>
/// <param name="Entry">What that file's header says of it.</param>
/// <param name="Result">Dtype of the result; the source's own where it is copied.</param>
/// <param name="Scale">Name of the scale: written beside a quantised weight, read for a dequantised one; null where the tensor is copied.</param>
internal sealed record TensorPlan(string Source, TensorEntry Entry, DType Result, string? Scale);

/// <summary>One weight file of the result.</summary>
/// <param name="Name">Its path, relative to the model's directory: the source's.</param>
/// <param name="Tensors">What goes into it, in the source's order.</param>
/// <param name="Layout">Where.</param>
internal sealed record ShardPlan(string Name, IReadOnlyList<TensorPlan> Tensors, SafetensorsLayout Layout)
{
    /// <summary>Bytes to read.</summary>
    public long SourceBytes => Tensors.Sum(t => t.Entry.ByteCount);
}

/// <summary>Every file of a conversion and what goes into it; made from headers alone.</summary>
internal sealed class ConversionPlan
{
    /// <summary>What a scale is called, after its weight's name.</summary>
    public const string ScaleSuffix = "_scale_inv";

    private const int Block = TileGrid.Side;
    private static readonly JsonWriterOptions Json = new() { Indented = true, IndentSize = 2, NewLine = "\n", Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private ConversionPlan(Checkpoint checkpoint, IEnumerable<(string Name, DType Result, string? Scale)> tensors, bool writesScales)
    {
        IsSharded = File.Exists(Path.Combine(checkpoint.Directory, CheckpointIndex.FileName)) && !File.Exists(Path.Combine(checkpoint.Directory, "model.safetensors"));
        var shards = new OrderedDictionary<string, List<TensorPlan>>();
        foreach ((string name, DType result, string? scale) in tensors)
        {
            string file = checkpoint.FileOf(name);
            if (!shards.TryGetValue(file, out List<TensorPlan>? shard))
                shards.Add(file, shard = []);
            shard.Add(new TensorPlan(file, checkpoint.Entry(name), result, scale));
        }

        Shards = [.. shards.Select(s => Shard(checkpoint.Directory, s.Key, s.Value, writesScales)).OrderBy(s => s.Name, StringComparer.Ordinal)];
    }

    /// <summary>The weight files, by name.</summary>
    public IReadOnlyList<ShardPlan> Shards { get; }

    /// <summary>Whether an index belongs to them.</summary>
    public bool IsSharded { get; }

    /// <summary>Bytes to read.</summary>
    public long SourceBytes => Shards.Sum(s => s.SourceBytes);

    /// <summary>Bytes of the result's tensors.</summary>
    public long TargetBytes => Shards.Sum(s => s.Layout.Entries.Sum(e => e.ByteCount));

    /// <summary>Tensors that change.</summary>
    public int Converted => Shards.Sum(s => s.Tensors.Count(t => t.Scale is not null));

    /// <summary>Tensors that do not.</summary>
    public int Copied => Shards.Sum(s => s.Tensors.Count(t => t.Scale is null));

    /// <summary>The projections of the table become FP8.</summary>
    /// <exception cref="DataException">One of them is neither F32 nor BF16.</exception>
    public static ConversionPlan Quantize(Checkpoint checkpoint, ParameterTable table) => new(
        checkpoint,
        checkpoint.Names.Select(name =>
        {
            bool chosen = table.TryGet(name, out Parameter? p) && p.DType == DType.F8_E4M3;
            DType dtype = checkpoint.Entry(name).DType;
            if (chosen && dtype is not (DType.F32 or DType.BF16))
                throw new DataException($"{checkpoint.FileOf(name)}: tensor '{name}' is {dtype.Name()}; F32 and BF16 weights can be quantised");
            return (name, chosen ? DType.F8_E4M3 : dtype, chosen ? name + ScaleSuffix : null);
        }),
        writesScales: true);

    /// <summary>Every FP8 tensor becomes <paramref name="dtype"/>, and its scale goes.</summary>
    /// <exception cref="DataException">A scale is missing, or of another dtype or shape.</exception>
    public static ConversionPlan Dequantize(Checkpoint checkpoint, QuantizationConfig quantization, DType dtype)
    {
        if (quantization.BlockRows != Block || quantization.BlockColumns != Block)
            throw new DataException($"{Path.Combine(checkpoint.Directory, "config.json")}: weight_block_size is [{quantization.BlockRows}, {quantization.BlockColumns}]; [{Block}, {Block}] can be dequantised");
        HashSet<string> codes = [.. checkpoint.Names.Where(n => checkpoint.Entry(n).DType == DType.F8_E4M3)];
        foreach (string name in codes)
            RequireScale(checkpoint, name);
        return new ConversionPlan(
            checkpoint,
            checkpoint.Names.Where(n => !(n.EndsWith(ScaleSuffix, StringComparison.Ordinal) && codes.Contains(n[..^ScaleSuffix.Length])))
                .Select(n => codes.Contains(n) ? (n, dtype, n + ScaleSuffix) : (n, checkpoint.Entry(n).DType, (string?)null)),
            writesScales: false);
    }

    /// <summary>The index of the result.</summary>
    public byte[] Index()
    {
        using var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes, Json))
        {
            json.WriteStartObject();
            json.WriteStartObject("metadata");
            json.WriteNumber("total_size", TargetBytes);
            json.WriteEndObject();
            json.WriteStartObject("weight_map");
            foreach ((string tensor, string shard) in Shards.SelectMany(s => s.Layout.Entries.Select(e => (e.Name, s.Name))).OrderBy(e => e.Item1, StringComparer.Ordinal))
                json.WriteString(tensor, shard.Replace('\\', '/'));
            json.WriteEndObject();
            json.WriteEndObject();
        }

        return [.. bytes.ToArray(), (byte)'\n'];
    }

    private static void RequireScale(Checkpoint checkpoint, string name)
    {
        TensorEntry entry = checkpoint.Entry(name);
        string where = $"{checkpoint.FileOf(name)}: tensor '{name}' at byte {entry.FileOffset} is F8_E4M3 {entry.Shape}";
        if (entry.Shape.Rank != 2)
            throw new DataException($"{where}, and only matrices have scales; convert it elsewhere");
        string scale = name + ScaleSuffix;
        if (!checkpoint.Contains(scale))
            throw new DataException($"{where}, but its scale '{scale}' is missing; copy the shard that holds it, and its index");
        TensorEntry found = checkpoint.Entry(scale);
        var wanted = new Shape(Blocks(entry.Shape[0]), Blocks(entry.Shape[1]));
        if (found.DType != DType.F32 || found.Shape != wanted)
            throw new DataException($"{checkpoint.FileOf(scale)}: tensor '{scale}' is {found.DType.Name()} {found.Shape}, but the weight {entry.Shape} needs F32 {wanted}; restore the file from its source");
    }

    private static ShardPlan Shard(string directory, string file, List<TensorPlan> tensors, bool writesScales)
    {
        string name = Path.GetRelativePath(directory, file);
        IEnumerable<(string, DType, Shape)> results = tensors.SelectMany<TensorPlan, (string, DType, Shape)>(t => t.Scale is { } scale && writesScales
            ? [(t.Entry.Name, t.Result, t.Entry.Shape), (scale, DType.F32, new Shape(Blocks(t.Entry.Shape[0]), Blocks(t.Entry.Shape[1])))]
            : [(t.Entry.Name, t.Result, t.Entry.Shape)]);
        return new ShardPlan(name, tensors, new SafetensorsLayout(file, results, new Dictionary<string, string> { ["format"] = "pt" }));
    }

    private static long Blocks(long length) => (length + Block - 1) / Block;
}
