using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Faulty;

internal static partial class Bugs
{
    /// <summary>Dense products, sums and casts with a rounding that the contract does not have.</summary>
    private static IEnumerable<Variant> Precisions()
    {
        yield return Product("accumulator-bf16", "The sum is kept in bfloat16, rounded after every 32 products.", Dots.Rounded(32, BFloat16.RoundToFloat), ["linear[t=16,n=64,k=1024]", "linear[t=16,n=64,k=2048,y=bf16]"]);
        yield return Product("accumulator-fp16", "The sum is kept in binary16, rounded after every 32 products.", Dots.Rounded(32, x => (float)(Half)x), ["linear[t=16,n=64,k=1024]", "linear[t=32,n=128,k=2048,y=bf16]"]);
        yield return Product("accumulator-14-bits", "The sum keeps 13 fraction bits, cut toward zero after every 32 products: an FP8 unit's accumulator.",
            Dots.Rounded(32, x => FractionCut.Truncate(x, 10)), ["linear[t=32,n=64,k=2048]", "linear[t=32,n=256,k=2048,y=bf16]"]);
        yield return Product("split-k-bf16-combine", "K is split into four, and the parts are stored and added in bfloat16.", Dots.Split(4, BFloat16.RoundToFloat), ["linear[t=16,n=64,k=2048]", "linear[t=64,n=256,k=2048,y=bf16]"]);
        yield return Product("split-k-fp16-combine", "K is split into two, and the parts are stored and added in binary16.", Dots.Split(2, x => (float)(Half)x), ["linear[t=16,n=64,k=1024]"]);
        yield return Variant.Instead<LinearCall>("operands-tf32", "binary32 operands are rounded to TF32 before the product, as a tensor core takes them.", ["linear[t=16,n=64,k=1024]", "linear[t=4,n=128,k=7168]"],
            c => c with { X = Values.Map(c.X, Tf32), Weight = Values.Map(c.Weight, Tf32) });
        yield return Variant.Instead<LinearCall>("operands-bf16", "binary32 activations are rounded to bfloat16 before the product.", ["linear[t=16,n=64,k=1024]"],
            c => c with { X = Values.Map(c.X, BFloat16.RoundToFloat) });
        yield return Variant.Of<LinearCall>("store-truncated", "The store to bfloat16 cuts instead of rounding.", ["linear[t=64,n=256,k=512,y=bf16]", "linear[t=16,n=512,k=7168,y=bf16]"],
            (c, run) => StoredBy(run, c.Y, y => c with { Y = y }, Values.CutToBFloat16));
        yield return Variant.Of<LinearCall>("store-twice-rounded", "The sum goes through binary16 on its way to bfloat16.", ["linear[t=64,n=256,k=2048,y=bf16]"],
            (c, run) => StoredBy(run, c.Y, y => c with { Y = y }, x => (float)(Half)x));
        yield return Variant.After<AddCall>("flush-to-zero", "Subnormal results become zero.", ["add[n=4096,map=boundary]"],
            c => c.Y, (_, y) => Flush(y));
        yield return Variant.Of<AddCall>("add-in-bf16", "The residual sum is rounded to bfloat16 though the stream is binary32.", ["add[n=4096]"],
            (c, run) => StoredBy(run, c.Y, y => c with { Y = y }, BFloat16.RoundToFloat));
        yield return Variant.Of<CastCall>("cast-truncated", "The cast to bfloat16 cuts.", ["cast[n=4096]", "cast[n=4096,map=boundary]"],
            (c, _) => Values.Store(Array.ConvertAll(Values.Of(c.X), Values.CutToBFloat16), c.Y));
        yield return Variant.Of<CastCall>("cast-ties-away", "Ties of the cast to bfloat16 go away from zero, not to even.", ["cast[n=65536]", "cast[n=4096,map=boundary]"],
            (c, _) => Values.Store(Array.ConvertAll(Values.Of(c.X), Values.AwayToBFloat16), c.Y));
        yield return Variant.Of<CastCall>("cast-saturates", "The cast to bfloat16 saturates where the contract gives an infinity.", ["cast[n=4096,map=boundary]"],
            (c, _) => Values.Store(Array.ConvertAll(Values.Of(c.X), x => float.IsNaN(x) ? x : Math.Clamp(x, -BFloat16.MaxValue.ToSingle(), BFloat16.MaxValue.ToSingle())), c.Y));
    }

    private static Variant Product(string name, string sentence, Dot dot, IReadOnlyList<string> cases) =>
        Variant.Of<LinearCall>(name, sentence, cases, (c, _) => Dots.Run(c, dot));

    /// <summary>Makes a call with a binary32 output, and stores that by another rounding.</summary>
    private static void StoredBy(VariantRun run, Tensor y, Func<Tensor, OperationCall> into, Func<float, float> round)
    {
        var wide = new Tensor(DType.F32, y.Shape);
        run.Right(into(wide));
        Values.Store(Array.ConvertAll(Values.Of(wide), v => round(v)), y);
    }

    private static float Tf32(float x) => FractionCut.ToNearestEven(x, 13);

    private static void Flush(float[] y)
    {
        for (int i = 0; i < y.Length; i++)
        {
            if (float.IsSubnormal(y[i]))
                y[i] = MathF.CopySign(0f, y[i]);
        }
    }
}
