using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Faulty;

internal static partial class Bugs
{
    private const string Fp8 = "scaled_linear[t=16,n=128,k=7168]";

    /// <summary>Over fewer than 32 rows a legitimate order of the sums may make twice the error (docs/spec/noise.md), and a longer interval no more than that.</summary>
    private const string Fp8OfManyRows = "scaled_linear[t=32,n=64,k=7168]";
    private const string Fp8InBFloat16 = "scaled_linear[t=64,n=256,k=7168,y=bf16]";

    /// <summary>Block-scaled FP8 products.</summary>
    private static IEnumerable<Variant> ScaledProducts()
    {
        yield return Promoted("promotion-256", "Hopper's accumulator is moved to binary32 every 256 elements, not every 128.", 2);
        yield return Promoted("promotion-512", "Hopper's accumulator is moved to binary32 every 512 elements, not every 128.", 4);
        yield return Promoted("promotion-never", "All of K stays in Hopper's accumulator of 13 fraction bits.", int.MaxValue);
        yield return Variant.Of<ScaledLinearCall>("scaled-split-k-bf16-combine", "K is split into four, and the parts are stored and added in bfloat16.", ["scaled_linear[t=16,n=64,k=2048]", "scaled_linear[t=32,n=256,k=2048,y=bf16]"],
            (c, _) => ScaledDots.Run(c, ScaledDots.Split(4, BFloat16.RoundToFloat)));
        yield return Variant.Of<ScaledLinearCall>("scaled-accumulator-bf16", "The sum over blocks is kept in bfloat16.", ["scaled_linear[t=16,n=64,k=1024]", "scaled_linear[t=32,n=256,k=2048,y=bf16]"],
            (c, _) => ScaledDots.Run(c, ScaledDots.Blocks((i, _) => i, (acc, part) => BFloat16.RoundToFloat(acc + part), HopperChain.AsMeasured)));
        yield return Scaled("weight-scale-transposed", "The weight's scales are read in column-major order.", ["scaled_linear[t=8,n=384,k=384]", "scaled_linear[t=8,n=512,k=512,y=bf16]"],
            c => c with { WeightScale = Values.Gather(c.WeightScale, (i, j) => (j, i)) });
        yield return Scaled("weight-scale-of-neighbour", "The scale of the last weight block of a row is that of the block before.", [Fp8, "scaled_linear[t=33,n=256,k=2048,y=bf16]"],
            c => c with { WeightScale = Values.Gather(c.WeightScale, (i, j) => (i, j == (int)c.WeightScale.Shape[1] - 1 ? j - 1 : j)) });
        yield return Scaled("activation-scale-of-neighbour", "Each activation block is scaled with the next block's scale.", ["scaled_linear[t=16,n=64,k=2048]", "scaled_linear[t=16,n=64,k=7168,y=bf16]"],
            c => c with { XScale = Values.Gather(c.XScale, (i, j) => (i, Math.Min(j + 1, (int)c.XScale.Shape[1] - 1))) });
        yield return Scaled("activation-scale-of-next-row", "The last row's scales are those of the row before.", ["scaled_linear[t=65,n=64,k=1024]"],
            c => c with { XScale = Values.Gather(c.XScale, (i, j) => (i == (int)c.XScale.Shape[0] - 1 ? i - 1 : i, j)) });
        yield return Scaled("scales-bf16", "The scales of the activations are rounded to bfloat16.", ["scaled_linear[t=16,n=64,k=1024]", "scaled_linear[t=32,n=128,k=2048,y=bf16]"],
            c => c with { XScale = Values.Map(c.XScale, BFloat16.RoundToFloat) });
        yield return Scaled("scales-as-exponents", "Only the exponents of the scales are taken.", ["scaled_linear[t=16,n=64,k=1024]"],
            c => c with { XScale = Values.Map(c.XScale, PowerBelow), WeightScale = Values.Map(c.WeightScale, PowerBelow) });
        yield return Variant.Of<ScaledLinearCall>("scale-once", "All blocks of a row are added first, and the sum gets the first block's scales.", ["scaled_linear[t=16,n=64,k=1024]"],
            (c, run) => run.Right(c with { XScale = Values.Gather(c.XScale, (i, _) => (i, 0)), WeightScale = Values.Gather(c.WeightScale, (i, _) => (i, 0)) }));
        yield return Scaled("c-ignored", "The sum is stored, not added to C.", ["scaled_linear[t=16,n=64,k=512,rows=yes,add=yes]"], c => c with { C = null });
        yield return Variant.After<ScaledLinearCall>("c-added-twice", "C is added twice.", ["scaled_linear[t=16,n=64,k=512,rows=yes,add=yes]"],
            c => c.Y, (c, y) => AddTo(y, Values.Of(c.C!)));
        yield return Variant.Of<ScaledLinearCall>("c-added-in-bf16", "The sum is rounded to bfloat16 before it is added to C.", ["scaled_linear[t=32,n=64,k=512,rows=yes,add=yes]"],
            (c, run) =>
            {
                var sum = new Tensor(DType.F32, c.Y.Shape);
                run.Right(c with { C = null, Y = sum });
                float[] y = Array.ConvertAll(Values.Of(sum), BFloat16.RoundToFloat);
                AddTo(y, Values.Of(c.C!));
                Values.Store(y, c.Y);
            });
        yield return Variant.Of<ScaledLinearCall>("weight-dequantised-bf16", "Weights and activations are dequantised to bfloat16, and multiplied as such.", ["scaled_linear[t=16,n=64,k=512]", "scaled_linear[t=32,n=128,k=1024,y=bf16]"],
            (c, _) => Dots.Run(Dequantised(c.X, c.XScale, 1), Dequantised(c.Weight, c.WeightScale, ScaledProduct.ScaleBlock), c.Y, Dots.Sequential));
        yield return Scaled("code-subnormals-flushed", "Subnormal E4M3 codes of the weight count as zero.", ["scaled_linear[t=32,n=64,k=512]"],
            c => c with { Weight = Values.Map(c.Weight, w => MathF.Abs(w) < 0.015625f ? 0f : w) });
        yield return Scaled("fp8-k-last-32-dropped", "The last instruction of a ragged K is left out.", ["scaled_linear[t=16,n=64,k=1056]", "scaled_linear[t=64,n=128,k=2080,y=bf16]"],
            c => c with { X = WithoutTail(c.X, 32) });
        yield return Variant.Of<ScaledLinearCall>("scaled-store-truncated", "The store to bfloat16 cuts instead of rounding.", [Fp8InBFloat16],
            (c, run) => StoredBy(run, c.Y, y => c with { Y = y }, Values.CutToBFloat16));
    }

    private static Variant Scaled(string name, string sentence, IReadOnlyList<string> cases, Func<ScaledLinearCall, OperationCall> other) => Variant.Instead(name, sentence, cases, other);

    private static Variant Promoted(string name, string sentence, int blocks) =>
        Variant.Of<ScaledLinearCall>(name, sentence, [Fp8OfManyRows, Fp8InBFloat16], (c, _) => ScaledDots.Run(c, ScaledDots.Carried(blocks)));

    private static void AddTo(float[] y, float[] c)
    {
        for (int i = 0; i < y.Length; i++)
            y[i] += c[i];
    }

    private static float PowerBelow(float s) => BitConverter.UInt32BitsToSingle(BitConverter.SingleToUInt32Bits(s) & 0xFF800000);

    private static Tensor Dequantised(Tensor codes, Tensor scales, int rows)
    {
        float[] x = Values.Of(codes), s = Values.Of(scales);
        int K = (int)codes.Shape[1], B = (int)scales.Shape[1];
        for (int i = 0; i < x.Length; i++)
            x[i] = BFloat16.RoundToFloat(x[i] * s[i / K / rows * B + i % K / ScaledProduct.ScaleBlock]);
        return Tensor.From(x, codes.Shape.Dimensions);
    }
}
