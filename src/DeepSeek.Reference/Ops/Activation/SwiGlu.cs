namespace DeepSeek.Reference.Ops;

/// <summary>SwiGlu.</summary>
public static partial class SwiGlu
{
}
