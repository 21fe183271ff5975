using System.Runtime.CompilerServices;
using System.Threading.Channels;
using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Inference;
using DeepSeek.Reference.Model;
using Microsoft.Extensions.AI;

namespace DeepSeek.Reference.Text;

/// <summary>A model behind the interface that .NET programs talk to: answers whole or as they come.</summary>
/// <remarks>
/// Temperature 0 where none is asked for: the same chat gives the same answer, to the bit. Additional properties: min_p, repetition_penalty, logit_bias (ids to float, also as JSON), thinking.
/// ModelId is let through, as middleware may set it: there is one model. Tools and ConversationId are refused.
/// One answer at a time; a second call waits. docs/spec/text.md 6.
/// </remarks>
public sealed class DeepSeekChatClient : IChatClient
{
    private readonly TextGenerator generator;
    private readonly ChatTemplate template;
    private readonly ChatClientMetadata metadata;
    private readonly SemaphoreSlim turn = new(1, 1);
    private readonly DeepSeekModel? owned;

    /// <summary>A client on a model, its tokenizer and its chat format; the model stays the caller's.</summary>
    public DeepSeekChatClient(DeepSeekModel model, DeepSeekTokenizer tokenizer, ChatTemplate? template = null, string? modelId = null)
    {
        generator = new TextGenerator(model, tokenizer);
        this.template = template ?? ChatTemplate.DeepSeekV3;
        metadata = new ChatClientMetadata("DeepSeek.Reference", null, modelId);
    }

    private DeepSeekChatClient(DeepSeekModel model, string directory) : this(model, DeepSeekTokenizer.Load(directory), ChatTemplate.Load(directory), Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(directory)))) => owned = model;

    /// <summary>A client on a checkpoint's folder: weights, tokenizer.json, and its chat template where it has one.</summary>
    /// <param name="directory">The folder.</param>
    /// <param name="contract">The numeric contract; by default the one that suits the checkpoint.</param>
    /// <param name="backend">By default <see cref="SimdBackend"/> on all processors.</param>
    /// <exception cref="DataException">A file is missing or unsound.</exception>
    public static DeepSeekChatClient Load(string directory, NumericContract? contract = null, IBackend? backend = null)
    {
        DeepSeekModel model = DeepSeekModel.Load(directory, contract, backend ?? new SimdBackend());
        try
        {
            return new DeepSeekChatClient(model, directory);
        }
        catch (DataException)
        {
            model.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public async Task<ChatResponse> GetResponseAsync(IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default)
    {
        GeneratedText made = await AnswerAsync(messages, options, null, cancellationToken).ConfigureAwait(false);
        return new ChatResponse(new ChatMessage(ChatRole.Assistant, made.Text))
        {
            ResponseId = Guid.NewGuid().ToString("N"),
            ModelId = metadata.DefaultModelId,
            FinishReason = Finish(made.Reason),
            Usage = Usage(made),
        };
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(IEnumerable<ChatMessage> messages, ChatOptions? options = null, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        string id = Guid.NewGuid().ToString("N");
        var parts = Channel.CreateUnbounded<string>(new UnboundedChannelOptions { SingleReader = true, SingleWriter = true });

        // Whoever stops reading stops the answer.
        using var abandoned = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task<GeneratedText> answer = Task.Run(async () =>
        {
            try
            {
                return await AnswerAsync(messages, options, part => parts.Writer.TryWrite(part), abandoned.Token).ConfigureAwait(false);
            }
            finally
            {
                parts.Writer.Complete();
            }
        }, CancellationToken.None);
        try
        {
            await foreach (string part in parts.Reader.ReadAllAsync(CancellationToken.None).ConfigureAwait(false))
                yield return new ChatResponseUpdate(ChatRole.Assistant, part) { ResponseId = id, MessageId = id, ModelId = metadata.DefaultModelId };
            GeneratedText made = await answer.ConfigureAwait(false);
            yield return new ChatResponseUpdate(ChatRole.Assistant, [new UsageContent(Usage(made))]) { ResponseId = id, MessageId = id, ModelId = metadata.DefaultModelId, FinishReason = Finish(made.Reason) };
        }
        finally
        {
            await abandoned.CancelAsync().ConfigureAwait(false);
            await ((Task)answer).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Writes what lies between a prefix and a suffix.</summary>
    /// <exception cref="ContractException">The tokenizer has no FIM tokens, or an option is outside its range.</exception>
    public Task<GeneratedText> FillInMiddleAsync(string prefix, string suffix, ChatOptions? options = null, CancellationToken cancellationToken = default) =>
        InTurnAsync(() => generator.FillInMiddle(prefix, suffix, ChatSettings.Of(options), [.. options?.StopSequences ?? []], null, cancellationToken), cancellationToken);

    /// <inheritdoc/>
    public object? GetService(Type serviceType, object? serviceKey = null)
    {
        ArgumentNullException.ThrowIfNull(serviceType);
        if (serviceKey is not null)
            return null;
        return Array.Find<object>([this, metadata, generator, generator.Tokenizer, generator.Model], serviceType.IsInstanceOfType);
    }

    /// <summary>Frees the model, if <see cref="Load"/> opened it.</summary>
    public void Dispose()
    {
        owned?.Dispose();
        turn.Dispose();
    }

    private Task<GeneratedText> AnswerAsync(IEnumerable<ChatMessage> messages, ChatOptions? options, Action<string>? onText, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(messages);
        GenerationOptions settings = ChatSettings.Of(options);
        string prompt = template.Render(ChatSettings.Turns(messages, options), addGenerationPrompt: true, ChatSettings.Thinks(options));
        int[] ids = generator.Tokenizer.Encode(prompt);
        return InTurnAsync(() => generator.Generate(ids, settings, [.. options?.StopSequences ?? []], onText, cancellation), cancellation);
    }

    private async Task<GeneratedText> InTurnAsync(Func<GeneratedText> work, CancellationToken cancellation)
    {
        await turn.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            return await Task.Run(work, cancellation).ConfigureAwait(false);
        }
        finally
        {
            turn.Release();
        }
    }

    private static ChatFinishReason Finish(StopReason reason) => reason is StopReason.EndOfText or StopReason.Stopped ? ChatFinishReason.Stop : ChatFinishReason.Length;

    private static UsageDetails Usage(GeneratedText made) => new() { InputTokenCount = made.PromptTokens, OutputTokenCount = made.Ids.Count, TotalTokenCount = made.PromptTokens + made.Ids.Count };
}
