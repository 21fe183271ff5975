namespace DeepSeek.Reference.Verification;

/// <summary>How much a verification runs.</summary>
public enum CaseLevel
{
    /// <summary>Cases of at most 2^22 multiply-adds: every operation, dtype combination and attribute value at least once.</summary>
    Quick,

    /// <summary>All cases.</summary>
    Full,
}

/// <summary>The cases that golden/manifest.jsonl holds.</summary>
/// <remarks>
/// Each operation lists its own strings: small, ragged (no dimension a multiple of 16), empty, every dtype combination, every value of every
/// attribute, the value maps, and shapes taken from the 671B model (7168, 2048, 1536, 576, 512, 192, 128, 64; 256 experts in 8 groups) with few rows.
/// </remarks>
public static partial class CaseCatalogue
{
    /// <summary>The most multiply-adds of a quick case.</summary>
    public const long QuickLimit = 1 << 22;

    /// <summary>The most multiply-adds of a case that the witness recomputes in exact arithmetic.</summary>
    public const long WitnessLimit = 20_000;

    private static readonly string[] Floats = ["f32", "bf16"];
    private static readonly string[] Sums = ["lanes16", "sequential", "exact", "float64"];
    private static readonly string[] Contracts = ["canonical", "deepseekinference", "huggingface", "ideal"];

    /// <summary>All cases, ordered by id.</summary>
    public static IReadOnlyList<OperationCase> All { get; } = Build();

    /// <summary>The level that a case belongs to.</summary>
    public static CaseLevel LevelOf(OperationCase c) => c.MultiplyAdds <= QuickLimit ? CaseLevel.Quick : CaseLevel.Full;

    /// <summary>Who recomputes a case without the library's code: tools/witness/witness.py takes what costs it at most <see cref="WitnessLimit"/>, and every case of golden/showcase.</summary>
    public static IReadOnlyList<string> WitnessesOf(OperationCase c) => c.MultiplyAdds <= WitnessLimit || Showcase.Holds(c) ? ["python"] : [];

    private static OperationCase[] Build()
    {
        IEnumerable<string> texts = Dense().Concat(Positions()).Concat(Matrices()).Concat(UnitProducts()).Concat(Scaled()).Concat(Quantisers()).Concat(Attentions()).Concat(AttentionContracts()).Concat(Experts()).Concat(BackwardProducts()).Concat(BackwardRows())
            .Concat(Maps()).Concat(ModelShapes()).Concat(Showcase.Cases.Select(c => c.Id));
        return [.. texts.Select(OperationCase.Parse).DistinctBy(c => c.ToString()).OrderBy(c => c.ToString(), StringComparer.Ordinal)];
    }

