using Xunit;

namespace DeepSeek.Reference.Tests.External;

/// <summary>Rule N1 on another architecture: an Arm64 build of the tool, under emulation, finds the kept bits.</summary>
public sealed class Arm64Tests
{
    [Fact]
    public void Rule_N1_Arm64_gives_the_kept_bits() => ForeignTool.Pass(ForeignTool.Run(ForeignTool.Script("arm64.sh"), "verify", "--level", "quick"));
}
