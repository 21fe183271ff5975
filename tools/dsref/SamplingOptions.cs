using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using DeepSeek.Reference.Inference;

namespace DeepSeek.Reference.Tool;

/// <summary>The options that say how tokens are chosen and where a text ends: of generate and chat.</summary>
internal sealed class SamplingOptions(int defaultTokens)
{
    /// <summary>Ids a pass: progress is told, and Ctrl-C looked at, between passes. No bit depends on it.</summary>
    private const int PrefillChunk = 256;

    private readonly Option<int> maxTokens = new("--max-tokens") { Description = "New tokens of each row, at most.", HelpName = "N", DefaultValueFactory = _ => defaultTokens };
    private readonly Option<string> temperature = Number("--temperature", "0 takes the most probable token; above, tokens are drawn.", "0");
    private readonly Option<int> topK = new("--top-k") { Description = "Draw from the N most probable tokens; 0 takes all.", HelpName = "N", DefaultValueFactory = _ => 0 };
    private readonly Option<string> topP = Number("--top-p", "Draw from the most probable tokens that have this share; 1 takes all.", "1");
    private readonly Option<string> minP = Number("--min-p", "Draw from tokens with at least this share of the most probable one's; 0 takes all.", "0");
    private readonly Option<string> repetition = Number("--repetition-penalty", "Divides positive logits, multiplies others, of ids seen; 1 changes nothing.", "1");
    private readonly Option<string> frequency = Number("--frequency-penalty", "Taken from an id's logit for each time it came.", "0");
    private readonly Option<string> presence = Number("--presence-penalty", "Taken from an id's logit once it came.", "0");
    private readonly Option<string[]> bias = new("--logit-bias") { Description = "Added to logits; -Infinity rules an id out.", HelpName = "ID=VALUE", AllowMultipleArgumentsPerToken = true };
    private readonly Option<string[]> stop = new("--stop") { Description = "Texts that end the new one; they are left out.", HelpName = "TEXT", AllowMultipleArgumentsPerToken = false };
    private readonly Option<string> seed = new("--seed") { Description = "Key of the draws, decimal or 0x hexadecimal.", HelpName = "S", DefaultValueFactory = _ => "0" };

    private readonly Option<int> speculative = new("--speculative") { Description = "Tokens that the MTP module drafts ahead of each pass; 1 where no number is given.", HelpName = "K", Arity = ArgumentArity.ZeroOrOne, CustomParser = Drafts };
    private readonly Option<string?> acceptance = new("--acceptance") { Description = "Which drafts are taken when tokens are drawn; same-draw gives the ids without drafts.", HelpName = "rejection|same-draw" };

    /// <summary>Adds the options to a command.</summary>
    public void AddTo(Command command)
    {
        foreach (Option option in (Option[])[maxTokens, temperature, topK, topP, minP, repetition, frequency, presence, bias, stop, seed, speculative, acceptance])
            command.Add(option);
    }

    /// <summary>How tokens are chosen.</summary>
    /// <exception cref="DataException">A value is no number.</exception>
    public GenerationOptions Of(ParseResult parsed) => new()
    {
        MaxTokens = parsed.GetValue(maxTokens),
        Temperature = Value(parsed, temperature),
        TopK = parsed.GetValue(topK),
        TopP = Value(parsed, topP),
        MinP = Value(parsed, minP),
        RepetitionPenalty = Value(parsed, repetition),
        FrequencyPenalty = Value(parsed, frequency),
        PresencePenalty = Value(parsed, presence),
        LogitBias = Biases(parsed.GetValue(bias) ?? []),
        Seed = SharedOptions.Seed(parsed.GetValue(seed)!),
        PrefillChunk = PrefillChunk,
        Drafts = parsed.GetValue(speculative),
        Acceptance = parsed.GetValue(acceptance)?.ToLowerInvariant() switch
        {
            null or "rejection" => DraftAcceptance.Rejection,
            "same-draw" => DraftAcceptance.SameDraw,
            var rule => throw new ContractException($"--acceptance '{rule}': there are rejection and same-draw"),
        },
    };

    /// <summary>The texts that end the new one.</summary>
    public string[] Stops(ParseResult parsed) => parsed.GetValue(stop) ?? [];

    private static int Drafts(ArgumentResult result)
    {
        if (result.Tokens.Count == 0)
            return 1;
        if (int.TryParse(result.Tokens[0].Value, NumberStyles.None, CultureInfo.InvariantCulture, out int drafts) && drafts > 0)
            return drafts;
        result.AddError($"--speculative '{result.Tokens[0].Value}': a number from 1");
        return 0;
    }

    private static Option<string> Number(string name, string description, string value) => new(name) { Description = description, HelpName = "X", DefaultValueFactory = _ => value };

    private static float Value(ParseResult parsed, Option<string> option) => Parse(option.Name, parsed.GetValue(option)!);

    /// <summary>A decimal point and nothing else separates digits: 0,5 is refused, not read as 5.</summary>
    private static float Parse(string name, string text) => float.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out float value)
        ? value
        : throw new DataException($"{name} '{text}' is not a number such as 0.7");

    private static Dictionary<int, float> Biases(string[] texts)
    {
        var biases = new Dictionary<int, float>();
        foreach (string text in texts)
        {
            (int id, float value) = Bias(text);
            if (!biases.TryAdd(id, value))
                throw new DataException($"--logit-bias '{text}': the id {id} already has one; give it once");
        }

        return biases;
    }

    private static (int Id, float Value) Bias(string text)
    {
        int equals = text.IndexOf('=', StringComparison.Ordinal);
        return equals > 0 && int.TryParse(text.AsSpan(0, equals), NumberStyles.None, CultureInfo.InvariantCulture, out int id)
            ? (id, Parse("--logit-bias", text[(equals + 1)..]))
            : throw new DataException($"--logit-bias '{text}' is not an id and a number, such as 17=-2.5");
    }
}
