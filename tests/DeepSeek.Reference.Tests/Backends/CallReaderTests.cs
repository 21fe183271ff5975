using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Verification;
using Xunit;

namespace DeepSeek.Reference.Tests.Backends;

/// <summary>Calls written as names, tensors and attributes, and read back.</summary>
public sealed class CallReaderTests
{
    public static TheoryData<string> Cases =>
    [
        "absorb_output[s=1,h=2,dn=4,dv=3,c=5,sum=exact]",
        "absorb_query[s=1,h=2,dn=4,dr=2,dv=3,c=5,sum=sequential]",
        "add[n=3]",
        "attention[s=2,t=5,h=2,hk=1,d=8,dv=4,latent=yes,lse=yes,split=4,contract=deepseekinference]",
        "attention[s=2,t=5,h=2,hk=2,d=8,dv=4,scale=1]",
        "attention[s=2,t=5,h=2,hk=1,d=8,dv=4,schedule=flashmlahopper,parts=3,contract=deepseekinference]",
        "attention[s=2,t=5,h=2,hk=1,d=8,dv=4,schedule=flashmladense,contract=deepseekinference]",
        "attention[s=2,t=5,h=2,hk=1,d=8,dv=4,schedule=canonical,passes=online,block=2,division=quotient,start=none,masked=-1,weights=f8,qk=exact]",
        "attention_backward[s=2,t=5,h=2,d=8,dv=4,sum=sequential]",
        "balance_loss[t=3,e=4,k=2]",
        "cast[n=3]",
        "combine[t=3,d=4,e=5,k=2]",
        "combine[t=3,d=4,e=5,k=2,alone=yes]",
        "combine_backward[t=3,d=4,e=5,k=2]",
        "cross_entropy[t=3,v=4,ignored=yes]",
        "cross_entropy_backward[t=2,n=4,first=3,v=9,scale=0.5]",
        "dequantize[t=2,k=130,tile=block128x128]",
        "dispatch[t=3,d=4,e=5,k=2]",
        "dispatch_backward[t=3,d=4,e=5,k=2]",
        "embedding[v=5,d=2,t=3]",
        "embedding_backward[v=5,d=2,t=3]",
        "expand_keys[t=2,h=2,dn=3,dr=2,dv=3]",
        "expand_keys_backward[t=2,h=2,dn=3,dr=2,dv=3]",
        "gate[t=3,e=8,k=2]",
        "gate[t=3,e=8,k=2,bias=no,contract=huggingface]",
        "gate_backward[t=3,e=8,k=2]",
        "gate_backward[t=3,e=8,k=2,other=yes,scoring=softmax]",
        "grouped_linear[r=7,g=3,n=2,k=4]",
        "grouped_linear_dgrad[r=7,g=3,n=2,k=4]",
        "grouped_linear_wgrad[r=2,g=3,n=2,k=4,sum=exact]",
        "grouped_scaled_linear[r=7,g=3,n=2,k=128]",
        "indexed_scaled_linear[r=7,g=3,n=2,k=128,align=2]",
        "linear[t=2,n=3,k=4,sum=float64]",
        "linear_dgrad[t=2,n=3,k=4,sum=float64]",
        "linear_wgrad[t=2,n=3,k=4]",
        "log_softmax[t=2,n=3]",
        "masked_scaled_linear[m=2,g=3,n=2,k=128]",
        "mtp_input[t=2,d=3]",
        "mtp_input_backward[t=2,d=3]",
        "quantize[t=2,k=130,arithmetic=tilelang,clamp=scale]",
        "rms_norm[t=2,n=3,eps=1e-5,contract=huggingface]",
        "rms_norm_backward[t=2,n=3,eps=1e-5]",
        "rope[t=2,h=1,d=4,dr=4,magnitude=1.5]",
        "rope_backward[t=2,h=1,d=4,dr=4,layout=half]",
        "scaled_linear[t=2,n=3,k=128,add=yes]",
        "scaled_linear[t=2,n=3,k=128,product=triton-fp8-gemm]",
        "softmax[t=2,n=3]",
        "swiglu[n=3]",
        "swiglu_backward[n=3]",
    ];

    [Theory]
    [MemberData(nameof(Cases))]
    public void A_call_comes_back_with_every_tensor_and_attribute(string id)
    {
        OperationCase c = OperationCase.Parse(id);
        OperationCall call = c.Call(c.Prepare());
        Dictionary<string, object> attributes = Attributes(call);
        OperationCall read = CallReader.Read(OperationNames.Of(call.Operation), call.Operands.ToDictionary(o => o.Name, o => o.Tensor), attributes);
        Assert.Equal(call.GetType(), read.GetType());
        Assert.Equal(call.Operands, read.Operands);
        Assert.Equal(attributes, Attributes(read));
        Assert.Equal(call.Sum, read.Sum);
        if (call is AttentionCall attention)
            Assert.Equal(attention.Attributes, ((AttentionCall)read).Attributes);
        read.Run(new SimdBackend());
        OperationCall direct = call.WithOwnOutputs();
        direct.Run(new ScalarBackend());
        foreach (Operand output in read.Outputs)
            Assert.Equal(CanonicalHash.Of(direct[output.Name]), CanonicalHash.Of(output.Tensor));
    }

    [Fact]
    public void Every_operation_is_among_the_cases() =>
        Assert.Equal(OperationCase.Names, Cases.Select(row => row.Data.Split('[')[0]).Distinct().Order(StringComparer.Ordinal));

    [Theory]
    [InlineData("add", "size", "add has no attribute 'size' in this version")]
    [InlineData("rms_norm", "rounding", "rms_norm needs an attribute 'epsilon'")]
    [InlineData("rms_nom", "", "no operation is named 'rms_nom'")]
    public void What_is_unknown_or_missing_is_refused(string operation, string attribute, string says)
    {
        var tensors = ((string[])["a", "b", "x", "weight", "y"]).ToDictionary(name => name, _ => new Tensor(DType.F32, 2));
        var attributes = new Dictionary<string, object> { [attribute] = "none" };
        ContractException refused = Assert.Throws<ContractException>(() => CallReader.Read(operation, tensors, attributes));
        Assert.Contains(says, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_plan_whose_lists_disagree_is_refused()
    {
        OperationCase c = OperationCase.Parse("dispatch[t=3,d=4,e=5,k=2]");
        OperationCall call = c.Call(c.Prepare());
        Dictionary<string, object> attributes = Attributes(call);
        ((int[])attributes["tokens"])[0] ^= 1;
        Assert.Throws<ContractException>(() => CallReader.Read("dispatch", call.Operands.ToDictionary(o => o.Name, o => o.Tensor), attributes));
    }

    private static Dictionary<string, object> Attributes(OperationCall call)
    {
        var writer = new Kept();
        CallAttributes.Write(call, writer);
        return writer.Values;
    }

    private sealed class Kept : IAttributeWriter
    {
        private string prefix = "";

        public Dictionary<string, object> Values { get; } = [];

        public void Whole(string name, long value) => Values.Add(prefix + name, value);

        public void Real(string name, float value) => Values.Add(prefix + name, (double)value);

        public void Text(string name, string value) => Values.Add(prefix + name, value);

        public void Flag(string name, bool value) => Values.Add(prefix + name, value);

        public void List(string name, IReadOnlyList<int> values) => Values.Add(prefix + name, values.ToArray());

        public void Begin(string name) => prefix = name + ".";

        public void End() => prefix = "";
    }
}
