using System.Text;

namespace DeepSeek.Reference.Numerics;

/// <summary>Philox4x32-10: four random words as a pure function of a key and a counter (rule N14).</summary>
/// <remarks>
/// <code>
/// ten times:
///   (h0, l0) = 0xD2511F53 · c0,  (h1, l1) = 0xCD9E8D57 · c2          64-bit products, high and low words
///   (c0, c1, c2, c3) = (h1 ^ c1 ^ k0, l1, h0 ^ c3 ^ k1, l0)
///   k0 += 0x9E3779B9,  k1 += 0xBB67AE85
/// </code>
/// Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011. How words become tensors: docs/spec/random.md.
/// </remarks>
public static class Philox
{
    /// <summary>The four words of counter (c0, c1, c2, c3) under key (k0, k1).</summary>
    public static (uint W0, uint W1, uint W2, uint W3) Block(uint k0, uint k1, uint c0, uint c1, uint c2, uint c3)
    {
        for (int round = 0; round < 10; round++)
        {
            ulong p0 = 0xD2511F53ul * c0;
            ulong p1 = 0xCD9E8D57ul * c2;
            (c0, c1, c2, c3) = ((uint)(p1 >> 32) ^ c1 ^ k0, (uint)p1, (uint)(p0 >> 32) ^ c3 ^ k1, (uint)p0);
            k0 += 0x9E3779B9;
            k1 += 0xBB67AE85;
        }

        return (c0, c1, c2, c3);
    }

    /// <summary>FNV-1a, 32 bits, of the UTF-8 bytes: h = 0x811C9DC5, then for each byte h = (h ^ b) · 0x01000193.</summary>
    public static uint HashName(string name)
    {
        uint h = 0x811C9DC5;
        foreach (byte b in Encoding.UTF8.GetBytes(name))
            h = (h ^ b) * 0x01000193;
        return h;
    }
}
