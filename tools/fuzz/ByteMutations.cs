using System.Buffers.Binary;

namespace DeepSeek.Reference.Fuzz;

/// <summary>Changes that know nothing of a format: bits, bytes, numbers at the edges of their ranges, pieces cut, doubled, moved.</summary>
internal static class ByteMutations
{
    /// <summary>No mutant grows beyond this.</summary>
    public const int Longest = 1 << 16;

    private static readonly ulong[] Edges =
        [0, 1, 2, 7, 8, 9, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x100000000, long.MaxValue, 1UL << 63, ulong.MaxValue, ulong.MaxValue - 7];

    /// <summary>One change.</summary>
    public static byte[] Apply(byte[] from, byte[] other, Randomness random)
    {
        if (from.Length == 0)
            return other;
        int at = random.Below(from.Length);
        int length = 1 + random.Below(Math.Min(from.Length - at, 1 << random.Below(12)));
        switch (random.Below(9))
        {
            case 0:
                return With(from, at, [(byte)(from[at] ^ (1 << random.Below(8)))]);
            case 1:
                return With(from, at, [(byte)random.Word()]);
            case 2:
                return With(from, at, Number(random));
            case 3:
                return [.. from[..at], .. from[(at + length)..]];
            case 4:
                return Cut([.. from[..(at + length)], .. from[at..]]);
            case 5:
                return from[..at];
            case 6:
                int start = random.Below(other.Length + 1);
                return Cut([.. from[..at], .. other[start..]]);
            case 7:
                return Cut([.. from[..at], .. Number(random), .. from[at..]]);
            default:
                int to = random.Below(from.Length);
                return With(from, to, from[at..(at + length)]);
        }
    }

    /// <summary>The bytes, no longer than a mutant may be.</summary>
    public static byte[] Cut(byte[] bytes) => bytes.Length <= Longest ? bytes : bytes[..Longest];

    private static byte[] Number(Randomness random)
    {
        byte[] number = new byte[1 << random.Below(4)];
        byte[] whole = new byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(whole, random.Pick(Edges));
        whole.AsSpan(0, number.Length).CopyTo(number);
        return number;
    }

    /// <summary>A copy with bytes written over, as far as they go.</summary>
    private static byte[] With(byte[] from, int at, byte[] bytes)
    {
        byte[] copy = [.. from];
        bytes.AsSpan(0, Math.Min(bytes.Length, copy.Length - at)).CopyTo(copy.AsSpan(at));
        return copy;
    }
}
