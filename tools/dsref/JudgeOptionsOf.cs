using System.CommandLine;
using System.Globalization;
using DeepSeek.Reference.Verification;

namespace DeepSeek.Reference.Tool;

/// <summary>The options of judging, the same for every verb that judges.</summary>
internal static class JudgeOptionsOf
{
    public static Option<double> Budget() => new("--budget")
    {
        Description = "Seconds that judging one case may take; what does not fit is sampled, and the report says what was seen.",
        HelpName = "SECONDS",
        DefaultValueFactory = _ => 5,
    };

    public static Option<bool> Full() => new("--full") { Description = "Emulate every element to the bit, whatever it costs; the estimate is printed first." };

    public static Option<string?> Accept() => new("--accept") { Description = "bound: a result for which only the hard bound holds passes too.", HelpName = "bound" };

    private static void Tell(Terminal terminal, double seconds)
    {
        terminal.Current?.Clear();
        terminal.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"--full: about {seconds:G2} s to emulate every element"));
    }

    /// <summary>The weakest verdict that passes.</summary>
    /// <exception cref="CaseException">Not a word of --accept.</exception>
    public static Verdict Weakest(string? accept) => accept?.ToLowerInvariant() switch
    {
        null or "noise" => Verdict.Noise,
        "bits" => Verdict.Bits,
        "bound" => Verdict.Bound,
        _ => throw new CaseException($"--accept '{accept}': there are bits, noise (the default) and bound"),
    };

    /// <summary>The options of these values.</summary>
    /// <exception cref="CaseException">A budget that is no positive number.</exception>
    public static JudgeOptions Of(Terminal terminal, double budget, bool full) => budget > 0 && double.IsFinite(budget)
        ? new JudgeOptions { Budget = budget, Full = full, Estimated = seconds => Tell(terminal, seconds) }
        : throw new CaseException($"--budget {budget}: take a positive number of seconds");
}
