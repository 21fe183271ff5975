using System.Text.Json;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Backends;

/// <summary>The attributes of a call by name, for backends of other languages (docs/spec/worker.md 4). <see cref="CallReader"/> reads them back.</summary>
/// <remarks>Enum values are their names in lower case; accumulations their kinds, or the matrix unit's name.</remarks>
internal static class CallAttributes
{
    /// <summary>What stands for the absence of a number.</summary>
    public const string None = "none";

    /// <summary>Writes a JSON object.</summary>
    public static void Write(OperationCall call, Utf8JsonWriter json)
    {
        json.WriteStartObject();
        Write(call, new JsonAttributes(json));
        json.WriteEndObject();
    }

    /// <summary>Gives all attributes to a writer.</summary>
    /// <exception cref="ContractException">An attribute that has no name outside this library.</exception>
    public static void Write(OperationCall call, IAttributeWriter to)
    {
        switch (call)
        {
            case RmsNormCall c:
                to.Real("epsilon", c.Epsilon);
                Name(to, "rounding", c.Rounding);
                break;
            case LinearCall or AbsorbQueryCall or AbsorbOutputCall or LinearDgradCall or LinearWgradCall:
                Accumulation(to, "accumulation", call.Sum);
                break;
            case GroupedLinearCall c:
                Accumulation(to, "accumulation", c.Accumulation);
                to.List("offsets", c.Offsets);
                break;
            case GroupedLinearDgradCall c:
                Accumulation(to, "accumulation", c.Accumulation);
                to.List("offsets", c.Offsets);
                break;
            case GroupedLinearWgradCall c:
                Accumulation(to, "accumulation", c.Accumulation);
                to.List("offsets", c.Offsets);
                break;
            case RopeCall c:
                Rotation(to, c.Attributes);
                break;
            case AttentionCall c:
                to.Real("scale", c.Attributes.Scale);
                to.Whole("first_position", c.Attributes.FirstPosition);
                Name(to, "rounding", c.Attributes.Rounding);
                to.Whole("score_split", c.Attributes.ScoreSplit);
                Accumulation(to, "accumulation", c.Attributes.Accumulation);
                if (c.Attributes.Contract is { } contract)
                    Contract(to, contract);
                break;
            case AttentionBackwardCall c:
                to.Real("scale", c.Attributes.Scale);
                to.Whole("first_position", c.Attributes.FirstPosition);
                Accumulation(to, "accumulation", c.Attributes.Accumulation);
                break;
            case GateBackwardCall c:
                Gate(to, c.Attributes);
                break;
            case BalanceLossCall c:
                to.Real("alpha", c.Alpha);
                break;
            case RmsNormBackwardCall c:
                to.Real("epsilon", c.Epsilon);
                break;
            case RopeBackwardCall c:
                Rotation(to, c.Attributes);
                break;
            case DispatchBackwardCall c:
                Plan(to, c.Plan);
                break;
            case CombineBackwardCall c:
                Plan(to, c.Plan);
                break;
            case MtpInputBackwardCall c:
                Name(to, "order", c.Order);
                break;
            case CrossEntropyBackwardCall c:
                to.Whole("first", c.First);
                to.Real("scale", c.Scale);
                break;
            case SwiGluCall c:
                Name(to, "rounding", c.Rounding);
                break;
            case GateCall c:
                Gate(to, c.Attributes);
                break;
            case DispatchCall c:
                Plan(to, c.Plan);
                break;
            case CombineCall c:
                Plan(to, c.Plan);
                Name(to, "rounding", c.Rounding);
                break;
            case MtpInputCall c:
                Name(to, "order", c.Order);
                break;
            case QuantizeCall c:
                Name(to, "tile", c.Attributes.Tile);
                Name(to, "arithmetic", c.Attributes.Arithmetic);
                Name(to, "scale_format", c.Attributes.ScaleFormat);
                Name(to, "clamp", c.Attributes.Clamp);
                break;
            case DequantizeCall c:
                Name(to, "tile", c.Tile);
                break;
            case ScaledLinearCall c:
                Product(to, c.Product);
                break;
            case GroupedScaledLinearCall c:
                Product(to, c.Product);
                to.List("offsets", c.Offsets);
                break;
            case IndexedScaledLinearCall c:
                Product(to, c.Product);
                to.Whole("alignment", c.Alignment);
                break;
            case MaskedScaledLinearCall c:
                Product(to, c.Product);
                break;
        }
    }

