using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Tool.Tests;

/// <summary>A backend that is wrong on purpose: Linear with one bit of one element turned, a Cast that forgets to write, and nothing else.</summary>
internal sealed class WrongLinear(int row, int column) : CallBackend
{
    private readonly ScalarBackend right = new();

    public override string Name => "wrong";

    public override bool Supports(Operation operation, Accumulation accumulation) => operation is Operation.Linear or Operation.Cast;

    protected override void Invoke(OperationCall call)
    {
        switch (call)
        {
            case LinearCall linear:
                linear.Run(right);
                ref float element = ref linear.Y.AsSpan<float>()[(row * (int)linear.Y.Shape[1]) + column];
                element = BitConverter.UInt32BitsToSingle(BitConverter.SingleToUInt32Bits(element) ^ 1);
                break;
            case CastCall:
                break;
            default:
                throw new ContractException("not offered");
        }
    }
}
