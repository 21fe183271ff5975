using System.Runtime.InteropServices;
using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Verification;

/// <summary>Judges the casts of rule N18 for every binary32, against definitions by real numbers that share nothing with them.</summary>
/// <remarks>
/// A cast to a format of few values is compared with <see cref="NearestCode"/>; a rounding to FP22 or TF32 with the multiple of the last place, as <see cref="Math"/> rounds to integers.
/// Where there is a form for spans, that and the scalar one are both tested.
/// </remarks>
public static class ExhaustiveCasts
{
    /// <summary>Encodings that follow one another are cut into blocks of this length.</summary>
    private const int Block = 256;

    private delegate void CodesOf(ReadOnlySpan<float> x, Span<uint> codes);

    /// <summary>Where the encodings are consecutive, a whole block whose ends have one code has it: |x| rises or falls with the encoding.</summary>
    private delegate void DefinitionOf(ReadOnlySpan<float> x, bool consecutive, Span<uint> codes);

    private delegate void BytesOf(ReadOnlySpan<float> x, Span<byte> codes);

    /// <summary>A cast and its policy: the library's scalar form, its span form where there is one, and the definition.</summary>
    private sealed record Cast(string Name, CodesOf Scalar, BytesOf? Span, DefinitionOf Definition);

    private static readonly Cast[] All =
    [
        E4M3(Fp8Overflow.Saturate), E4M3(Fp8Overflow.NaN),
        E5M2(Fp8Overflow.Saturate), E5M2(Fp8Overflow.Infinity),
        E5M6(Fp8Overflow.Saturate), E5M6(Fp8Overflow.Infinity),
        .. from rounding in Enum.GetValues<PowerOfTwoRounding>()
           from overflow in (Fp8Overflow[])[Fp8Overflow.Saturate, Fp8Overflow.NaN]
           select E8M0(rounding, overflow),
        new("fp22-truncate", Each(Float22.Truncate), null, Multiples(13, MidpointRounding.ToZero)),
        new("fp22-nearest-even", Each(Float22.ToNearestEven), null, Multiples(13, MidpointRounding.ToEven)),
        new("tf32-truncate", Each(TensorFloat32.Truncate), null, Multiples(10, MidpointRounding.ToZero)),
        new("tf32-nearest-even", Each(TensorFloat32.ToNearestEven), null, Multiples(10, MidpointRounding.ToEven)),
        new("tf32-nearest-away", Each(TensorFloat32.ToNearestAway), null, Multiples(10, MidpointRounding.AwayFromZero)),
    ];

    /// <summary>Every cast with each of its policies: "e4m3-saturate", "e8m0-up-nan", "tf32-nearest-away".</summary>
    public static IReadOnlyList<string> Names { get; } = [.. All.Select(c => c.Name)];

    /// <summary>The formats: each stands for its casts under all policies.</summary>
    public static IReadOnlyList<string> Formats { get; } = [.. Names.Select(n => n[..n.IndexOf('-')]).Distinct()];

    /// <summary>The casts that a format's or a cast's own name stands for; none where it is neither.</summary>
    public static IReadOnlyList<string> Named(string name) => [.. Names.Where(n => n == name || n.StartsWith(name + "-", StringComparison.Ordinal) && Formats.Contains(name))];

    /// <summary>Tests the encodings first, first + 1, ..., first + count - 1 (modulo 2^32).</summary>
    /// <param name="cast">One of <see cref="Names"/>.</param>
    /// <param name="first">The first argument's encoding.</param>
    /// <param name="count">How many; 2^32 for all.</param>
    /// <param name="threads">How many threads; the result does not depend on it.</param>
    /// <param name="progress">Told now and then how many arguments are tested.</param>
    /// <exception cref="ContractException">No cast has that name.</exception>
    public static ExhaustiveResult Run(string cast, uint first, ulong count, int threads, IProgress<ulong>? progress = null)
    {
        Cast found = Find(cast);
        return ExhaustiveRun.Over(cast, first, count, threads, progress, () =>
        {
            float[] x = new float[ExhaustiveRun.Chunk];
            var scratch = new Scratch();
            return (from, length, tally) =>
            {
                Span<uint> bits = MemoryMarshal.Cast<float, uint>(x.AsSpan());
                for (int i = 0; i < length; i++)
                    bits[i] = unchecked(from + (uint)i);
                Test(found, x.AsSpan(0, length), consecutive: true, scratch, tally);
            };
        });
    }

