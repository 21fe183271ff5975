namespace DeepSeek.Reference.Text;

/// <summary>The printable character that stands for each byte in a byte-level vocabulary, as GPT-2 chose them.</summary>
/// <remarks>Bytes 0x21-0x7E, 0xA1-0xAC and 0xAE-0xFF stand for themselves; the other 68, in order, are U+0100 to U+0143. So a space is Ġ.</remarks>
internal static class ByteAlphabet
{
    private const int Characters = 0x144;

    private static readonly char[] OfByte = Make();
    private static readonly short[] ToByte = Invert();

    /// <summary>The character of a byte.</summary>
    public static char Character(byte value) => OfByte[value];

    /// <summary>The byte of a character, or -1 where it stands for none.</summary>
    public static int Byte(int codePoint) => codePoint < Characters ? ToByte[codePoint] : -1;

    /// <summary>Turns UTF-8 text of the alphabet into the bytes it stands for, in place.</summary>
    /// <returns>How many bytes there are; -1, with nothing changed, where a character stands for none.</returns>
    public static int Translate(Span<byte> utf8)
    {
        int length = 0;
        for (int i = 0; i < utf8.Length; i++)
        {
            if (Next(utf8, ref i) < 0)
                return -1;
        }

        for (int i = 0; i < utf8.Length; i++)
            utf8[length++] = (byte)Next(utf8, ref i);
        return length;
    }

    /// <summary>The text of bytes in the alphabet.</summary>
    public static string Text(ReadOnlySpan<byte> bytes)
    {
        var text = new char[bytes.Length];
        for (int i = 0; i < text.Length; i++)
            text[i] = OfByte[bytes[i]];
        return new string(text);
    }

    /// <summary>The alphabet lies below U+0800: one or two bytes of UTF-8 a character.</summary>
    private static int Next(ReadOnlySpan<byte> utf8, ref int i)
    {
        byte lead = utf8[i];
        if (lead < 0x80)
            return Byte(lead);
        if ((lead & 0xE0) != 0xC0 || i + 1 == utf8.Length)
            return -1;
        return Byte(((lead & 0x1F) << 6) | (utf8[++i] & 0x3F));
    }

    private static char[] Make()
    {
        var characters = new char[256];
        char next = '\u0100';
        for (int b = 0; b < 256; b++)
            characters[b] = b is (>= 0x21 and <= 0x7E) or (>= 0xA1 and <= 0xAC) or >= 0xAE ? (char)b : next++;
        return characters;
    }

    private static short[] Invert()
    {
        var bytes = new short[Characters];
        Array.Fill(bytes, (short)-1);
        for (int b = 0; b < 256; b++)
            bytes[OfByte[b]] = (short)b;
        return bytes;
    }
}
