using DeepSeek.Reference.Backends;

namespace DeepSeek.Reference.Tests.Model;

/// <summary>Backends by the names of the command line.</summary>
internal static class TestBackends
{
    public static IBackend Make(string name) => name == "scalar" ? new ScalarBackend() : new SimdBackend(2);
}
