namespace DeepSeek.Reference.Ops;

/// <summary>Gate.</summary>
public static partial class Gate
{
}
