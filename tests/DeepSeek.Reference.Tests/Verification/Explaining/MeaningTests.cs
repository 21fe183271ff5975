using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Verification;
using DeepSeek.Reference.Verification.Explaining;
using Xunit;

namespace DeepSeek.Reference.Tests.Verification.Explaining;

/// <summary>Every hypothesis is recognised when it is the truth.</summary>
public sealed class MeaningTests
{
    /// <summary>Cases whose sizes make each of the operation's hypotheses another computation.</summary>
    public static TheoryData<string> Cases =>
    [
        "scaled_linear[t=4,n=130,k=384,seed=0x71]",
        "grouped_scaled_linear[r=12,g=3,n=130,k=256,seed=0x72]",
        "scaled_linear[t=4,n=9,k=256,add=yes,seed=0x82]",
        "linear[t=5,n=128,k=256,seed=0x73]",
        "grouped_linear[r=12,g=3,n=9,k=140,seed=0x74]",
        "rms_norm[t=4,n=96,eps=0.01,seed=0x75]",
        "swiglu[n=300,seed=0x76,map=logspread]",
        "rope[t=5,h=2,d=24,dr=16,start=9,magnitude=1.25,seed=0x77]",
        "rope[t=5,h=2,d=24,dr=16,start=9,layout=half,seed=0x83]",
        "attention[s=4,t=23,h=3,hk=3,d=96,dv=40,first=11,lse=yes,seed=0x78]",
        "attention[s=4,t=19,h=3,hk=1,d=96,dv=32,latent=yes,seed=0x79]",
        "gate[t=40,e=32,k=4,groups=8,kept=3,seed=0x7a]",
        "gate[t=40,e=32,k=4,groups=8,kept=3,scale=1,groupscore=max,mask=zero,map=outlier,seed=0x84]",
        "gate[t=40,e=32,k=8,groups=8,kept=2,map=outlier,seed=0x85]",
        "gate[t=40,e=32,k=8,groups=8,kept=2,mask=zero,map=outlier,seed=0x8a]",
        "dispatch[t=9,d=19,e=5,k=2,seed=0x86]",
        "embedding[v=37,d=19,t=5,seed=0x87]",
        "combine[t=6,d=32,e=8,k=3,seed=0x7b]",
        "quantize[t=128,k=256,map=logspread,seed=0x7c]",
        "quantize[t=6,k=256,scales=ue8m0,seed=0x7d]",
        "quantize[t=6,k=256,map=subnormal,seed=0x88]",
        "quantize[t=6,k=256,map=subnormal,clamp=scale,seed=0x89]",
        "dequantize[t=4,k=512,seed=0x7e]",
        "mtp_input[t=3,d=8,seed=0x7f]",
        "softmax[t=3,n=40,seed=0x80]",
        "add[n=50,seed=0x81]",
        "linear_wgrad[t=9,n=5,k=7,seed=0x8b]",
        "linear_dgrad[t=4,n=6,k=6,seed=0x8c]",
        "grouped_linear_wgrad[r=12,g=3,n=5,k=7,seed=0x8d]",
        "rms_norm_backward[t=5,n=40,seed=0x8e]",
    ];

    [Fact]
    public void Every_meaning_of_an_operation_is_another_computation_in_some_case()
    {
        var missing = new HashSet<string>(Enum.GetValues<Operation>().SelectMany(o => MeaningSearch.Of(o).Select(m => m.Name)));
        foreach (string id in Cases.Select(c => c.Data))
        {
            OperationCase c = OperationCase.Parse(id);
            OperationCall call = c.Call(c.Prepare());
            OperationCall right = call.WithOwnOutputs();
            right.Run(new SimdBackend());
            foreach (Meaning meaning in MeaningSearch.Of(c.Operation).Where(m => missing.Contains(m.Name)))
            {
                if (Ran(meaning, call) is { } outputs && !outputs.All(o => TensorComparison.Compare(right[o.Key], o.Value).IsBitEqual))
                    missing.Remove(meaning.Name);
            }
        }

        Assert.True(missing.Count == 0, string.Join(", ", missing));
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void A_meaning_that_is_the_truth_is_found(string id)
    {
        OperationCase c = OperationCase.Parse(id);
        OperationCall call = c.Call(c.Prepare());
        OperationCall right = call.WithOwnOutputs();
        right.Run(new SimdBackend());
        var lost = new List<string>();
        int found = 0;
        foreach (Meaning meaning in MeaningSearch.Of(c.Operation))
        {
            if (Ran(meaning, call) is not { } outputs || outputs.All(o => TensorComparison.Compare(right[o.Key], o.Value).IsBitEqual))
                continue;
            found++;
            Explanation explanation = Explainer.Explain(call, outputs, seconds: 120);

            // Another meaning is as good where it gives the same bits.
            if (!explanation.IsBitEqual || explanation.Meanings.Count > 1)
                lost.Add($"{meaning.Name}: {explanation.Sentence}");
        }

        Assert.True(lost.Count == 0, string.Join("\n", lost));
        Assert.True(found > 0);
    }

    /// <summary>What a kernel of a meaning writes; null where the meaning does not apply.</summary>
    private static Dictionary<string, Tensor>? Ran(Meaning meaning, OperationCall call)
    {
        try
        {
            if (meaning.Change(call) is not { } changed)
                return null;
            OperationCall wrong = changed.WithOwnOutputs();
            wrong.Run(new SimdBackend());
            return wrong.Outputs.ToDictionary(o => o.Name, o => o.Tensor);
        }
        catch (ReferenceException)
        {
            return null;
        }
    }
}
