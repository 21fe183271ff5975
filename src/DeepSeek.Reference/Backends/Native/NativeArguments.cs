using System.Runtime.InteropServices;
using System.Text;

namespace DeepSeek.Reference.Backends;

/// <summary>A call as a dsref_call: names, shapes, strides and attributes in one block of memory, which is used again for the next call.</summary>
internal sealed unsafe class NativeArguments : IAttributeWriter, IDisposable
{
    private const int Alignment = 8;
    private const int FirstSize = 16384;
    private readonly List<nint> full = [];
    private byte* block;
    private nuint size;
    private nuint used;
    private NativeAttribute* attributes;
    private int attributeCount;
    private int attributeRoom;
    private string prefix = "";

    /// <summary>The call; until the next one is made.</summary>
    public NativeCall* Call { get; private set; }

    /// <summary>Lays a call out, without memory for its tensors.</summary>
    /// <exception cref="ContractException">A dtype that DLPack has no code for.</exception>
    public void Make(OperationCall call, IReadOnlyList<Operand> operands)
    {
        Reset();
        Call = (NativeCall*)Take(sizeof(NativeCall));
        var arguments = (NativeArgument*)Take(sizeof(NativeArgument) * operands.Count);
        byte* contiguous = Text(NativeInterface.Contiguous);
        for (int i = 0; i < operands.Count; i++)
            arguments[i] = Argument(operands[i], contiguous);
        attributeRoom = 32;
        attributes = (NativeAttribute*)Take(sizeof(NativeAttribute) * attributeRoom);
        attributeCount = 0;
        CallAttributes.Write(call, this);
        *Call = new NativeCall
        {
            Size = (nuint)sizeof(NativeCall),
            Operation = Text(OperationNames.Of(call.Operation)),
            ArgumentCount = operands.Count,
            Arguments = arguments,
            AttributeCount = attributeCount,
            Attributes = attributes,
        };
    }

    public void Whole(string name, long value) => Next(name, NativeKind.Whole)->Whole = value;

    public void Real(string name, float value) => Next(name, NativeKind.Real)->Real = value;

    public void Text(string name, string value) => Next(name, NativeKind.Text)->Text = Text(value);

    public void Flag(string name, bool value) => Next(name, NativeKind.Flag)->Whole = value ? 1 : 0;

    public void List(string name, IReadOnlyList<int> values)
    {
        NativeAttribute* attribute = Next(name, NativeKind.List);
        attribute->Whole = values.Count;
        attribute->List = (int*)Take(sizeof(int) * values.Count);
        for (int i = 0; i < values.Count; i++)
            attribute->List[i] = values[i];
    }

    public void Begin(string name) => prefix = name + ".";

    public void End() => prefix = "";

    /// <inheritdoc/>
    public void Dispose()
    {
        Reset();
        NativeMemory.Free(block);
        block = null;
        size = 0;
    }

    private NativeArgument Argument(Operand operand, byte* layout)
    {
        Tensor tensor = operand.Tensor;
        (byte code, byte bits) = NativeInterface.CodeOf(tensor.DType) ?? throw new ContractException($"a tensor of {tensor.DType.Name()}, which DLPack has no code for");
        int rank = tensor.Shape.Rank;
        var shape = (long*)Take(2 * rank * sizeof(long));
        long* strides = shape + rank;
        long stride = 1;
        for (int d = rank - 1; d >= 0; d--)
        {
            shape[d] = tensor.Shape[d];
            strides[d] = stride;
            stride *= shape[d];
        }

        return new NativeArgument
        {
            Size = (nuint)sizeof(NativeArgument),
            Name = Text(operand.Name),
            Role = operand.Role == OperandRole.Input ? NativeRole.In : NativeRole.Out,
            Tensor = new NativeTensor { DeviceType = 1, Rank = rank, Code = code, Bits = bits, Lanes = 1, Shape = shape, Strides = strides },
            Layout = layout,
        };
    }

    private NativeAttribute* Next(string name, NativeKind kind)
    {
        if (attributeCount == attributeRoom)
            throw new ContractException($"a call of more than {attributeRoom} attributes");
        NativeAttribute* attribute = &attributes[attributeCount++];
        *attribute = new NativeAttribute { Size = (nuint)sizeof(NativeAttribute), Name = Text(prefix.Length == 0 ? name : prefix + name), Kind = kind };
        return attribute;
    }

    private byte* Text(string text)
    {
        int length = Encoding.UTF8.GetByteCount(text);
        byte* bytes = Take(length + 1);
        Encoding.UTF8.GetBytes(text, new Span<byte>(bytes, length));
        bytes[length] = 0;
        return bytes;
    }

    /// <summary>Bytes of the block. A block that is full is kept to the end of the call, since the call points into it.</summary>
    private byte* Take(int bytes)
    {
        nuint rounded = ((nuint)bytes + Alignment - 1) / Alignment * Alignment;
        if (used + rounded > size)
        {
            if (block != null)
                full.Add((nint)block);
            size = Math.Max(Math.Max(2 * size, rounded), FirstSize);
            block = (byte*)NativeMemory.Alloc(size);
            used = 0;
        }

        byte* taken = block + used;
        used += rounded;
        return taken;
    }

    private void Reset()
    {
        foreach (nint old in full)
            NativeMemory.Free((void*)old);
        full.Clear();
        used = 0;
    }
}
