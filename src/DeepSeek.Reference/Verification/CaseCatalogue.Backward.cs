namespace DeepSeek.Reference.Verification;

public static partial class CaseCatalogue
{
    /// <summary>Dgrad and Wgrad, whole and grouped: accumulations, dtypes, ragged and empty shapes, groups without rows, value maps, the 671B model's shapes with few rows.</summary>
    private static IEnumerable<string> BackwardProducts()
    {
        foreach (string sum in Sums)
        {
            foreach (string weight in Floats)
            {
                yield return $"linear_dgrad[t=3,n=67,k=13,weight={weight},sum={sum}]";
                yield return $"grouped_linear_dgrad[r=11,g=4,n=35,k=5,weight={weight},sum={sum}]";
            }

            yield return $"linear_wgrad[t=67,n=3,k=13,sum={sum}]";
            yield return $"grouped_linear_wgrad[r=67,g=4,n=3,k=13,sum={sum}]";
            yield return $"grouped_linear_wgrad[r=5,g=9,n=3,k=7,sum={sum}]";
        }

        foreach (string map in CaseInputs.ValueMapNames)
        {
            yield return $"linear_dgrad[t=4,n=131,k=17,map={map}]";
            yield return $"linear_dgrad[t=4,n=131,k=17,map={map},contract=deepseekinference]";
            yield return $"linear_wgrad[t=35,n=5,k=17,map={map}]";
            yield return $"linear_wgrad[t=35,n=5,k=17,map={map},sum=exact]";
            yield return $"grouped_linear_dgrad[r=9,g=3,n=67,k=7,map={map}]";
            yield return $"grouped_linear_wgrad[r=35,g=6,n=3,k=7,map={map}]";
        }

        foreach (int n in new[] { 1, 15, 16, 17, 33, 64 })
        {
            yield return $"linear_dgrad[t=2,n={n},k=9]";
            yield return $"linear_wgrad[t={n},n=2,k=9]";
        }

        foreach (string contract in Contracts)
        {
            yield return $"linear_dgrad[t=2,n=129,k=7168,contract={contract}]";
            yield return $"linear_wgrad[t=16,n=129,k=1536,contract={contract}]";
        }

        yield return "linear_dgrad[t=1,n=576,k=7168]";
        yield return "linear_dgrad[t=64,n=192,k=320]";
        yield return "linear_wgrad[t=128,n=64,k=512]";
        yield return "linear_wgrad[t=1024,n=8,k=192]";
        yield return "grouped_linear_dgrad[r=8,g=2,n=2048,k=256]";
        yield return "grouped_linear_wgrad[r=40,g=16,n=64,k=512]";
        yield return "grouped_linear_wgrad[r=12,g=256,n=16,k=32]";

        // Nothing to sum: dx is +0, and what is added to stays.
        yield return "linear_dgrad[t=3,n=0,k=5]";
        yield return "linear_dgrad[t=0,n=3,k=5]";
        yield return "linear_dgrad[t=3,n=5,k=0]";
        yield return "linear_wgrad[t=0,n=3,k=5]";
        yield return "linear_wgrad[t=3,n=0,k=5]";
        yield return "linear_wgrad[t=3,n=5,k=0]";
        yield return "grouped_linear_dgrad[r=0,g=2,n=3,k=5]";
        yield return "grouped_linear_wgrad[r=0,g=2,n=3,k=5]";
    }

