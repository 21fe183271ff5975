using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Verification;

public static partial class CaseCatalogue
{
    /// <summary>Block-scaled FP8 products.</summary>
    private static IEnumerable<string> Scaled()
    {
        foreach (ScaledProduct product in ScaledProduct.Presets)
        {
            string p = $"product={product.Name}";
            foreach (string y in Floats)
            {
                yield return $"scaled_linear[t=3,n=13,k=67,{p},y={y}]";
                yield return $"scaled_linear[t=2,n=7,k=384,{p},map=logspread,y={y}]";
            }

            yield return $"scaled_linear[t=2,n=9,k=300,{p},rows=yes,add=yes]";
            yield return $"scaled_linear[t=2,n=11,k=131,{p},map=outlier]";
            yield return $"scaled_linear[t=5,n=3,k=19,{p},map=special]";
            yield return $"scaled_linear[t=2,n=7,k=0,{p}]";
            yield return $"scaled_linear[t=2,n=7,k=0,{p},add=yes]";
            yield return $"scaled_linear[t=9,n=140,k=260,{p}]";
            yield return $"grouped_scaled_linear[r=7,g=3,n=5,k=140,{p}]";
            yield return $"indexed_scaled_linear[r=9,g=2,n=5,k=140,align=3,{p}]";
            yield return $"masked_scaled_linear[m=3,g=3,n=5,k=140,{p}]";
        }

        // Around every edge of an instruction, a block and a panel.
        foreach (int k in new[] { 1, 31, 32, 33, 127, 128, 129, 255, 257 })
            yield return $"scaled_linear[t=5,n=7,k={k},map=logspread]";
        foreach (int t in new[] { 0, 1, 2, 3, 4, 5, 63, 64, 65 })
            yield return $"scaled_linear[t={t},n=11,k=160]";
        foreach (int n in new[] { 0, 1, 31, 32, 33, 127, 128, 129, 256, 257 })
            yield return $"scaled_linear[t=3,n={n},k=160,y=bf16]";
        yield return "grouped_scaled_linear[r=0,g=2,n=5,k=140]";
        yield return "indexed_scaled_linear[r=20,g=4,n=33,k=128]";
        yield return "masked_scaled_linear[m=0,g=2,n=5,k=140]";

        // The 671B model's products, and gradients of weights over tokens.
        foreach (string product in new[] { "torch-reexpression", "triton-fp8-gemm", "deepgemm-sm90" })
        {
            yield return $"scaled_linear[t=1,n=576,k=7168,product={product},y=bf16]";
            yield return $"scaled_linear[t=4,n=2112,k=7168,product={product},y=bf16]";
            yield return $"scaled_linear[t=33,n=7168,k=2048,product={product},y=bf16]";
        }

        yield return "scaled_linear[t=192,n=160,k=1000,product=deepgemm-sm90-wgrad,rows=yes,add=yes]";
        yield return "scaled_linear[t=1,n=64,k=7168,product=deepgemm-sm100,y=bf16]";
        yield return "masked_scaled_linear[m=48,g=6,n=512,k=2048]";
        yield return "indexed_scaled_linear[r=384,g=3,n=256,k=512,align=128]";
    }
}
