namespace DeepSeek.Reference.Verification;

public static partial class CaseCatalogue
{
    private const string NarrowOperands = "x=bf16,weight=bf16";

    /// <summary>Products as matrix units compute them.</summary>
    private static IEnumerable<string> UnitProducts()
    {
        foreach (string unit in new[] { "hopper-wgmma-bf16-f32", "ampere-mma-bf16-f32" })
        {
            foreach (string y in Floats)
            {
                yield return $"linear[t=3,n=13,k=67,{NarrowOperands},y={y},sum={unit}]";
                yield return $"grouped_linear[r=11,g=4,n=5,k=35,{NarrowOperands},y={y},sum={unit}]";
            }

            foreach (string map in new[] { "uniform", "int", "logspread", "outlier", "boundary", "special", "tie" })
                yield return $"linear[t=4,n=35,k=131,{NarrowOperands},map={map},sum={unit}]";
            foreach (int k in new[] { 0, 1, 15, 16, 17, 255, 257 })
                yield return $"linear[t=3,n=7,k={k},{NarrowOperands},sum={unit}]";
            yield return $"linear[t=2,n=256,k=7168,{NarrowOperands},sum={unit}]";
        }

        yield return $"linear[t=0,n=5,k=16,{NarrowOperands},sum=hopper-wgmma-bf16-f32]";
        yield return $"linear[t=5,n=0,k=16,{NarrowOperands},sum=hopper-wgmma-bf16-f32]";
        yield return $"linear[t=16,n=128,k=7168,{NarrowOperands},sum=hopper-wgmma-bf16-f32]";
    }
}
