using BenchmarkDotNet.Attributes;
using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Bench;

/// <summary>Single operations at the synthetic model's sizes, scalar definition beside SIMD twin.</summary>
public class OperationBenchmarks
{
    private readonly Tensor x = RandomTensors.Make(DType.F32, 64, 1024);
    private readonly Tensor y = new(DType.F32, 64, 1024);
    private readonly Tensor norm = RandomTensors.Make(DType.F32, 1024);
    private readonly Tensor weight = RandomTensors.Make(DType.F32, 256, 1024);
    private readonly Tensor product = new(DType.F32, 64, 256);
    private IBackend backend = new ScalarBackend();

    /// <summary>The backend under test.</summary>
    [Params("scalar", "simd")]
    public string Backend { get; set; } = "simd";

    /// <summary>Chooses the backend.</summary>
    [GlobalSetup]
    public void Setup() => backend = Backend == "simd" ? new SimdBackend(1) : new ScalarBackend();

    /// <summary>RMSNorm of 64 rows of 1024.</summary>
    [Benchmark]
    public void RmsNorm() => backend.RmsNorm(x, norm, 1e-6f, RmsNormRounding.None, y);

    /// <summary>SwiGLU of 64 rows of 1024.</summary>
    [Benchmark]
    public void SwiGlu() => backend.SwiGlu(x, x, SwiGluRounding.None, y);

    /// <summary>Softmax of 64 rows of 1024.</summary>
    [Benchmark]
    public void Softmax() => backend.Softmax(x, y);

    /// <summary>64 rows of 1024 times a weight of 256 rows.</summary>
    [Benchmark]
    public void Linear() => backend.Linear(x, weight, Accumulation.Lanes16, product);
}
