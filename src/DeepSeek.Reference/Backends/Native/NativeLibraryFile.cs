using System.Runtime.InteropServices;

namespace DeepSeek.Reference.Backends;

/// <summary>Loads a plug-in into this process, and says in one line what is wrong with one that cannot be loaded.</summary>
internal static unsafe class NativeLibraryFile
{
    private const uint ElfMagic = 0x464C457F;
    private const int ElfHeader = 64;
    private const int SegmentHeader = 56;
    private const byte Elf64 = 2;

    /// <summary>The address of <c>dsref_backend_get</c>.</summary>
    /// <exception cref="ContractException">No file, no library, for another processor, or no plug-in.</exception>
    public static delegate* unmanaged[Cdecl]<uint, NativeTable*, NativeStatus> Entry(string path)
    {
        string file = Path.GetFullPath(path);
        if (!File.Exists(file))
            throw new ContractException($"{path}: there is no such library");
        if (OperatingSystem.IsLinux())
            RequireElf(path, file);
        nint library;
        try
        {
            library = NativeLibrary.Load(file);
        }
        catch (Exception e) when (e is DllNotFoundException or BadImageFormatException)
        {
            throw new ContractException($"{path} cannot be loaded: {LastLine(e.Message)}");
        }

        if (NativeLibrary.TryGetExport(library, NativeInterface.Entry, out nint entry))
            return (delegate* unmanaged[Cdecl]<uint, NativeTable*, NativeStatus>)entry;
        NativeLibrary.Free(library);
        throw new ContractException($"{path} exports no {NativeInterface.Entry}; see deepseek_backend.h");
    }

    /// <summary>The first bytes of a library name the processor that it is for.</summary>
    private static void RequireElf(string path, string file)
    {
        Span<byte> header = stackalloc byte[ElfHeader];
        using (FileStream stream = File.OpenRead(file))
        {
            if (stream.ReadAtLeast(header, ElfHeader, throwOnEndOfStream: false) < ElfHeader || BitConverter.ToUInt32(header) != ElfMagic)
                throw new ContractException($"{path} is not a shared library");
        }

        (string Name, ushort Machine) own = RuntimeInformation.ProcessArchitecture switch
        {
            Architecture.X64 => ("x86-64", 62),
            Architecture.Arm64 => ("Arm64", 183),
            var other => (other.ToString(), 0),
        };
        ushort machine = BitConverter.ToUInt16(header[18..]);
        if (own.Machine != 0 && (machine != own.Machine || header[4] != Elf64))
            throw new ContractException($"{path} is a library for another processor (ELF machine {machine}, {(header[4] == Elf64 ? 64 : 32)} bits); this process is {own.Name} ({own.Machine}, 64 bits)");
        RequireWhole(path, file, header);
    }

    /// <summary>The loader maps what the segments promise, and dies of SIGBUS where the file ends before.</summary>
    private static void RequireWhole(string path, string file, ReadOnlySpan<byte> header)
    {
        ulong start = BitConverter.ToUInt64(header[32..]);
        int size = BitConverter.ToUInt16(header[54..]), count = BitConverter.ToUInt16(header[56..]);
        using FileStream stream = File.OpenRead(file);
        var length = (ulong)stream.Length;
        ulong needed = start + ((ulong)size * (ulong)count);
        Span<byte> segment = stackalloc byte[SegmentHeader];
        for (int i = 0; i < count && size >= SegmentHeader && needed <= length; i++)
        {
            stream.Position = (long)(start + ((ulong)i * (ulong)size));
            stream.ReadExactly(segment);
            ulong end = BitConverter.ToUInt64(segment[8..]) + BitConverter.ToUInt64(segment[32..]);
            needed = Math.Max(needed, end);
        }

        if (needed > length)
            throw new ContractException($"{path} cannot be loaded: it is cut off, {length} bytes of at least {needed}");
    }

    /// <summary>The loader's own words, without the runtime's advice.</summary>
    private static string LastLine(string message) => message.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)[^1];
}
