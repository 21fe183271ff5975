using System.Runtime.InteropServices;
using DeepSeek.Reference.Backends;
using Xunit;

namespace DeepSeek.Reference.Tests.External;

/// <summary>The C library changes this thread's rounding, as any native code in the process may.</summary>
public sealed class FloatingPointModeTests
{
    /// <summary>glibc's FE_DOWNWARD, FE_UPWARD, FE_TOWARDZERO of each processor.</summary>
    private static int[] Modes => RuntimeInformation.ProcessArchitecture == Architecture.X64 ? [0x400, 0x800, 0xC00] : [0x800000, 0x400000, 0xC00000];

    [Fact]
    public void Rule_N2_a_backend_is_refused_on_a_thread_that_does_not_round_to_nearest()
    {
        foreach (int mode in Modes)
        {
            string scalar = MessageUnder(mode, () => new ScalarBackend());
            string simd = MessageUnder(mode, () => new SimdBackend());
            Assert.Contains("does not round to nearest", scalar, StringComparison.Ordinal);
            Assert.Equal(scalar, simd);
        }

        Assert.Equal("scalar", new ScalarBackend().Name);
    }

    private static string MessageUnder(int mode, Func<IBackend> make)
    {
        string message = "";
        int before = GetRounding();
        Assert.Equal(0, SetRounding(mode));
        try
        {
            _ = make();
        }
        catch (ContractException e)
        {
            message = e.Message;
        }
        finally
        {
            Assert.Equal(0, SetRounding(before));
        }

        return message;
    }

    [DllImport("libm.so.6", EntryPoint = "fesetround")]
    private static extern int SetRounding(int mode);

    [DllImport("libm.so.6", EntryPoint = "fegetround")]
    private static extern int GetRounding();
}
