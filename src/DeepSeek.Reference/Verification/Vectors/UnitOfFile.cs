using System.Text.RegularExpressions;
using DeepSeek.Reference.TensorCores;

namespace DeepSeek.Reference.Verification;

/// <summary>Which matrix unit the dot products of a file are of: from the words of its name and the lengths of its fields.</summary>
internal static partial class UnitOfFile
{
    private static readonly Dictionary<string, string> Architectures = new()
    {
        ["hopper"] = "hopper", ["h100"] = "hopper", ["h200"] = "hopper", ["h800"] = "hopper", ["h20"] = "hopper", ["gh200"] = "hopper", ["sm90"] = "hopper", ["sm90a"] = "hopper",
        ["ada"] = "ada", ["l40"] = "ada", ["l40s"] = "ada", ["l4"] = "ada", ["rtx1000"] = "ada", ["rtx4090"] = "ada", ["sm89"] = "ada",
        ["ampere"] = "ampere", ["a100"] = "ampere", ["a2"] = "ampere", ["a800"] = "ampere", ["sm80"] = "ampere", ["sm86"] = "ampere",
        ["turing"] = "turing", ["t4"] = "turing", ["sm75"] = "turing",
        ["volta"] = "volta", ["v100"] = "volta", ["sm70"] = "volta",
        ["blackwell"] = "blackwell", ["b200"] = "blackwell", ["gb200"] = "blackwell", ["sm100"] = "blackwell",
    };

    private static readonly Dictionary<string, string> Instructions = new()
    {
        ["wgmma"] = "wgmma", ["mma"] = "mma", ["mmasync"] = "mma", ["wmma"] = "mma", ["hmma"] = "mma", ["emulated"] = "mma",
        ["tcgen05"] = "tcgen05", ["mx"] = "mx", ["mxf8f6f4"] = "mx",
    };

    private static readonly Dictionary<string, string> Operands = new()
    {
        ["e4m3"] = "e4m3", ["e4m3fn"] = "e4m3", ["e5m2"] = "e5m2", ["e3m2"] = "e3m2", ["e2m3"] = "e2m3", ["e2m1"] = "e2m1",
        ["bf16"] = "bf16", ["bfloat16"] = "bf16", ["fp16"] = "fp16", ["half"] = "fp16", ["tf32"] = "tf32",
    };

    private static readonly Dictionary<string, string> Accumulators = new() { ["f32"] = "f32", ["fp32"] = "f32", ["f16"] = "f16" };

    /// <summary>The units that name and lengths allow, the likeliest first: one, unless the name says too little.</summary>
    /// <param name="name">The file's name.</param>
    /// <param name="line">Its first line.</param>
    /// <param name="result">"d", or "d16".</param>
    /// <exception cref="DataException">No unit fits.</exception>
    public static IReadOnlyList<TensorCore> Candidates(string name, VectorLine line, string result)
    {
        string[] words = [.. Word().Matches(name.ToLowerInvariant()).Select(m => m.Value)];
        string[] operands = Known(words, Operands);
        string[] accumulators = Known(words, Accumulators);
        if (operands.Length == 0 && accumulators is ["f16", ..] && accumulators.Length > 1)
            operands = ["fp16"];
        string? instruction = Known(words, Instructions).FirstOrDefault() ?? (line.Has("d16") ? "mma" : line.Has("scale_a") ? "mx" : null);
        string architecture = Known(words, Architectures).FirstOrDefault() ?? (instruction is "tcgen05" or "mx" ? "blackwell" : "hopper");
        instruction ??= architecture switch { "hopper" => "wgmma", "blackwell" => "tcgen05", _ => "mma" };
        int digits = line.Text(result).Length;

        IEnumerable<TensorCore> fitting =
            from unit in TensorCore.All
            let parts = unit.Name.Split('-')
            where parts[0] == architecture && parts[1] == instruction
            where operands.Length == 0 || (unit.A.Name == operands[0] && unit.B.Name == operands[^1])
            where unit.Accumulator.Digits == digits
            where Divides(unit.A, unit.K, line.Text("a")) && Divides(unit.B, unit.K, line.Text("b"))
            orderby unit.K descending
            select unit;
        TensorCore[] units = [.. fitting];
        if (units.Length == 0)
            throw line.Bad($"fits no matrix unit of {architecture} {instruction} with operands {(operands.Length == 0 ? "of any format" : string.Join(" and ", operands))}", "name the unit with --unit");

        // Instructions of other lengths are other units: the longest that divides the elements is meant.
        return operands.Length == 0 ? units : units[..1];
    }

    private static bool Divides(ElementFormat format, int K, string codes) => codes.Length > 0 && codes.Length % (format.Digits * K) == 0;

    private static string[] Known(string[] words, Dictionary<string, string> names) => [.. words.Where(names.ContainsKey).Select(word => names[word])];

    [GeneratedRegex("[a-z0-9]+")]
    private static partial Regex Word();
}
