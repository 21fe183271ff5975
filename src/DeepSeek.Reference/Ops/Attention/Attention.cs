namespace DeepSeek.Reference.Ops;

/// <summary>Attention.</summary>
public static partial class Attention
{
}