    private static void Rotation(IAttributeWriter to, RopeAttributes a)
    {
        Name(to, "layout", a.Layout);
        Name(to, "rotation", a.Rotation);
        to.Real("magnitude", a.Magnitude);
    }

    private static void Gate(IAttributeWriter to, GateAttributes a)
    {
        Name(to, "scoring", a.Scoring);
        to.Whole("groups", a.Groups);
        to.Whole("kept_groups", a.KeptGroups);
        Name(to, "group_score", a.GroupScore);
        Name(to, "mask", a.Mask);
        to.Flag("normalize", a.Normalize);
        to.Real("epsilon", a.Epsilon);
        to.Real("scale", a.Scale);
        Name(to, "rounding", a.Rounding);
    }

    private static void Plan(IAttributeWriter to, ExpertPlan plan)
    {
        to.Whole("experts", plan.Experts);
        to.Whole("slots", plan.Slots);
        to.List("offsets", plan.Offsets);
        to.List("tokens", plan.Tokens);
        to.List("row_of", plan.RowOf);
    }

    private static void Product(IAttributeWriter to, ScaledProduct product)
    {
        to.Begin("product");
        to.Text("name", product.Name);
        Accumulation(to, "block", product.Block);
        to.Whole("promotion", product.Promotion);
        Name(to, "order", product.Order);
        to.Flag("fused", product.Fused);
        to.Text("accumulator", product.Accumulator.Name());
        to.End();
    }

    /// <summary>An attention contract: the fields of rule N23.</summary>
    private static void Contract(IAttributeWriter to, AttentionContract contract)
    {
        if (contract.Functions != AttentionFunctions.Correct && contract.Functions != AttentionFunctions.HopperFastMath)
            throw new ContractException($"attention contract {contract.Name} brings functions of its own, {contract.Functions}, which no other program can be told; take one with {AttentionFunctions.Correct} or {AttentionFunctions.HopperFastMath}");
        to.Begin("contract");
        to.Text("name", contract.Name);
        Name(to, "schedule", contract.Schedule);
        to.Whole("block", contract.Block);
        Name(to, "base", contract.Base);
        Name(to, "scaling", contract.Scaling);
        Name(to, "scores", contract.Scores);
        Name(to, "maximum", contract.Maximum);
        Number(to, "initial_maximum", float.IsFinite(contract.InitialMaximum) ? contract.InitialMaximum : null);
        Number(to, "mask_value", contract.MaskValue);
        to.Text("weights", contract.Weights.Name());
        Name(to, "denominator", contract.Denominator);
        Name(to, "order", contract.Order);
        Name(to, "division", contract.Division);
        Name(to, "empty", contract.Empty);
        Accumulation(to, "query_key", contract.QueryKey);
        Accumulation(to, "weight_value", contract.WeightValue);
        Name(to, "split", contract.Split);
        to.Whole("parts", contract.Parts);
        to.Text("partials", contract.Partials.Name());
        Name(to, "combine", contract.Combine);
        to.Text("functions", contract.Functions.Name);
        to.End();
    }

    /// <summary>A number, or the word none.</summary>
    private static void Number(IAttributeWriter to, string key, float? value)
    {
        if (value is { } number)
            to.Real(key, number);
        else
            to.Text(key, None);
    }

    /// <summary>The kind in lower case, or the name of the matrix unit.</summary>
    private static void Accumulation(IAttributeWriter to, string key, Accumulation sum) =>
        to.Text(key, sum.Unit is { } unit ? unit.Name : LowerName<AccumulationKind>.Of(sum.Kind));

    private static void Name<T>(IAttributeWriter to, string key, T value) where T : struct, Enum => to.Text(key, LowerName<T>.Of(value));

    /// <summary>The names of an enum's values, made once.</summary>
    private static class LowerName<T> where T : struct, Enum
    {
        private static readonly Dictionary<T, string> Names = Enum.GetValues<T>().Distinct().ToDictionary(v => v, v => v.ToString().ToLowerInvariant());

        public static string Of(T value) => Names[value];
    }
}
