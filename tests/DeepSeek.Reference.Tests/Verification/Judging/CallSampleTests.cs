using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Verification;
using Xunit;

namespace DeepSeek.Reference.Tests.Verification.Judging;

public class CallSampleTests
{
    /// <summary>Cases of every operation with rows and columns enough to choose from.</summary>
    public static TheoryData<string> Cases => new(CaseCatalogue.All.Where(c => c.MultiplyAdds is > 0 and < 1 << 16).GroupBy(c => c.Id.Name).SelectMany(g => g.Take(12)).Select(c => c.ToString()));

    [Fact]
    public void Every_operation_has_a_case_here() =>
        Assert.Empty(OperationCase.Names.Except(Cases.Select(row => OperationCase.Parse(row.Data).Id.Name)));

    [Theory]
    [MemberData(nameof(Cases))]
    public void Rule_N1_a_sample_has_the_bits_of_the_whole(string id)
    {
        OperationCall whole = CallJudgeTests.Ran(id);
        if (CallSampler.Of(whole) is not { } sampler)
        {
            Assert.StartsWith("quantize[", id.Replace("dequantize", "quantize", StringComparison.Ordinal), StringComparison.Ordinal);
            return;
        }

        var seen = whole.Outputs.ToDictionary(o => o.Name, _ => new HashSet<long>());
        foreach ((int[] rows, int[] columns) in Choices(sampler))
        {
            foreach (CallSample sample in sampler.Take(rows, columns))
            {
                sample.Call.Run(new SimdBackend(1));
                foreach ((string name, long[] index) in sample.Elements)
                {
                    Assert.Equal(index.Length, sample.Call[name].ElementCount);
                    for (int i = 0; i < index.Length; i++)
                    {
                        Assert.True(ReferencePieces.SameBits(whole[name], index[i], sample.Call[name], i), $"{name} {index[i]}");
                        seen[name].Add(index[i]);
                    }
                }
            }
        }

        // All rows with all columns are all that is written.
        long written = Enumerable.Range(0, sampler.Rows).Count(sampler.IsWritten);
        foreach (Operand output in whole.Outputs)
            Assert.Equal(sampler.Rows == 0 || sampler.Columns == 0 ? 0 : output.Tensor.ElementCount * written / sampler.Rows, seen[output.Name].Count);
    }

    private static IEnumerable<(int[] Rows, int[] Columns)> Choices(CallSampler sampler)
    {
        int[] rows = [.. Enumerable.Range(0, sampler.Rows)], columns = [.. Enumerable.Range(0, sampler.Columns)];
        yield return (rows, columns);
        yield return ([.. rows.Where(r => r % 3 == 1)], [.. columns.Where(c => c % 2 == 1 || sampler.Columns == 1)]);
        yield return ([.. rows.TakeLast(1)], [.. columns.TakeLast(1)]);
        yield return ([.. rows.Take(2)], [.. columns.Take(1)]);
    }
}
