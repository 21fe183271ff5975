using System.Text.Json;
using DeepSeek.Reference.Ops;
using DeepSeek.Reference.TensorCores;

namespace DeepSeek.Reference.Backends;

/// <summary>An attention contract (rule N23) as the object <c>contract</c> of a call's attributes: every field, whatever the preset.</summary>
/// <remarks>Written as <see cref="CallAttributes"/> writes; -∞ and "masked keys are left out" are null. Exp2 crosses by its name; only the correctly rounded one is read back.</remarks>
internal static class AttentionContractJson
{
    /// <summary>Writes the object.</summary>
    public static void Write(AttentionContract c, Utf8JsonWriter json)
    {
        json.WriteStartObject("contract");
        json.WriteString("name", c.Name);
        Name(json, "schedule", c.Schedule);
        json.WriteNumber("block", c.Block);
        Name(json, "base", c.Base);
        Name(json, "scaling", c.Scaling);
        Name(json, "scores", c.Scores);
        Name(json, "maximum", c.Maximum);
        Number(json, "initial_maximum", float.IsFinite(c.InitialMaximum) ? c.InitialMaximum : null);
        Number(json, "mask_value", c.MaskValue);
        json.WriteString("weights", c.Weights.Name());
        Name(json, "denominator", c.Denominator);
        Name(json, "order", c.Order);
        Name(json, "division", c.Division);
        Name(json, "empty", c.Empty);
        Sum(json, "query_key", c.QueryKey);
        Sum(json, "weight_value", c.WeightValue);
        Name(json, "split", c.Split);
        json.WriteNumber("parts", c.Parts);
        json.WriteString("partials", c.Partials.Name());
        Name(json, "combine", c.Combine);
        json.WriteString("exp2", c.Exp2.Name);
        json.WriteEndObject();
    }

    /// <summary>Reads the object back.</summary>
    /// <exception cref="DataException">A field is missing, or has a value that is none of its own.</exception>
    public static AttentionContract Read(JsonElement json) => new()
    {
        Name = Text(json, "name"),
        Schedule = Choice<AttentionSchedule>(json, "schedule"),
        Block = Whole(json, "block"),
        Base = Choice<SoftmaxBase>(json, "base"),
        Scaling = Choice<ScoreScaling>(json, "scaling"),
        Scores = Choice<ScoreRounding>(json, "scores"),
        Maximum = Choice<MaximumRule>(json, "maximum"),
        InitialMaximum = Number(json, "initial_maximum") ?? float.NegativeInfinity,
        MaskValue = Number(json, "mask_value"),
        Weights = Format(json, "weights"),
        Denominator = Choice<WeightSum>(json, "denominator"),
        Order = Choice<WeightOrder>(json, "order"),
        Division = Choice<AttentionDivision>(json, "division"),
        Empty = Choice<EmptyRow>(json, "empty"),
        QueryKey = Sum(json, "query_key"),
        WeightValue = Sum(json, "weight_value"),
        Split = Choice<KeySplit>(json, "split"),
        Parts = Whole(json, "parts"),
        Partials = Format(json, "partials"),
        Combine = Choice<CombineOrder>(json, "combine"),
        Exp2 = Text(json, "exp2") == CorrectExp2.Instance.Name ? CorrectExp2.Instance : throw Bad("exp2", "only the correctly rounded one, 'correct', can be read"),
    };

    private static JsonElement Field(JsonElement json, string key, params ReadOnlySpan<JsonValueKind> kinds) =>
        json.ValueKind == JsonValueKind.Object && json.TryGetProperty(key, out JsonElement value) && kinds.Contains(value.ValueKind) ? value
        : throw Bad(key, "it is missing or of another kind; docs/spec/worker.md 4 lists the fields");

    private static string Text(JsonElement json, string key) => Field(json, key, JsonValueKind.String).GetString()!;

    private static int Whole(JsonElement json, string key) =>
        Field(json, key, JsonValueKind.Number).TryGetInt32(out int value) ? value : throw Bad(key, "it must be a whole number of 32 bits");

    private static float? Number(JsonElement json, string key)
    {
        JsonElement value = Field(json, key, JsonValueKind.Number, JsonValueKind.Null);
        return value.ValueKind == JsonValueKind.Null ? null : (float)value.GetDouble();
    }

    private static T Choice<T>(JsonElement json, string key) where T : struct, Enum
    {
        string text = Text(json, key);
        foreach (T value in Enum.GetValues<T>())
        {
            if (text.Equals(value.ToString(), StringComparison.OrdinalIgnoreCase))
                return value;
        }

        throw Bad(key, $"'{text}' is none of {string.Join(", ", Enum.GetNames<T>()).ToLowerInvariant()}");
    }

    private static DType Format(JsonElement json, string key)
    {
        string text = Text(json, key);
        foreach (DType value in new[] { DType.F32, DType.BF16, DType.F8_E4M3 })
        {
            if (value.Name() == text)
                return value;
        }

        throw Bad(key, $"'{text}' is none of F32, BF16, F8_E4M3");
    }

    private static Accumulation Sum(JsonElement json, string key)
    {
        string text = Text(json, key);
        return TensorCore.All.FirstOrDefault(unit => unit.Name == text) is { } found ? Accumulation.TensorCore(found) : new Accumulation(Choice<AccumulationKind>(json, key));
    }

    private static DataException Bad(string key, string why) => new($"attention contract, field '{key}': {why}");

    private static void Number(Utf8JsonWriter json, string key, float? value)
    {
        if (value is { } number)
            json.WriteNumber(key, (double)number);
        else
            json.WriteNull(key);
    }

    private static void Sum(Utf8JsonWriter json, string key, Accumulation sum) => json.WriteString(key, sum.Unit is { } unit ? unit.Name : sum.Kind.ToString().ToLowerInvariant());

    private static void Name<T>(Utf8JsonWriter json, string key, T value) where T : struct, Enum => json.WriteString(key, value.ToString().ToLowerInvariant());
}