    /// <summary>The other backward operations: rows, elements, experts, the cross-entropy.</summary>
    private static IEnumerable<string> BackwardRows()
    {
        foreach (string map in CaseInputs.ValueMapNames)
        {
            yield return $"embedding_backward[v=11,d=19,t=35,map={map}]";
            yield return $"rms_norm_backward[t=5,n=67,map={map}]";
            yield return $"rms_norm_backward[t=5,n=67,eps=0,map={map}]";
            yield return $"rms_norm_backward[t=35,n=19,map={map},contract=deepseekinference]";
            yield return $"rope_backward[t=4,h=2,d=24,dr=16,start=7,map={map}]";
            yield return $"expand_keys_backward[t=3,h=19,dn=5,dr=4,dv=7,map={map}]";
            yield return $"swiglu_backward[n=259,map={map}]";
            yield return $"mtp_input_backward[t=3,d=17,map={map}]";
            yield return $"dispatch_backward[t=5,d=19,e=8,k=5,map={map}]";
            yield return $"combine_backward[t=5,d=67,e=8,k=4,map={map}]";
            yield return $"cross_entropy[t=5,v=131,map={map}]";
            yield return $"cross_entropy_backward[t=5,n=131,map={map}]";
        }

        foreach (string map in CaseInputs.ValueMapNames)
        {
            yield return $"attention_backward[s=5,t=9,h=2,d=12,dv=7,map={map}]";
            if (map == "special")
                continue;
            yield return $"gate_backward[t=5,e=19,k=4,map={map}]";
            yield return $"gate_backward[t=5,e=19,k=4,other=yes,map={map}]";
        }

        foreach (string sum in Sums)
            yield return $"attention_backward[s=4,t=19,h=2,d=20,dv=13,sum={sum}]";
        foreach (string scoring in new[] { "sigmoid", "softmax" })
        {
            foreach (string normalize in new[] { "yes", "no" })
                yield return $"gate_backward[t=3,e=67,k=5,scoring={scoring},normalize={normalize},other=yes]";
        }

        foreach (int e in new[] { 4, 16, 19, 64 })
            yield return $"balance_loss[t=19,e={e},k=3]";
        foreach (string layout in new[] { "interleaved", "interleavedtohalf", "half" })
        {
            foreach (string rotation in new[] { "fused", "separate", "everystep" })
                yield return $"rope_backward[t=5,h=3,d=10,dr=6,start=4095,layout={layout},rotation={rotation}]";
        }

        foreach (string weight in Floats)
            yield return $"rms_norm_backward[t=3,n=131,weight={weight}]";
        foreach (int n in new[] { 1, 15, 16, 17, 33 })
        {
            yield return $"rms_norm_backward[t=3,n={n}]";
            yield return $"rms_norm_backward[t={n},n=9]";
            yield return $"cross_entropy[t=3,v={n}]";
        }

        yield return "rope_backward[t=4,h=2,d=24,dr=16,magnitude=1.25]";
        yield return "rope_backward[t=4,h=2,d=24,dr=16,magnitude=1.25,rotation=everystep]";
        yield return "mtp_input_backward[t=1,d=17,order=hiddenfirst]";
        yield return "dispatch_backward[t=9,d=19,e=5,k=3,holes=yes]";
        yield return "combine_backward[t=9,d=19,e=5,k=3,holes=yes]";
        yield return "cross_entropy[t=8,v=67,ignored=yes]";
        yield return "cross_entropy_backward[t=8,n=67,ignored=yes]";
        yield return "cross_entropy_backward[t=8,n=40,first=20,v=90,scale=0.125]";

        yield return "attention_backward[s=5,t=3,h=2,d=8,dv=4,first=0]";
        yield return "attention_backward[s=2,t=9,h=2,d=8,dv=4,first=3]";
        yield return "gate_backward[t=5,e=19,k=4,epsilon=1e-20,scale=1]";
        yield return "balance_loss[t=5,e=8,k=2,alpha=0.01]";

        // The 671B model's, with few rows.
        yield return "attention_backward[s=4,t=64,h=8,d=192,dv=128,scale=0.1352337]";
        yield return "attention_backward[s=40,t=40,h=2,d=192,dv=128]";
        yield return "gate_backward[t=3,e=256,k=8,other=yes]";
        yield return "balance_loss[t=64,e=256,k=8]";
        yield return "embedding_backward[v=129,d=7168,t=16]";
        yield return "rms_norm_backward[t=4,n=7168]";
        yield return "rms_norm_backward[t=128,n=512]";
        yield return "rope_backward[t=4,h=128,d=192,dr=64,start=4095]";
        yield return "expand_keys_backward[t=2,h=128,dn=128,dr=64,dv=128]";
        yield return "swiglu_backward[n=18432]";
        yield return "mtp_input_backward[t=2,d=7168]";
        yield return "dispatch_backward[t=16,d=7168,e=256,k=8]";
        yield return "combine_backward[t=16,d=7168,e=256,k=8]";
        yield return "cross_entropy[t=1,v=129280]";
        yield return "cross_entropy_backward[t=1,n=16160,first=16160,v=129280,scale=0.5]";

        // Nothing to sum, and nothing at all.
        yield return "attention_backward[s=0,t=3,h=2,d=8,dv=4]";
        yield return "attention_backward[s=2,t=0,h=2,d=8,dv=4]";
        yield return "gate_backward[t=0,e=8,k=2]";
        yield return "balance_loss[t=0,e=8,k=2]";
        yield return "embedding_backward[v=5,d=8,t=0]";
        yield return "embedding_backward[v=0,d=8,t=0]";
        yield return "rms_norm_backward[t=0,n=9]";
        yield return "rms_norm_backward[t=3,n=0]";
        yield return "rope_backward[t=0,h=2,d=8,dr=4]";
        yield return "rope_backward[t=3,h=2,d=8,dr=0]";
        yield return "expand_keys_backward[t=3,h=0,dn=5,dr=4,dv=7]";
        yield return "swiglu_backward[n=0]";
        yield return "swiglu_backward[n=1]";
        yield return "mtp_input_backward[t=0,d=17]";
        yield return "dispatch_backward[t=3,d=0,e=5,k=2]";
        yield return "combine_backward[t=3,d=0,e=5,k=2]";
        yield return "cross_entropy[t=0,v=5]";
        yield return "cross_entropy_backward[t=3,n=0,v=5]";
    }
}
