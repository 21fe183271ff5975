extern alias native;

using System.Runtime.InteropServices;
using DeepSeek.Reference.Backends;
using Xunit;
using Plugin = native::DeepSeek.Reference.Native.Plugin;

namespace DeepSeek.Reference.Tests.External;

/// <summary>Structures whose sizes are wrong, across the C interface of libdsref: refused in one line, never walked over.</summary>
public sealed unsafe class LibraryBorderTests
{
    [Theory]
    [InlineData("whole", "Ok", "")]
    [InlineData("attribute", "Invalid", "attribute 1: struct_size is 0, less than sizeof(dsref_attribute), 56")]
    [InlineData("argument", "Invalid", "argument 0: struct_size is 8, less than sizeof(dsref_argument), 80")]
    [InlineData("call", "Invalid", "a call whose struct_size is 4, less than sizeof(dsref_call), 48")]
    [InlineData("nowhere", "Invalid", "2 attributes at no address")]
    public void A_structure_that_is_too_small_is_refused(string which, string status, string says)
    {
        var table = new NativeTable { Size = (nuint)sizeof(NativeTable) };
        delegate* unmanaged[Cdecl]<uint, NativeTable*, NativeStatus> get = &Plugin.Get;
        Assert.Equal(NativeStatus.Ok, get(NativeInterface.Version, &table));
        using var arguments = new NativeArguments();
        var call = new RmsNormCall(new Tensor(DType.F32, new Shape(2, 8)), new Tensor(DType.F32, new Shape(8)), 1e-6f, default, new Tensor(DType.F32, new Shape(2, 8)));
        arguments.Make(call, call.Operands);
        NativeCall* made = arguments.Call;
        switch (which)
        {
            case "attribute":
                made->Attributes[1].Size = 0;
                break;
            case "argument":
                made->Arguments[0].Size = 8;
                break;
            case "call":
                made->Size = 4;
                break;
            case "nowhere":
                made->Attributes = null;
                break;
        }

        Assert.Equal(status, table.Supports(table.Context, made).ToString());
        Assert.Equal(says, Marshal.PtrToStringUTF8((nint)table.LastError(table.Context)));
    }
}
