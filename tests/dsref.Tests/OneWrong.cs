using DeepSeek.Reference.Backends;

namespace DeepSeek.Reference.Tool.Tests;

/// <summary>A backend that does whatever it is told with each call, beside one that is right.</summary>
internal sealed class OneWrong(Action<OperationCall, IBackend> does) : CallBackend
{
    private readonly SimdBackend right = new();

    public override string Name => "wrong";

    protected override void Invoke(OperationCall call) => does(call, right);
}
