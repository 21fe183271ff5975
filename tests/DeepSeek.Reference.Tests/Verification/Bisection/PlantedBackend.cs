using DeepSeek.Reference.Backends;

namespace DeepSeek.Reference.Tests.Verification.Bisection;

/// <summary>The reference, but for the calls that a plant changes: it gets each call's number among those of its operation, and says whether it has done the call itself.</summary>
internal sealed class PlantedBackend(Func<OperationCall, int, IBackend, bool> plant) : CallBackend
{
    private readonly SimdBackend right = new();
    private readonly Dictionary<Operation, int> seen = [];

    public override string Name => "planted";

    protected override void Invoke(OperationCall call)
    {
        int number = seen.GetValueOrDefault(call.Operation);
        seen[call.Operation] = number + 1;
        if (!plant(call, number, right))
            call.Run(right);
    }
}
