using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Verification;
using Xunit;

namespace DeepSeek.Reference.Tests.Verification.Judging;

/// <summary>Operations that are more than a sum: correct backends of another make are NOISE, and narrower arithmetic inside is not.</summary>
public class OtherMakesTests
{
    /// <summary>Case ids, with orders of sums to make them in.</summary>
    public static TheoryData<string> Cases =>
    [
        "rms_norm[t=40,n=512]",
        "rms_norm[t=40,n=512,map=logspread,contract=deepseekinference]",
        "softmax[t=40,n=300]",
        "log_softmax[t=40,n=300]",
        "swiglu[n=20000]",
        "swiglu[n=20000,up=bf16,y=bf16,rounding=aftersilu]",
        "rope[t=40,h=4,d=64,dr=64,start=4095]",
        "gate[t=64,e=256,k=8,groups=8,kept=4]",
        "combine[t=64,d=128,e=16,k=6]",
        "combine[t=64,d=128,e=16,k=6,outputs=bf16,weights=bf16,y=bf16,rounding=separatethenround]",
        "attention[s=8,t=100,h=4,hk=4,d=48,dv=32]",
        "attention[s=8,t=100,h=4,hk=1,d=72,dv=64,latent=yes,lse=yes,keys=bf16,q=bf16,y=bf16]",
        "attention[s=8,t=100,h=4,hk=1,d=72,dv=64,latent=yes,lse=yes,q=bf16,keys=bf16,schedule=flashmladense]",
        "attention[s=8,t=200,h=4,hk=1,d=72,dv=64,latent=yes,lse=yes,q=bf16,keys=bf16,y=bf16,schedule=flashmladense]",
        "attention[s=8,t=200,h=4,hk=1,d=72,dv=64,latent=yes,lse=yes,q=bf16,keys=bf16,y=bf16,schedule=flashmlasm90]",
        "attention[s=8,t=449,h=2,hk=1,d=72,dv=64,latent=yes,q=bf16,keys=bf16,y=bf16,schedule=flashmladense,parts=2]",
        "attention[s=8,t=200,h=4,hk=4,d=48,dv=32,lse=yes,schedule=canonical,passes=online,division=quotient,block=64]",
    ];

    [Theory]
    [MemberData(nameof(Cases))]
    public void Another_make_is_noise(string id)
    {
        for (int i = 0; i < 4; i++)
        {
            OperationCall call = CallJudgeTests.Prepared(id[..^1] + $",seed=0x{0x100 + i:x}]");
            call.Run(new VariantBackend((SumOrder)(1 + 2 * i), i));

            CallReport report = CallJudge.Judge(call, null, new JudgeOptions());

            Assert.True(report.Verdict.Passes(), $"{(SumOrder)(1 + 2 * i)}: {string.Join("; ", report.Outputs.Select(o => $"{o.Name} {o.Verdict} {o.Check}: {o.Note}"))}");
        }
    }

    [Theory]
    [InlineData("rms_norm[t=40,n=512]")]
    [InlineData("softmax[t=40,n=300]")]
    [InlineData("log_softmax[t=40,n=300]")]
    [InlineData("swiglu[n=20000]")]
    [InlineData("rope[t=40,h=4,d=64,dr=64]")]
    [InlineData("combine[t=64,d=128,e=16,k=6]")]
    [InlineData("attention[s=8,t=100,h=4,hk=4,d=48,dv=32]")]
    [InlineData("attention[s=8,t=200,h=4,hk=4,d=48,dv=32,schedule=canonical,passes=online,division=quotient,block=64]")]
    public void A_result_that_passed_through_bfloat16_is_not(string id)
    {
        OperationCall call = CallJudgeTests.Ran(id);
        foreach (ref float y in call["y"].AsSpan<float>())
            y = BFloat16.RoundToFloat(y);

        CallReport report = CallJudge.Judge(call, null, new JudgeOptions());

        Assert.False(report.Verdict.Passes(), report.Outputs[0].Note);
    }

    [Fact]
    public void An_error_that_all_rows_share_is_no_noise_however_small()
    {
        // ε = 1e-6 left out moves every row by five parts in 10^7, twice what another order of the sum does; but all to the same side.
        OperationCall asked = CallJudgeTests.Prepared("rms_norm[t=64,n=7168,eps=1e-06]");
        ((RmsNormCall)asked with { Epsilon = 0f }).Run(new SimdBackend());

        OutputReport y = CallJudge.Judge(asked, null, new JudgeOptions()).Outputs[0];

        Assert.Equal((Verdict.Bound, "bias"), (y.Verdict, y.Check));
    }

