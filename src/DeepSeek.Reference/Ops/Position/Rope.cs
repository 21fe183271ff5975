namespace DeepSeek.Reference.Ops;

/// <summary>Rope.</summary>
public static partial class Rope
{
}
