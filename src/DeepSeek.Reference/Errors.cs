namespace DeepSeek.Reference;

/// <summary>Base of every error this library raises for bad input: one line that says what is wrong, where, and what to do.</summary>
public abstract class ReferenceException : Exception
{
    /// <summary>An error with its one-line message.</summary>
    protected ReferenceException(string message) : base(OneLine(message)) { }

    /// <summary>An error with its one-line message and cause.</summary>
    protected ReferenceException(string message, Exception inner) : base(OneLine(message), inner) { }

    /// <summary>Messages quote what a file holds; its control characters must not begin a line or move a cursor.</summary>
    private static string OneLine(string message) => message is null || !message.Any(IsControl) ? message! : string.Create(message.Length, message, (line, from) =>
    {
        for (int i = 0; i < line.Length; i++)
            line[i] = IsControl(from[i]) ? ' ' : from[i];
    });

    /// <summary>Control characters, and the line and paragraph separators of Unicode.</summary>
    private static bool IsControl(char c) => char.IsControl(c) || c is '\u2028' or '\u2029';
}

/// <summary>A file, checkpoint or configuration holds something that cannot be used; names file, tensor, offset and remedy.</summary>
public sealed class DataException : ReferenceException
{
    /// <summary>An error with its one-line message.</summary>
    public DataException(string message) : base(message) { }

    /// <summary>An error with its one-line message and cause.</summary>
    public DataException(string message, Exception inner) : base(message, inner) { }
}

/// <summary>The shapes or dtypes of an operation's arguments do not fit together.</summary>
public sealed class ShapeException : ReferenceException
{
    /// <summary>An error with its one-line message.</summary>
    public ShapeException(string message) : base(message) { }
}

/// <summary>A numeric contract or backend was asked for something it does not offer; it refuses rather than fall back.</summary>
public sealed class ContractException : ReferenceException
{
    /// <summary>An error with its one-line message.</summary>
    public ContractException(string message) : base(message) { }
}

/// <summary>A NaN reached a choice (top-k, argmax, sampling) that has no answer for it (rule N3).</summary>
public sealed class NotANumberException : ReferenceException
{
    /// <summary>An error with its one-line message.</summary>
    public NotANumberException(string message) : base(message) { }
}

/// <summary>A backend in another process crashed, hung, or broke the protocol; names the backend, what it was doing, and how it ended.</summary>
public sealed class BackendException : ReferenceException
{
    /// <summary>An error with its one-line message.</summary>
    public BackendException(string message) : base(message) { }

    /// <summary>An error with its one-line message and cause.</summary>
    public BackendException(string message, Exception inner) : base(message, inner) { }

    /// <summary>Whether the backend's process is gone, or of no more use.</summary>
    public bool Ended { get; init; }
}