    /// <summary>The first wrong results at some arguments, at most <see cref="ExhaustiveRun.Chunk"/> of them.</summary>
    /// <exception cref="ContractException">No cast has that name.</exception>
    internal static IReadOnlyList<WrongResult> Wrong(string cast, ReadOnlySpan<float> x) => Wrong(cast, cast, consecutive: false, x);

    /// <summary>The same by the definition of another cast, which shows that a wrong cast is found.</summary>
    /// <exception cref="ContractException">No cast has that name.</exception>
    internal static IReadOnlyList<WrongResult> Wrong(string cast, string definition, bool consecutive, ReadOnlySpan<float> x)
    {
        var tally = new ExhaustiveTally();
        Test(Find(cast) with { Definition = Find(definition).Definition }, x, consecutive, new Scratch(), tally);
        return tally.FirstWrong;
    }

    private static Cast Find(string name) => Array.Find(All, c => c.Name == name) ?? throw new ContractException($"No cast is named {name}: one of {string.Join(", ", Names)}.");

    private static void Test(Cast cast, ReadOnlySpan<float> x, bool consecutive, Scratch scratch, ExhaustiveTally tally)
    {
        Span<uint> want = scratch.Want.AsSpan(0, x.Length);
        Span<uint> got = scratch.Got.AsSpan(0, x.Length);
        Span<byte> bytes = scratch.Bytes.AsSpan(0, x.Length);
        cast.Definition(x, consecutive, want);
        cast.Scalar(x, got);
        if (!got.SequenceEqual(want))
            Compare(x, got, want, tally);
        if (cast.Span is null)
            return;
        cast.Span(x, bytes);
        for (int i = 0; i < x.Length; i++)
            got[i] = bytes[i];
        if (!got.SequenceEqual(want))
            Compare(x, got, want, tally);
    }

    private static void Compare(ReadOnlySpan<float> x, Span<uint> got, Span<uint> want, ExhaustiveTally tally)
    {
        for (int i = 0; i < x.Length; i++)
            tally.Compare(Bits(x[i]), got[i], want[i]);
    }

    private sealed class Scratch
    {
        public readonly uint[] Want = new uint[ExhaustiveRun.Chunk];
        public readonly uint[] Got = new uint[ExhaustiveRun.Chunk];
        public readonly byte[] Bytes = new byte[ExhaustiveRun.Chunk];
    }

    private static Cast E4M3(Fp8Overflow overflow) => new(
        $"e4m3-{Word(overflow)}",
        Codes(x => Float8E4M3.FromSingle(x, overflow).Bits),
        (x, y) => Float8Spans.Narrow(x, MemoryMarshal.Cast<byte, Float8E4M3>(y), overflow),
        Signed(NearestCode.WithFraction(3, 7, 0x7E), 0x80, overflow == Fp8Overflow.Saturate ? 0x7Eu : 0x7Fu, 0x7F, overflow != Fp8Overflow.Saturate));

    private static Cast E5M2(Fp8Overflow overflow) => new(
        $"e5m2-{Word(overflow)}",
        Codes(x => Float8E5M2.FromSingle(x, overflow).Bits),
        (x, y) => Float8Spans.Narrow(x, MemoryMarshal.Cast<byte, Float8E5M2>(y), overflow),
        Signed(NearestCode.WithFraction(2, 15, 0x7B), 0x80, overflow == Fp8Overflow.Saturate ? 0x7Bu : 0x7Cu, 0x7F, overflow != Fp8Overflow.Saturate));

    private static Cast E5M6(Fp8Overflow overflow) => new(
        $"e5m6-{Word(overflow)}",
        Codes(x => FloatE5M6.FromSingle(x, overflow).Bits),
        null,
        Signed(NearestCode.WithFraction(6, 15, 0x7BF), 0x800, overflow == Fp8Overflow.Saturate ? 0x7BFu : 0x7C0u, 0x7E0, overflow != Fp8Overflow.Saturate));

