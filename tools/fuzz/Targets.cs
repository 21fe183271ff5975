using System.Text;
using DeepSeek.Reference.TensorCores;
using DeepSeek.Reference.Verification;

namespace DeepSeek.Reference.Fuzz;

/// <summary>All targets, their seeds taken from golden/ or made by the library's writers.</summary>
internal static class Targets
{
    private const int LongestLine = 4000;

    /// <summary>The targets, seeds from the tree at <paramref name="root"/>; files are made in <paramref name="scratch"/>.</summary>
    public static IReadOnlyList<Target> All(string root, string scratch)
    {
        string golden = Path.Combine(root, "golden");
        return
        [
            new("safetensors", ["\"dtype\"", "\"shape\"", "\"data_offsets\"", "\"__metadata__\"", "[0,0]", "[4,2,0]"], Envelopes.Safetensors, Safetensors(scratch)),
            new("npy", ["'descr'", "'fortran_order'", "'shape'", "(0, 5)", "(4611686018427387904, 4)"], Envelopes.Npy, Files(Path.Combine(golden, "numpy"), "*.npy")),
            new("npz", ["'descr'", "'fortran_order'", "'shape'", ".npy", "../a.npy"], Envelopes.Npz, Files(Path.Combine(golden, "numpy"), "*.npz")),
            new("config", ["\"rope_scaling\"", "\"yarn\"", "\"attention_factor\"", "\"truncate\"", "\"mscale_all_dim\"", "\"quantization_config\"", "\"fp8\"", "\"weight_block_size\"", "\"n_routed_experts\"", "\"deepseek_v2\"", "\"model_type\""], Envelopes.Plain,
                [.. Directory.GetFiles(Path.Combine(golden, "oracles"), "config.json", SearchOption.AllDirectories).Order(StringComparer.Ordinal).Select(f => new NamedFile("config.json", File.ReadAllBytes(f)))]),
            new("index", ["\"weight_map\"", "\"metadata\"", $"\"{Readers.Shard}\"", "\"total_size\""], Envelopes.Plain, [Index(1), Index(3), Index(0)]),
            new("manifest", ["\"id\"", "\"level\"", "\"quick\"", "\"seed\"", "\"0x2a\"", "\"inputs\"", "\"map\"", "\"sha256\"", "\"witness\""], Envelopes.Plain, Manifest(golden)),
            new("case", CaseWords(), Envelopes.Plain, [.. CaseCatalogue.All.GroupBy(c => c.Id.Name).SelectMany(g => g.Take(4)).Select(c => new NamedFile("case.txt", Encoding.UTF8.GetBytes(c.ToString())))]),
            new("vectors", ["\"a\"", "\"b\"", "\"c\"", "\"d\"", "\"d16\"", "\"amb\"", "\"k\"", "\"sa\"", "\"tc\"", "\"x\"", "\"unit\"", "\"scale_a\"", "\"y_ieee\""], Envelopes.Lines, Vectors(golden)),
            new("tables", ["f32_bits", "x_bits", "cr_bits", "code", "class", "kind", "7fc00000", "ff800000"], Envelopes.Lines, Tables(golden)),
            new("capture", ["\"kind\"", "\"dot\"", "\"convert\"", "\"function\"", "\"instruction\"", "\"tiles\"", "\"steps\"", "\"count\"", "\"maps\"", "\"explicit\"", "\"inputs\""], Envelopes.Capture, Captures(scratch)),
            new("sweep", ["ex2.approx.f32", "cvt.rn.bf16.f32", "tanh.approx.f32", "0x", "ffffffff", "268435456", "4294967296", "#"], Envelopes.Lines, Files(Path.Combine(golden, "hardware", "h100", "functions"), "*.sweep")),
        ];
    }

    private static NamedFile[] Files(string folder, string pattern) =>
        [.. Directory.GetFiles(folder, pattern).Order(StringComparer.Ordinal).Select(f => new NamedFile("file" + Path.GetExtension(f), File.ReadAllBytes(f)))];

