namespace DeepSeek.Reference.Verification;

public static partial class CaseCatalogue
{
    /// <summary>Every operation over every value map, in binary32 and with a dialect's dtypes and roundings.</summary>
    /// <remarks>A gate takes no map with a NaN: a choice that meets one is an error (rule N3).</remarks>
    private static IEnumerable<string> Maps()
    {
        foreach (string map in CaseInputs.ValueMapNames)
        {
            foreach (string contract in new[] { "canonical", "deepseekinference" })
            {
                string rest = $"map={map},contract={contract}";
                yield return $"embedding[v=37,d=19,t=5,{rest}]";
                yield return $"cast[n=515,{rest}]";
                yield return $"add[n=515,{rest}]";
                yield return $"swiglu[n=515,{rest}]";
                yield return $"rms_norm[t=5,n=131,{rest}]";
                yield return $"softmax[t=5,n=131,{rest}]";
                yield return $"log_softmax[t=5,n=131,{rest}]";
                yield return $"mtp_input[t=3,d=17,{rest}]";
                yield return $"rope[t=4,h=2,d=24,dr=16,start=7,{rest}]";
                yield return $"linear[t=4,n=17,k=131,{rest}]";
                yield return $"grouped_linear[r=9,g=3,n=7,k=67,{rest}]";
                yield return $"absorb_query[s=3,h=2,dn=9,dr=4,dv=7,c=21,{rest}]";
                yield return $"absorb_output[s=3,h=2,dn=9,dv=7,c=21,{rest}]";
                yield return $"expand_keys[t=3,h=2,dn=5,dr=4,dv=7,{rest}]";
                yield return $"attention[s=4,t=18,h=2,hk=2,d=24,dv=9,{rest},lse=yes]";
                yield return $"attention[s=4,t=18,h=2,hk=1,d=24,dv=16,latent=yes,{rest},lse=yes]";
                yield return $"dispatch[t=5,d=19,e=8,k=3,{rest}]";
                yield return $"combine[t=5,d=33,e=8,k=4,{rest}]";
                if (map != "special")
                    yield return $"gate[t=9,e=32,k=8,groups=8,kept=4,{rest}]";
            }

            yield return $"rms_norm[t=5,n=131,eps=0,map={map}]";
            foreach (string sum in Sums)
                yield return $"linear[t=3,n=9,k=67,sum={sum},map={map}]";
            yield return $"linear[t=3,n=9,k=67,{NarrowOperands},sum=hopper-wgmma-bf16-f32,map={map}]";
            foreach (string product in new[] { "torch-reexpression", "torch-reexpression-bf16", "triton-fp8-gemm", "deepgemm-sm90", "deepgemm-sm100", "hopper-without-promotion" })
                yield return $"scaled_linear[t=3,n=9,k=300,product={product},map={map}]";
            yield return $"grouped_scaled_linear[r=7,g=3,n=5,k=140,map={map}]";
            yield return $"indexed_scaled_linear[r=9,g=2,n=5,k=140,align=3,map={map}]";
            yield return $"masked_scaled_linear[m=3,g=3,n=5,k=140,map={map}]";
            yield return $"quantize[t=3,k=131,map={map},contract=deepseekinference]";
            yield return $"quantize[t=3,k=131,scales=ue8m0,map={map}]";
            yield return $"quantize[t=3,k=131,clamp=none,map={map}]";
            yield return $"quantize[t=3,k=131,clamp=scale,map={map}]";
            yield return $"quantize[t=3,k=131,codes=e5m6,map={map}]";
            yield return $"dequantize[t=3,k=131,map={map}]";
        }
    }
}
