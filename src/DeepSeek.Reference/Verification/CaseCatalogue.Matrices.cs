namespace DeepSeek.Reference.Verification;

public static partial class CaseCatalogue
{
    /// <summary>Dense and grouped products.</summary>
    private static IEnumerable<string> Matrices()
    {
        foreach (string sum in Sums)
        {
            foreach (string x in Floats)
            {
                foreach (string w in Floats)
                {
                    foreach (string y in Floats)
                        yield return $"linear[t=3,n=13,k=67,x={x},weight={w},y={y},sum={sum}]";
                    yield return $"grouped_linear[r=11,g=4,n=5,k=35,x={x},weight={w},y={x},sum={sum}]";
                    yield return $"absorb_query[s=3,h=2,dn=9,dr=4,dv=7,c=21,q={x},kv_b={w},y={x},sum={sum}]";
                    yield return $"absorb_output[s=3,h=2,dn=9,dv=7,c=21,z={x},kv_b={w},y={x},sum={sum}]";
                }
            }

            yield return $"linear[t=2,n=7,k=131,map=logspread,sum={sum}]";
            yield return $"linear[t=2,n=7,k=131,map=boundary,sum={sum}]";

            // Terms that cancel so far that the order of a binary64 sum shows.
            yield return $"linear[t=4,n=17,k=160,map=boundary,sum={sum}]";
            yield return $"linear[t=5,n=11,k=19,map=special,sum={sum}]";
            yield return $"linear[t=2,n=7,k=0,sum={sum}]";
            yield return $"linear[t=1,n=64,k=7168,sum={sum}]";
        }

        foreach (string map in new[] { "uniform", "int", "outlier", "tie", "boundary" })
        {
            yield return $"linear[t=4,n=17,k=131,map={map}]";
            yield return $"linear[t=4,n=17,k=131,map={map},contract=deepseekinference]";
        }

        foreach (string contract in Contracts)
        {
            yield return $"linear[t=3,n=65,k=512,contract={contract}]";
            yield return $"grouped_linear[r=9,g=3,n=33,k=128,contract={contract}]";
            yield return $"absorb_query[s=2,h=4,dn=128,dr=64,dv=128,c=512,contract={contract}]";
            yield return $"absorb_output[s=2,h=4,dn=128,dv=128,c=512,contract={contract}]";
        }

        // Around every edge of a 16-lane, 5x5-tile kernel.
        foreach (int k in new[] { 1, 15, 16, 17, 31, 32, 33, 255, 257 })
            yield return $"linear[t=6,n=7,k={k}]";
        foreach (int t in new[] { 0, 1, 2, 4, 5, 6, 9, 11 })
            yield return $"linear[t={t},n=11,k=48]";
        foreach (int n in new[] { 0, 1, 2, 4, 5, 6, 9 })
            yield return $"linear[t=7,n={n},k=40,weight=bf16]";

        // The 671B model's products, a few rows and a slice of the outputs.
        foreach (string w in Floats)
        {
            yield return $"linear[t=1,n=576,k=7168,weight={w}]";
            yield return $"linear[t=2,n=192,k=1536,weight={w}]";
            yield return $"linear[t=3,n=128,k=2048,weight={w}]";
            yield return $"linear[t=1,n=256,k=16384,weight={w}]";
            yield return $"linear[t=33,n=576,k=7168,weight={w}]";
            yield return $"linear[t=512,n=512,k=2048,weight={w}]";
            yield return $"linear[t=64,n=2048,k=7168,weight={w}]";
            yield return $"linear[t=1,n=4096,k=7168,weight={w}]";
            yield return $"grouped_linear[r=64,g=8,n=512,k=2048,weight={w}]";
        }

        yield return "linear[t=1,n=129280,k=1024,weight=bf16]";
        yield return "grouped_linear[r=0,g=3,n=5,k=8]";
        yield return "grouped_linear[r=7,g=1,n=5,k=8]";
        yield return "grouped_linear[r=3,g=9,n=6,k=20]";
        yield return "grouped_linear[r=16,g=4,n=5,k=0]";
        yield return "absorb_query[s=1,h=128,dn=128,dr=64,dv=128,c=512]";
        yield return "absorb_output[s=1,h=128,dn=128,dv=128,c=512]";
        yield return "absorb_query[s=9,h=128,dn=128,dr=64,dv=128,c=512]";
        yield return "absorb_output[s=9,h=128,dn=128,dv=128,c=512]";
        yield return "absorb_query[s=0,h=2,dn=4,dr=2,dv=4,c=8]";
        yield return "absorb_output[s=0,h=2,dn=4,dv=4,c=8]";
        foreach (string a in Floats)
            yield return $"expand_keys[t=3,h=2,dn=5,dr=4,dv=7,kv={a},k_pe={a},keys={a},values={a}]";
        yield return "expand_keys[t=9,h=16,dn=128,dr=64,dv=128]";
        yield return "expand_keys[t=9,h=16,dn=128,dr=64,dv=128,contract=deepseekinference]";
        yield return "expand_keys[t=0,h=2,dn=5,dr=4,dv=7]";
    }

