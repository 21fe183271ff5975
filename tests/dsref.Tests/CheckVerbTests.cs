using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Verification;

namespace DeepSeek.Reference.Tool.Tests;

/// <summary>dsref check: the tensors of two files become the case they belong to, whatever the operation.</summary>
public sealed class CheckVerbTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("dsref-check-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    /// <summary>A case of every operation, with whatever is optional present in one and absent in another.</summary>
    public static TheoryData<string> Cases => new(
        "absorb_output[s=3,h=2,dn=9,dv=7,c=21]",
        "absorb_query[s=3,h=2,dn=9,dr=4,dv=7,c=21]",
        "add[n=131,a=bf16]",
        "attention[s=5,t=5,h=3,hk=3,d=12,dv=7,lse=yes]",
        "attention[s=2,t=19,h=3,hk=1,d=20,dv=13,q=bf16,keys=bf16,y=bf16,latent=yes]",
        "attention_backward[s=4,t=19,h=2,d=20,dv=13]",
        "balance_loss[t=19,e=16,k=3]",
        "cast[n=515]",
        "combine[t=7,d=19,e=5,k=2]",
        "combine[t=7,d=19,e=5,k=3,holes=yes,alone=yes]",
        "combine_backward[t=7,d=19,e=5,k=3,holes=yes]",
        "cross_entropy[t=3,v=67]",
        "cross_entropy_backward[t=3,n=67]",
        "dequantize[t=3,k=130]",
        "dequantize[t=3,k=130,codes=e5m6]",
        "dispatch[t=7,d=19,e=5,k=2]",
        "dispatch[t=7,d=19,e=5,k=3,holes=yes]",
        "dispatch_backward[t=7,d=19,e=5,k=3,holes=yes]",
        "embedding_backward[v=11,d=19,t=35]",
        "embedding[v=37,d=19,t=11]",
        "embedding[v=37,d=19,t=11,long=yes]",
        "expand_keys[t=3,h=2,dn=5,dr=4,dv=7]",
        "expand_keys_backward[t=3,h=2,dn=5,dr=4,dv=7]",
        "gate[t=5,e=24,k=4,groups=8,kept=3]",
        "gate[t=5,e=24,k=4,bias=no]",
        "gate_backward[t=5,e=19,k=4]",
        "gate_backward[t=5,e=19,k=4,other=yes]",
        "grouped_linear[r=11,g=4,n=5,k=35]",
        "grouped_linear_dgrad[r=11,g=4,n=35,k=5]",
        "grouped_linear_wgrad[r=11,g=4,n=3,k=5]",
        "grouped_scaled_linear[r=7,g=3,n=5,k=140]",
        "indexed_scaled_linear[r=9,g=2,n=5,k=140,align=3]",
        "linear[t=3,n=13,k=67,weight=bf16]",
        "linear[t=3,n=65,k=512,contract=deepseekinference]",
        "linear_dgrad[t=3,n=67,k=13,weight=bf16]",
        "linear_wgrad[t=67,n=3,k=13]",
        "log_softmax[t=3,n=67]",
        "masked_scaled_linear[m=3,g=3,n=5,k=140]",
        "mtp_input[t=3,d=17]",
        "mtp_input_backward[t=3,d=17]",
        "quantize[t=5,k=300]",
        "quantize[t=5,k=300,codes=e5m6]",
        "rms_norm[t=3,n=67,eps=0.125]",
        "rms_norm_backward[t=3,n=67,eps=0.125]",
        "rope_backward[t=3,h=2,d=12,dr=4]",
        "rope[t=3,h=2,d=12,dr=4]",
        "scaled_linear[t=3,n=13,k=67]",
        "scaled_linear[t=2,n=9,k=300,rows=yes,add=yes]",
        "scaled_linear[t=3,n=19,k=300,contract=hopperfp8]",
        "softmax[t=3,n=67]",
        "swiglu_backward[n=131]",
        "swiglu[n=131,gate=bf16]");

    [Theory]
    [MemberData(nameof(Cases))]
    public void The_reference_s_own_results_are_BITS_and_a_turned_bit_is_seen(string id)
    {
        OperationCase c = OperationCase.Parse(id);
        CaseTensors tensors = c.Prepare();
        c.Run(new ScalarBackend(), tensors);
        string inputs = Write("in.safetensors", c.Inputs.Select(i => i.Name), tensors);
        string op = WithAttributes(c);
        string[] command = ["check", op, "--inputs", inputs, "--actual", Write("out.safetensors", c.Outputs.Select(o => o.Name), tensors), "--contract", c.Contract.Name];
        Assert.Contains("BITS", CommandLine.Run(command).Passes().Out, StringComparison.Ordinal);

        Tensor wrong = tensors[c.Outputs[0].Name];
        // The first element: every operation writes it, while the last row of a group may be padding.
        System.Runtime.CompilerServices.Unsafe.AddByteOffset(ref wrong.ByteOrigin, (wrong.DType.Bits() / 8) - 1) ^= 0x40;
        command[5] = Write("wrong.safetensors", c.Outputs.Select(o => o.Name), tensors);
        Assert.Equal(ExitCode.Mismatch, CommandLine.Run(command).Exit);
    }

    [Fact]
    public void Codes_may_come_as_whole_numbers_of_their_width_and_a_single_result_without_a_name()
    {
        OperationCase c = OperationCase.Parse("scaled_linear[t=3,n=13,k=67,y=bf16]");
        CaseTensors tensors = c.Prepare();
        c.Run(new ScalarBackend(), tensors);
        Tensor y = tensors["y"];
        foreach (string name in new[] { "x", "weight" })
            tensors[name] = tensors[name].WithDType(DType.U8);
        string inputs = Write("in.safetensors", c.Inputs.Select(i => i.Name), tensors);
        string actual = Path.Combine(folder, "out.safetensors");
        SafetensorsWriter.Write(actual, [new("something", y.WithDType(DType.U16))], null);
        CommandLine.Run("check", "scaled_linear", "--inputs", inputs, "--actual", actual).Passes();
    }

    [Theory]
    [InlineData("gemm_fp8", "scaled_linear[t=3,n=13,k=67,y=bf16]")]
    [InlineData("gemm_bf16", "linear[t=3,n=13,k=67,x=bf16,weight=bf16,y=bf16]")]
    [InlineData("gemm[m=3]", "linear[t=3,n=13,k=67]")]
    [InlineData("m_grouped_gemm_fp8_contiguous", "indexed_scaled_linear[r=9,g=2,n=5,k=140]")]
    [InlineData("m_grouped_gemm_fp8_masked[m=3]", "masked_scaled_linear[m=3,g=3,n=5,k=140]")]
    public void An_operation_may_be_named_by_an_alias(string alias, string id)
    {
        OperationCase c = OperationCase.Parse(id);
        CaseTensors tensors = c.Prepare();
        c.Run(new ScalarBackend(), tensors);
        Outcome outcome = CommandLine.Run("check", alias, "--inputs", Write("in.safetensors", c.Inputs.Select(i => i.Name), tensors), "--actual", Write("out.safetensors", ["y"], tensors)).Passes();
        Assert.Contains("BITS", outcome.Out, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("FlashMlaDense", "attention[s=2,t=70,h=2,hk=1,d=24,dv=16,q=bf16,keys=bf16,y=bf16,latent=yes,schedule=flashmladense]", "attention[latent=yes]")]
    [InlineData("HopperFp8", "scaled_linear[t=128,n=576,k=1024,contract=hopperfp8]", "gemm_fp8")] // more than is computed whole at once: the files stay mapped
    public void A_contract_is_claimed_by_name(string contract, string id, string op)
    {
        OperationCase c = OperationCase.Parse(id);
        CaseTensors tensors = c.Prepare();
        c.Run(new SimdBackend(), tensors);
        string inputs = Write("in.safetensors", c.Inputs.Select(i => i.Name), tensors);
        string[] command = ["check", op, "--inputs", inputs, "--actual", Write("out.safetensors", ["y"], tensors), "--contract", contract];
        Outcome outcome = CommandLine.Run(command).Passes();
        Assert.Contains("OK: BITS", outcome.Out, StringComparison.Ordinal);
        Assert.Contains(contract, outcome.Out, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public void An_output_that_was_not_given_is_not_judged_and_said_so()
    {
        OperationCase c = OperationCase.Parse("attention[s=5,t=5,h=3,hk=3,d=12,dv=7,lse=yes]");
        CaseTensors tensors = c.Prepare();
        c.Run(new ScalarBackend(), tensors);
        Outcome outcome = CommandLine.Run("check", "attention[lse=yes]", "--inputs", Write("in.safetensors", ["q", "keys", "values"], tensors), "--actual", Write("out.safetensors", ["y"], tensors)).Passes();
        Assert.Contains("log_sum_exp: not given, not judged", outcome.Out, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("linear[t=0,n=3,k=4]")]
    [InlineData("softmax[t=0,n=5]")]
    [InlineData("add[n=0]")]
    public void An_empty_result_is_BITS(string id)
    {
        OperationCase c = OperationCase.Parse(id);
        CaseTensors tensors = c.Prepare();
        CommandLine.Run("check", WithAttributes(c), "--inputs", Write("in.safetensors", c.Inputs.Select(i => i.Name), tensors), "--actual", Write("out.safetensors", ["y"], tensors)).Passes();
    }

    [Fact]
    public void Where_another_order_overflows_nothing_is_promised_and_nothing_fails()
    {
        OperationCase c = OperationCase.Parse("linear[t=3,n=5,k=40,map=boundary]");
        CaseTensors tensors = c.Prepare();
        c.Run(new SimdBackend(), tensors);
        Tensor declared = tensors["y"].Clone();
        OperationCase.Parse("linear[t=3,n=5,k=40,map=boundary,sum=sequential]").Run(new SimdBackend(), tensors);
        Assert.Contains(Enumerable.Range(0, 15), i => float.IsNaN(declared.AsSpan<float>()[i]) != float.IsNaN(tensors["y"].AsSpan<float>()[i]));
        Outcome outcome = CommandLine.Run("check", "linear", "--inputs", Write("in.safetensors", ["x", "weight"], tensors), "--actual", Write("out.safetensors", ["y"], tensors));
        Assert.DoesNotContain("FAIL", outcome.Out, StringComparison.Ordinal);
    }

    [Fact]
    public void A_product_of_few_columns_is_looked_at_within_a_budget()
    {
        OperationCase c = OperationCase.Parse("scaled_linear[t=4096,n=4,k=7168,contract=hopperfp8]");
        CaseTensors tensors = c.Prepare();
        c.Run(new SimdBackend(), tensors);
        string inputs = Write("in.safetensors", c.Inputs.Select(i => i.Name), tensors);
        CommandLine.Run("check", "scaled_linear", "--inputs", inputs, "--actual", Write("out.safetensors", ["y"], tensors), "--contract", "HopperFp8", "--budget", "0.02").Passes();
    }

    [Fact]
    public void Attention_under_a_contract_has_bounds()
    {
        OperationCase c = OperationCase.Parse("attention[s=2,t=70,h=2,hk=1,d=24,dv=16,q=bf16,keys=bf16,y=bf16,latent=yes,schedule=flashmladense]");
        CaseTensors tensors = c.Prepare();
        tensors["y"].AsSpan<BFloat16>().Fill(BFloat16.FromDouble(100));
        Outcome outcome = CommandLine.Run("check", "attention[latent=yes]", "--inputs", Write("in.safetensors", c.Inputs.Select(i => i.Name), tensors), "--actual", Write("out.safetensors", ["y"], tensors), "--contract", "FlashMlaDense");
        Assert.Equal(ExitCode.Mismatch, outcome.Exit);
        Assert.Contains("FAIL by bound", outcome.Out, StringComparison.Ordinal);
    }

    [Fact]
    public void Of_results_that_are_all_NaN_no_figure_is_0()
    {
        OperationCase c = OperationCase.Parse("linear[t=3,n=13,k=67]");
        CaseTensors tensors = c.Prepare();
        tensors["y"].AsSpan<float>().Fill(float.NaN);
        Outcome outcome = CommandLine.Run("check", "linear", "--inputs", Write("in.safetensors", ["x", "weight"], tensors), "--actual", Write("out.safetensors", ["y"], tensors));
        Assert.Equal(ExitCode.Mismatch, outcome.Exit);
        Assert.Matches(@"calc_diff +NaN", outcome.Out);
    }

    [Theory]
    [InlineData("liner", "no operation is named 'liner'")]
    [InlineData("rms_norm", "'weight' is F32 [13, 67] where F32 [67] is expected")]
    [InlineData("attention", "needs a tensor 'q'")]
    [InlineData("linear[bogus=1]", "has no 'bogus'")]
    [InlineData("linear[seed=0x2a]", "'seed' says how inputs are made, and these stand in ")]
    [InlineData("linear[map=int]", "leave it out")]
    [InlineData("linear[n=14]", "'weight' is F32 [13, 67] where F32 [14, 67] is expected")]
    public void What_does_not_fit_is_named(string op, string says)
    {
        CaseTensors tensors = OperationCase.Parse("linear[t=3,n=13,k=67]").Prepare();
        CommandLine.Run("check", op, "--inputs", Write("in.safetensors", ["x", "weight"], tensors), "--actual", Write("out.safetensors", ["y"], tensors)).RefusesWith(ExitCode.BadInput, says);
    }

    /// <summary>Numbers that say where an operation reads are the file's: none of them ends as a verdict on the kernel, or inside the library.</summary>
    [Theory]
    [InlineData("grouped_linear[r=6,g=2,n=8,k=16]", "offsets", new[] { 0, 4, 5 }, "the offsets run from 0 to 5, but x has rows 0 to 6")]
    [InlineData("grouped_linear[r=6,g=2,n=8,k=16]", "offsets", new[] { -1, 3, 6 }, "the offsets run from -1 to 6")]
    [InlineData("grouped_linear[r=6,g=2,n=8,k=16]", "offsets", new[] { 0, 6 }, "2 groups need 3 offsets, not 2")]
    [InlineData("grouped_linear_dgrad[r=6,g=2,n=8,k=16]", "offsets", new[] { 0, 9, 6 }, "the offsets fall at group 1: 9, 6")]
    [InlineData("grouped_linear_wgrad[r=6,g=2,n=8,k=16]", "offsets", new[] { 0, 3, 7 }, "but dy has rows 0 to 6")]
    [InlineData("grouped_scaled_linear[r=6,g=2,n=8,k=128]", "offsets", new[] { 0, 7, 6 }, "the offsets fall at group 1: 7, 6")]
    [InlineData("indexed_scaled_linear[r=4,g=2,n=8,k=128,align=1]", "groups", new[] { 0, 0, 7, 1 }, "row 2 belongs to group 7")]
    [InlineData("indexed_scaled_linear[r=4,g=2,n=8,k=128,align=1]", "groups", new[] { 0, 0, 1 }, "groups is I32 [3], expected shape [4]")]
    [InlineData("masked_scaled_linear[m=4,g=2,n=8,k=128]", "counts", new[] { 2, 7 }, "group 1 counts 7 rows; it has 0 to 4")]
    [InlineData("embedding[v=5,d=4,t=2]", "ids", new[] { 0, 9 }, "id 9 at position 1 is not in [0, 5)")]
    [InlineData("cross_entropy[t=2,v=4]", "targets", new[] { 0, 9 }, "target 9 of row 1")]
    [InlineData("balance_loss[t=1,e=4,k=2]", "indices", new[] { 0, 7 }, "expert index 7 is not in [0, 4)")]
    public void Numbers_that_the_operation_does_not_take_are_an_error_of_their_file(string id, string tensor, int[] values, string says)
    {
        OperationCase c = OperationCase.Parse(id);
        CaseTensors tensors = c.Prepare();
        tensors[tensor] = Tensor.From(values, tensor == "indices" ? [1, values.Length] : [values.Length]);
        string inputs = Write("in.safetensors", c.Inputs.Select(i => i.Name).Append(tensor).Distinct(), tensors), outputs = Write("out.safetensors", c.Outputs.Select(o => o.Name), tensors);
        string op = WithAttributes(c);
        CommandLine.Run("check", op, "--inputs", inputs, "--actual", outputs).RefusesWith(ExitCode.BadInput, inputs, "does not take these inputs", says);
        CommandLine.Run("explain", op, outputs, "--inputs", inputs).RefusesWith(ExitCode.BadInput, inputs, says);
    }

    [Fact]
    public void Two_contracts_for_one_file_are_refused()
    {
        CaseTensors tensors = OperationCase.Parse("linear[t=3,n=13,k=67]").Prepare();
        string inputs = Write("in.safetensors", ["x", "weight"], tensors), outputs = Write("out.safetensors", ["y"], tensors);
        CommandLine.Run("check", "linear[contract=huggingface]", "--inputs", inputs, "--actual", outputs, "--contract", "DeepSeekInference").RefusesWith(ExitCode.BadInput, "names the contract huggingface, and --contract DeepSeekInference; leave one of them out");
    }

    [Fact]
    public void The_element_that_decided_is_shown_with_its_neighbours()
    {
        // Element (2, 5) is off by little, and its bound is exceeded; element (0, 0), near 0, differs by far more ulp and is within its bound.
        OperationCase c = OperationCase.Parse("linear[t=3,n=13,k=67]");
        CaseTensors tensors = c.Prepare();
        tensors["x"].AsSpan<float>()[..67].Fill(1f);
        tensors["weight"].AsSpan<float>()[..67].Clear();
        (tensors["weight"].AsSpan<float>()[0], tensors["weight"].AsSpan<float>()[66]) = (1e6f, -1e6f);
        c.Call(tensors).Run(new SimdBackend());
        tensors["y"].AsSpan<float>()[0] = 1e-3f;
        tensors["y"].AsSpan<float>()[2 * 13 + 5] *= 1.01f;
        string inputs = Write("in.safetensors", ["x", "weight"], tensors), outputs = Write("out.safetensors", ["y"], tensors);
        Outcome outcome = CommandLine.Run("check", "linear", "--inputs", inputs, "--actual", outputs);
        Assert.Equal(ExitCode.Mismatch, outcome.Exit);
        Assert.Contains("decided by                  [2, 5] is ", outcome.Out, StringComparison.Ordinal);
        Assert.Contains("worst mismatch              [0, 0] is ", outcome.Out, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_without_the_outputs_is_refused()
    {
        CaseTensors tensors = OperationCase.Parse("expand_keys[t=3,h=2,dn=5,dr=4,dv=7]").Prepare();
        string inputs = Write("in.safetensors", tensors.Names, tensors);
        CommandLine.Run("check", "linear", "--inputs", inputs, "--actual", inputs).RefusesWith(ExitCode.BadInput, "linear needs a tensor 'x'");
    }

    /// <summary>The operation with what tensors cannot tell.</summary>
    private static string WithAttributes(OperationCase c)
    {
        string[] told = ["groups", "kept", "eps", "tile", "align", "codes"];
        string[] kept = [.. c.Id.Arguments.Where(a => told.Contains(a.Key)).Select(a => $"{a.Key}={a.Value}")];
        return kept.Length == 0 ? c.Id.Name : $"{c.Id.Name}[{string.Join(",", kept)}]";
    }

    private string Write(string name, IEnumerable<string> names, CaseTensors tensors)
    {
        string path = Path.Combine(folder, name);
        SafetensorsWriter.Write(path, [.. names.Select(n => new KeyValuePair<string, Tensor>(n, tensors[n]))], null);
        return path;
    }
}
