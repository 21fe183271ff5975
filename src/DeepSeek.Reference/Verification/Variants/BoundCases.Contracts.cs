namespace DeepSeek.Reference.Verification;

/// <content>Attention under a contract: a preset, and some fields that differ from it.</content>
internal static partial class BoundCases
{
    private const int MostTries = 200;

    private static readonly string[] Presets = ["canonical", "deepseekinference", "flashmladense", "flashmlasm90", "flashmlahopper"];
    private static readonly string[] Units = ["hopper-wgmma-bf16-f32", "ampere-mma-bf16-f32", "lanes16", "sequential", "exact", "float64"];
    private static readonly string[] Starts = ["start=none,masked=none", "start=none,masked=-1e9", "start=-1e30,masked=none", "start=-1e30,masked=-1e33"];

    private static readonly (string Key, string[] Values)[] Fields =
    [
        ("passes", ["twopass", "online"]), ("block", ["0", "4", "8", "16", "32", "64", "128"]), ("base", ["e", "two"]), ("scaling", ["beforemaximum", "aftermaximum"]),
        ("scores", ["none", "everystep"]), ("maximum", ["propagatesnan", "dropsnan"]), ("weights", ["f32", "bf16", "f8"]), ("denominator", ["unrounded", "rounded"]),
        ("order", ["lanes16", "sequential", "exact", "float64", "quad"]), ("division", ["beforevalues", "quotient", "reciprocal"]),
        ("empty", ["negativeinfinity", "positiveinfinity"]), ("keysplit", ["none", "even", "flashmla"]), ("parts", ["1", "2", "3", "5"]),
        ("partials", ["f32", "bf16"]), ("combine", ["ascending", "descending", "butterfly"]), ("functions", ["correct", "hopper-fast-math"]),
    ];

    /// <summary>Drawn again until its fields go together.</summary>
    private static string UnderContract(Random r)
    {
        string text = "";
        for (int i = 0; i < MostTries; i++)
        {
            bool latent = r.Next(2) == 0;
            int h = r.Next(1, 4), d = r.Next(1, 80), dv = latent ? r.Next(1, d + 1) : r.Next(1, 20), s = r.Next(1, 4);
            int t = r.Next(4) == 0 ? r.Next(1, 600) : r.Next(1, 100);
            string preset = Of(r, Presets);
            bool flashMla = preset.StartsWith("flash", StringComparison.Ordinal);
            string types = flashMla || r.Next(2) == 0 ? "q=bf16,keys=bf16" + (latent ? "" : ",values=bf16") : Types(r, "q", "keys") + (latent ? "" : "," + Types(r, "values"));
            text = $"s={s},t={t},h={h},hk={(r.Next(2) == 0 ? h : 1)},d={d},dv={dv},latent={(latent ? "yes" : "no")},lse=yes,{types},{Types(r, "y")}"
                + (r.Next(4) == 0 ? $",first={r.Next(0, t)}" : "") + (r.Next(4) == 0 ? ",scale=0.135" : "") + $",schedule={preset}{Differences(r, preset, flashMla)}";
            try
            {
                OperationCase.Parse($"attention[{text},seed=1]");
                return text;
            }
            catch (CaseException)
            {
                // These fields do not go together.
            }
        }

        throw new CaseException($"none of {MostTries} attention contracts was one, the last attention[{text}]");
    }

    private static string Differences(Random r, string preset, bool flashMla)
    {
        string text = "";
        string[] sums = flashMla ? Units : Sums;
        foreach (string key in (string[])["qk", "pv"])
            text += r.Next(3) == 0 ? $",{key}={Of(r, sums)}" : "";
        if (preset is "flashmlasm90" or "flashmlahopper")
            return text + (r.Next(2) == 0 ? $",parts={r.Next(1, 4)}" : "");
        text += r.Next(3) == 0 ? "," + Of(r, Starts) : "";
        foreach ((string key, string[] values) in Fields)
            text += r.Next(4) == 0 ? $",{key}={Of(r, values)}" : "";
        return text;
    }
}
