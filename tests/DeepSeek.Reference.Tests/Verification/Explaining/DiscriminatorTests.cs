using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Ops;
using DeepSeek.Reference.TensorCores;
using DeepSeek.Reference.Verification;
using DeepSeek.Reference.Verification.Explaining;
using Xunit;

namespace DeepSeek.Reference.Tests.Verification.Explaining;

/// <summary>Contracts by name, and inputs that tell two of them apart.</summary>
public sealed class DiscriminatorTests
{
    [Theory]
    [InlineData("deepgemm-sm90", "triton-fp8-gemm", "")]
    [InlineData("torch-reexpression", "deepgemm-sm90", "")]
    [InlineData("deepgemm-sm90", "deepgemm-sm90[promotion=256]", "")]
    [InlineData("deepgemm-sm90", "deepgemm-sm90[f=25]", "")]
    [InlineData("deepgemm-sm90", "deepgemm-sm90[split=2]", "scaled_linear[t=8,n=32,k=1024,product=deepgemm-sm90,y=bf16]")]
    [InlineData("deepgemm-sm90", "deepgemm-sm90[store=nearest-away]", "scaled_linear[t=8,n=32,k=256,product=deepgemm-sm90,y=bf16]")]
    [InlineData("torch-reexpression-bf16", "torch-reexpression", "scaled_linear[t=8,n=32,k=512,y=bf16]")]
    [InlineData("ampere-mma-bf16-f32", "hopper-wgmma-bf16-f32", "")]
    [InlineData("lanes16", "sequential", "linear[t=6,n=20,k=96]")]
    public void Inputs_tell_one_contract_from_the_other(string a, string b, string id)
    {
        OperationCase c = id.Length == 0 ? Discriminator.DefaultCase(a, b) : OperationCase.Parse(id);
        (ProductContract first, ProductContract second) = (ContractName.Parse(a), ContractName.Parse(b));
        DiscriminatingInputs found = Discriminator.Find(first, second, c)!;
        Assert.InRange(found.Differing, 1, found.Compared);

        // A kernel of the first contract on these inputs is not taken for one of the second: its bits come from the library's kernels, not from the search.
        OperationCall call = found.Case.Call(found.Tensors);
        call = call is ScaledLinearCall scaled ? scaled with { Product = ContractName.PresetOf(a)! } : (LinearCall)call with { Accumulation = AccumulationOf(a) };
        call.Run(new ScalarBackend());
        ProductFinding finding = ProductSearch.Find(ProductProblem.Of(call)!, call.Outputs.First().Tensor, new ExplainClock(120), wide: false);
        Assert.Contains(finding.Class, x => x.IsLike(first));
        Assert.DoesNotContain(finding.Class, x => x.IsLike(second));
    }

    [Fact]
    public void A_contract_is_not_told_from_itself()
    {
        OperationCase c = OperationCase.Parse("scaled_linear[t=2,n=4,k=256]");
        Assert.Null(Discriminator.Find(ContractName.Parse("deepgemm-sm90"), ContractName.Parse("tilelang"), c));
    }

    [Theory]
    [InlineData("scaled_linear[t=2,n=4,k=1024,add=yes,product=deepgemm-sm100]")]
    [InlineData("linear[t=2,n=4,k=1024,x=bf16,weight=bf16]")]
    public void A_text_gives_the_contract_again(string id)
    {
        OperationCase c = OperationCase.Parse(id);
        ProductProblem problem = ProductProblem.Of(c.Call(c.Prepare()))!;
        LatticeDimensions dims = LatticeDimensions.Of(problem, wide: true);
        var random = new RandomStream(3, "contracts");
        for (ulong i = 0; i < 500; i++)
        {
            ulong word = 8 * i;
            var contract = new ProductContract(One(dims.Sums), One(dims.Promotions), One(dims.Steps), One(dims.Accumulators), One(dims.Splits), One(dims.StartsFromC), One(dims.Stores));
            string text = ContractName.Of(contract, problem.Operands);
            ProductContract again = ContractName.Parse(text);

            // Scales inside the sum leave no step outside it.
            Assert.True(again.IsLike(contract) || (contract.Sum.ScalesInside && again.IsLike(contract with { Step = ScaleStep.None })), text);

            T One<T>(IReadOnlyList<T> values) => values[(int)(random.Word(word++) % (uint)values.Count)];
        }
    }

    [Theory]
    [InlineData("deepgemm", "no contract is named 'deepgemm'")]
    [InlineData("deepgemm-sm90[promotion=256", "the closing ']' is missing")]
    [InlineData("deepgemm-sm90[promotion]", "'promotion' is not of the form key=value")]
    [InlineData("deepgemm-sm90[promotion=-1]", "promotion=-1 is not a whole number from 1 to 1048576")]
    [InlineData("deepgemm-sm90[combine=f16]", "combine=f16 is not one of f32, bf16-parts, bf16")]
    [InlineData("deepgemm-sm90[colour=red]", "there is no key 'colour'")]
    public void A_text_that_names_no_contract_is_refused(string text, string says) =>
        Assert.Contains(says, Assert.Throws<ContractException>(() => ContractName.Parse(text)).Message, StringComparison.Ordinal);

    private static Accumulation AccumulationOf(string name) => name switch
    {
        "lanes16" => Accumulation.Lanes16,
        "sequential" => Accumulation.Sequential,
        _ => Accumulation.TensorCore(TensorCore.Parse(name)),
    };
}
