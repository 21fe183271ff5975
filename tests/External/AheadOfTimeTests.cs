using Xunit;

namespace DeepSeek.Reference.Tests.External;

/// <summary>Rule N1 under another compiler: the tool compiled ahead of time finds the kept bits, with wide vectors and without.</summary>
public sealed class AheadOfTimeTests
{
    [Theory]
    [InlineData("native")]
    [InlineData("default")]
    public void Rule_N1_ahead_of_time_gives_the_kept_bits(string instructionSet) =>
        ForeignTool.Pass(ForeignTool.Run(ForeignTool.Script("aot.sh"), instructionSet, "verify", "--level", "quick"));
}
