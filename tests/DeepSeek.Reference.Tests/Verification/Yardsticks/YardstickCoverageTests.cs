using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Verification;
using Xunit;

namespace DeepSeek.Reference.Tests.Verification;

/// <summary>Every output of every operation has a yardstick, and each yardstick is worth something: what is wrong by far lies outside it (docs/spec/bounds.md).</summary>
public sealed class YardstickCoverageTests
{
    /// <summary>Outputs that nothing bounds, each with the reason; none so far.</summary>
    private static readonly Dictionary<string, string> Without = [];

    public static TheoryData<string> Operations => [.. CaseOperations.ByName.Keys];

    [Theory]
    [MemberData(nameof(Operations))]
    public void Every_output_has_one_yardstick(string operation)
    {
        var without = new List<string>();
        foreach (OperationCall call in Calls(operation))
        {
            foreach (Operand output in call.Outputs)
            {
                bool value = YardstickOf.Value(call, output.Name) is not null, choice = YardstickOf.Choice(call, output.Name) is not null;
                Assert.False(value && choice, $"{operation}: {output.Name} is a value and a choice");
                if (!value && !choice)
                    without.Add($"{operation}.{output.Name}");
            }
        }

        Assert.Equal(Without.Keys.Where(k => k.StartsWith(operation + ".", StringComparison.Ordinal)), without.Distinct());
    }

    [Theory]
    [MemberData(nameof(Operations))]
    public void What_is_wrong_by_far_is_outside(string operation)
    {
        long bounded = 0, outside = 0;
        foreach (OperationCall call in Calls(operation))
        {
            call.Run(new ScalarBackend());
            foreach (Operand output in call.Outputs)
            {
                if (YardstickOf.Value(call, output.Name) is not { } yardstick)
                    continue;
                long[] elements = [.. Enumerable.Range(0, (int)output.Tensor.ElementCount).Select(i => (long)i)];
                var measured = new Measurement[elements.Length];
                yardstick.Measure(elements, measured);
                foreach (Measurement m in measured.Where(m => double.IsFinite(m.Bound) && double.IsFinite(m.Exact) && Math.Abs(m.Exact) > 1e-30))
                {
                    bounded++;
                    outside += BoundSweep.Ratio(2 * m.Exact, m) > 1 ? 1 : 0;
                }
            }
        }

        // Twice the exact result: a bound as wide as that tells nothing. Sums that cancel, and keys that are weighed in FP8, are allowed a tenth.
        Assert.True(bounded > 0 && outside >= 0.9 * bounded, $"{outside} of {bounded} elements of twice the size are outside");
    }

    [Fact]
    public void An_output_that_does_not_exist_is_refused()
    {
        OperationCall call = Calls("add").First();
        Assert.Contains("has no output 'z'", Assert.Throws<ContractException>(() => YardstickOf.Value(call, "z")).Message);
        Assert.Throws<ContractException>(() => YardstickOf.Choice(call, "z"));
    }

    /// <summary>Small calls, on bell-shaped values where nothing is special.</summary>
    private static IEnumerable<OperationCall> Calls(string operation)
    {
        var random = new Random(7);
        for (int i = 0; i < 20; i++)
        {
            OperationCase drawn = BoundCases.Of(operation, random);
            OperationCase one = OperationCase.Parse(PlainValues(drawn.ToString()!));
            yield return one.Call(one.Prepare());
        }
    }

    private static string PlainValues(string id) =>
        string.Join(",", id.TrimEnd(']').Split(',').Where(f => !f.StartsWith("map=", StringComparison.Ordinal))) + "]";
}
