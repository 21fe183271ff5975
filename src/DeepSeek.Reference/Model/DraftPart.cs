namespace DeepSeek.Reference.Model;

/// <summary>A sequence's part in a pass of an MTP module.</summary>
/// <param name="Cache">Its cache.</param>
/// <param name="First">The position of its first state.</param>
/// <param name="Count">States, and ids behind them.</param>
internal readonly record struct DraftPart(LatentCache Cache, int First, int Count);
