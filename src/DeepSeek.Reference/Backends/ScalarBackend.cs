using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Backends;

/// <summary>The definitions themselves: plain loops on one thread. Every other backend must equal its bits.</summary>
public sealed partial class ScalarBackend : IBackend
{
    /// <summary>A backend for threads that compute as IEEE 754 says (rule N2).</summary>
    /// <exception cref="ContractException">Native code has left this thread another floating-point mode.</exception>
    public ScalarBackend() => FloatingPointMode.Require();

    /// <inheritdoc/>
    public string Name => "scalar";

    /// <inheritdoc/>
    public bool Supports(Operation operation, Accumulation accumulation) => Enum.IsDefined(operation) && LinearShape.Offers(operation, accumulation);
}
