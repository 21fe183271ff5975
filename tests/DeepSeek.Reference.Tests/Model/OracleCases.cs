using DeepSeek.Reference.Verification;
using Xunit;

namespace DeepSeek.Reference.Tests.Model;

public class OracleCases(ITestOutputHelper output)
{
    public static TheoryData<string, string> Cases()
    {
        var data = new TheoryData<string, string>();
        foreach (string directory in Directory.GetDirectories(Golden.Path("oracles")).Order(StringComparer.Ordinal))
        {
            if (!ModelCase.IsCase(directory))
                continue;
            data.Add(Path.GetFileName(directory), "scalar");
            data.Add(Path.GetFileName(directory), "simd");
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Every_oracle_case_passes(string name, string backend)
    {
        ModelCaseResult result = ModelCase.Run(Golden.Path("oracles", name), TestBackends.Make(backend));
        output.WriteLine($"{result.Name} {result.Contract} {result.Verdict.Word()} {result.SkipReason}");
        foreach (TensorVerdict t in result.Tensors)
            output.WriteLine($"{t.Verdict.Word(),-9} {t.Role,-11} {t.Name,-34} L2 {t.RelativeL2:E2} abs {t.MaxAbs:E2} bits {t.BitEqualCount}/{t.Count} {t.Note}");

        Assert.True(result.Verdict.Passes(), output.Output);
    }
}
