namespace DeepSeek.Reference.Backends;

/// <summary>How long a worker may take, and what its command is wrapped in.</summary>
internal sealed record WorkerOptions
{
    /// <summary>From start to the first answer: imports, drivers.</summary>
    public TimeSpan Load { get; init; } = TimeSpan.FromSeconds(120);

    /// <summary>Preparing a case; compiling just in time takes minutes.</summary>
    public TimeSpan Prepare { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>Anything else: one run, one transfer.</summary>
    public TimeSpan Run { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>How operands lie in the worker's memory; what is not chosen the worker may choose.</summary>
    public LayoutChoice Layouts { get; init; } = LayoutChoice.None;

    /// <summary>Inputs of as many bytes or more are made by the worker from their seed, where it can: less is sent sooner than made.</summary>
    public long GenerateFrom { get; init; } = 16L << 20;

    /// <summary>Words before the command, such as a sanitizer's; all times count twentyfold under it.</summary>
    public string? Wrap { get; init; }
}
