namespace DeepSeek.Reference.Verification;

public static partial class CaseCatalogue
{
    /// <summary>Dgrad and Wgrad, whole and grouped: accumulations, dtypes, ragged and empty shapes, groups without rows, value maps, the 671B model's shapes with few rows.</summary>
    private static IEnumerable<string> BackwardProducts()
    {
        foreach (string sum in Sums)
        {
            foreach (string weight in Floats)
            {
                yield return $"linear_dgrad[t=3,n=67,k=13,weight={weight},sum={sum}]";
                yield return $"grouped_linear_dgrad[r=11,g=4,n=35,k=5,weight={weight},sum={sum}]";
            }

            yield return $"linear_wgrad[t=67,n=3,k=13,sum={sum}]";
            yield return $"grouped_linear_wgrad[r=67,g=4,n=3,k=13,sum={sum}]";
            yield return $"grouped_linear_wgrad[r=5,g=9,n=3,k=7,sum={sum}]";
        }

        foreach (string map in CaseInputs.ValueMapNames)
        {
            yield return $"linear_dgrad[t=4,n=131,k=17,map={map}]";
            yield return $"linear_dgrad[t=4,n=131,k=17,map={map},contract=deepseekinference]";
            yield return $"linear_wgrad[t=35,n=5,k=17,map={map}]";
            yield return $"linear_wgrad[t=35,n=5,k=17,map={map},sum=exact]";
            yield return $"grouped_linear_dgrad[r=9,g=3,n=67,k=7,map={map}]";
            yield return $"grouped_linear_wgrad[r=35,g=6,n=3,k=7,map={map}]";
        }

        foreach (int n in new[] { 1, 15, 16, 17, 33, 64 })
        {
            yield return $"linear_dgrad[t=2,n={n},k=9]";
            yield return $"linear_wgrad[t={n},n=2,k=9]";
        }

        foreach (string contract in Contracts)
        {
            yield return $"linear_dgrad[t=2,n=129,k=7168,contract={contract}]";
            yield return $"linear_wgrad[t=16,n=129,k=1536,contract={contract}]";
        }

        yield return "linear_dgrad[t=1,n=576,k=7168]";
        yield return "linear_dgrad[t=64,n=192,k=320]";
        yield return "linear_wgrad[t=128,n=64,k=512]";
        yield return "linear_wgrad[t=1024,n=8,k=192]";
        yield return "grouped_linear_dgrad[r=8,g=2,n=2048,k=256]";
        yield return "grouped_linear_wgrad[r=40,g=16,n=64,k=512]";
        yield return "grouped_linear_wgrad[r=12,g=256,n=16,k=32]";

        // Nothing to sum: dx is +0, and what is added to stays.
        yield return "linear_dgrad[t=3,n=0,k=5]";
        yield return "linear_dgrad[t=0,n=3,k=5]";
        yield return "linear_dgrad[t=3,n=5,k=0]";
        yield return "linear_wgrad[t=0,n=3,k=5]";
        yield return "linear_wgrad[t=3,n=0,k=5]";
        yield return "linear_wgrad[t=3,n=5,k=0]";
        yield return "grouped_linear_dgrad[r=0,g=2,n=3,k=5]";
        yield return "grouped_linear_wgrad[r=0,g=2,n=3,k=5]";
    }
}