    private static Cast E8M0(PowerOfTwoRounding rounding, Fp8Overflow overflow) => new(
        $"e8m0-{rounding.ToString().ToLowerInvariant()}-{Word(overflow)}",
        Codes(x => Float8E8M0.FromSingle(x, rounding, overflow).Bits),
        (x, y) => Float8Spans.Narrow(x, MemoryMarshal.Cast<byte, Float8E8M0>(y), rounding, overflow),
        Unsigned(NearestCode.Exponent(rounding), rounding == PowerOfTwoRounding.Up, overflow == Fp8Overflow.Saturate));

    private static CodesOf Each(Func<float, float> round) => Codes(x => Bits(round(x)));

    private static CodesOf Codes(Func<float, uint> cast) => (x, codes) =>
    {
        for (int i = 0; i < x.Length; i++)
            codes[i] = cast(x[i]);
    };

    /// <summary>The nearest code with the sign of x; what lies beyond the largest finite one is a code of its own, and so is NaN.</summary>
    private static DefinitionOf Signed(NearestCode nearest, uint signBit, uint beyond, uint nan, bool nanKeepsSign) => (x, consecutive, codes) =>
    {
        int near = 0;
        for (int i = 0; i < x.Length; i++)
        {
            uint sign = float.IsNegative(x[i]) ? signBit : 0;
            if (float.IsNaN(x[i]))
            {
                codes[i] = nan | (nanKeepsSign ? sign : 0);
                continue;
            }

            codes[i] = sign | Math.Min((uint)nearest.Of(Math.Abs((double)x[i]), ref near), beyond);
            if (consecutive && IsBlock(x, i) && nearest.Of(Math.Abs((double)x[i + Block - 1]), near) == near)
            {
                codes.Slice(i, Block).Fill(codes[i]);
                i += Block - 1;
            }
        }
    };

    /// <summary>Rounding up stays within 1 ... 254, for infinities and NaN too unless those are NaN.</summary>
    private static DefinitionOf Unsigned(NearestCode code, bool clamped, bool saturates) => (x, consecutive, codes) =>
    {
        int near = 0;
        for (int i = 0; i < x.Length; i++)
        {
            if (!float.IsFinite(x[i]))
            {
                codes[i] = saturates && (clamped || float.IsInfinity(x[i])) ? 254u : 255u;
                continue;
            }

            uint c = (uint)code.Of(Math.Abs((double)x[i]), ref near);
            codes[i] = clamped ? Math.Clamp(c, 1, 254) : saturates ? Math.Min(c, 254) : c;
            if (consecutive && IsBlock(x, i) && code.Of(Math.Abs((double)x[i + Block - 1]), near) == near)
            {
                codes.Slice(i, Block).Fill(codes[i]);
                i += Block - 1;
            }
        }
    };

    /// <summary>The multiple of the last place of x's binade, in a format of 8 exponent bits with a shorter fraction.</summary>
    private static DefinitionOf Multiples(int fraction, MidpointRounding rounding) => (x, consecutive, codes) =>
    {
        for (int i = 0; i < x.Length;)
        {
            int binade = Binade(x[i]);
            int end = consecutive && IsBlock(x, i) && Binade(x[i + Block - 1]) == binade ? i + Block : i + 1;
            (double place, double inverse) = (Math.ScaleB(1, binade - fraction), Math.ScaleB(1, fraction - binade));
            for (; i < end; i++)
            {
                codes[i] = float.IsNaN(x[i]) ? (Bits(x[i]) | 0x400000) >> (23 - fraction) << (23 - fraction)
                    : float.IsInfinity(x[i]) ? Bits(x[i])
                    : Bits((float)(Math.Round(x[i] * inverse, rounding) * place));
            }
        }
    };

    /// <summary>Whether a block of numbers of one sign begins at i, consecutive encodings given.</summary>
    private static bool IsBlock(ReadOnlySpan<float> x, int i) =>
        i + Block <= x.Length && float.IsFinite(x[i]) && float.IsFinite(x[i + Block - 1]) && float.IsNegative(x[i]) == float.IsNegative(x[i + Block - 1]);

    /// <summary>The exponent of x's last place but for the fraction; subnormals share the smallest.</summary>
    private static int Binade(float x) => float.IsFinite(x) && x != 0 ? Math.Max(MathF.ILogB(x), -126) : -126;

    private static string Word(Fp8Overflow overflow) => overflow.ToString().ToLowerInvariant();

    private static uint Bits(float x) => BitConverter.SingleToUInt32Bits(x);
}
