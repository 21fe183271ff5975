using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Backends;

/// <summary>The definitions themselves: plain loops on one thread. Every other backend must equal its bits.</summary>
public sealed partial class ScalarBackend : IBackend
{
    /// <inheritdoc/>
    public string Name => "scalar";

    /// <inheritdoc/>
    public bool Supports(Operation operation, Accumulation accumulation) => Enum.IsDefined(operation) && Enum.IsDefined(accumulation.Kind);
}
