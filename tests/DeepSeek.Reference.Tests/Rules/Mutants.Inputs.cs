using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Verification;

namespace DeepSeek.Reference.Tests.Rules;

internal static partial class Mutants
{
    private static WrongInputs Words(string key, string what, int rounds = 10, bool named = true, bool multipliesFirst = false) =>
        new WrongInputs(14, key, what, (input, seed) => Real(input, (map, i) =>
        {
            uint Word(ulong at) => WordOf(seed, input.Name, at, rounds, named, multipliesFirst);
            return map switch
            {
                ValueMap.Bell => ValueMaps.Bell(Word(2 * i), Word((2 * i) + 1)),
                ValueMap.Outlier => ValueMaps.Outlier(Word(4 * i), Word((4 * i) + 1), Word((4 * i) + 2)),
                _ => ValueMaps.OfWord(map, Word(i)),
            };
        }));

    private static WrongInputs Map(ValueMap map, string what, Func<RandomStream, ulong, float> value) => new WrongInputs(14, map.ToString().ToLowerInvariant(), what, (input, seed) =>
        string.Equals(input.Map, map.ToString(), StringComparison.OrdinalIgnoreCase) ? Real(input, (_, i) => value(new RandomStream(seed, input.Name), i)) : null);

    /// <summary>Words and maps by another rule. With none changed, <see cref="Words"/> makes what the library makes, which a test holds.</summary>
    private static IEnumerable<Mutant> Inputs() =>
    [
        Words("hash", "The name is hashed by FNV-1, which multiplies first, not FNV-1a.", multipliesFirst: true),
        Words("rounds", "Philox has nine rounds.", rounds: 9),
        Words("name", "The name of a tensor does not enter its key.", named: false),
        Map(ValueMap.Bell, "bell takes words i and i + 1.", (r, i) => ValueMaps.Bell(r.Word(i), r.Word(i + 1))),
        Map(ValueMap.Uniform, "uniform takes the low bits of a word.", (r, i) => ((int)(r.Word(i) & 0xFFFFFF) - (1 << 23)) * (1f / (1 << 23))),
        Map(ValueMap.Int, "int takes a remainder.", (r, i) => (int)(r.Word(i) % 17) - 8),
        Map(ValueMap.LogSpread, "logspread takes its exponent from the high bits.", (r, i) => ValueMaps.OfWord(ValueMap.LogSpread, (r.Word(i) & 0x8000007F) | (r.Word(i) >> 19 & 0xF80))),
        Map(ValueMap.Outlier, "outlier takes one element in 256.", (r, i) => ValueMaps.Bell(r.Word(4 * i), r.Word((4 * i) + 1)) * (r.Word((4 * i) + 2) % 256 == 0 ? 128f : 1f)),
        Map(ValueMap.Boundary, "boundary takes its entry from the low bits.", (r, i) => ValueMaps.OfWord(ValueMap.Boundary, (r.Word(i) & 0x80000000) | (r.Word(i) & 15) << 27)),
        Map(ValueMap.Tie, "tie takes the low bits.", (r, i) => ((r.Word(i) & 3) * 0.5f) - 0.5f),
        new WrongInputs(18, "inputs", "Codes of inputs beyond 448 are NaN.", (input, seed) => input.DType != DType.F8_E4M3 ? null : Real(input with { DType = DType.F32 }, (map, i) => new RandomStream(seed, input.Name).Value(map, i)) is { } wide ? Codes(wide) : null),
    ];

    /// <summary>The words of the unchanged rule, for the test that holds the mutants' own machinery.</summary>
    public static WrongInputs Unchanged { get; } = (WrongInputs)Words("none", "Nothing is changed.");

