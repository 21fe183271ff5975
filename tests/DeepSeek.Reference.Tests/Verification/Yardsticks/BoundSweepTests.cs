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
        BoundSweepRow row = BoundSweep.Run([operation], 25, seed: 20)[0];

        Assert.True(row.Violations == 0, $"{row.Violations} violations of {row.Elements}; {row.First}");
        Assert.True(row.Elements > 0, "nothing was bounded");
    }

    [Fact]
    public void Every_operation_of_case_ids_is_swept() =>
        Assert.Equal(CaseOperations.ByName.Keys, BoundCases.Operations);

    [Theory]
    [InlineData(1.0, 1.0, 0.0, 0.0)]
    [InlineData(double.NaN, double.NaN, 0.0, 0.0)]
    [InlineData(2.0, 1.0, 4.0, 0.25)]
    [InlineData(2.0, 1.0, 0.0, double.PositiveInfinity)]
    [InlineData(2.0, 1.0, double.NaN, double.PositiveInfinity)]
    [InlineData(double.NaN, 1.0, 1.0, double.PositiveInfinity)]
    [InlineData(double.NegativeInfinity, double.PositiveInfinity, 0.0, double.PositiveInfinity)]
    public void A_ratio_above_1_is_outside(double y, double exact, double bound, double ratio) =>
        Assert.Equal(ratio, BoundSweep.Ratio(y, new Measurement(exact, bound)));
}
