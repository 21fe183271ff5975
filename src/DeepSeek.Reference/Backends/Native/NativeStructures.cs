using System.Runtime.InteropServices;

namespace DeepSeek.Reference.Backends;

/// <summary>The structures of deepseek_backend.h, field by field; tests/External compares their layout with the C compiler's.</summary>
internal static class NativeInterface
{
    /// <summary>DSREF_ABI_VERSION.</summary>
    public const uint Version = 1;

    /// <summary>The one function that a plug-in exports.</summary>
    public const string Entry = "dsref_backend_get";

    /// <summary>The layout that this version has.</summary>
    public const string Contiguous = "contiguous";

    /// <summary>DLPack's kDLCPU and kDLCUDAHost: memory that a processor reads.</summary>
    public static bool IsHostMemory(int deviceType) => deviceType is 1 or 3;

    /// <summary>DLPack's code and width of a dtype; null where DLPack has none.</summary>
    public static (byte Code, byte Bits)? CodeOf(DType dtype) => dtype switch
    {
        DType.F64 or DType.F32 or DType.F16 => (2, (byte)dtype.Bits()),
        DType.BF16 => (4, 16),
        DType.F8_E4M3 => (10, 8),
        DType.F8_E5M2 => (12, 8),
        DType.F8_E8M0 => (14, 8),
        DType.I64 or DType.I32 or DType.I16 or DType.I8 => (0, (byte)dtype.Bits()),
        DType.U64 or DType.U32 or DType.U16 or DType.U8 or DType.Bool => (1, (byte)dtype.Bits()),
        _ => null,
    };

    /// <summary>The dtype of DLPack's code and width; null for others. kDLBool is 6.</summary>
    public static DType? DTypeOf(byte code, byte bits, ushort lanes) => (code, bits, lanes) switch
    {
        (2, 64, 1) => DType.F64,
        (2, 32, 1) => DType.F32,
        (2, 16, 1) => DType.F16,
        (4, 16, 1) => DType.BF16,
        (10, 8, 1) => DType.F8_E4M3,
        (12, 8, 1) => DType.F8_E5M2,
        (14, 8, 1) => DType.F8_E8M0,
        (0, 64, 1) => DType.I64,
        (0, 32, 1) => DType.I32,
        (0, 16, 1) => DType.I16,
        (0, 8, 1) => DType.I8,
        (1, 64, 1) => DType.U64,
        (1, 32, 1) => DType.U32,
        (1, 16, 1) => DType.U16,
        (1, 8, 1) => DType.U8,
        (6, 8, 1) => DType.Bool,
        _ => null,
    };
}

/// <summary>dsref_status.</summary>
internal enum NativeStatus
{
    /// <summary>Done.</summary>
    Ok = 0,

    /// <summary>Not offered.</summary>
    Unsupported = 1,

    /// <summary>The call makes no sense.</summary>
    Invalid = 2,

    /// <summary>Out of memory.</summary>
    OutOfMemory = 3,

    /// <summary>The kernel failed.</summary>
    LaunchError = 4,

    /// <summary>The device is beyond use.</summary>
    ContextLost = 5,
}

/// <summary>dsref_role.</summary>
internal enum NativeRole
{
    /// <summary>Read.</summary>
    In = 0,

    /// <summary>Written.</summary>
    Out = 1,
}

/// <summary>dsref_kind.</summary>
internal enum NativeKind
{
    /// <summary>int64_t.</summary>
    Whole = 0,

    /// <summary>double.</summary>
    Real = 1,

    /// <summary>const char*.</summary>
    Text = 2,

    /// <summary>int64_t, 0 or 1.</summary>
    Flag = 3,

    /// <summary>const int32_t*.</summary>
    List = 4,
}

/// <summary>DLTensor.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NativeTensor
{
    public byte* Data;
    public int DeviceType;
    public int DeviceId;
    public int Rank;
    public byte Code;
    public byte Bits;
    public ushort Lanes;
    public long* Shape;
    public long* Strides;
    public ulong ByteOffset;
}

/// <summary>dsref_argument.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NativeArgument
{
    public nuint Size;
    public byte* Name;
    public NativeRole Role;
    public NativeTensor Tensor;
    public byte* Layout;
}

/// <summary>dsref_attribute.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NativeAttribute
{
    public nuint Size;
    public byte* Name;
    public NativeKind Kind;
    public long Whole;
    public double Real;
    public byte* Text;
    public int* List;
}

/// <summary>dsref_call.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NativeCall
{
    public nuint Size;
    public byte* Operation;
    public int ArgumentCount;
    public NativeArgument* Arguments;
    public int AttributeCount;
    public NativeAttribute* Attributes;
}

/// <summary>dsref_backend.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NativeTable
{
    public nuint Size;
    public uint Version;
    public void* Context;
    public byte* Name;
    public byte* Device;
    public byte* Modes;
    public delegate* unmanaged[Cdecl]<void*, NativeCall*, NativeStatus> Supports;
    public delegate* unmanaged[Cdecl]<void*, NativeCall*, void**, NativeStatus> Prepare;
    public delegate* unmanaged[Cdecl]<void*, void*, ulong*, NativeStatus> WorkspaceSize;
    public delegate* unmanaged[Cdecl]<void*, ulong, ulong, void**, NativeStatus> Allocate;
    public delegate* unmanaged[Cdecl]<void*, void*, void*, ulong, NativeStatus> Upload;
    public delegate* unmanaged[Cdecl]<void*, void*, void*, ulong, NativeStatus> Download;
    public delegate* unmanaged[Cdecl]<void*, void*, NativeStatus> Release;
    public delegate* unmanaged[Cdecl]<void*, void*, NativeCall*, void*, byte*, NativeStatus> Run;
    public delegate* unmanaged[Cdecl]<void*, void*, NativeStatus> ReleasePlan;
    public delegate* unmanaged[Cdecl]<void*, byte*> LastError;
    public delegate* unmanaged[Cdecl]<void*, void> Close;
}
