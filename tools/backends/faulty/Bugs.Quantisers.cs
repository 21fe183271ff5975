using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Faulty;

internal static partial class Bugs
{
    private const string Activation8 = "quantize[t=16,k=1024]";
    private const string Activation8OfBFloat16 = "quantize[t=64,k=7168,x=bf16]";
    private const string Power8 = "quantize[t=16,k=1024,scales=ue8m0]";

    /// <summary>Quantisers.</summary>
    private static IEnumerable<Variant> Quantisers()
    {
        yield return Quantiser("scale-after-quantise", "Values are cast first; the scale is only stored.", new QuantiserLoop { Quotient = (x, _) => x }, [Activation8]);
        yield return Quantiser("ue8m0-floor", "Power-of-two scales are rounded down: the largest values saturate.", new QuantiserLoop { Scale = (a, _) => PowerBelow(MathF.Max(a, TileScale.Least) / 448f) }, [Power8]);
        yield return Quantiser("ue8m0-one-too-large", "Power-of-two scales are twice as large as they need be.", new QuantiserLoop { Scale = (a, q) => 2f * TileScale.Of(a, 448f, q).Scale }, [Power8]);
        yield return Quantiser("ue8m0-nearest", "Power-of-two scales are rounded to nearest.", new QuantiserLoop { Scale = (a, _) => PowerBelow(1.4142135f * MathF.Max(a, TileScale.Least) / 448f) }, [Power8]);
        yield return Quantiser("codes-truncated", "Codes are cut instead of rounded.", new QuantiserLoop { Code = Cut }, [Activation8, Activation8OfBFloat16]);
        yield return Quantiser("codes-ties-away", "Ties go away from zero.", new QuantiserLoop { Code = Away }, ["quantize[t=64,k=1024,scales=ue8m0,x=bf16]"]);
        yield return Variant.Instead<QuantizeCall>("quantise-by-reciprocal", "The quotient is a product with 1/s.", ["quantize[t=64,k=1024,x=bf16]", "quantize[t=64,k=1024,map=logspread]"],
            c => c with { Attributes = c.Attributes with { Arithmetic = QuantizerArithmetic.DeepGemm } });
        yield return Variant.Instead<QuantizeCall>("scale-by-reciprocal", "The scale is amax·(1/448), not amax/448.", ["quantize[t=64,k=1024]", Activation8OfBFloat16],
            c => c with { Attributes = c.Attributes with { Arithmetic = QuantizerArithmetic.TileLang } });
        yield return Variant.Instead<QuantizeCall>("amax-clamp-missing", "A tile of zeros is not kept from dividing by zero.", ["quantize[t=512,k=1,map=int]"],
            c => c with { Attributes = c.Attributes with { Clamp = QuantizationClamp.None } });
        yield return Quantiser("amax-without-sign", "The largest value is taken, not the largest magnitude.", new QuantiserLoop { Amax = tile => tile.Max() }, [Activation8]);
        yield return Quantiser("amax-misses-last", "The tile's last element takes no part in its maximum.", new QuantiserLoop { Amax = tile => tile.AsSpan(0, tile.Length - 1).ToArray().Max(MathF.Abs) }, ["quantize[t=256,k=1024]"]);
        yield return Quantiser("amax-of-half-tile", "The maximum is taken of the first 64 elements.", new QuantiserLoop { Amax = tile => tile.Take(64).Max(MathF.Abs) }, [Activation8]);
        yield return Quantiser("amax-bf16", "The maximum is rounded to bfloat16.", new QuantiserLoop { Amax = tile => BFloat16.RoundToFloat(tile.Max(MathF.Abs)) }, [Activation8]);
        yield return Quantiser("ragged-tile-not-padded", "The ragged last tile takes the scale of the tile before.", new QuantiserLoop { Serves = (_, j, across) => j == across - 1 ? j - 1 : j }, ["quantize[t=16,k=1000]"]);
        yield return Quantiser("scales-transposed", "Scales are stored column by column, and read so.", new QuantiserLoop { Place = (i, j, across) => j * across + i }, ["quantize[t=8,k=1024]"]);
        yield return Quantiser("largest-is-240", "The format's largest value is taken to be 240.", new QuantiserLoop { Scale = (a, q) => TileScale.Of(a, 240f, q).Scale }, [Activation8]);
        yield return Quantiser("code-subnormals-dropped", "Quotients below 2^-6 become zero.", new QuantiserLoop { Code = y => MathF.Abs(y) < 0.015625f ? (byte)0 : Float8E4M3.FromSingle(y, Fp8Overflow.Saturate).Bits }, ["quantize[t=16,k=1024,map=logspread]", Activation8OfBFloat16]);
    }

    /// <summary>Dequantisers.</summary>
    private static IEnumerable<Variant> Dequantisers()
    {
        const string Weights = "dequantize[t=256,k=384,tile=block128x128]";
        yield return Dequantiser("dequantise-with-neighbour", "The last tile of a row takes the scale of the tile before.", ["dequantize[t=16,k=1024]", Weights],
            c => c with { Scales = Values.Gather(c.Scales, (i, j) => (i, j == (int)c.Scales.Shape[^1] - 1 ? j - 1 : j)) });
        yield return Dequantiser("dequantise-scale-bf16", "Scales are rounded to bfloat16.", [Weights, "dequantize[t=64,k=1024,y=bf16]"],
            c => c with { Scales = Values.Map(c.Scales, BFloat16.RoundToFloat) });
        yield return Variant.Of<DequantizeCall>("dequantise-store-truncated", "The store to bfloat16 cuts.", ["dequantize[t=64,k=1024,y=bf16]"],
            (c, run) => StoredBy(run, c.Y, y => c with { Y = y }, Values.CutToBFloat16));
        yield return Dequantiser("dequantise-flushes-subnormals", "Subnormal codes become zero.", ["dequantize[t=16,k=1024]"],
            c => c with { Codes = Values.Map(c.Codes, w => MathF.Abs(w) < 0.015625f ? 0f : w) });
        yield return Dequantiser("dequantise-e5m6-cut", "The last bit of an E5M6 code is lost.", ["dequantize[t=16,k=1024,codes=e5m6]"],
            c => c with { Codes = Values.With(c.Codes, w => Array.ConvertAll(w, v => (float)((int)v & ~1)).CopyTo(w, 0)) });
    }

    private static Variant Quantiser(string name, string sentence, QuantiserLoop loop, IReadOnlyList<string> cases) => Variant.Of<QuantizeCall>(name, sentence, cases, (c, _) => loop.Run(c));

    private static Variant Dequantiser(string name, string sentence, IReadOnlyList<string> cases, Func<DequantizeCall, OperationCall> other) => Variant.Instead(name, sentence, cases, other);

    /// <summary>The code at or below a magnitude.</summary>
    private static byte Cut(float y)
    {
        byte code = Float8E4M3.FromSingle(y, Fp8Overflow.Saturate).Bits;
        return MathF.Abs(Float8E4M3.FromBits(code).ToSingle()) > MathF.Abs(y) ? (byte)(code - 1) : code;
    }

    /// <summary>The nearest code, ties away from zero.</summary>
    private static byte Away(float y)
    {
        byte down = Cut(y);
        if ((down & 0x7F) >= 0x7E)
            return down;
        byte up = (byte)(down + 1);
        float middle = (MathF.Abs(Float8E4M3.FromBits(down).ToSingle()) + MathF.Abs(Float8E4M3.FromBits(up).ToSingle())) / 2;
        return MathF.Abs(y) >= middle ? up : down;
    }
}
