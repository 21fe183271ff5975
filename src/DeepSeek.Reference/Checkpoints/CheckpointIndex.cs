using System.Text.Json;

namespace DeepSeek.Reference;

/// <summary>The map from tensor to shard of a sharded checkpoint (<c>model.safetensors.index.json</c>).</summary>
/// <remarks><c>{"metadata": {...}, "weight_map": {tensor: file}}</c>; files are relative to the index and stay inside its directory. docs/spec/checkpoints.md 1.</remarks>
internal static class CheckpointIndex
{
    /// <summary>The name of the index in a model directory.</summary>
    public const string FileName = "model.safetensors.index.json";

    /// <summary>The tensors in the order of the index, each with the path of its shard.</summary>
    /// <exception cref="DataException">The index is not sound, a shard lies outside the directory, or a shard is missing.</exception>
    public static OrderedDictionary<string, string> Read(string directory)
    {
        string path = Path.Combine(directory, FileName);
        using var file = new MappedFile(path);
        if (file.Length > SafetensorsHeader.MaximumLength)
            throw new DataException($"{path}: {file.Length} bytes are too many for an index (limit {SafetensorsHeader.MaximumLength}); name the model's own index");

        var cursor = new JsonCursor(file.Slice(0, (int)file.Length), path, 0);
        cursor.Next();
        cursor.ExpectObject("the index");
        OrderedDictionary<string, string>? shards = null;
        bool metadata = false;
        while (cursor.NextMember(out string member, out long offset))
        {
            if (member == "weight_map" ? shards is not null : member == "metadata" && metadata)
                throw new DataException($"{path}: '{member}' stands twice (byte {offset}); keep one of them");
            if (member == "weight_map")
            {
                shards = ReadMap(ref cursor, path, directory);
            }
            else if (member == "metadata")
            {
                metadata = true;
                cursor.ExpectObject("metadata");
                cursor.Skip();
            }
            else
            {
                cursor.Skip();
            }
        }

        cursor.End();
        return shards ?? throw new DataException($"{path}: no weight_map; copy the model's index again");
    }

    private static OrderedDictionary<string, string> ReadMap(ref JsonCursor cursor, string path, string directory)
    {
        cursor.ExpectObject("weight_map");
        var shards = new OrderedDictionary<string, string>();
        var known = new Dictionary<string, string>();
        while (cursor.NextMember(out string tensor, out long offset))
        {
            string shard = cursor.String($"weight_map of tensor '{tensor}'");
            if (!known.TryGetValue(shard, out string? full))
            {
                if (!IsInside(shard))
                    throw cursor.Fail($"the shard '{shard}' of tensor '{tensor}' lies outside the model's directory", "name a file inside it");
                full = Path.Combine(directory, shard);
                if (!File.Exists(full))
                    throw cursor.Fail($"the shard '{shard}' of tensor '{tensor}' is not in {directory}", "copy the missing file");
                known.Add(shard, full);
            }

            if (!shards.TryAdd(tensor, full))
                throw new DataException($"{path}: tensor '{tensor}' stands twice in weight_map (byte {offset}); keep one of them");
        }

        return shards;
    }

    /// <summary>Neither rooted nor climbing, by the rules of any system: an index that is safe here is safe everywhere.</summary>
    private static bool IsInside(string shard) =>
        shard.Length > 0
        && !shard.Contains('\0')
        && shard[0] is not ('/' or '\\')
        && !(shard.Length > 1 && shard[1] == ':')
        && !shard.Split('/', '\\').Contains("..");
}
