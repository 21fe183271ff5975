namespace DeepSeek.Reference.Verification;

public static partial class CaseCatalogue
{
    private const string Sm90 = "schedule=flashmlasm90";
    private const string Hopper = "schedule=flashmlahopper";
    private const string DenseDecode = "schedule=flashmladense";
    private const string Plain = "schedule=canonical";
    private const string Narrow = "q=bf16,keys=bf16,y=bf16";
    private const string LatentRow = "hk=1,d=24,dv=16,latent=yes";

    // Names of the record's fields with a value that the preset before them does not have, in a combination that a kernel could mean.
    private static readonly string[] FieldsOfTwoPasses =
    [
        "scores=everystep", "scores=everystep,weights=bf16", "weights=bf16", "weights=f8", "base=two", "scaling=aftermaximum", "base=two,scaling=aftermaximum", "maximum=dropsnan",
        "order=sequential", "order=exact", "order=float64", "order=quad", "division=quotient", "division=reciprocal", "empty=positiveinfinity",
        "qk=sequential", "qk=exact", "qk=float64", "pv=sequential", "pv=exact", "pv=float64", "start=-1e30", "masked=-1e9",
        "division=quotient,weights=bf16", "division=quotient,weights=bf16,denominator=rounded", "division=quotient,weights=f8,denominator=rounded",
        "block=4,keysplit=even,parts=2", "block=4,keysplit=even,parts=3,division=quotient,combine=descending", "block=4,keysplit=flashmla,parts=2,combine=butterfly,partials=bf16",
    ];

    private static readonly string[] FieldsOfBlocks =
    [
        "base=e", "scaling=beforemaximum", "maximum=propagatesnan", "start=none,masked=none", "masked=none", "weights=f32,pv=lanes16", "weights=f8", "denominator=rounded", "order=lanes16",
        "order=sequential", "order=exact", "order=float64", "division=reciprocal", "empty=negativeinfinity", "qk=lanes16", "qk=sequential", "qk=exact", "qk=float64", "qk=ampere-mma-bf16-f32",
        "pv=lanes16", "pv=sequential", "pv=exact", "pv=float64", "pv=ampere-mma-bf16-f32", "block=16", "block=32", "block=128", "keysplit=none,combine=ascending", "keysplit=even",
    ];

