using System.Runtime.InteropServices;

namespace DeepSeek.Reference.Bench;

/// <summary>OpenBLAS's sgemm, where Debian's libopenblas0-pthread is installed. Start the bench with OPENBLAS_CORETYPE=SkylakeX: its own detection picks a slow core here.</summary>
internal static unsafe partial class OpenBlas
{
    private const string Library = "libopenblas.so.0";

    public static bool IsPresent { get; } = NativeLibrary.TryLoad(Library, out _);

    /// <summary>C = A Bᵀ, row-major: A [m, k], B [n, k].</summary>
    public static void MultiplyTransposed(int m, int n, int k, float* a, float* b, float* c) =>
        Sgemm(101, 111, 112, m, n, k, 1f, a, k, b, k, 0f, c, n);

    /// <summary>y = A x, row-major.</summary>
    public static void MatrixVector(int m, int k, float* a, float* x, float* y) => Sgemv(101, 111, m, k, 1f, a, k, x, 1, 0f, y, 1);

    [LibraryImport(Library, EntryPoint = "openblas_set_num_threads")]
    public static partial void SetThreads(int threads);

    [LibraryImport(Library, EntryPoint = "cblas_sgemm")]
    private static partial void Sgemm(
        int order, int transA, int transB, int m, int n, int k, float alpha, float* a, int lda, float* b, int ldb, float beta, float* c, int ldc);

    [LibraryImport(Library, EntryPoint = "cblas_sgemv")]
    private static partial void Sgemv(int order, int trans, int m, int n, float alpha, float* a, int lda, float* x, int incX, float beta, float* y, int incY);
}
