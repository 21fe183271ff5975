using System.Buffers.Binary;

namespace DeepSeek.Reference.Text;

/// <summary>The byte strings of a vocabulary: from bytes to id, and from id to bytes.</summary>
internal sealed class Vocabulary
{
    /// <summary>Ids are below this; no vocabulary is that large.</summary>
    public const int MostIds = 1 << 24;

    private readonly byte[] bytes;
    private readonly (int Start, int Length)[] ofId;
    private readonly int[] slots;
    private readonly int[] ofByte = new int[256];

    /// <summary>A vocabulary of (bytes, id) pairs, all different.</summary>
    /// <param name="bytes">The tokens' bytes, one behind the other.</param>
    /// <param name="tokens">Where each lies, and its id.</param>
    public Vocabulary(byte[] bytes, IReadOnlyList<(int Start, int Length, int Id)> tokens)
    {
        this.bytes = bytes;
        ofId = new (int, int)[tokens.Count == 0 ? 0 : tokens.Max(t => t.Id) + 1];
        Array.Fill(ofId, (0, -1));
        slots = new int[Math.Max(16, (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)(2 * tokens.Count)))];
        Array.Fill(ofByte, -1);
        foreach ((int start, int length, int id) in tokens)
        {
            ofId[id] = (start, length);
            ReadOnlySpan<byte> token = bytes.AsSpan(start, length);
            uint slot = Hash(token);
            while (slots[slot & (slots.Length - 1)] != 0)
                slot++;
            slots[slot & (slots.Length - 1)] = id + 1;
            if (length == 1)
                ofByte[token[0]] = id;
        }
    }

    /// <summary>One above the largest id.</summary>
    public int IdLimit => ofId.Length;

    /// <summary>The id of a token of one byte, or -1.</summary>
    public int OfByte(byte value) => ofByte[value];

    /// <summary>The id of these bytes, or -1.</summary>
    public int Find(ReadOnlySpan<byte> token)
    {
        for (uint slot = Hash(token); ; slot++)
        {
            int found = slots[slot & (slots.Length - 1)] - 1;
            if (found < 0)
                return -1;
            (int start, int length) = ofId[found];
            if (length == token.Length && bytes.AsSpan(start, length).SequenceEqual(token))
                return found;
        }
    }

    /// <summary>Whether some token has this id.</summary>
    public bool Has(int id) => (uint)id < (uint)ofId.Length && ofId[id].Length >= 0;

    /// <summary>The bytes of an id; empty where there is none.</summary>
    public ReadOnlySpan<byte> Bytes(int id) => Has(id) ? bytes.AsSpan(ofId[id].Start, ofId[id].Length) : [];

    /// <summary>The same from run to run and machine to machine.</summary>
    private static uint Hash(ReadOnlySpan<byte> token)
    {
        ulong hash = (ulong)token.Length * 0x9E3779B97F4A7C15;
        for (; token.Length >= 8; token = token[8..])
            hash = (hash ^ BinaryPrimitives.ReadUInt64LittleEndian(token)) * 0xFF51AFD7ED558CCD;
        ulong rest = 0;
        foreach (byte b in token)
            rest = (rest << 8) | b;
        hash = (hash ^ rest) * 0xFF51AFD7ED558CCD;
        hash ^= hash >> 32;
        hash *= 0xC4CEB9FE1A85EC53;
        return (uint)(hash >> 32);
    }
}