    [Theory]
    [InlineData("flashmladense", "weights=f8")]
    [InlineData("canonical,passes=online,division=quotient,block=64", "weights=bf16")]
    [InlineData("canonical,passes=online,division=quotient,block=64", "block=8,keysplit=even,parts=5,combine=ascending,partials=bf16")]
    public void Attention_in_a_narrower_format_than_declared_is_no_noise(string declared, string narrower)
    {
        const string Sizes = "attention[s=8,t=200,h=4,hk=1,d=72,dv=64,latent=yes,lse=yes,q=bf16,keys=bf16,schedule=";
        OperationCall asked = CallJudgeTests.Prepared($"{Sizes}{declared}]");
        var other = (AttentionCall)CallJudgeTests.Prepared($"{Sizes}{declared.Replace(narrower.StartsWith("block", StringComparison.Ordinal) ? ",block=64" : "none", "", StringComparison.Ordinal)},{narrower}]");
        ((AttentionCall)asked with { Attributes = other.Attributes }).Run(new SimdBackend());

        CallReport report = CallJudge.Judge(asked, null, new JudgeOptions());

        Assert.False(report.Verdict.Passes(), report.Outputs[0].Note);
    }

    [Fact]
    public void The_weights_of_a_gate_are_judged_on_its_own_choice()
    {
        // The first two experts are exchanged, and their weights with them: the choice is wrong, the weights belong to it.
        OperationCall call = CallJudgeTests.Ran("gate[t=64,e=256,k=8,groups=8,kept=4]");
        Span<int> indices = call["indices"].AsSpan<int>();
        Span<float> weights = call["weights"].AsSpan<float>();
        (indices[0], indices[1]) = (indices[1], indices[0]);
        (weights[0], weights[1]) = (weights[1], weights[0]);

        CallReport report = CallJudge.Judge(call, null, new JudgeOptions());

        OutputReport[] outputs = [.. report.Outputs];
        Assert.Equal((Verdict.Fail, "choice"), (outputs[1].Verdict, outputs[1].Check));
        Assert.True(outputs[2].Verdict.Passes(), outputs[2].Note);
        Assert.Equal("choice", report.Check);
    }

    [Fact]
    public void The_codes_of_a_quantiser_are_judged_on_its_own_scales()
    {
        var call = (QuantizeCall)CallJudgeTests.Prepared("quantize[t=8,k=512,x=bf16]");
        call.Run(new SimdBackend());

        // Five tiles, more codes than are measured: those that the scales explain must not hide one that they do not.
        foreach (int tile in new[] { 4, 5, 6, 8, 9 })
        {
            call.Scales.AsSpan<float>()[tile] *= 2;
            for (int at = 128 * tile; at < 128 * tile + 128; at++)
                call.Codes.AsSpan<Float8E4M3>()[at] = Float8E4M3.FromSingle((float)ElementReader.Value(call.X, at) / call.Scales.AsSpan<float>()[tile], Fp8Overflow.Saturate);
        }

        CallReport report = CallJudge.Judge(call, null, new JudgeOptions());

        OutputReport codes = report.Outputs.Single(o => o.Name == "codes");
        Assert.Equal((Verdict.Bound, "stage"), (codes.Verdict, codes.Check));
        Assert.Equal(Verdict.Fail, report.Verdict);
        Assert.Equal(Verdict.Fail, report.Outputs.Single(o => o.Name == "scales").Verdict);

        // One code of another tile, whose scale is the reference's: the difference is far smaller than those that the scale explains.
        call.Codes.AsSpan<byte>()[3 * 512 + 7] ^= 1;
        Assert.Equal(Verdict.Fail, CallJudge.Judge(call, null, new JudgeOptions()).Outputs.Single(o => o.Name == "codes").Verdict);
        call.Codes.AsSpan<byte>()[3 * 512 + 7] ^= 1;

        call.Codes.AsSpan<byte>()[512 + 128 + 9] ^= 2;
        Assert.Equal(Verdict.Fail, CallJudge.Judge(call, null, new JudgeOptions()).Outputs.Single(o => o.Name == "codes").Verdict);
    }
}
