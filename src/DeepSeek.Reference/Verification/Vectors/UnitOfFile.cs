using System.Text.RegularExpressions;
using DeepSeek.Reference.TensorCores;

namespace DeepSeek.Reference.Verification;

/// <summary>Which matrix unit the dot products of a file are of: from the words of its name and the lengths of its fields.</summary>
internal static partial class UnitOfFile
{
    private static readonly Dictionary<string, string> Architectures = Names(
        ("hopper", "hopper h100 h200 h800 h20 gh200 sm90 sm90a"),
        ("ada", "ada l40 l40s l4 rtx1000 rtx4090 sm89"),
        ("ampere", "ampere a100 a2 a800 sm80 sm86"),
        ("turing", "turing t4 sm75"),
        ("volta", "volta v100 sm70"),
        ("blackwell", "blackwell b200 gb200 sm100"));

    private static readonly Dictionary<string, string> Instructions = Names(
        ("wgmma", "wgmma"), ("mma", "mma mmasync sync wmma hmma emulated"), ("tcgen05", "tcgen05"), ("mx", "mx mxf8f6f4"));

    private static readonly Dictionary<string, string> Operands = Names(
        ("e4m3", "e4m3 e4m3fn"), ("e5m2", "e5m2"), ("e3m2", "e3m2"), ("e2m3", "e2m3"), ("e2m1", "e2m1"),
        ("bf16", "bf16 bfloat16"), ("fp16", "fp16 half"), ("tf32", "tf32"));

    private static readonly Dictionary<string, string> Accumulators = Names(("f32", "f32 fp32"), ("f16", "f16"));

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
        string architecture = Known(words, Architectures).FirstOrDefault() ?? "hopper";
        string[] instructions = Known(words, Instructions) is [string named, ..] ? [named] : line.Has("d16") ? ["mma"] : line.Has("scale_a") ? ["mx"] : architecture switch
        {
            "hopper" => ["wgmma", "mma"],
            "blackwell" => ["tcgen05", "mma"],
            _ => ["mma"],
        };
        if (instructions is ["tcgen05"] or ["mx"])
            architecture = "blackwell";
        int digits = line.Text(result).Length;

        IEnumerable<TensorCore> fitting =
            from unit in TensorCore.All
            let parts = unit.Name.Split('-')
            let instruction = Array.IndexOf(instructions, parts[1])
            where parts[0] == architecture && instruction >= 0
            where operands.Length == 0 || (unit.A.Name == operands[0] && unit.B.Name == operands[^1])
            where unit.Accumulator.Digits == digits
            where Divides(unit.A, unit.K, line.Text("a")) && Divides(unit.B, unit.K, line.Text("b"))
            orderby instruction, unit.K descending
            select unit;
        TensorCore[] units = [.. fitting];
        if (units.Length == 0)
            throw line.Bad($"fits no matrix unit of {architecture} {string.Join(" or ", instructions)} with operands {(operands.Length == 0 ? "of any format" : string.Join(" and ", operands))}: 'a' has {line.Text("a").Length} digits, 'b' {line.Text("b").Length}, '{result}' {digits}", "give a and b of the length that the instruction takes, or name the unit with --unit");

        // Instructions of other lengths are other units: the longest that divides the elements is meant.
        return operands.Length == 0 ? units : [.. units.DistinctBy(unit => unit.Name.Split('-')[1])];
    }

    /// <summary>The unit of c16 and d16 beside that of c and d: the same instruction and operands, into binary16.</summary>
    /// <param name="unit">The unit of c and d.</param>
    /// <param name="name">The file's name.</param>
    /// <param name="line">Its first line.</param>
    /// <exception cref="DataException">There is none.</exception>
    public static TensorCore Half(TensorCore unit, string name, VectorLine line) =>
        Candidates(name, line, "d16").FirstOrDefault(half => half.A.Name == unit.A.Name && half.B.Name == unit.B.Name)
        ?? throw line.Bad($"has 'd16', and there is no unit with the operands of {unit.Name} and a binary16 accumulator", "leave the field out, or name another unit");

    private static bool Divides(ElementFormat format, int K, string codes) => codes.Length > 0 && codes.Length % (format.Digits * K) == 0;

    private static string[] Known(string[] words, Dictionary<string, string> names) => [.. words.Where(names.ContainsKey).Select(word => names[word])];

    private static Dictionary<string, string> Names(params (string Name, string Words)[] names) =>
        names.SelectMany(n => n.Words.Split(' ').Select(word => (word, n.Name))).ToDictionary();

    [GeneratedRegex("[a-z0-9]+")]
    private static partial Regex Word();
}