    private static IEnumerable<Mutant> Hashes() =>
    [
        new WrongHash("nan", "The NaN of a digest is negative, as x86 makes it.", t => Digest(t, (element, _) =>
        {
            if (t.DType is DType.F32 or DType.BF16 && element[^1] == 0x7F && element[^2] == 0xC0 && element[..^2].IndexOfAnyExcept((byte)0) < 0)
                element[^1] = 0xFF;
        })),
        new WrongHash("endian", "Elements are hashed big-endian.", t => Digest(t, (element, _) => element.Reverse())),
        new WrongHash("zero", "-0 is hashed as +0.", t => Digest(t, (element, _) =>
        {
            if (t.DType.IsFloat() && element[^1] == 0x80 && element[..^1].IndexOfAnyExcept((byte)0) < 0)
                element[^1] = 0;
        })),
        new WrongHash("columns", "A matrix is hashed column by column.", t =>
        {
            byte[] bytes = Bytes(t);
            int size = t.DType.Bits() / 8;
            int columns = t.Shape.Rank == 0 ? 1 : (int)t.Shape[^1];
            return Hex(Enumerable.Range(0, columns).SelectMany(c => bytes.Chunk(size).Where((_, i) => i % columns == c)).SelectMany(e => e).ToArray());
        }),
    ];

    /// <summary>An input of real numbers, element by element; null for others.</summary>
    private static Tensor? Real(CaseInput input, Func<ValueMap, ulong, float> value)
    {
        if (!Enum.TryParse(input.Map, ignoreCase: true, out ValueMap map) || input.DType is not (DType.F32 or DType.BF16))
            return null;
        float[] values = [.. Enumerable.Range(0, (int)input.Shape.ElementCount).Select(i => value(map, (ulong)i))];
        var tensor = new Tensor(input.DType, input.Shape);
        Operands.Store(values, tensor);
        return tensor;
    }

    private static Tensor Codes(Tensor wide)
    {
        var codes = new Tensor(DType.F8_E4M3, wide.Shape);
        for (int i = 0; i < wide.ElementCount; i++)
            codes.AsSpan<Float8E4M3>()[i] = Float8E4M3.FromSingle(wide.AsReadOnlySpan<float>()[i], Fp8Overflow.NaN);
        return codes;
    }

    private static uint WordOf(ulong seed, string name, ulong at, int rounds, bool named, bool multipliesFirst)
    {
        uint hash = 0x811C9DC5;
        foreach (byte b in Encoding.UTF8.GetBytes(name))
            hash = multipliesFirst ? (hash * 0x01000193) ^ b : (hash ^ b) * 0x01000193;
        (uint k0, uint k1) = ((uint)seed, (uint)(seed >> 32) ^ (named ? hash : 0));
        (uint c0, uint c1, uint c2, uint c3) = ((uint)(at / 4), (uint)(at / 4 >> 32), 0u, 0u);
        for (int round = 0; round < rounds; round++)
        {
            (ulong p, ulong q) = (0xD2511F53ul * c0, 0xCD9E8D57ul * c2);
            (c0, c1, c2, c3) = ((uint)(q >> 32) ^ c1 ^ k0, (uint)q, (uint)(p >> 32) ^ c3 ^ k1, (uint)p);
            (k0, k1) = (k0 + 0x9E3779B9, k1 + 0xBB67AE85);
        }

        return (at % 4) switch { 0 => c0, 1 => c1, 2 => c2, _ => c3 };
    }

    private delegate void ChangeElement(Span<byte> element, int index);

    private static string Digest(Tensor t, ChangeElement change)
    {
        byte[] bytes = Bytes(t);
        int size = t.DType.Bits() / 8;
        for (int i = 0; i < bytes.Length / size; i++)
            change(bytes.AsSpan(i * size, size), i);
        return Hex(bytes);
    }

    private static byte[] Bytes(Tensor t)
    {
        using var stream = new MemoryStream();
        TensorStream.Write(stream, t, NaNBits.Canonical, CancellationToken.None);
        return stream.ToArray();
    }

    private static string Hex(byte[] bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));
}
