using System.Text;

namespace DeepSeek.Reference.Backends;

/// <summary>The names of operations as cases, files and workers write them: ScaledLinear is <c>scaled_linear</c>.</summary>
internal static class OperationNames
{
    /// <summary>The name of an operation.</summary>
    public static string Of(Operation operation)
    {
        var name = new StringBuilder();
        foreach (char c in operation.ToString().Replace("SwiGlu", "Swiglu", StringComparison.Ordinal))
        {
            if (char.IsUpper(c) && name.Length > 0)
                name.Append('_');
            name.Append(char.ToLowerInvariant(c));
        }

        return name.ToString();
    }
}
