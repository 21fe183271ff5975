using Xunit;

namespace DeepSeek.Reference.Tests.External;

/// <summary>docs/spec/capture.md: the capture program's generator, file writer and model, all in C++, against the library's.</summary>
public sealed class CaptureTests
{
    [Fact]
    public void Rule_N20_a_model_in_another_language_agrees_on_every_instruction() => ForeignTool.Pass(ForeignTool.Run(ForeignTool.Script("capture.sh")));
}
