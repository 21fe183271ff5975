using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using static DeepSeek.Reference.Numerics.Inlining;

namespace DeepSeek.Reference.Numerics;

/// <summary>
/// The element functions on registers, for kernels that fuse them (softmax, gated activations): lane for lane the bits of
/// <see cref="Correct"/>.
/// </summary>
/// <remarks>512-bit forms need <see cref="Isa.Has512"/>, 256-bit forms <see cref="Isa.Has256"/>.</remarks>
internal static class CorrectVector
{
    /// <summary>e^x.</summary>
    [MethodImpl(Always)] public static Vector512<float> Exp(Vector512<float> x) => Map<ExpFunction>(x);

    /// <summary>e^x.</summary>
    [MethodImpl(Always)] public static Vector256<float> Exp(Vector256<float> x) => Map<ExpFunction>(x);

    /// <summary>1 / (1 + e^-x).</summary>
    [MethodImpl(Always)] public static Vector512<float> Sigmoid(Vector512<float> x) => Map<SigmoidFunction>(x);

    /// <summary>1 / (1 + e^-x).</summary>
    [MethodImpl(Always)] public static Vector256<float> Sigmoid(Vector256<float> x) => Map<SigmoidFunction>(x);

    /// <summary>x / (1 + e^-x).</summary>
    [MethodImpl(Always)] public static Vector512<float> SiLU(Vector512<float> x) => Map<SiLUFunction>(x);

    /// <summary>x / (1 + e^-x).</summary>
    [MethodImpl(Always)] public static Vector256<float> SiLU(Vector256<float> x) => Map<SiLUFunction>(x);

    /// <summary>log x.</summary>
    [MethodImpl(Always)] public static Vector512<float> Log(Vector512<float> x) => Map<LogFunction>(x);

    /// <summary>log x.</summary>
    [MethodImpl(Always)] public static Vector256<float> Log(Vector256<float> x) => Map<LogFunction>(x);

    /// <summary>1 / √x.</summary>
    [MethodImpl(Always)] public static Vector512<float> ReciprocalSqrt(Vector512<float> x) => Map<ReciprocalSqrtFunction>(x);

    /// <summary>1 / √x.</summary>
    [MethodImpl(Always)] public static Vector256<float> ReciprocalSqrt(Vector256<float> x) => Map<ReciprocalSqrtFunction>(x);

    /// <summary>Any of the functions, 16 lanes.</summary>
    [MethodImpl(Always)]
    public static Vector512<float> Map<TFunction>(Vector512<float> x) where TFunction : struct, IElementFunction =>
        Vector512.Create(ElementMap<TFunction>.Eight(x.GetLower()), ElementMap<TFunction>.Eight(x.GetUpper()));

    /// <summary>Any of the functions, 8 lanes: in one 512-bit register where there is one.</summary>
    [MethodImpl(Always)]
    public static Vector256<float> Map<TFunction>(Vector256<float> x) where TFunction : struct, IElementFunction =>
        Isa.Has512
            ? ElementMap<TFunction>.Eight(x)
            : Vector256.Create(ElementMap<TFunction>.Four(x.GetLower()), ElementMap<TFunction>.Four(x.GetUpper()));
}
