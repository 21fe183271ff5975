namespace DeepSeek.Reference.Model;

/// <summary>A sequence's part in a pass.</summary>
/// <param name="Cache">Its cache.</param>
/// <param name="Count">New tokens.</param>
/// <param name="Logits">How many of these, the last ones, give logits.</param>
internal readonly record struct SequencePart(LatentCache Cache, int Count, int Logits);
