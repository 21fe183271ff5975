using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using DeepSeek.Reference.Backends;

namespace DeepSeek.Reference.Native;

/// <summary>dsref_backend_get: the library as a backend of the C interface, for <c>dsref verify --backend</c> and for anyone who loads plug-ins.</summary>
/// <remarks>A plan holds nothing: the call comes with every run. Scratch memory is the library's own.</remarks>
internal static unsafe class Plugin
{
    private const int Alignment = 64;

    /// <summary>Fills in the table.</summary>
    [UnmanagedCallersOnly(EntryPoint = "dsref_backend_get", CallConvs = [typeof(CallConvCdecl)])]
    public static NativeStatus Get(uint version, NativeTable* table)
    {
        if (table == null || table->Size < (nuint)sizeof(NativeTable))
            return NativeStatus.Unsupported;
        table->Version = NativeInterface.Version;
        if (version != NativeInterface.Version)
            return NativeStatus.Unsupported;
        table->Context = null;
        table->Name = Text("libdsref"u8);
        table->Device = Text("cpu"u8);
        table->Modes = Text("eager,repeat,perturb"u8);
        table->Supports = &Supports;
        table->Prepare = &Prepare;
        table->WorkspaceSize = &WorkspaceSize;
        table->Allocate = &Allocate;
        table->Upload = &Upload;
        table->Download = &Download;
        table->Release = &Release;
        table->Run = &Run;
        table->ReleasePlan = &ReleasePlan;
        table->LastError = &LastError;
        table->Close = &Close;
        return NativeStatus.Ok;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static NativeStatus Supports(void* context, NativeCall* call) => Failure.Guard(() =>
    {
        OperationCall read = Read(call, shapesAlone: true, out _);
        var backend = new SimdBackend();
        if (!backend.Supports(read.Operation, read.Sum))
            throw new ContractException($"{read.Operation} is not offered with accumulation {read.Sum}");
    });

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static NativeStatus Prepare(void* context, NativeCall* call, void** plan)
    {
        // Any address but none: there is nothing to keep.
        *plan = Text("plan"u8);
        return NativeStatus.Ok;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static NativeStatus WorkspaceSize(void* context, void* plan, ulong* bytes)
    {
        *bytes = 0;
        return NativeStatus.Ok;
    }

    /// <summary>The allocation's own start stands before the bytes handed out, so that release finds it.</summary>
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static NativeStatus Allocate(void* context, ulong bytes, ulong shift, void** data)
    {
        byte* given = null;
        NativeStatus status = Failure.Guard(() =>
        {
            var start = (byte*)NativeMemory.Alloc(checked((nuint)bytes + (nuint)shift + Alignment + (nuint)sizeof(nint)));
            nuint first = ((nuint)start + (nuint)sizeof(nint) + Alignment - 1) / Alignment * Alignment;
            given = (byte*)first + shift;
            Unsafe.WriteUnaligned(given - sizeof(nint), (nint)start);
        });
        *data = given;
        return status;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static NativeStatus Upload(void* context, void* to, void* from, ulong bytes)
    {
        NativeMemory.Copy(from, to, (nuint)bytes);
        return NativeStatus.Ok;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static NativeStatus Download(void* context, void* from, void* to, ulong bytes)
    {
        NativeMemory.Copy(from, to, (nuint)bytes);
        return NativeStatus.Ok;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static NativeStatus Release(void* context, void* data)
    {
        if (data != null)
            NativeMemory.Free((void*)Unsafe.ReadUnaligned<nint>((byte*)data - sizeof(nint)));
        return NativeStatus.Ok;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static NativeStatus Run(void* context, void* plan, NativeCall* call, void* workspace, byte* mode) => Failure.Guard(() =>
    {
        Read(call, shapesAlone: false, out Border border).Run(new SimdBackend());
        border.WriteBack();
    });

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static NativeStatus ReleasePlan(void* context, void* plan) => NativeStatus.Ok;

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static byte* LastError(void* context) => Failure.Last;

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void Close(void* context) { }

    private static OperationCall Read(NativeCall* call, bool shapesAlone, out Border border)
    {
        if (call == null || call->Size < (nuint)sizeof(NativeCall))
            throw new DataException($"a call whose struct_size is {(call == null ? 0 : call->Size)}, less than sizeof(dsref_call), {sizeof(NativeCall)}");
        if (call->AttributeCount < 0 || call->AttributeCount > 0 && call->Attributes == null)
            throw new DataException($"{call->AttributeCount} attributes at no address");
        string name = Marshal.PtrToStringUTF8((nint)call->Operation) ?? throw new ContractException("a call without an operation");
        border = Border.Of(call->Arguments, call->ArgumentCount, shapesAlone);
        return CallReader.Read(name, border.All(), Attributes(call));
    }

    private static Dictionary<string, object> Attributes(NativeCall* call)
    {
        var attributes = new Dictionary<string, object>();
        byte* at = (byte*)call->Attributes;
        for (int i = 0; i < call->AttributeCount; i++)
        {
            var a = (NativeAttribute*)at;
            if (a->Size < (nuint)sizeof(NativeAttribute))
                throw new DataException($"attribute {i}: struct_size is {a->Size}, less than sizeof(dsref_attribute), {sizeof(NativeAttribute)}");
            at += a->Size;
            attributes[Marshal.PtrToStringUTF8((nint)a->Name) ?? ""] = a->Kind switch
            {
                NativeKind.Whole => a->Whole,
                NativeKind.Real => a->Real,
                NativeKind.Text => Marshal.PtrToStringUTF8((nint)a->Text) ?? "",
                NativeKind.Flag => a->Whole != 0,
                NativeKind.List => new ReadOnlySpan<int>(a->List, checked((int)a->Whole)).ToArray(),
                _ => throw new ContractException($"attribute {i} is of kind {(int)a->Kind}, which this version does not know"),
            };
        }

        return attributes;
    }

    /// <summary>Constant data of the library, which never moves.</summary>
    private static byte* Text(ReadOnlySpan<byte> constant) => (byte*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(constant));
}