    /// <summary>Attention: heads, caches, dtypes, roundings, special values.</summary>
    private static IEnumerable<string> Attentions()
    {
        foreach (string rounding in new[] { "none", "probabilities", "everystep" })
        {
            foreach (string x in Floats)
            {
                yield return $"attention[s=5,t=5,h=3,hk=3,d=12,dv=7,q={x},keys={x},values={x},y={x},rounding={rounding},lse=yes]";
                yield return $"attention[s=2,t=19,h=3,hk=1,d=20,dv=13,q={x},keys={x},y={x},latent=yes,rounding={rounding},lse=yes]";
                yield return $"attention[s=2,t=19,h=3,hk=1,d=20,dv=16,q={x},keys={x},y={x},latent=yes,rounding={rounding},split=16]";
            }
        }

        foreach (string sum in Sums)
        {
            yield return $"attention[s=3,t=21,h=2,hk=2,d=24,dv=9,sum={sum}]";
            yield return $"attention[s=3,t=21,h=2,hk=1,d=24,dv=16,latent=yes,sum={sum}]";
        }

        foreach (string q in Floats)
        {
            foreach (string keys in Floats)
                yield return $"attention[s=1,t=33,h=2,hk=2,d=24,dv=16,q={q},keys={keys},values={keys},y={q}]";
        }

        foreach (string contract in Contracts)
        {
            yield return $"attention[s=2,t=40,h=4,hk=4,d=192,dv=128,contract={contract}]";
            yield return $"attention[s=2,t=40,h=4,hk=1,d=576,dv=512,latent=yes,contract={contract}]";
        }

        foreach (string map in new[] { "uniform", "int", "logspread", "outlier", "boundary", "special", "tie" })
            yield return $"attention[s=3,t=18,h=2,hk=1,d=16,dv=8,latent=yes,map={map},lse=yes]";
        foreach (int t in new[] { 1, 2, 15, 16, 17, 31, 32, 33 })
            yield return $"attention[s=1,t={t},h=2,hk=1,d=24,dv=16,latent=yes,lse=yes]";
        yield return "attention[s=0,t=4,h=2,hk=1,d=24,dv=16,latent=yes]";
        yield return "attention[s=2,t=0,h=2,hk=2,d=8,dv=4,lse=yes]";
        yield return "attention[s=4,t=9,h=2,hk=2,d=8,dv=4,first=0,lse=yes]";
        yield return "attention[s=17,t=17,h=2,hk=2,d=40,dv=24]";
        yield return "attention[s=3,t=9,h=2,hk=2,d=16,dv=8,scale=0.135]";
        yield return "attention[s=1,t=256,h=8,hk=1,d=576,dv=512,latent=yes,scale=0.1352337]";
        yield return "attention[s=64,t=64,h=8,hk=8,d=192,dv=128]";
        yield return "attention[s=1,t=1024,h=128,hk=1,d=576,dv=512,latent=yes,scale=0.1352337]";
        yield return "attention[s=9,t=512,h=128,hk=1,d=576,dv=512,latent=yes,scale=0.1352337]";
        yield return "attention[s=96,t=96,h=128,hk=128,d=192,dv=128]";
        yield return "attention[s=96,t=256,h=16,hk=16,d=192,dv=128,keys=bf16,values=bf16]";
    }

