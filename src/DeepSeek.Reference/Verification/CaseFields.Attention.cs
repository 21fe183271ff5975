using System.Globalization;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Verification;

internal sealed partial class CaseFields
{
    /// <summary>
    /// The attention contract, <c>schedule=</c>: the name of a preset, varied by passes, block, base, scaling, scores, maximum, start (the initial maximum: a number or none),
    /// masked (the mask value: a number or none), weights (f32, bf16, f8), denominator, order, division, empty, qk, pv, keysplit, parts, partials, combine, functions (correct, hopper-fast-math). Null without schedule.
    /// </summary>
    public AttentionContract? AttentionContract()
    {
        if (Take("schedule") is not string name)
            return null;
        try
        {
            AttentionContract preset = Ops.AttentionContract.Parse(name);
            canonical.Add(new("schedule", preset.Name.ToLowerInvariant()));
            AttentionContract contract = preset with
            {
                Schedule = Choice("passes", preset.Schedule),
                Block = Whole("block", preset.Block),
                Base = Choice("base", preset.Base),
                Scaling = Choice("scaling", preset.Scaling),
                Scores = Choice("scores", preset.Scores),
                Maximum = Choice("maximum", preset.Maximum),
                InitialMaximum = OptionalNumber("start", float.IsFinite(preset.InitialMaximum) ? preset.InitialMaximum : null) ?? float.NegativeInfinity,
                MaskValue = OptionalNumber("masked", preset.MaskValue),
                Weights = Format("weights", preset.Weights),
                Denominator = Choice("denominator", preset.Denominator),
                Order = Choice("order", preset.Order),
                Division = Choice("division", preset.Division),
                Empty = Choice("empty", preset.Empty),
                QueryKey = Sum("qk", preset.QueryKey),
                WeightValue = Sum("pv", preset.WeightValue),
                Split = Choice("keysplit", preset.Split),
                Parts = Whole("parts", preset.Parts),
                Partials = Format("partials", preset.Partials),
                Combine = Choice("combine", preset.Combine),
                Functions = Functions(preset.Functions),
            };
            contract.Validate();
            return contract;
        }
        catch (ContractException e)
        {
            throw Bad("schedule", e.Message);
        }
    }

    private AttentionFunctions Functions(AttentionFunctions defaultValue)
    {
        if (Take("functions") is not string text)
            return defaultValue;
        AttentionFunctions value = AttentionFunctions.Parse(text);
        if (value != defaultValue)
            canonical.Add(new("functions", text));
        return value;
    }

    /// <summary>A binary32 number, or none.</summary>
    private float? OptionalNumber(string key, float? defaultValue)
    {
        if (Take(key) is not string text)
            return defaultValue;
        float? value = text == "none" ? null
            : float.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out float number) && float.IsFinite(number) ? number
            : throw Bad(key, $"'{text}' is neither a finite number nor none");
        if (value != defaultValue)
            canonical.Add(new(key, value is float v ? v.ToString("R", CultureInfo.InvariantCulture).ToLowerInvariant() : "none"));
        return value;
    }

    /// <summary>f32, bf16 or f8.</summary>
    private DType Format(string key, DType defaultValue)
    {
        if (Take(key) is not string text)
            return defaultValue;
        DType value = text switch
        {
            "f32" => DType.F32,
            "bf16" => DType.BF16,
            "f8" => DType.F8_E4M3,
            _ => throw Bad(key, $"'{text}' is none of f32, bf16, f8"),
        };
        if (value != defaultValue)
            canonical.Add(new(key, text));
        return value;
    }
}
