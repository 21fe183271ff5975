using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Verification;

internal static partial class CaseOperations
{
    /// <summary><c>scaled_linear[t=,n=,k=]</c> with product, rows=yes (a scale for each row of the weight), add=yes (the sum is added to c), y.</summary>
    private static OperationCase ScaledLinear(CaseFields f)
    {
        int t = f.Size("t");
        int n = f.Size("n");
        int k = f.Size("k");
        ScaledProduct product = f.Product();
        bool rows = f.Flag("rows", false);
        bool add = f.Flag("add", false);
        int scales = product.ScalesOf(k);
        string scaleMap = ScaleMap(product);
        f.FixedInput("x", f.Map, DType.F8_E4M3, t, k);
        f.FixedInput("x_scale", scaleMap, DType.F32, t, scales);
        f.FixedInput("weight", f.Map, DType.F8_E4M3, n, k);
        f.FixedInput("weight_scale", scaleMap, DType.F32, rows ? n : Blocks(n), scales);
        if (add)
            f.FixedInput("c", f.Map, DType.F32, t, n);
        f.Output("y", DType.F32, t, n);
        return f.Build(Operation.ScaledLinear, (long)t * n * k, (b, c) =>
            b.ScaledLinear(c["x"], c["x_scale"], c["weight"], c["weight_scale"], product, add ? c["c"] : null, c["y"]));
    }

    /// <summary><c>grouped_scaled_linear[r=,g=,n=,k=]</c> with product, y; groups as grouped_linear's.</summary>
    private static OperationCase GroupedScaledLinear(CaseFields f)
    {
        (int r, int g, int n, int k, ScaledProduct product) = ScaledGroups(f);
        f.Output("y", DType.BF16, r, n);
        f.RequireList("g", g);
        int[] offsets = new int[g + 1];
        for (int i = 0; i <= g; i++)
            offsets[i] = (int)((Int128)r * i * i / ((long)g * g));
        Tensor ends = f.Given("offsets", offsets);
        return f.Build(Operation.GroupedScaledLinear, (long)r * n * k, (b, c) =>
            b.GroupedScaledLinear(c["x"], c["x_scale"], c.Or("offsets", ends).AsReadOnlySpan<int>(), Each(c["weight"]), Each(c["weight_scale"]), product, c["y"]));
    }

    /// <summary><c>indexed_scaled_linear[r=,g=,n=,k=]</c> with align, product, y: tile j of align rows belongs to group floor(j g / tiles), and its last row is padding where align is above 1.</summary>
    private static OperationCase IndexedScaledLinear(CaseFields f)
    {
        (int r, int g, int n, int k, ScaledProduct product) = ScaledGroups(f);
        int align = f.Whole("align", 1);
        if (align < 1)
            throw f.Bad("align", "a tile has at least 1 row");
        f.Output("y", DType.BF16, r, n);
        int tiles = (r + align - 1) / align;
        f.RequireList("r", r);
        int[] groups = new int[r];
        for (int t = 0; t < r; t++)
            groups[t] = align > 1 && t % align == align - 1 ? -1 : (int)((long)(t / align) * g / tiles);
        Tensor groupOfRow = f.Given("groups", groups);
        return f.Build(Operation.IndexedScaledLinear, (long)r * n * k, (b, c) =>
            b.IndexedScaledLinear(c["x"], c["x_scale"], c.Or("groups", groupOfRow), align, Each(c["weight"]), Each(c["weight_scale"]), product, c["y"]));
    }

    /// <summary><c>masked_scaled_linear[m=,g=,n=,k=]</c> with product, y: group i has floor(m (i+1) / g) of its m rows.</summary>
    private static OperationCase MaskedScaledLinear(CaseFields f)
    {
        int m = f.Size("m");
        int g = f.Size("g");
        int n = f.Size("n");
        int k = f.Size("k");
        ScaledProduct product = f.Product();
        f.FixedInput("x", f.Map, DType.F8_E4M3, g, m, k);
        f.FixedInput("x_scale", ScaleMap(product), DType.F32, g, m, product.ScalesOf(k));
        ScaledWeights(f, g, n, k, product);
        f.Output("y", DType.BF16, g, m, n);
        f.RequireList("g", g);
        int[] counts = new int[g];
        for (int i = 0; i < g; i++)
            counts[i] = (int)((long)m * (i + 1) / g);
        Tensor rowsOfGroup = f.Given("counts", counts);
        return f.Build(Operation.MaskedScaledLinear, (long)g * m * n * k, (b, c) =>
            b.MaskedScaledLinear(c["x"], c["x_scale"], c.Or("counts", rowsOfGroup), Each(c["weight"]), Each(c["weight_scale"]), product, c["y"]));
    }

    private static (int R, int G, int N, int K, ScaledProduct Product) ScaledGroups(CaseFields f)
    {
        int r = f.Size("r");
        int g = f.Size("g");
        int n = f.Size("n");
        int k = f.Size("k");
        if (g == 0)
            throw f.Bad("g", "a grouped product needs a group; give g=1 or more");
        ScaledProduct product = f.Product();
        f.FixedInput("x", f.Map, DType.F8_E4M3, r, k);
        f.FixedInput("x_scale", ScaleMap(product), DType.F32, r, product.ScalesOf(k));
        ScaledWeights(f, g, n, k, product);
        return (r, g, n, k, product);
    }

    private static void ScaledWeights(CaseFields f, int g, int n, int k, ScaledProduct product)
    {
        f.FixedInput("weight", f.Map, DType.F8_E4M3, g, n, k);
        f.FixedInput("weight_scale", ScaleMap(product), DType.F32, g, Blocks(n), product.ScalesOf(k));
    }

    /// <summary>Scales of a unit are powers of two.</summary>
    private static string ScaleMap(ScaledProduct product) => product.Order == ScaleOrder.InTheSum ? "power" : "scale";

    private static int Blocks(int n) => (n + ScaledProduct.ScaleBlock - 1) / ScaledProduct.ScaleBlock;

    /// <summary>The matrices of a tensor of three dimensions.</summary>
    private static Tensor[] Each(Tensor t)
    {
        var matrices = new Tensor[t.Shape[0]];
        for (int i = 0; i < matrices.Length; i++)
            matrices[i] = t.Rows(i, 1).Reshape(t.Shape[1], t.Shape[2]);
        return matrices;
    }
}
