namespace DeepSeek.Reference.Verification;

// Stands in for Philox and ValueMaps until they arrive.
internal static partial class CaseInputs
{
    private static uint Word(ulong seed, string name, long i, int w)
    {
        uint h = 2166136261;
        foreach (byte b in System.Text.Encoding.UTF8.GetBytes(name)) h = (h ^ b) * 16777619;
        uint k0 = (uint)seed, k1 = (uint)(seed >> 32) ^ h;
        uint c0 = (uint)i, c1 = (uint)(i >> 32), c2 = 0, c3 = 0;
        for (int r = 0; r < 10; r++)
        {
            ulong p0 = 0xD2511F53ul * c0, p1 = 0xCD9E8D57ul * c2;
            (c0, c1, c2, c3) = ((uint)(p1 >> 32) ^ c1 ^ k0, (uint)p1, (uint)(p0 >> 32) ^ c3 ^ k1, (uint)p0);
            k0 += 0x9E3779B9; k1 += 0xBB67AE85;
        }
        return w switch { 0 => c0, 1 => c1, 2 => c2, _ => c3 };
    }

    private static int Below(ulong seed, string name, long i, int n) => (int)((ulong)Word(seed, name, i, 0) * (ulong)n >> 32);

    private static void Fill(string map, ulong seed, string name, Span<float> v)
    {
        for (int i = 0; i < v.Length; i++) v[i] = ((int)(Word(seed, name, i, 0) >> 8) - (1 << 23)) * (1f / (1 << 23));
    }
}
