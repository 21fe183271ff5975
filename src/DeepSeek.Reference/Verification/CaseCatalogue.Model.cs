namespace DeepSeek.Reference.Verification;

public static partial class CaseCatalogue
{
    /// <summary>The most multiply-adds of one product by a unit's definition, which takes a few million a second; larger weights are multiplied as bfloat16.</summary>
    private const long MostOfUnit = 12_000_000;

    /// <summary>The most elements of a whole weight: beyond, making it costs more than the product. Such a weight is cut, once to all of K and once to all of N.</summary>
    private const long MostOfWeight = 40_000_000;

    /// <summary>DeepSeek-V3's own 671B shapes: each with a few rows; each product with all of its K, with all of its N, and with both where the weight has at most 40 M elements.</summary>
    /// <remarks>
    /// N x K of the checkpoint's weights; hidden 7168, 128 heads of 128 + 64 and 128, latents 1536 and 512, 256 experts of 2048, dense MLP 18432, vocabulary 129280.
    /// The head is cut as eight devices share it: its 129280 rows would be 0.9 G elements of input.
    /// </remarks>
    private static IEnumerable<string> ModelShapes()
    {
        (string Name, int N, int K)[] projections =
        [
            ("q_a_proj", 1536, 7168), ("q_b_proj", 24576, 1536), ("kv_a_proj_with_mqa", 576, 7168), ("kv_b_proj", 32768, 512), ("o_proj", 7168, 16384),
            ("gate_proj", 18432, 7168), ("down_proj", 7168, 18432), ("experts.gate_proj", 2048, 7168), ("experts.down_proj", 7168, 2048), ("eh_proj", 7168, 14336),
        ];
        foreach ((_, int n, int k) in projections)
        {
            // All of K with a slice of N, in what the checkpoint is served with.
            yield return $"scaled_linear[t=1,n=129,k={k},y=bf16,contract=hopperfp8]";
            yield return $"scaled_linear[t=1,n=129,k={k},y=bf16,contract=deepseekinference]";
            yield return $"linear[t=2,n=129,k={k},contract=deepseekinference]";
            yield return $"linear[t=2,n=129,k={k}]";
            yield return ((long)n * k) switch
            {
                <= MostOfUnit => $"scaled_linear[t=1,n={n},k={k},y=bf16,contract=hopperfp8]",
                <= MostOfWeight => $"linear[t=1,n={n},k={k},contract=deepseekinference]",
                _ => $"scaled_linear[t=1,n={n},k=384,y=bf16,contract=hopperfp8]",
            };
        }

        yield return "linear[t=1,n=256,k=7168,contract=deepseekinference]";
        yield return "linear[t=4,n=256,k=7168,x=f32,weight=f32,y=f32,contract=hopperfp8]";
        yield return "linear[t=1,n=24576,k=1536,contract=deepseekinference]";
        yield return "linear[t=1,n=16160,k=7168,contract=huggingface]";
        yield return "linear[t=2,n=16160,k=256,contract=deepseekinference]";

        // Experts: all 256 groups with few rows, and a few groups with the experts' N and K.
        yield return "grouped_scaled_linear[r=300,g=256,n=32,k=256]";
        yield return "grouped_scaled_linear[r=1,g=2,n=2048,k=7168]";
        yield return "indexed_scaled_linear[r=256,g=2,n=16,k=7168,align=128]";
        yield return "masked_scaled_linear[m=1,g=2,n=7168,k=2048]";
        yield return "grouped_linear[r=8,g=2,n=2048,k=7168,contract=deepseekinference]";
        yield return "dispatch[t=16,d=7168,e=256,k=8,contract=hopperfp8]";
        yield return "combine[t=16,d=7168,e=256,k=8,contract=hopperfp8]";
        yield return "combine[t=4,d=7168,e=256,k=8,holes=yes,contract=huggingface]";
        foreach (string contract in Contracts)
        {
            yield return $"gate[t=3,e=256,k=8,groups=8,kept=4,map=tie,contract={contract}]";
            yield return $"swiglu[n=18432,contract={contract}]";
            yield return $"rms_norm[t=2,n=1536,contract={contract}]";
            yield return $"rms_norm[t=2,n=512,contract={contract}]";
            yield return $"rope[t=2,h=128,d=192,dr=64,start=4095,contract={contract}]";
            yield return $"rope[t=2,h=1,d=64,dr=64,start=4095,contract={contract}]";
            yield return $"absorb_query[s=1,h=128,dn=128,dr=64,dv=128,c=512,contract={contract}]";
            yield return $"absorb_output[s=1,h=128,dn=128,dv=128,c=512,contract={contract}]";
            yield return $"attention[s=1,t=64,h=128,hk=1,d=576,dv=512,latent=yes,scale=0.1352337,contract={contract}]";
            yield return $"attention[s=2,t=64,h=128,hk=128,d=192,dv=128,scale=0.1352337,contract={contract}]";
            yield return $"expand_keys[t=2,h=128,dn=128,dr=64,dv=128,contract={contract}]";
            yield return $"embedding[v=64,d=7168,t=3,contract={contract}]";
            yield return $"softmax[t=1,n=129280,contract={contract}]";
            yield return $"quantize[t=3,k=18432,contract={contract},x=bf16]";
        }

        yield return "quantize[t=128,k=512,scales=ue8m0,clamp=scale,arithmetic=torchcuda,x=bf16]";
        yield return "quantize[t=256,k=7168,tile=block128x128,x=bf16]";
        yield return "dequantize[t=2048,k=7168,tile=block128x128,y=bf16]";

        // What has no elements, where it is not listed above.
        yield return "embedding[v=0,d=8,t=0]";
        yield return "embedding[v=4,d=0,t=3]";
        yield return "rms_norm[t=3,n=0]";
        yield return "softmax[t=3,n=0]";
        yield return "log_softmax[t=0,n=5]";
        yield return "log_softmax[t=3,n=0]";
        yield return "rope[t=3,h=0,d=8,dr=4]";
        yield return "mtp_input[t=3,d=0]";
        yield return "expand_keys[t=3,h=0,dn=5,dr=4,dv=7]";
        yield return "dispatch[t=3,d=0,e=5,k=2]";
        yield return "gate[t=3,e=8,k=0]";
        yield return "attention[s=2,t=3,h=2,hk=2,d=0,dv=4,lse=yes]";
        yield return "attention[s=2,t=3,h=2,hk=2,d=8,dv=0,lse=yes]";
        yield return "scaled_linear[t=0,n=0,k=0]";
        yield return "indexed_scaled_linear[r=0,g=2,n=5,k=140]";
        yield return "masked_scaled_linear[m=2,g=2,n=0,k=140]";
    }
}
