using DeepSeek.Reference.Verification;
using Xunit;

namespace DeepSeek.Reference.Tests.Verification;

/// <summary>Bounds hold for whatever a correct kernel may do (docs/spec/bounds.md 10). The sweep of 10^5 cases is <c>dsref lab bounds</c>.</summary>
public sealed class BoundSweepTests
{
    public static TheoryData<string> Operations => [.. BoundCases.Operations];

    [Theory]
    [MemberData(nameof(Operations))]
    public void No_legitimate_variant_violates_a_bound(string operation)
    {
        BoundSweepRow row = BoundSweep.Run([operation], int.Parse(Environment.GetEnvironmentVariable("SWEEP") ?? "85"), seed: 20)[0];

        Assert.True(row.Violations == 0, $"{row.Violations} violations of {row.Elements}; {row.First}");
        Assert.True(row.Elements > 0, "nothing was bounded");
        Assert.True(Environment.GetEnvironmentVariable("SWEEP") is null, $"{row.Elements} free {row.Free} largest {row.Largest} {row.Worst}");
    }
}
