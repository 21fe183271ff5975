using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Model;
using DeepSeek.Reference.Tracing;
using DeepSeek.Reference.Verification;

namespace DeepSeek.Reference.Tests.Verification.Bisection;

/// <summary>Dumps for bisections: of the oracles, and of our own model run on any backend.</summary>
internal static class Dumps
{
    /// <summary>Opens the model of an oracle.</summary>
    public static DeepSeekModel Open(string oracle, NumericContract contract, IBackend backend) =>
        DeepSeekModel.Load(Golden.Path("oracles", oracle), contract, backend);

    /// <summary>The contract of an oracle by rule N17.</summary>
    public static NumericContract Contract(string oracle) =>
        DeepSeekModel.DefaultContract(DeepSeekConfig.Load(Golden.Path("oracles", oracle, "config.json")));

    /// <summary>The ids of an oracle.</summary>
    public static IReadOnlyList<int[]> Ids(string oracle)
    {
        using SafetensorsFile file = SafetensorsFile.Open(Golden.Path("oracles", oracle, "oracle.safetensors"));
        return DumpIds.Rows(file.Get("input_ids"));
    }

    /// <summary>What the official code gave.</summary>
    public static Dictionary<string, Tensor> OfOracle(string oracle)
    {
        using SafetensorsFile file = SafetensorsFile.Open(Golden.Path("oracles", oracle, "oracle.safetensors"));
        return file.Entries.Keys.ToDictionary(n => n, n => file.Get(n).Clone(), StringComparer.Ordinal);
    }

    /// <summary>Our own run: all probes, or those whose names fit.</summary>
    public static Dictionary<string, Tensor> OfRun(string oracle, NumericContract contract, IBackend backend, string patterns = "*")
    {
        using DeepSeekModel model = Open(oracle, contract, backend);
        IReadOnlyList<int[]> rows = Ids(oracle);
        var trace = new TraceCollector(patterns.Split(','), rows.Count);
        model.Forward(rows, new ForwardOptions { Trace = trace, Mtp = model.HasMtp });
        return new(trace.Tensors(), StringComparer.Ordinal);
    }

    /// <summary>Judges a dump against an oracle's model.</summary>
    public static BisectionReport Judge(string oracle, NumericContract contract, IReadOnlyDictionary<string, Tensor> tensors, string names = "dsref", int orders = 8, DumpRope? rope = null)
    {
        DeepSeekConfig config = DeepSeekConfig.Load(Golden.Path("oracles", oracle, "config.json"));
        var dump = new CandidateDump(tensors, names, config, contract, rope);
        return ModelBisection.Run((c, b) => Open(oracle, c, b), contract, Ids(oracle), dump, orders);
    }
}
