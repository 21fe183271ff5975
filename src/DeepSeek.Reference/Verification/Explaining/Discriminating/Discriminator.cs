using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Ops;
using DeepSeek.Reference.TensorCores;

namespace DeepSeek.Reference.Verification.Explaining;

/// <summary>Makes inputs on which two contracts of a matrix product have different bits.</summary>
/// <remarks>
/// Designs (<see cref="InputDesign"/>) are tried on a sample of the outputs; the first under which half of it differs is taken, else the one under which most does.
/// That two contracts differ nowhere under any design does not prove that they are the same sum; it says that these inputs cannot tell them apart.
/// </remarks>
internal static class Discriminator
{
    private const int Sample = 256;
    private const int MostCounted = 1 << 14;

    /// <summary>The best inputs found, or null where no design tells the contracts apart.</summary>
    /// <param name="a">One contract.</param>
    /// <param name="b">The other.</param>
    /// <param name="c">The case that gives operation, shape and dtypes: linear or scaled_linear.</param>
    /// <exception cref="CaseException">The case is no such product.</exception>
    /// <exception cref="ContractException">The case's scales do not fit a contract.</exception>
    public static DiscriminatingInputs? Find(ProductContract a, ProductContract b, OperationCase c)
    {
        if (c.Operation is not (Operation.Linear or Operation.ScaledLinear))
            throw new CaseException($"--discriminate takes a case of linear or scaled_linear; '{c.Id}' is none");
        (InputDesign Design, OperationCase Case, long Differing)? best = null;
        int designs = 0;
        foreach (InputDesign design in InputDesign.All)
        {
            OperationCase drawn = Drawn(c, design.Map);
            ProductProblem problem = Problem(drawn, design, a, b, out _);
            designs++;
            long differing = Differing(a, b, problem, Sample, out int counted);
            if (differing > (best?.Differing ?? 0))
                best = (design, drawn, differing);
            if (2 * differing >= counted && differing > 0)
                break;
        }

        if (best is not { } taken)
            return null;
        ProductProblem found = Problem(taken.Case, taken.Design, a, b, out CaseTensors tensors);
        long all = Differing(a, b, found, MostCounted, out int of);
        return new DiscriminatingInputs(taken.Case, tensors, taken.Design, all, of, designs);
    }

    /// <summary>The case that stands where none is given: the preset's product, or a product without scales in the format of the unit that is named.</summary>
    public static OperationCase DefaultCase(string a, string b)
    {
        ScaledProduct? first = ContractName.PresetOf(a), second = ContractName.PresetOf(b);
        if (first is null != second is null)
            throw new ContractException($"'{a}' and '{b}' are no contracts of one product: one has block scales, the other has none");

        // Scales inside a sum are powers of two, which every other order takes too.
        if (first is not null)
            return OperationCase.Parse($"scaled_linear[t=16,n=64,k=1024,product={(second!.Order == ScaleOrder.InTheSum ? second : first).Name}]");
        bool bf16 = new[] { ContractName.Parse(a), ContractName.Parse(b) }.Any(c => c.Sum.Unit?.A == ElementFormat.BF16);
        return OperationCase.Parse($"linear[t=16,n=64,k=1024{(bf16 ? ",x=bf16,weight=bf16" : "")}]");
    }

    private static OperationCase Drawn(OperationCase c, string map) =>
        OperationCase.From(new CaseId(c.Id.Name, [.. c.Id.Arguments.Where(p => p.Key != "map"), new("map", map)]));

    private static ProductProblem Problem(OperationCase drawn, InputDesign design, ProductContract a, ProductContract b, out CaseTensors tensors)
    {
        tensors = drawn.Prepare();
        design.Arrange(tensors);
        ProductProblem problem = ProductProblem.Of(drawn.Call(tensors))!;
        foreach (ProductContract contract in (ProductContract[])[a, b])
        {
            string name = ContractName.Of(contract, problem.Operands);
            if (problem.HasScales != (contract.Step != ScaleStep.None || contract.Sum.ScalesInside))
                throw new ContractException($"contract '{name}' is for a product {(problem.HasScales ? "without" : "with")} block scales; the case is '{drawn.Id}'");
            if (contract.Sum.ScalesInside && !problem.ScalesArePowers)
                throw new ContractException($"contract '{name}' takes scales that are powers of two; give a case with product={ScaledProduct.DeepGemmSm100.Name}");
        }

        return problem;
    }

    private static long Differing(ProductContract a, ProductContract b, ProductProblem problem, int most, out int counted)
    {
        List<long> elements = ElementChoice.Sample(problem, most, seed: 1);
        bool[] differs = new bool[elements.Count];
        Parallel.For(0, elements.Count, i =>
        {
            ProductElement element = problem.At(elements[i]);
            float x = ProductArithmetic.Evaluate(a, element, problem.Output), y = ProductArithmetic.Evaluate(b, element, problem.Output);
            differs[i] = float.IsFinite(x) && float.IsFinite(y) && BitConverter.SingleToUInt32Bits(x) != BitConverter.SingleToUInt32Bits(y);
        });
        counted = elements.Count;
        return differs.AsSpan().Count(true);
    }
}

/// <summary>Inputs that tell two contracts apart.</summary>
/// <param name="Case">The case that the values were drawn for.</param>
/// <param name="Tensors">Its tensors, the inputs arranged.</param>
/// <param name="Design">How they were made.</param>
/// <param name="Differing">Elements of the output whose bits differ under the two.</param>
/// <param name="Compared">Elements compared.</param>
/// <param name="Designs">Designs tried.</param>
internal sealed record DiscriminatingInputs(OperationCase Case, CaseTensors Tensors, InputDesign Design, long Differing, long Compared, int Designs);