    private static NamedFile[] Safetensors(string scratch)
    {
        string path = Path.Combine(scratch, "seed.safetensors");
        var several = new Dictionary<string, Tensor>
        {
            ["model.norm.weight"] = Tensor.From([1f, -2f, 3f], 3),
            ["ids"] = Tensor.From([1, 2, 3, 4, 5, 6], 2, 3),
            ["codes"] = new Tensor(DType.F8_E4M3, new Shape(5, 1)),
            ["half"] = new Tensor(DType.BF16, new Shape(2, 0, 7)),
            ["scalar"] = new Tensor(DType.F64, new Shape()),
        };
        SafetensorsWriter.Write(path, several, new Dictionary<string, string> { ["format"] = "pt", ["contract"] = "Canonical" });
        byte[] first = File.ReadAllBytes(path);
        SafetensorsWriter.Write(path, []);
        byte[] second = File.ReadAllBytes(path);
        SafetensorsWriter.Write(path, [new("x", new Tensor(DType.F4, new Shape(4, 4))), new("y", new Tensor(DType.Bool, new Shape(3)))]);
        return [new("file.safetensors", first), new("file.safetensors", second), new("file.safetensors", File.ReadAllBytes(path))];
    }

    private static NamedFile Index(int tensors)
    {
        IEnumerable<string> map = Enumerable.Range(0, tensors).Select(i => $"\"layers.{i}.weight\":\"{Readers.Shard}\"");
        return new("model.safetensors.index.json", Encoding.UTF8.GetBytes($"{{\"metadata\":{{\"total_size\":12}},\"weight_map\":{{{string.Join(',', map)}}}}}"));
    }

    private static NamedFile[] Manifest(string golden)
    {
        string[] lines = File.ReadAllLines(Path.Combine(golden, "manifest.jsonl"));
        return [.. new[] { 0, 300, 700 }.Select(at => new NamedFile("manifest.jsonl", Encoding.UTF8.GetBytes(string.Concat(lines.Skip(at).Take(3).Select(l => l + "\n")))))];
    }

    private static string[] CaseWords() =>
        [.. OperationCase.Names, "seed", "map", "contract", "sum", "product", "eps", "rounding", "x", "f32", "bf16", "yes", "no", "hopperfp8", "ideal", "special", "exact", "t", "n", "k", "h", "dr", "g", "r", "16777216", "tile", "codes"];

    /// <summary>The first short lines of every file of vectors, under its own name.</summary>
    private static NamedFile[] Vectors(string golden)
    {
        IEnumerable<string> files = Directory.GetFiles(Path.Combine(golden, "vectors", "dev"), "*.jsonl.gz").Concat(Directory.GetFiles(Path.Combine(golden, "vectors", "quantisers"), "*.jsonl.gz"));
        return [.. files.Order(StringComparer.Ordinal).Select(f => Head(f, 2, ".jsonl")).Where(f => f.Bytes.Length > 0)];
    }

    private static NamedFile[] Tables(string golden)
    {
        IEnumerable<string> files = Directory.GetFiles(Path.Combine(golden, "vectors", "fp8"), "*.csv.gz").Concat(Directory.GetFiles(Path.Combine(golden, "vectors", "libm"), "*.csv.gz"));
        return [.. files.Order(StringComparer.Ordinal).Select(f => Head(f, 5, ".csv"))];
    }

    private static NamedFile Head(string path, int lines, string extension)
    {
        string name = Path.GetFileName(path);
        IEnumerable<string> head = VectorLines.Read(path).Where(l => l.Length <= LongestLine).Take(lines);
        return new(name[..(name.IndexOf(extension, StringComparison.Ordinal) + extension.Length)], Encoding.UTF8.GetBytes(string.Concat(head.Select(l => l + "\n"))));
    }

    private static NamedFile[] Captures(string scratch)
    {
        string path = Path.Combine(scratch, "seed.capture");
        var found = new List<NamedFile>();
        foreach (string instruction in (string[])["wgmma.mma_async.sync.aligned.m64n8k32.f32.e4m3.e4m3", "wgmma.mma_async.sync.aligned.m64n8k32.f16.e4m3.e4m3"])
        {
            CaptureHeader header = CapturedDots.Describe(instruction, "synthetic", "none", 1, tiles: 1, steps: 1);
            HardwareCapture.Write(path, header, new byte[CapturedDots.Dots * CaptureInstruction.Parse(instruction).Accumulator.Bytes]);
            found.Add(new("file.capture", File.ReadAllBytes(path)));
        }

        CaptureHeader scalars = new CaptureHeader().Add("kind", "function").Add("origin", "synthetic").Add("instruction", "ex2.approx.ftz.f32").Add("device", "none")
            .Add("map", "sequence").Add("count", 16L).Add("result_bytes", 4L).Add("first", "0x00000000").Add("step", "0x00100000");
        HardwareCapture.Write(path, scalars, new byte[64]);
        found.Add(new("file.capture", File.ReadAllBytes(path)));
        return [.. found];
    }
}
