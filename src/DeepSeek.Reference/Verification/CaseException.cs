namespace DeepSeek.Reference.Verification;

/// <summary>A case string, a manifest line or a request for a case that cannot be used; says what, where, and what to do.</summary>
public sealed class CaseException : ReferenceException
{
    /// <summary>An error with its one-line message.</summary>
    public CaseException(string message) : base(message) { }

    /// <summary>An error with its one-line message and cause.</summary>
    public CaseException(string message, Exception inner) : base(message, inner) { }
}
