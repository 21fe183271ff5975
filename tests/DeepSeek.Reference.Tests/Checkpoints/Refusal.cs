using Xunit;

namespace DeepSeek.Reference.Tests.Checkpoints;

/// <summary>What every refusal of bad data must be: a <see cref="DataException"/> of one line that names the parts given.</summary>
internal static class Refusal
{
    public static void Of(Action action, params string[] parts)
    {
        string message = Assert.Throws<DataException>(action).Message;
        Assert.DoesNotContain('\n', message);
        Assert.Contains("; ", message);
        foreach (string part in parts)
            Assert.Contains(part, message);
    }
}
