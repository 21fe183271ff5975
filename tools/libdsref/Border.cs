using System.Runtime.InteropServices;
using DeepSeek.Reference.Backends;

namespace DeepSeek.Reference.Native;

/// <summary>The caller's tensors: contiguous ones are used where they lie, others are copied in and, for outputs, back.</summary>
internal sealed unsafe class Border
{
    private const int MostDimensions = 32;
    private readonly List<(Tensor Copy, nint Target)> back = [];

    /// <summary>What is read, by name.</summary>
    public OrderedDictionary<string, Tensor> Inputs { get; } = [];

    /// <summary>What is written or judged, by name.</summary>
    public OrderedDictionary<string, Tensor> Outputs { get; } = [];

    /// <summary>Reads arguments.</summary>
    /// <param name="arguments">The first; each says its own size.</param>
    /// <param name="count">How many.</param>
    /// <param name="shapesAlone">Whether the tensors have no memory yet.</param>
    /// <exception cref="DataException">One that cannot be used; names it.</exception>
    public static Border Of(NativeArgument* arguments, int count, bool shapesAlone = false)
    {
        if (count < 0 || count > 0 && arguments == null)
            throw new DataException($"{count} arguments at no address");
        var border = new Border();
        byte* at = (byte*)arguments;
        for (int i = 0; i < count; i++)
        {
            var argument = (NativeArgument*)at;
            if (argument->Size < (nuint)sizeof(NativeArgument))
                throw new DataException($"argument {i}: struct_size is {argument->Size}, less than sizeof(dsref_argument), {sizeof(NativeArgument)}");
            at += argument->Size;
            border.Add(i, argument, shapesAlone);
        }

        return border;
    }

    /// <summary>All tensors by name.</summary>
    public Dictionary<string, Tensor> All()
    {
        var all = new Dictionary<string, Tensor>(Inputs);
        foreach ((string name, Tensor tensor) in Outputs)
            all.Add(name, tensor);
        return all;
    }

    /// <summary>Writes outputs that were copied to where the caller has them.</summary>
    public void WriteBack()
    {
        foreach ((Tensor copy, nint target) in back)
        {
            var tensor = (NativeTensor*)target;
            Walk(tensor, copy, (there, here, width) => Buffer.MemoryCopy((void*)here, (void*)there, width, width));
        }
    }

    /// <summary>A tensor of the caller's that is read.</summary>
    /// <exception cref="DataException">It cannot be used.</exception>
    public static Tensor Read(string name, NativeTensor* tensor) => View(name, tensor, shapesAlone: false, out _);

    private void Add(int i, NativeArgument* argument, bool shapesAlone)
    {
        string name = Marshal.PtrToStringUTF8((nint)argument->Name) is { Length: > 0 } given ? given : throw new DataException($"argument {i} has no name");
        if (argument->Layout != null && Marshal.PtrToStringUTF8((nint)argument->Layout) is var layout && layout != NativeInterface.Contiguous)
            throw new ContractException($"argument '{name}' has layout '{layout}'; this version takes {NativeInterface.Contiguous}, with any strides");
        if (argument->Role is not (NativeRole.In or NativeRole.Out))
            throw new DataException($"argument '{name}' has role {(int)argument->Role}; take DSREF_IN or DSREF_OUT");
        bool output = argument->Role == NativeRole.Out;
        Tensor tensor = View($"argument '{name}'", &argument->Tensor, shapesAlone, out bool copied);
        if (!(output ? Outputs : Inputs).TryAdd(name, tensor) || (output ? Inputs : Outputs).ContainsKey(name))
            throw new DataException($"two arguments are named '{name}'");
        if (output && copied)
            back.Add((tensor, (nint)(&argument->Tensor)));
    }

    private static Tensor View(string name, NativeTensor* tensor, bool shapesAlone, out bool copied)
    {
        copied = false;
        DType dtype = NativeInterface.DTypeOf(tensor->Code, tensor->Bits, tensor->Lanes)
            ?? throw new DataException($"{name} has DLPack type ({tensor->Code}, {tensor->Bits} bits, {tensor->Lanes} lanes), which no operation takes");
        if (tensor->Rank is < 0 or > MostDimensions || tensor->Rank > 0 && tensor->Shape == null)
            throw new DataException($"{name} has {tensor->Rank} dimensions; take 0 to {MostDimensions} with a shape");
        var shape = new Shape(new ReadOnlySpan<long>(tensor->Shape, tensor->Rank));
        long bytes = dtype.ByteCount(shape.ElementCount);
        if (bytes == 0)
            return new Tensor(dtype, shape);
        if (shapesAlone)
            return new Tensor(dtype, shape, new BorrowedStorage(null, bytes), 0);
        if (!NativeInterface.IsHostMemory(tensor->DeviceType))
            throw new DataException($"{name} lies on DLPack device {tensor->DeviceType}; copy it to the processor's memory first");
        if (tensor->Data == null)
            throw new DataException($"{name} has no data");
        if (IsContiguous(tensor))
            return new Tensor(dtype, shape, new BorrowedStorage(tensor->Data + tensor->ByteOffset, bytes), 0);
        copied = true;
        var copy = new Tensor(dtype, shape);
        Walk(tensor, copy, (there, here, width) => Buffer.MemoryCopy((void*)there, (void*)here, width, width));
        return copy;
    }

    private static bool IsContiguous(NativeTensor* tensor)
    {
        long stride = 1;
        for (int i = tensor->Rank - 1; tensor->Strides != null && i >= 0; i--)
        {
            if (tensor->Shape[i] != 1 && tensor->Strides[i] != stride)
                return false;
            stride *= tensor->Shape[i];
        }

        return true;
    }

    /// <summary>Visits each element: its address in the caller's memory and in the copy, and its width.</summary>
    private static void Walk(NativeTensor* tensor, Tensor copy, Action<nint, nint, int> visit)
    {
        int width = copy.DType.Bits() / 8, rank = tensor->Rank;
        nint there = (nint)(tensor->Data + tensor->ByteOffset);
        Span<long> index = stackalloc long[MostDimensions];
        index.Clear();
        fixed (byte* first = &copy.ByteOrigin)
        {
            for (long i = 0; i < copy.ElementCount; i++)
            {
                visit(there, (nint)(first + i * width), width);
                for (int d = rank - 1; d >= 0; d--)
                {
                    there += (nint)(tensor->Strides[d] * width);
                    if (++index[d] < tensor->Shape[d])
                        break;
                    there -= (nint)(tensor->Strides[d] * width * index[d]);
                    index[d] = 0;
                }
            }
        }
    }
}