    /// <summary>The gate, and the way to the experts and back.</summary>
    private static IEnumerable<string> Experts()
    {
        foreach (string rounding in new[] { "none", "everystep" })
        {
            foreach (string scoring in new[] { "sigmoid", "softmax" })
            {
                foreach (string mask in new[] { "negativeinfinity", "zero" })
                {
                    foreach (string score in new[] { "toptwosum", "max" })
                        yield return $"gate[t=5,e=24,k=4,groups=8,kept=3,scoring={scoring},groupscore={score},mask={mask},rounding={rounding}]";
                }

                yield return $"gate[t=7,e=13,k=3,scoring={scoring},rounding={rounding},map=tie]";
                yield return $"gate[t=5,e=16,k=4,groups=4,kept=2,scoring={scoring},rounding={rounding},logits=bf16,map=tie]";
            }

            yield return $"gate[t=5,e=24,k=4,groups=4,kept=2,bias=no,rounding={rounding}]";
            yield return $"gate[t=5,e=24,k=4,normalize=no,scale=1,rounding={rounding}]";
        }

        foreach (string map in new[] { "uniform", "int", "logspread", "outlier" })
            yield return $"gate[t=9,e=32,k=8,groups=8,kept=4,map={map}]";
        foreach (string contract in Contracts)
        {
            yield return $"gate[t=4,e=256,k=8,groups=8,kept=4,contract={contract}]";
            // DeepSeek-V2's.
            yield return $"gate[t=4,e=160,k=6,groups=8,kept=3,scoring=softmax,groupscore=max,normalize=no,scale=16,bias=no,map=uniform,contract={contract}]";
            yield return $"combine[t=4,d=67,e=16,k=4,contract={contract}]";
            yield return $"dispatch[t=4,d=67,e=16,k=4,contract={contract}]";
        }

        // Softmax scores that bfloat16 would not tell apart: rounded before the choice, 5 of 90 slots get another expert, and 27 another weight.
        yield return "gate[t=15,e=160,k=6,groups=8,kept=3,scoring=softmax,groupscore=max,normalize=no,scale=1.7,bias=no,map=uniform,rounding=everystep]";
        yield return "gate[t=0,e=8,k=2]";
        yield return "gate[t=3,e=8,k=8]";
        yield return "gate[t=512,e=256,k=8,groups=8,kept=4]";
        yield return "gate[t=4096,e=256,k=8,groups=8,kept=4]";
        foreach (string a in Floats)
        {
            foreach (string y in Floats)
            {
                yield return $"dispatch[t=7,d=19,e=5,k=2,x={a},y={y}]";
                foreach (string rounding in new[] { "fused", "separate", "separatethenround", "everystep" })
                {
                    yield return $"combine[t=7,d=19,e=5,k=2,outputs={a},alone={(y == a ? "no" : "yes")},y={y},rounding={rounding}]";
                    yield return $"combine[t=7,d=19,e=5,k=3,holes=yes,outputs={a},weights={y},y={a},rounding={rounding}]";
                }
            }
        }

        foreach (string map in new[] { "logspread", "boundary", "special", "int" })
            yield return $"combine[t=5,d=33,e=8,k=4,map={map}]";
        yield return "dispatch[t=7,d=19,e=5,k=3,holes=yes]";
        yield return "dispatch[t=0,d=19,e=5,k=2]";
        yield return "dispatch[t=8,d=7168,e=256,k=8]";
        yield return "combine[t=0,d=19,e=5,k=2]";
        yield return "combine[t=3,d=0,e=5,k=2]";
        yield return "combine[t=8,d=7168,e=256,k=8]";
        yield return "combine[t=8,d=7168,e=256,k=8,contract=deepseekinference]";
    }
}
