using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Verification;

namespace DeepSeek.Reference.Tests.Rules;

/// <summary>A definition of everything with one sentence of one rule broken.</summary>
/// <param name="Rule">The rule's number.</param>
/// <param name="Key">A word or two, unique within the rule.</param>
/// <param name="What">What the mutant does instead.</param>
internal abstract record Mutant(int Rule, string Key, string What)
{
    /// <summary>As listings name it.</summary>
    public string Name => $"N{Rule}.{Key}";

    /// <summary>The ids of kept cases whose digests it changes.</summary>
    public abstract IEnumerable<string> Fails(GoldenCases cases);
}

/// <summary>A backend that is wrong.</summary>
/// <param name="Concerns">The cases that it can change.</param>
/// <param name="Make">A fresh one.</param>
internal sealed record WrongBackend(int Rule, string Key, string What, Func<GoldenCase, bool> Concerns, Func<IBackend> Make) : Mutant(Rule, Key, What)
{
    public override IEnumerable<string> Fails(GoldenCases cases)
    {
        IBackend backend = Make();
        return cases.Small.Where(c => Concerns(c) && c.Differs(backend)).Select(c => c.Golden.Id);
    }
}

/// <summary>Inputs that come out otherwise.</summary>
/// <param name="Make">The tensor of an input; null where it is made as ever.</param>
internal sealed record WrongInputs(int Rule, string Key, string What, Func<CaseInput, ulong, Tensor?> Make) : Mutant(Rule, Key, What)
{
    public override IEnumerable<string> Fails(GoldenCases cases) =>
        cases.Small.Where(c => c.Case.Inputs.Any(i => Make(i, c.Case.Seed) is { } made && CanonicalHash.Of(made) != c.Golden.Inputs.First(g => g.Key == i.Name).Value.Sha256)).Select(c => c.Golden.Id);
}

/// <summary>Digests that are taken otherwise.</summary>
/// <param name="Hash">The digest of a tensor.</param>
internal sealed record WrongHash(string Key, string What, Func<Tensor, string> Hash) : Mutant(15, Key, What)
{
    public override IEnumerable<string> Fails(GoldenCases cases) =>
        cases.Small.Where(c => c.Case.Outputs.Any(o => Hash(c.Right[o.Name]) != c.Golden.Outputs.First(g => g.Key == o.Name).Value.Sha256)).Select(c => c.Golden.Id);
}

/// <summary>A model that runs under another contract than its golden names, or on a backend that changes calls.</summary>
/// <param name="Change">The contract to run for a model's name and contract; null where the mutant changes nothing.</param>
/// <param name="Backend">The backend; null for the contract's own arithmetic.</param>
internal sealed record WrongModel(int Rule, string Key, string What, Func<string, NumericContract, NumericContract?> Change, Func<IBackend>? Backend = null) : Mutant(Rule, Key, What)
{
    public override IEnumerable<string> Fails(GoldenCases cases)
    {
        foreach ((GoldenRecord golden, string directory, NumericContract contract) in cases.Models)
        {
            if (Change(Path.GetFileName(directory), contract) is not { } changed)
                continue;
            GoldenRecord made = ModelOutputs.Record("model", directory, changed, Backend?.Invoke() ?? new SimdBackend(1));
            if (golden.Outputs.Any(o => made.Outputs.First(m => m.Key == o.Key).Value.Sha256 != o.Value.Sha256))
                yield return golden.Id;
        }
    }
}
