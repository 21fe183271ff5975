namespace DeepSeek.Reference.Bench;

/// <summary>The report: every figure beside a peak or a peer measured in the same run.</summary>
internal static class SideBySide
{
    /// <summary>What a quiet machine of the kind that the targets were set on reaches with one thread (2 cores of AMD Zen 5); far below it a run says nothing.</summary>
    private const double QuietFma = 249e9;
    private const double QuietRead = 38.5e9;

    /// <summary>The best of the fma kernel and of every kernel under test so far; shares are of this.</summary>
    public static double FmaPeak { get; private set; }

    /// <summary>Bytes per second: the best of the read kernels and of every kernel that streams weights.</summary>
    public static double ReadPeak { get; private set; }

    public static int Run(string[] only, double seconds, int threads, string? libtorch, string? model)
    {
        bool Wanted(string part) => only.Length == 0 || only.Contains(part);
        if (OpenBlas.IsPresent)
            OpenBlas.SetThreads(threads);
        else
            Console.WriteLine("libopenblas.so.0 is absent: its rows are left out (Debian: libopenblas0-pthread)");
        if (Environment.GetEnvironmentVariable("OPENBLAS_CORETYPE") is null)
            Console.WriteLine("OPENBLAS_CORETYPE is not set; on AVX-512 machines start with OPENBLAS_CORETYPE=SkylakeX to be fair to OpenBLAS");

        if (Wanted("gemm"))
            MatrixProducts.Run(seconds, threads, libtorch);
        if (Wanted("gemv"))
            MatrixVectors.Run(seconds, threads);
        if (Wanted("functions"))
            ElementFunctions.Run(seconds);
        if (Wanted("attention"))
            AttentionSpeed.Run(seconds, threads);
        if (Wanted("model"))
            ModelSpeed.Run(seconds, threads, model);

        Console.WriteLine($"peaks of this run: fma {FmaPeak / 1e9:F0} GFLOP/s, read {ReadPeak / 1e9:F1} GB/s");
        bool valid = (FmaPeak == 0 || FmaPeak >= 0.9 * QuietFma) && (ReadPeak == 0 || ReadPeak >= 0.9 * QuietRead);
        if (!valid)
            Console.WriteLine($"INVALID: the machine was busy or is of another kind (a quiet one reaches {QuietFma / 1e9:F0} GFLOP/s and {QuietRead / 1e9:F1} GB/s); repeat");
        return valid ? 0 : 1;
    }

    /// <summary>Flops per second that something reached in this run.</summary>
    public static void RaiseFma(double flopsPerSecond) => FmaPeak = Math.Max(FmaPeak, flopsPerSecond);

    /// <summary>Bytes per second that something read from memory in this run.</summary>
    public static void RaiseRead(double bytesPerSecond) => ReadPeak = Math.Max(ReadPeak, bytesPerSecond);

    /// <summary>One line: a figure, and what it is to be compared with.</summary>
    public static void Line(string what, string figure, string ratio, string target) =>
        Console.WriteLine($"{what,-44} {figure,-28} {ratio,-40} {target}");
}
