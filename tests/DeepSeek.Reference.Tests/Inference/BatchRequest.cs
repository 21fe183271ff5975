using DeepSeek.Reference.Inference;
using DeepSeek.Reference.Model;

namespace DeepSeek.Reference.Tests.Inference;

/// <summary>A sequence that comes to a batch after so many steps.</summary>
internal sealed record BatchRequest(int[] Prompt, GenerationOptions Options, int Arrival)
{
    public BatchSequence? Sequence { get; set; }

    public List<byte> Logits { get; } = [];

    public GenerationOptions Recording() => Options with { OnLogits = (_, _, logits) => Logits.AddRange(logits.AsBytes()) };

    /// <summary>Ids, logits, the reason of the end and the counts of drafts are those of the sequence alone; greedy ids those without drafts.</summary>
    public bool IsAsAlone(DeepSeekModel model)
    {
        var alone = new BatchRequest(Prompt, Options, 0);
        GeneratedSequence row = new Generator(model).Generate([Prompt], alone.Recording())[0];
        bool plain = Options.Drafts == 0 || Options.Temperature > 0 || new Generator(model).Generate([Prompt], Options with { Drafts = 0 })[0].Ids.SequenceEqual(row.Ids);
        return plain && Sequence!.State == BatchState.Finished && row.Ids.SequenceEqual(Sequence.Ids) && row.Reason == Sequence.Reason
            && row.Drafts == Sequence.Drafts && alone.Logits.SequenceEqual(Logits);
    }
}
