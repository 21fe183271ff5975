using System.Runtime.Intrinsics;
using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Tests.Numerics;

internal delegate void SpanForm(ReadOnlySpan<float> x, Span<float> y);

/// <summary>One element function in each of its forms, by the oracle's name for it.</summary>
internal sealed record ElementForms(Func<float, float> Scalar, SpanForm Span, IReadOnlyList<(string Path, SpanForm Form)> Paths)
{
    public static ElementForms Of(string name) => name switch
    {
        "exp" => Make<ExpFunction>(Correct.Exp, Correct.Exp),
        "exp2" => Make<Exp2Function>(Correct.Exp2, Correct.Exp2),
        "expm1" => Make<Expm1Function>(Correct.Expm1, Correct.Expm1),
        "log" => Make<LogFunction>(Correct.Log, Correct.Log),
        "log2" => Make<Log2Function>(Correct.Log2, Correct.Log2),
        "log1p" => Make<Log1pFunction>(Correct.Log1p, Correct.Log1p),
        "sin" => Make<SinFunction>(Correct.Sin, Correct.Sin),
        "cos" => Make<CosFunction>(Correct.Cos, Correct.Cos),
        "tanh" => Make<TanhFunction>(Correct.Tanh, Correct.Tanh),
        "sigmoid" => Make<SigmoidFunction>(Correct.Sigmoid, Correct.Sigmoid),
        "silu" => Make<SiLUFunction>(Correct.SiLU, Correct.SiLU),
        "rsqrt" => Make<ReciprocalSqrtFunction>(Correct.ReciprocalSqrt, Correct.ReciprocalSqrt),
        _ => throw new ArgumentException($"no function {name}", nameof(name)),
    };

    public static uint Bits(float x) => BitConverter.SingleToUInt32Bits(x);

    public static float Value(uint bits) => BitConverter.UInt32BitsToSingle(bits);

    private static ElementForms Make<T>(Func<float, float> scalar, SpanForm span) where T : struct, IElementFunction
    {
        // The 128-bit path is taken on Arm64 only, but its operations exist everywhere.
        var paths = new List<(string, SpanForm)> { ("dispatched", span), ("scalar", ElementMap<T>.SpanScalar), ("128", ElementMap<T>.Span128) };
        if (Isa.Has512)
        {
            paths.Add(("512", ElementMap<T>.Span512));
            paths.Add(("register of 16", Registers512<T>));
        }
        if (Isa.Has256)
        {
            paths.Add(("256", ElementMap<T>.Span256));
            paths.Add(("register of 8", Registers256<T>));
        }
        return new ElementForms(scalar, span, paths);
    }

    private static void Registers512<T>(ReadOnlySpan<float> x, Span<float> y) where T : struct, IElementFunction
    {
        Span<float> part = stackalloc float[16];
        for (int i = 0; i < x.Length; i += 16)
        {
            ReadOnlySpan<float> from = x.Slice(i, Math.Min(16, x.Length - i));
            from.CopyTo(part);
            CorrectVector.Map<T>(Vector512.Create<float>(part)).CopyTo(part);
            part[..from.Length].CopyTo(y[i..]);
        }
    }

    private static void Registers256<T>(ReadOnlySpan<float> x, Span<float> y) where T : struct, IElementFunction
    {
        Span<float> part = stackalloc float[8];
        for (int i = 0; i < x.Length; i += 8)
        {
            ReadOnlySpan<float> from = x.Slice(i, Math.Min(8, x.Length - i));
            from.CopyTo(part);
            CorrectVector.Map<T>(Vector256.Create<float>(part)).CopyTo(part);
            part[..from.Length].CopyTo(y[i..]);
        }
    }
}
