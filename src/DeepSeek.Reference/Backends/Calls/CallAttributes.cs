using System.Text.Json;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Backends;

/// <summary>The attributes of a call as a JSON object, for backends of other languages (docs/spec/worker.md 4).</summary>
/// <remarks>Enum values are written by their names in lower case; binary32 numbers as the decimal form of the binary64 number equal to them, so that any language reads the same bits.</remarks>
internal static class CallAttributes
{
    /// <summary>Writes the object.</summary>
    public static void Write(OperationCall call, Utf8JsonWriter json)
    {
        json.WriteStartObject();
        switch (call)
        {
            case RmsNormCall c:
                json.WriteNumber("epsilon", (double)c.Epsilon);
                Name(json, "rounding", c.Rounding);
                break;
            case LinearCall or AbsorbQueryCall or AbsorbOutputCall:
                Accumulation(json, "accumulation", call.Sum);
                break;
            case GroupedLinearCall c:
                Accumulation(json, "accumulation", c.Accumulation);
                Numbers(json, "offsets", c.Offsets);
                break;
            case RopeCall c:
                Name(json, "layout", c.Attributes.Layout);
                Name(json, "rotation", c.Attributes.Rotation);
                json.WriteNumber("magnitude", (double)c.Attributes.Magnitude);
                break;
            case AttentionCall c:
                json.WriteNumber("scale", (double)c.Attributes.Scale);
                json.WriteNumber("first_position", c.Attributes.FirstPosition);
                Name(json, "rounding", c.Attributes.Rounding);
                json.WriteNumber("score_split", c.Attributes.ScoreSplit);
                Accumulation(json, "accumulation", c.Attributes.Accumulation);
                if (c.Attributes.Contract is { } contract)
                    AttentionContractJson.Write(contract, json);
                break;
            case SwiGluCall c:
                Name(json, "rounding", c.Rounding);
                break;
            case GateCall c:
                Gate(json, c.Attributes);
                break;
            case DispatchCall c:
                Plan(json, c.Plan);
                break;
            case CombineCall c:
                Plan(json, c.Plan);
                Name(json, "rounding", c.Rounding);
                break;
            case MtpInputCall c:
                Name(json, "order", c.Order);
                break;
            case QuantizeCall c:
                Name(json, "tile", c.Attributes.Tile);
                Name(json, "arithmetic", c.Attributes.Arithmetic);
                Name(json, "scale_format", c.Attributes.ScaleFormat);
                Name(json, "clamp", c.Attributes.Clamp);
                break;
            case DequantizeCall c:
                Name(json, "tile", c.Tile);
                break;
            case ScaledLinearCall c:
                Product(json, c.Product);
                break;
            case GroupedScaledLinearCall c:
                Product(json, c.Product);
                Numbers(json, "offsets", c.Offsets);
                break;
            case IndexedScaledLinearCall c:
                Product(json, c.Product);
                json.WriteNumber("alignment", c.Alignment);
                break;
            case MaskedScaledLinearCall c:
                Product(json, c.Product);
                break;
        }

        json.WriteEndObject();
    }

    private static void Gate(Utf8JsonWriter json, GateAttributes a)
    {
        Name(json, "scoring", a.Scoring);
        json.WriteNumber("groups", a.Groups);
        json.WriteNumber("kept_groups", a.KeptGroups);
        Name(json, "group_score", a.GroupScore);
        Name(json, "mask", a.Mask);
        json.WriteBoolean("normalize", a.Normalize);
        json.WriteNumber("epsilon", (double)a.Epsilon);
        json.WriteNumber("scale", (double)a.Scale);
        Name(json, "rounding", a.Rounding);
    }

    private static void Plan(Utf8JsonWriter json, ExpertPlan plan)
    {
        json.WriteNumber("experts", plan.Experts);
        json.WriteNumber("slots", plan.Slots);
        Numbers(json, "offsets", plan.Offsets);
        Numbers(json, "tokens", plan.Tokens);
        Numbers(json, "row_of", plan.RowOf);
    }

    private static void Product(Utf8JsonWriter json, ScaledProduct product)
    {
        json.WriteStartObject("product");
        json.WriteString("name", product.Name);
        Accumulation(json, "block", product.Block);
        json.WriteNumber("promotion", product.Promotion);
        Name(json, "order", product.Order);
        json.WriteBoolean("fused", product.Fused);
        json.WriteString("accumulator", product.Accumulator.Name());
        json.WriteEndObject();
    }

    /// <summary>The kind in lower case, or the name of the matrix unit.</summary>
    private static void Accumulation(Utf8JsonWriter json, string key, Accumulation sum) =>
        json.WriteString(key, sum.Unit is { } unit ? unit.Name : Lower(sum.Kind));

    private static void Name<T>(Utf8JsonWriter json, string key, T value) where T : struct, Enum => json.WriteString(key, Lower(value));

    private static string Lower<T>(T value) where T : struct, Enum => value.ToString().ToLowerInvariant();

    private static void Numbers(Utf8JsonWriter json, string key, IReadOnlyList<int> values)
    {
        json.WriteStartArray(key);
        foreach (int value in values)
            json.WriteNumberValue(value);
        json.WriteEndArray();
    }
}
