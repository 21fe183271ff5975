namespace DeepSeek.Reference.Ops;

/// <summary>RmsNorm.</summary>
public static partial class RmsNorm
{
}
