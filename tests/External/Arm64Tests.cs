using Xunit;

namespace DeepSeek.Reference.Tests.External;

/// <summary>Rule N1 on another architecture: an Arm64 build of the tool, under emulation, finds the kept bits.</summary>
public sealed class Arm64Tests
{
    [Fact]
    public void Rule_N1_Arm64_gives_the_kept_bits() => ForeignTool.Pass(ForeignTool.Run(ForeignTool.Script("arm64.sh"), "verify", "--level", "quick"));

    [Fact]
    public void Rule_N1_the_invariances_and_the_twins_hold_on_Arm64() => ForeignTool.Pass(ForeignTool.Run(
        ForeignTool.Script("arm64-tests.sh"),
        "--filter-class",
        "DeepSeek.Reference.Tests.Model.InvarianceTests",
        "DeepSeek.Reference.Tests.Backends.RowTests",
        "DeepSeek.Reference.Tests.Backends.ScalarEqualsSimdTests",
        "DeepSeek.Reference.Tests.Ops.LinearTests",
        "DeepSeek.Reference.Tests.Ops.AttentionSimdTests"));
}