    /// <summary>Element-wise operations, lookups and rows.</summary>
    private static IEnumerable<string> Dense()
    {
        foreach (string a in Floats)
        {
            foreach (string y in Floats)
            {
                yield return $"embedding[v=37,d=19,t=11,weight={a},y={y}]";
                yield return $"cast[n=515,x={a},y={y}]";
                yield return $"cast[n=515,x={a},y={y},map=boundary]";
                yield return $"cast[n=515,x={a},y={y},map=special]";
                yield return $"softmax[t=3,n=67,x={a},y={y}]";
                yield return $"log_softmax[t=3,n=67,x={a},y={y}]";
                foreach (string b in Floats)
                {
                    yield return $"add[n=131,a={a},b={b},y={y}]";
                    yield return $"swiglu[n=131,gate={a},up={b},y={y}]";
                    yield return $"swiglu[n=131,gate={a},up={b},y={y},rounding=aftersilu]";
                    yield return $"rms_norm[t=3,n=67,x={a},weight={b},y={y}]";
                    yield return $"rms_norm[t=3,n=67,x={a},weight={b},y={y},rounding=beforeweight]";
                    yield return $"mtp_input[t=3,d=17,embedding={a},hidden={b},y={y}]";
                }
            }
        }

        foreach (string map in new[] { "uniform", "int", "logspread", "outlier", "boundary", "special", "tie" })
        {
            yield return $"add[n=515,map={map}]";
            yield return $"swiglu[n=515,map={map}]";
            yield return $"swiglu[n=515,map={map},contract=deepseekinference]";
            yield return $"rms_norm[t=5,n=131,map={map}]";
            yield return $"rms_norm[t=5,n=131,map={map},contract=deepseekinference]";
            yield return $"softmax[t=5,n=131,map={map}]";
            yield return $"log_softmax[t=5,n=131,map={map}]";
        }

        foreach (string contract in Contracts)
        {
            yield return $"embedding[v=101,d=64,t=7,contract={contract}]";
            yield return $"add[n=1024,contract={contract}]";
            yield return $"swiglu[n=2048,contract={contract}]";
            yield return $"rms_norm[t=2,n=7168,contract={contract}]";
            yield return $"mtp_input[t=2,d=7168,contract={contract}]";
        }

        yield return "embedding[v=37,d=19,t=11,long=yes]";
        yield return "embedding[v=5,d=8,t=0]";
        yield return "embedding[v=129,d=7168,t=16]";
        yield return "cast[n=0]";
        yield return "cast[n=1]";
        yield return "add[n=0]";
        yield return "add[n=1]";
        yield return "swiglu[n=0]";
        yield return "swiglu[n=1]";
        yield return "swiglu[n=65536]";
        yield return "swiglu[n=2097152]";
        yield return "mtp_input[t=1,d=17,order=hiddenfirst]";
        yield return "mtp_input[t=0,d=17]";
        foreach (int n in new[] { 1, 15, 16, 17, 31, 33, 64, 512, 1536 })
        {
            yield return $"rms_norm[t=3,n={n}]";
            yield return $"softmax[t=3,n={n}]";
            yield return $"log_softmax[t=3,n={n}]";
        }

        yield return "rms_norm[t=0,n=7168]";
        yield return "rms_norm[t=3,n=64,eps=1e-5]";
        yield return "rms_norm[t=3,n=64,map=logspread,eps=0]";
        yield return "rms_norm[t=512,n=7168]";
        yield return "softmax[t=0,n=5]";
        yield return "softmax[t=1,n=129280]";
        yield return "log_softmax[t=1,n=129280]";
        yield return "log_softmax[t=32,n=129280]";
    }

    /// <summary>RoPE: layouts, rotations, dtypes, long positions.</summary>
    private static IEnumerable<string> Positions()
    {
        foreach (string layout in new[] { "interleaved", "interleavedtohalf", "half" })
        {
            foreach (string rotation in new[] { "fused", "separate", "everystep" })
            {
                yield return $"rope[t=5,h=3,d=10,dr=6,layout={layout},rotation={rotation}]";
                yield return $"rope[t=3,h=2,d=192,dr=64,layout={layout},rotation={rotation},x=bf16,y=bf16]";
                yield return $"rope[t=2,h=1,d=64,dr=64,start=4095,layout={layout},rotation={rotation}]";
            }
        }

        foreach (string x in Floats)
        {
            foreach (string y in Floats)
                yield return $"rope[t=5,h=2,d=24,dr=16,x={x},y={y},start=100]";
        }

        foreach (string contract in Contracts)
            yield return $"rope[t=4,h=4,d=192,dr=64,start=163836,contract={contract}]";
        foreach (string map in new[] { "logspread", "boundary", "special", "tie" })
            yield return $"rope[t=4,h=2,d=24,dr=16,map={map}]";
        yield return "rope[t=4,h=2,d=24,dr=16,magnitude=1.25]";
        yield return "rope[t=4,h=2,d=24,dr=16,magnitude=1.25,rotation=everystep]";
        yield return "rope[t=3,h=2,d=8,dr=0]";
        yield return "rope[t=0,h=2,d=8,dr=4]";
        yield return "rope[t=1,h=128,d=192,dr=64,start=1]";
        yield return "rope[t=128,h=128,d=192,dr=64]";
    }
}
