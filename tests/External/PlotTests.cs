using Xunit;

namespace DeepSeek.Reference.Tests.External;

/// <summary>docs/spec/lab.md 3: the experiments' results become pictures without a display.</summary>
public sealed class PlotTests
{
    [Fact]
    public void The_results_of_the_lab_can_be_drawn() => ForeignTool.Pass(ForeignTool.Run(ForeignTool.Script("plot.sh")));
}
