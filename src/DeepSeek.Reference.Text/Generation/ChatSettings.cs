using System.Globalization;
using System.Text.Json;
using DeepSeek.Reference.Inference;
using Microsoft.Extensions.AI;

namespace DeepSeek.Reference.Text;

/// <summary>From the options of Microsoft.Extensions.AI to those of the generator. What cannot be done is refused, never left out.</summary>
internal static class ChatSettings
{
    private const int DefaultTokens = 512;

    /// <summary>The generator's options.</summary>
    /// <exception cref="ContractException">Tools, a kept conversation, a format other than text, or an additional property that is not known.</exception>
    public static GenerationOptions Of(ChatOptions? options)
    {
        var made = new GenerationOptions { MaxTokens = options?.MaxOutputTokens ?? DefaultTokens };
        if (options is null)
            return made;
        if (options.Tools is { Count: > 0 })
            throw new ContractException("tools were given; calls of tools are rendered and not made here");
        if (options.ToolMode is RequiredChatToolMode)
            throw new ContractException("ToolMode requires a call of a tool; no tool is called here: leave it out, or give Auto or None");
        if (options.ConversationId is not null)
            throw new ContractException("ConversationId was given; no conversation is kept here: leave it out, and give all messages each time");
        if (options.ResponseFormat is not (null or ChatResponseFormatText))
            throw new ContractException("a format of the answer was asked for; there is text alone");
        made = made with
        {
            Temperature = options.Temperature ?? 0,
            TopP = options.TopP ?? 1,
            TopK = options.TopK ?? 0,
            Seed = unchecked((ulong)(options.Seed ?? 0)),
            FrequencyPenalty = options.FrequencyPenalty ?? 0,
            PresencePenalty = options.PresencePenalty ?? 0,
        };
        foreach ((string name, object? value) in options.AdditionalProperties ?? [])
        {
            made = name switch
            {
                "min_p" => made with { MinP = Number(name, value) },
                "repetition_penalty" => made with { RepetitionPenalty = Number(name, value) },
                "logit_bias" => made with { LogitBias = Biases(name, value) },
                "thinking" => made,
                _ => throw new ContractException($"the additional property {name} is none of min_p, repetition_penalty, logit_bias and thinking"),
            };
        }

        return made;
    }

    /// <summary>Whether the answer begins with reasoning.</summary>
    public static bool Thinks(ChatOptions? options) => options?.AdditionalProperties?.TryGetValue("thinking", out object? value) == true && (value switch
    {
        bool thinks => thinks,
        JsonElement { ValueKind: JsonValueKind.True or JsonValueKind.False } json => json.GetBoolean(),
        _ => throw new ContractException("thinking is true or false"),
    });

    /// <summary>The turns of a chat, instructions first.</summary>
    /// <exception cref="ContractException">A content that is not text.</exception>
    public static List<ChatTurn> Turns(IEnumerable<ChatMessage> messages, ChatOptions? options)
    {
        var turns = new List<ChatTurn>();
        if (options?.Instructions is { } instructions)
            turns.Add(ChatTurn.System(instructions));
        foreach (ChatMessage message in messages)
        {
            foreach (AIContent content in message.Contents)
            {
                if (content is not (TextContent or UsageContent))
                    throw new ContractException($"a message of {message.Role.Value} holds a {content.GetType().Name}; text is taken");
            }

            turns.Add(new ChatTurn(message.Role.Value, message.Text));
        }

        return turns;
    }

    /// <summary>A dictionary, or a JSON object whose keys are ids, as a settings file gives it.</summary>
    private static IReadOnlyDictionary<int, float> Biases(string name, object? value)
    {
        if (value is IReadOnlyDictionary<int, float> given)
            return given;
        if (value is not JsonElement { ValueKind: JsonValueKind.Object } json)
            throw new ContractException($"{name} is a dictionary from ids to float, or a JSON object such as {{\"17\": -2.5}}");
        var biases = new Dictionary<int, float>();
        foreach (JsonProperty property in json.EnumerateObject())
        {
            if (!int.TryParse(property.Name, NumberStyles.None, CultureInfo.InvariantCulture, out int id))
                throw new ContractException($"{name}: '{property.Name}' is not an id, a whole number from 0");
            if (!biases.TryAdd(id, Number($"{name}: the bias of {id}", property.Value)))
                throw new ContractException($"{name}: {id} has two biases; keep one of them");
        }

        return biases;
    }

    private static float Number(string name, object? value) => value switch
    {
        float or double or int or long or decimal => Convert.ToSingle(value, CultureInfo.InvariantCulture),
        JsonElement { ValueKind: JsonValueKind.Number } json => json.GetSingle(),
        _ => throw new ContractException($"{name} is a number"),
    };
}
