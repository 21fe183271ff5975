using System.Buffers.Binary;
using System.Globalization;
using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.TensorCores;

namespace DeepSeek.Reference.Verification;

/// <summary>One argument, what was captured and what is expected.</summary>
internal readonly record struct ScalarDifference(uint Argument, uint Captured, uint Expected);

/// <summary>What a comparison of a conversion or function found.</summary>
/// <param name="Instruction">The instruction.</param>
/// <param name="Judged">Whether every bit must be equal: conversions, and functions that <see cref="HopperMufu"/> has; others are measured against the correctly rounded value.</param>
/// <param name="Total">Arguments.</param>
/// <param name="Equal">Those with equal bits.</param>
/// <param name="LargestDistance">Largest distance of two finite results of one sign, in units of the last place.</param>
/// <param name="First">The first differences.</param>
internal sealed record ScalarReport(string Instruction, bool Judged, long Total, long Equal, long LargestDistance, IReadOnlyList<ScalarDifference> First);

/// <summary>A capture of a conversion or of an approximate function, over arguments that two numbers of the header give.</summary>
/// <remarks>
/// <code>
/// sequence   argument i = (first + i · step) mod 2^32
/// edges      argument i = (i div 16) · 2^16 + low[i mod 16]         the lower halves at which roundings turn
/// </code>
/// docs/spec/capture.md 4. Sources of what is expected: PTX ISA, cvt (satfinite: NaN to 0x7F, infinities to the largest finite value).
/// </remarks>
internal sealed class CapturedScalars
{
    private const uint TF32Step = 0x2000;

    /// <summary>The one function without a model.</summary>
    private const string Measured = "tanh.approx.f32";

    private static readonly ushort[] Low =
        [0x0000, 0x0001, 0x0002, 0xFFFF, 0xFFFE, 0x7FFF, 0x8000, 0x8001, 0x0FFF, 0x1000, 0x1001, 0x2FFF, 0x3000, 0x3001, 0x1FFF, 0x2000];

    private readonly HardwareCapture capture;
    private readonly Func<uint, uint> expected;
    private readonly bool edges;
    private readonly uint from;
    private readonly uint step;
    private readonly int count;
    private readonly int size;

    private CapturedScalars(HardwareCapture capture)
    {
        this.capture = capture;
        CaptureHeader header = capture.Header;
        Instruction = header.Text("instruction");
        (expected, int width) = Expected(Instruction);
        edges = header.Text("map") switch
        {
            "edges" => true,
            "sequence" => false,
            string other => throw new FormatException($"its header's map is '{other}', neither edges nor sequence"),
        };
        count = (int)header.Number("count", 1, edges ? 1 << 20 : 1 << 28);
        size = (int)header.Number("result_bytes", width, width);
        if (!edges)
        {
            from = (uint)header.Bits("first");
            step = (uint)header.Bits("step");
        }

        if (capture.Payload.Length != (long)count * size)
            throw new FormatException(string.Create(CultureInfo.InvariantCulture, $"has a payload of {capture.Payload.Length} bytes where its header describes {(long)count * size}"));
    }

    /// <summary>The instruction.</summary>
    public string Instruction { get; }

    /// <summary>The conversion or function of a capture of that kind.</summary>
    /// <exception cref="DataException">Header and payload do not fit.</exception>
    public static CapturedScalars Of(HardwareCapture capture)
    {
        try
        {
            return new CapturedScalars(capture);
        }
        catch (FormatException e)
        {
            throw HardwareCapture.Unusable(capture.Path, e);
        }
    }

    /// <summary>Argument i.</summary>
    public uint Argument(int i) => edges ? ((uint)(i >> 4) << 16) | Low[i & 15] : unchecked(from + (uint)i * step);

    /// <summary>What is expected at an argument.</summary>
    public uint Expect(uint argument) => expected(argument);

    /// <summary>Compares every result.</summary>
    public ScalarReport Judge(int keep = 8)
    {
        long equal = 0, largest = 0;
        var first = new List<ScalarDifference>();
        ReadOnlySpan<byte> results = capture.Payload.Span;
        for (int i = 0; i < count; i++)
        {
            uint got = size switch
            {
                1 => results[i],
                2 => BinaryPrimitives.ReadUInt16LittleEndian(results[(2 * i)..]),
                _ => BinaryPrimitives.ReadUInt32LittleEndian(results[(4 * i)..]),
            };
            uint want = expected(Argument(i));
            if (got == want)
            {
                equal++;
                continue;
            }

            if (size == 4 && (got ^ want) >> 31 == 0 && float.IsFinite(BitConverter.UInt32BitsToSingle(got)) && float.IsFinite(BitConverter.UInt32BitsToSingle(want)))
                largest = Math.Max(largest, Math.Abs((long)got - want));
            if (first.Count < keep)
                first.Add(new ScalarDifference(Argument(i), got, want));
        }

        return new ScalarReport(Instruction, IsJudged(Instruction), count, equal, largest, first);
    }

    /// <summary>Whether every bit of a conversion or function must be what is expected; others are measured.</summary>
    public static bool IsJudged(string instruction) => instruction != Measured;

    /// <summary>What is expected of a conversion or function, and the bytes of a result.</summary>
    /// <exception cref="FormatException">Nothing is.</exception>
    public static (Func<uint, uint> Evaluate, int Bytes) Expected(string instruction) => instruction switch
    {
        "cvt.rn.satfinite.e4m3x2.f32" => (x => Float8E4M3.FromSingle(BitConverter.UInt32BitsToSingle(x), Fp8Overflow.Saturate).Bits, 1),
        "cvt.rn.satfinite.e5m2x2.f32" => (x => Float8E5M2.FromSingle(BitConverter.UInt32BitsToSingle(x), Fp8Overflow.Saturate).Bits, 1),
        "cvt.rn.bf16.f32" => (x => IsNaN(x) ? 0x7FFFu : BFloat16.Round(BitConverter.UInt32BitsToSingle(x)).Bits, 2),
        "cvt.rn.f16.f32" => (x => IsNaN(x) ? 0x7FFFu : BitConverter.HalfToUInt16Bits((Half)BitConverter.UInt32BitsToSingle(x)), 2),
        "cvt.rna.tf32.f32" => (x => (IsNaN(x) ? x : x + TF32Step / 2) & ~(TF32Step - 1), 4),
        "rcp.approx.f32" => Function(HopperMufu.Reciprocal),
        "rcp.approx.ftz.f32" => Function(HopperMufu.ReciprocalFtz),
        "rsqrt.approx.f32" => Function(HopperMufu.ReciprocalSqrt),
        "rsqrt.approx.ftz.f32" => Function(HopperMufu.ReciprocalSqrtFtz),
        "ex2.approx.f32" => Function(HopperMufu.Exp2),
        "ex2.approx.ftz.f32" => Function(HopperMufu.Exp2Ftz),
        "lg2.approx.f32" => Function(HopperMufu.Log2),
        "lg2.approx.ftz.f32" => Function(HopperMufu.Log2Ftz),
        Measured => Function(x => Correct.Tanh(x) is var y && float.IsNaN(y) ? BitConverter.UInt32BitsToSingle(0x7FFFFFFF) : y),
        _ => throw new FormatException($"holds {instruction}, for which nothing is expected; docs/spec/capture.md 4 lists what is"),
    };

    private static (Func<uint, uint>, int) Function(Func<float, float> f) => (x => BitConverter.SingleToUInt32Bits(f(BitConverter.UInt32BitsToSingle(x))), 4);

    private static bool IsNaN(uint x) => float.IsNaN(BitConverter.UInt32BitsToSingle(x));
}
