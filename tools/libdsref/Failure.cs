using System.Text;
using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Verification;

namespace DeepSeek.Reference.Native;

/// <summary>Turns exceptions into a status and one line, kept for the thread: nothing is thrown across the border.</summary>
internal static unsafe class Failure
{
    private const int Longest = 4096;

    /// <summary>Pinned, so that its address can be given away; it goes with the thread.</summary>
    [ThreadStatic]
    private static byte[]? message;

    /// <summary>The last line of this thread.</summary>
    public static byte* Last
    {
        get
        {
            message ??= GC.AllocateArray<byte>(Longest, pinned: true);
            return (byte*)System.Runtime.CompilerServices.Unsafe.AsPointer(ref message[0]);
        }
    }

    /// <summary>Runs what a function does.</summary>
    public static NativeStatus Guard(Action body)
    {
        try
        {
            Say("");
            body();
            return NativeStatus.Ok;
        }
        catch (ContractException e)
        {
            return Say(e, NativeStatus.Unsupported);
        }
        catch (ReferenceException e)
        {
            return Say(e, NativeStatus.Invalid);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return Say(e, NativeStatus.Invalid);
        }
        catch (OutOfMemoryException e)
        {
            return Say(e, NativeStatus.OutOfMemory);
        }
#pragma warning disable CA1031 // Nothing may cross the border.
        catch (Exception e)
        {
            Say($"a fault of the library, please report it: {e.GetType().Name}: {e.Message}");
            return NativeStatus.LaunchError;
        }
#pragma warning restore CA1031
    }

    private static NativeStatus Say(Exception e, NativeStatus status)
    {
        Say(e.Message);
        return status;
    }

    private static void Say(string text)
    {
        byte* last = Last;
        if (text.Length == 0)
        {
            *last = 0;
            return;
        }

        var room = new Span<byte>(last, Longest - 1);
        Encoding.UTF8.GetEncoder().Convert(text.ReplaceLineEndings(" "), room, flush: true, out _, out int used, out _);
        room[used..].Clear();
        last[Longest - 1] = 0;
    }
}
