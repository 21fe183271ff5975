namespace DeepSeek.Reference.Backends;

/// <summary>A backend that computes nothing and keeps the call.</summary>
internal sealed class CallCapture : CallBackend
{
    private OperationCall? last;

    /// <inheritdoc/>
    public override string Name => "capture";

    /// <summary>The call that something makes on a backend.</summary>
    /// <exception cref="ContractException">It made none.</exception>
    public static OperationCall Of(Action<IBackend> makes)
    {
        var capture = new CallCapture();
        makes(capture);
        return capture.last ?? throw new ContractException("no operation was called");
    }

    /// <inheritdoc/>
    protected override void Invoke(OperationCall call) => last = call;
}
