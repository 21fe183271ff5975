using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Fuzz;

/// <summary>Draws of one execution: Philox by seed, target and number, so that any execution can be made again alone.</summary>
internal sealed class Randomness(ulong seed, string target, long execution)
{
    private readonly RandomStream words = new(seed, target, (uint)(execution >> 32) + 1);
    private ulong at = (ulong)(uint)execution << 24;

    /// <summary>A word.</summary>
    public uint Word() => words.Word(at++);

    /// <summary>A number from 0 to n - 1.</summary>
    public int Below(int n) => (int)((ulong)Word() * (ulong)n >> 32);

    /// <summary>True in that many of 100.</summary>
    public bool Percent(int chance) => Below(100) < chance;

    /// <summary>One of these.</summary>
    public T Pick<T>(IReadOnlyList<T> from) => from[Below(from.Count)];
}
