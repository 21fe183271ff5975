using DeepSeek.Reference.TensorCores;

namespace DeepSeek.Reference.Verification;

/// <summary>Output elements of plain products: a, b of k codes, chained through the unit from +0, k ascending; d_f32, and d_bf16 rounded from it once.</summary>
internal sealed class ChainVectors(TensorCore unit) : IVectorKind
{
    public string Name => $"product, {unit.Name}";

    public bool Knows(string field) => field is "id" or "cat" or "amb" or "k" or "a" or "b" or "d_f32" or "d_bf16";

    public VectorDifference? Check(VectorLine line)
    {
        uint[] a = line.Codes("a", unit.A.Digits);
        uint[] b = line.Codes("b", unit.B.Digits, a.Length);
        if (a.Length == 0 || (line.Has("k") && line.Whole("k") != a.Length))
            throw line.Bad($"'a' has {a.Length} elements, 'k' says otherwise", "give k elements of a and of b");
        int whole = (a.Length + unit.K - 1) / unit.K * unit.K;
        Array.Resize(ref a, whole);
        Array.Resize(ref b, whole);
        uint d = unit.Define(a, b, 0);
        return (line.Has("d_f32") ? VectorDifference.Of(line, "d_f32", d, 8) : null)
            ?? (line.Has("d_bf16") ? VectorDifference.Of(line, "d_bf16", BFloat16.Round(BitConverter.UInt32BitsToSingle(d)).Bits, 4) : null);
    }
}
