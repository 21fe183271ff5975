namespace DeepSeek.Reference.Model;

/// <summary>The buffers of one forward pass, shared by all layers since only one is at work.</summary>
internal sealed class Workspace
{
    public Scratch Ids { get; } = new();

    public Scratch Positions { get; } = new();

    public Scratch Hidden { get; } = new();

    public Scratch Normed { get; } = new();

    public Scratch Branch { get; } = new();

    public Scratch QueryLatent { get; } = new();

    public Scratch QueryLatentNormed { get; } = new();

    public Scratch Query { get; } = new();

    public Scratch KeyValueLatent { get; } = new();

    public Scratch Latent { get; } = new();

    public Scratch LatentNormed { get; } = new();

    public Scratch RopeKey { get; } = new();

    public Scratch AbsorbedQuery { get; } = new();

    public Scratch LatentOutput { get; } = new();

    public Scratch HeadOutput { get; } = new();

    public Scratch CacheLatent { get; } = new();

    public Scratch CacheKey { get; } = new();

    public Scratch CacheCodes { get; } = new();

    public Scratch CacheScales { get; } = new();

    public Scratch CacheStored { get; } = new();

    public Scratch CacheRows { get; } = new();

    public Scratch PastLatent { get; } = new();

    public Scratch PastRopeKey { get; } = new();

    public Scratch KeyValue { get; } = new();

    public Scratch Keys { get; } = new();

    public Scratch Values { get; } = new();

    public Scratch RouterLogits { get; } = new();

    public Scratch RouterScores { get; } = new();

    public Scratch ExpertIndices { get; } = new();

    public Scratch ExpertWeights { get; } = new();

    public Scratch ExpertInput { get; } = new();

    public Scratch ExpertGate { get; } = new();

    public Scratch ExpertUp { get; } = new();

    public Scratch ExpertOutput { get; } = new();

    public Scratch MlpGate { get; } = new();

    public Scratch MlpUp { get; } = new();

    public Scratch MlpOutput { get; } = new();

    public Scratch FinalNorm { get; } = new();

    public Scratch LastRows { get; } = new();

    public Scratch Probe { get; } = new();
}
