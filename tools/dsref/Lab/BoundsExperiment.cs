using System.Text.RegularExpressions;
using DeepSeek.Reference.Verification;

namespace DeepSeek.Reference.Tool.Lab;

/// <summary>What a sweep of bounds draws.</summary>
internal sealed record BoundsSettings(long Cases, int Seed, Regex Operations);

/// <summary>Random small cases of every operation, made by the definitions and by legitimate variants, held against the hard bounds (docs/spec/bounds.md 10).</summary>
internal static class BoundsExperiment
{
    /// <summary>Sweeps the operations in turn; one row each.</summary>
    public static IReadOnlyList<BoundSweepRow> Run(BoundsSettings settings, Action<long> progress)
    {
        string[] operations = [.. BoundCases.Operations.Where(o => settings.Operations.IsMatch(o))];
        return operations.Length == 0 ? [] : BoundSweep.Run(operations, settings.Cases, settings.Seed, progress);
    }
}
