using System.Buffers;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace DeepSeek.Reference.Verification;

/// <summary>One manifest line, written and read by hand so that it survives trimming and ahead-of-time compilation.</summary>
/// <remarks>
/// <code>
/// {"id":..,"level":"quick","contract":..,"seed":"0x2a",
///  "inputs":{NAME:{"map":..,"dtype":..,"shape":[..],"sha256":..},..},
///  "outputs":{NAME:{"dtype":..,"shape":[..],"sha256":..[,"tiles":..]},..},
///  "witness":[..]}
/// </code>
/// All fields in this order, none missing, none besides; "tiles" is written where <see cref="TileDigests"/> says.
/// </remarks>
internal static class GoldenRecordJson
{
    private static readonly SearchValues<char> HexDigits = SearchValues.Create("0123456789abcdef");
    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static void Write(GoldenRecord record, Stream target)
    {
        using var json = new Utf8JsonWriter(target, Options);
        json.WriteStartObject();
        json.WriteString("id", record.Id);
        json.WriteString("level", record.Level == CaseLevel.Quick ? "quick" : "full");
        json.WriteString("contract", record.Contract);
        json.WriteString("seed", CaseFields.SeedText(record.Seed));
        WriteTensors(json, "inputs", record.Inputs);
        WriteTensors(json, "outputs", record.Outputs);
        json.WriteStartArray("witness");
        foreach (string witness in record.Witness)
            json.WriteStringValue(witness);
        json.WriteEndArray();
        json.WriteEndObject();
    }

    /// <summary>Reads one line.</summary>
    /// <exception cref="GoldenException">The line is not a record.</exception>
    public static GoldenRecord Read(ReadOnlySpan<byte> line, string where)
    {
        try
        {
            var json = new Utf8JsonReader(line);
            Expect(ref json, JsonTokenType.StartObject);
            var record = new GoldenRecord
            {
                Id = Text(ref json, "id"),
                Level = Text(ref json, "level") switch
                {
                    "quick" => CaseLevel.Quick,
                    "full" => CaseLevel.Full,
                    var other => throw new FormatException($"level '{other}' is neither quick nor full"),
                },
                Contract = Text(ref json, "contract"),
                Seed = Seed(Text(ref json, "seed")),
                Inputs = Tensors(ref json, "inputs"),
                Outputs = Tensors(ref json, "outputs"),
                Witness = Names(ref json, "witness"),
            };
            Expect(ref json, JsonTokenType.EndObject);
            return record;
        }
        catch (Exception e) when (e is JsonException or FormatException or ReferenceException or InvalidOperationException)
        {
            throw new GoldenException($"{where}: {e.Message.ReplaceLineEndings(" ")}; restore it from version control", e);
        }
    }

    private static void WriteTensors(Utf8JsonWriter json, string key, IReadOnlyList<KeyValuePair<string, GoldenTensor>> tensors)
    {
        json.WriteStartObject(key);
        foreach ((string name, GoldenTensor tensor) in tensors)
        {
            json.WriteStartObject(name);
            if (tensor.Map is not null)
                json.WriteString("map", tensor.Map);
            json.WriteString("dtype", tensor.DType.Name());
            json.WriteStartArray("shape");
            foreach (long d in tensor.Shape.Dimensions)
                json.WriteNumberValue(d);
            json.WriteEndArray();
            json.WriteString("sha256", tensor.Sha256);
            if (tensor.Tiles is not null)
                json.WriteString("tiles", tensor.Tiles);
            json.WriteEndObject();
        }

        json.WriteEndObject();
    }

    private static List<KeyValuePair<string, GoldenTensor>> Tensors(ref Utf8JsonReader json, string key)
    {
        Property(ref json, key);
        Expect(ref json, JsonTokenType.StartObject);
        var tensors = new List<KeyValuePair<string, GoldenTensor>>();
        while (Next(ref json) == JsonTokenType.PropertyName)
        {
            string name = json.GetString()!;
            Expect(ref json, JsonTokenType.StartObject);
            string? map = null;
            Next(ref json);
            if (json.ValueTextEquals("map"u8))
            {
                Next(ref json);
                map = json.GetString();
                Next(ref json);
            }

            if (!json.ValueTextEquals("dtype"u8))
                throw new FormatException($"tensor '{name}' has no \"dtype\" where one belongs");
            Next(ref json);
            if (!DTypes.TryParse(json.GetString() ?? "", out DType dtype))
                throw new FormatException($"tensor '{name}' has the unknown dtype '{json.GetString()}'");
            Shape shape = Dimensions(ref json);
            string digest = Text(ref json, "sha256");
            if (digest.Length != 64 || digest.AsSpan().ContainsAnyExcept(HexDigits))
                throw new FormatException($"tensor '{name}': \"sha256\" is not 64 lower-case hexadecimal digits");
            string? tiles = null;
            // Manifests from before there were tile digests have none; what is missing is told by `dsref gen --check`, not here.
            JsonTokenType next = Next(ref json);
            if (next == JsonTokenType.PropertyName && key == "outputs" && TileDigests.Concern(shape) && json.ValueTextEquals("tiles"u8))
            {
                Expect(ref json, JsonTokenType.String);
                tiles = json.GetString()!;
                if (!new TileDigests(shape).Fits(tiles) || tiles.AsSpan().ContainsAnyExcept(HexDigits))
                    throw new FormatException($"tensor '{name}': \"tiles\" is not 16 lower-case hexadecimal digits for each of {new TileDigests(shape).Count} tiles");
                next = Next(ref json);
            }

            if (next != JsonTokenType.EndObject)
                throw new FormatException($"{next} at byte {json.TokenStartIndex} where {JsonTokenType.EndObject} belongs");
            tensors.Add(new(name, new GoldenTensor(map, dtype, shape, digest) { Tiles = tiles }));
        }

        return tensors;
    }

    private static Shape Dimensions(ref Utf8JsonReader json)
    {
        Property(ref json, "shape");
        Expect(ref json, JsonTokenType.StartArray);
        var dimensions = new List<long>();
        while (Next(ref json) == JsonTokenType.Number)
            dimensions.Add(json.GetInt64());
        return new Shape([.. dimensions]);
    }

    private static List<string> Names(ref Utf8JsonReader json, string key)
    {
        Property(ref json, key);
        Expect(ref json, JsonTokenType.StartArray);
        var names = new List<string>();
        while (Next(ref json) == JsonTokenType.String)
            names.Add(json.GetString()!);
        return names;
    }

    private static string Text(ref Utf8JsonReader json, string key)
    {
        Property(ref json, key);
        Expect(ref json, JsonTokenType.String);
        return json.GetString()!;
    }

    private static void Property(ref Utf8JsonReader json, string key)
    {
        Expect(ref json, JsonTokenType.PropertyName);
        if (!json.ValueTextEquals(key))
            throw new FormatException($"\"{json.GetString()}\" stands where \"{key}\" belongs");
    }

    private static void Expect(ref Utf8JsonReader json, JsonTokenType type)
    {
        JsonTokenType found = Next(ref json);
        if (found != type)
            throw new FormatException($"{found} at byte {json.TokenStartIndex} where {type} belongs");
    }

    private static JsonTokenType Next(ref Utf8JsonReader json) =>
        json.Read() ? json.TokenType : throw new FormatException("the line ends early");

    private static ulong Seed(string text) =>
        text.StartsWith("0x", StringComparison.Ordinal) && ulong.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong seed)
            ? seed
            : throw new FormatException($"seed '{text}' is not 0x and hexadecimal digits");
}
