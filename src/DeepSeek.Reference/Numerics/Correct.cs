namespace DeepSeek.Reference.Numerics;

/// <summary>
/// The element functions of the contract, correctly rounded: each result is the binary32 nearest (ties to even) to the
/// exact real value of the function at the binary32 argument (rule N5).
/// </summary>
/// <remarks>
/// <para>
/// Each function is evaluated in binary64 from + - · / √ and fma alone, with an error of about one unit in the 53rd bit, and
/// rounded once to binary32. That one rounding is right unless the exact value lies within the error of a midpoint between
/// two neighbouring floats, about one argument in 2^28; the arguments for which it is wrong were found by running all
/// 2^32 arguments against <c>Verification.ExhaustiveFunctions</c>, and are listed in the function's <c>Finish</c>.
/// </para>
/// <para>
/// The scalar form is the definition. The span forms give the same bits for every length, alignment and vector width; x and
/// y have one length (<see cref="ShapeException"/> otherwise), and are the same memory or do not overlap.
/// NaN in, or no real result: the quiet NaN 0x7FC00000. Rules and figures: docs/spec/elementary-functions.md.
/// Constants: tools/numerics/coefficients.py.
/// </para>
/// </remarks>
public static partial class Correct
{
    /// <summary>The canonical quiet NaN, 0x7FC00000 (rule N3).</summary>
    internal static float NaN => BitConverter.UInt32BitsToSingle(0x7FC00000);
}