    /// <summary>Attention contracts (rule N23): presets, every value of every field, splits, masked rows, special values, DeepSeek-V3's sizes.</summary>
    private static IEnumerable<string> AttentionContracts()
    {
        foreach (string field in FieldsOfTwoPasses)
            yield return $"attention[s=3,t=37,h=2,{LatentRow},lse=yes,{Plain},{field}]";
        foreach (string field in FieldsOfBlocks)
            yield return $"attention[s=3,t=100,h=2,{LatentRow},{Narrow},lse=yes,{DenseDecode},{field}]";
        yield return $"attention[s=2,t=19,h=3,hk=1,d=20,dv=16,{Narrow},latent=yes,split=16,lse=yes,schedule=deepseekinference]";
        yield return $"attention[s=5,t=5,h=3,hk=3,d=12,dv=7,lse=yes,{Plain}]";
        foreach (string online in new[] { "block=16,passes=online,division=quotient", "block=64,passes=online,division=quotient", "block=128,passes=online,division=quotient", "passes=online,division=quotient" })
        {
            yield return $"attention[s=2,t=150,h=2,{LatentRow},lse=yes,{Plain},{online}]";
            yield return $"attention[s=3,t=40,h=2,hk=2,d=24,dv=9,lse=yes,{Plain},{online},weights=bf16,base=two,scaling=aftermaximum]";
        }

        foreach (string preset in new[] { DenseDecode, Sm90, Hopper })
        {
            // Around the edges of blocks, pairs and quads; queries that see none, some, all keys.
            foreach (int t in new[] { 1, 2, 7, 8, 63, 64, 65, 127, 128, 129, 200 })
                yield return $"attention[s=1,t={t},h=2,{LatentRow},{Narrow},lse=yes,{preset}]";
            yield return $"attention[s=0,t=70,h=2,{LatentRow},{Narrow},{preset}]";
            yield return $"attention[s=2,t=0,h=2,{LatentRow},{Narrow},lse=yes,{preset}]";
            yield return $"attention[s=6,t=2,h=2,{LatentRow},{Narrow},first=0,lse=yes,{preset}]";
            yield return $"attention[s=4,t=130,h=2,{LatentRow},{Narrow},first=62,lse=yes,{preset}]";
            yield return $"attention[s=3,t=70,h=3,hk=3,d=21,dv=5,{Narrow},values=bf16,lse=yes,{preset}]";
            yield return $"attention[s=2,t=70,h=2,{LatentRow},q=bf16,keys=bf16,lse=yes,{preset}]";
            foreach (string map in new[] { "uniform", "int", "logspread", "outlier", "boundary", "special", "tie" })
                yield return $"attention[s=2,t=70,h=2,{LatentRow},{Narrow},map={map},lse=yes,{preset}]";
            yield return $"attention[s=2,t=70,h=2,{LatentRow},{Narrow},scale=0.135,lse=yes,{preset}]";

            // One, two and three splits of FlashMLA's scheduler; a row whose last split is masked altogether.
            foreach (int parts in new[] { 2, 3, 40 })
                yield return $"attention[s=1,t=833,h=1,hk=1,d=12,dv=8,latent=yes,{Narrow},lse=yes,{preset},parts={parts}]";
            yield return $"attention[s=1,t=448,h=1,hk=1,d=20,dv=16,latent=yes,{Narrow},first=100,lse=yes,{preset},parts=2]";

            yield return $"attention[s=1,t=70,h=2,hk=1,d=576,dv=512,latent=yes,{Narrow},scale=0.1352337,lse=yes,{preset}]";
            yield return $"attention[s=2,t=130,h=4,hk=1,d=576,dv=512,latent=yes,{Narrow},scale=0.1352337,lse=yes,{preset}]";
            yield return $"attention[s=1,t=449,h=2,hk=1,d=576,dv=512,latent=yes,{Narrow},scale=0.1352337,lse=yes,{preset},parts=2]";
            yield return $"attention[s=1,t=833,h=16,hk=1,d=576,dv=512,latent=yes,{Narrow},scale=0.1352337,lse=yes,{preset},parts=3]";
            yield return $"attention[s=1,t=130,h=128,hk=1,d=576,dv=512,latent=yes,{Narrow},scale=0.1352337,lse=yes,{preset}]";
            yield return $"attention[s=1,t=130,h=2,hk=2,d=192,dv=128,{Narrow},values=bf16,scale=0.1352337,lse=yes,{preset}]";
        }

        foreach (string field in new[] { "qk=lanes16,pv=lanes16", "qk=sequential,pv=sequential", "qk=ampere-mma-bf16-f32,pv=ampere-mma-bf16-f32" })
            yield return $"attention[s=2,t=200,h=2,{LatentRow},{Narrow},lse=yes,{Sm90},{field}]";
        foreach (string combine in new[] { "ascending", "descending", "butterfly" })
        {
            foreach (string partials in new[] { "f32", "bf16" })
                yield return $"attention[s=2,t=90,h=2,{LatentRow},{Narrow},lse=yes,{DenseDecode},block=8,keysplit=even,parts=5,combine={combine},partials={partials}]";
        }

        yield return $"attention[s=1,t=200,h=1,hk=1,d=8,dv=4,latent=yes,{Narrow},lse=yes,{DenseDecode},block=8,keysplit=even,parts=25]";
        yield return $"attention[s=1,t=400,h=1,hk=1,d=8,dv=4,latent=yes,{Narrow},lse=yes,{DenseDecode},block=8,keysplit=even,parts=40]";
        yield return $"attention[s=4,t=9,h=2,hk=2,d=8,dv=4,first=0,lse=yes,{Plain},masked=-1e9]";

        // A GPU's functions under the general definition: division by a reciprocal, two parts.
        yield return $"attention[s=2,t=70,h=2,{LatentRow},{Narrow},lse=yes,{DenseDecode},division=reciprocal,functions=hopper-fast-math]";
        yield return $"attention[s=2,t=70,h=2,{LatentRow},{Narrow},lse=yes,{DenseDecode},block=8,keysplit=even,parts=2,functions=hopper-fast-math]";

        // Queries of which every score is NaN: what a maximum makes of them decides whether the row is empty.
        foreach (string maximum in new[] { "dropsnan", "propagatesnan" })
            yield return $"attention[s=2,t=9,h=2,{LatentRow},map=special,lse=yes,{Plain},maximum={maximum}]";
        yield return $"attention[s=6,t=2,h=2,hk=2,d=8,dv=4,first=0,lse=yes,{Plain},masked=-1e9,block=4,passes=online,division=quotient]";
    }
}
