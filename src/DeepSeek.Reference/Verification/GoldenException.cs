namespace DeepSeek.Reference.Verification;

/// <summary>A golden is missing or damaged: nothing can be judged by it. Says which file and line, and how to restore it.</summary>
public sealed class GoldenException : ReferenceException
{
    /// <summary>An error with its one-line message.</summary>
    public GoldenException(string message) : base(message) { }

    /// <summary>An error with its one-line message and cause.</summary>
    public GoldenException(string message, Exception inner) : base(message, inner) { }
}
