using System.Text;
using DeepSeek.Reference.Verification;

namespace DeepSeek.Reference.Fuzz;

/// <summary>The readers of what comes from outside, each as a function of a file: it returns, or it throws.</summary>
/// <remarks>Files lie alone in a folder; their names matter where a reader looks at them (vectors, tables of numbers).</remarks>
internal static class Readers
{
    /// <summary>From a target's name to its reader.</summary>
    public static IReadOnlyDictionary<string, Action<string>> ByName { get; } = new SortedDictionary<string, Action<string>>(StringComparer.Ordinal)
    {
        ["safetensors"] = Tensors,
        ["npy"] = Tensors,
        ["npz"] = Tensors,
        ["config"] = path => DeepSeekConfig.Load(path),
        ["index"] = Index,
        ["manifest"] = path => GoldenManifest.Parse(File.ReadAllBytes(path), path),
        ["case"] = Cases,
        ["vectors"] = path => VectorFile.Evaluate(path),
        ["tables"] = path => VectorFile.Evaluate(path),
        ["capture"] = Capture,
        ["sweep"] = path => CapturedSweep.Read(path),
    };

    /// <summary>The name of the shard that an index of the fuzzer may name; it exists and is empty.</summary>
    public const string Shard = "model-00001-of-00002.safetensors";

    /// <summary>Dumps and checkpoints: every tensor's first and last byte are read.</summary>
    private static void Tensors(string path)
    {
        using TensorFile file = TensorFile.Read(path);
        long sum = 0;
        foreach (Tensor tensor in file.Tensors.Values)
        {
            if (tensor.ByteCount > 0)
                sum += tensor.ByteOrigin + System.Runtime.CompilerServices.Unsafe.Add(ref tensor.ByteOrigin, (nint)(tensor.ByteCount - 1));
        }

        GC.KeepAlive(sum);
    }

    /// <summary>An index in a folder with one shard, and the tensors that it promises.</summary>
    private static void Index(string path)
    {
        string directory = Path.GetDirectoryName(path)!;
        string shard = Path.Combine(directory, Shard);
        if (!File.Exists(shard))
            File.WriteAllBytes(shard, [2, 0, 0, 0, 0, 0, 0, 0, (byte)'{', (byte)'}']);
        using Checkpoint checkpoint = Checkpoint.Open(directory);
        foreach (string name in checkpoint.Names)
            checkpoint.Entry(name);
    }

    /// <summary>Case strings, one a line.</summary>
    private static void Cases(string path)
    {
        foreach (string line in Encoding.UTF8.GetString(File.ReadAllBytes(path)).Split('\n'))
        {
            string canonical = OperationCase.Parse(line).ToString();
            if (OperationCase.Parse(canonical).ToString() != canonical)
                throw new InvalidOperationException($"the canonical text '{canonical}' of a case reads back as another");
        }
    }

    private static void Capture(string path)
    {
        HardwareCapture capture = HardwareCapture.Read(path);
        GC.KeepAlive(capture.Provenance);
        if (capture.Kind == "dot")
            CapturedDots.Of(capture);
        else
            CapturedScalars.Of(capture);
    }
}
