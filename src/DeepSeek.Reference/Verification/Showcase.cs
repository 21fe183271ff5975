using DeepSeek.Reference.Backends;

namespace DeepSeek.Reference.Verification;

/// <summary>A score of cases whose inputs and outputs are kept as bytes, for people and programs without .NET: golden/showcase/NAME.safetensors.</summary>
/// <remarks>
/// A file holds the case's tensors under their names: inputs, what the id gives besides (offsets, groups, counts), outputs; every NaN canonical (rule N15).
/// Its map of strings: id, contract, seed, generator, and the names of inputs and outputs. Each id is a line of the manifest too, so that the digests there hold the bytes here.
/// </remarks>
internal static class Showcase
{
    /// <summary>The folder under golden/.</summary>
    public const string Folder = "showcase";

    private const string Generator = "DeepSeek.Reference, dsref gen";

    /// <summary>Name and case.</summary>
    public static IReadOnlyList<(string Name, string Id)> Cases { get; } =
    [
        ("absorb_query", "absorb_query[s=2,h=2,dn=32,dr=16,dv=32,c=64,contract=deepseekinference]"),
        ("attention_absorbed", "attention[s=1,t=20,h=4,hk=1,d=576,dv=512,latent=yes,scale=0.1352337,lse=yes,contract=deepseekinference]"),
        ("attention_naive", "attention[s=4,t=20,h=2,hk=2,d=48,dv=32,lse=yes,contract=deepseekinference]"),
        ("attention_naive_f32", "attention[s=4,t=20,h=2,hk=2,d=48,dv=32,lse=yes]"),
        ("combine", "combine[t=8,d=128,e=16,k=4,contract=deepseekinference]"),
        ("dequantize", "dequantize[t=8,k=512,y=bf16]"),
        ("dispatch", "dispatch[t=8,d=128,e=16,k=4,contract=deepseekinference]"),
        ("gate", "gate[t=6,e=256,k=8,groups=8,kept=4,contract=deepseekinference]"),
        ("gemm_bf16", "linear[t=8,n=48,k=192,contract=deepseekinference]"),
        ("gemm_bf16_hopper", "linear[t=4,n=24,k=256,x=bf16,weight=bf16,sum=hopper-wgmma-bf16-f32]"),
        ("gemm_f32", "linear[t=5,n=17,k=259]"),
        ("gemm_fp8", "scaled_linear[t=8,n=130,k=256,y=bf16,contract=hopperfp8]"),
        ("gemm_fp8_outlier", "scaled_linear[t=4,n=64,k=512,y=bf16,map=outlier,contract=hopperfp8]"),
        ("grouped_gemm_fp8", "grouped_scaled_linear[r=12,g=4,n=16,k=256,contract=hopperfp8]"),
        ("log_softmax", "log_softmax[t=3,n=515]"),
        ("m_grouped_gemm_fp8_contiguous", "indexed_scaled_linear[r=16,g=2,n=16,k=256,align=8,contract=hopperfp8]"),
        ("m_grouped_gemm_fp8_masked", "masked_scaled_linear[m=4,g=3,n=16,k=256,contract=hopperfp8]"),
        ("quantize_block", "quantize[t=130,k=140,tile=block128x128,x=bf16]"),
        ("quantize_row", "quantize[t=8,k=512,x=bf16]"),
        ("quantize_row_ue8m0", "quantize[t=8,k=512,scales=ue8m0,x=bf16,map=outlier]"),
        ("rms_norm", "rms_norm[t=4,n=512,contract=deepseekinference]"),
        ("rope", "rope[t=4,h=4,d=96,dr=64,start=4095,contract=deepseekinference]"),
        ("swiglu", "swiglu[n=1024,contract=deepseekinference]"),
    ];

    private static readonly HashSet<string> Ids = [.. Cases.Select(c => OperationCase.Parse(c.Id).ToString())];

    /// <summary>Whether a case is one of them.</summary>
    public static bool Holds(OperationCase c) => Ids.Contains(c.ToString());

    /// <summary>The bytes of a case's file.</summary>
    public static byte[] File(OperationCase c, IBackend backend)
    {
        CaseTensors tensors = c.Prepare();
        c.Run(backend, tensors);
        string[] inputs = [.. c.Inputs.Select(i => i.Name), .. c.Layout.Select(l => l.Key)];
        string[] outputs = [.. c.Outputs.Select(o => o.Name)];
        var metadata = new Dictionary<string, string>
        {
            ["id"] = c.ToString(),
            ["contract"] = c.Contract.Name,
            ["seed"] = CaseFields.SeedText(c.Seed),
            ["generator"] = Generator,
            ["inputs"] = string.Join(' ', inputs),
            ["outputs"] = string.Join(' ', outputs),
        };
        return SafetensorsWriter.ToBytes(inputs.Concat(outputs).Select(name => new KeyValuePair<string, Tensor>(name, tensors[name])), metadata);
    }
}
