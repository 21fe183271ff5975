using System.Runtime.InteropServices;

namespace DeepSeek.Reference.Bench;

/// <summary>libtorch's matrix product through the C functions of libtorch_cpu.so, where a folder with it is given. Optional.</summary>
internal sealed unsafe class LibTorch : IDisposable
{
    private readonly nint library;
    private readonly delegate* unmanaged<void*, long, long*, long*, long, int, int, int, void**, int> fromBlob;
    private readonly delegate* unmanaged<void*, void*, void*, int> multiply;
    private readonly int float32;
    private readonly List<nint> handles = [];

    private LibTorch(nint library)
    {
        this.library = library;
        fromBlob = (delegate* unmanaged<void*, long, long*, long*, long, int, int, int, void**, int>)NativeLibrary.GetExport(library, "aoti_torch_create_tensor_from_blob");
        multiply = (delegate* unmanaged<void*, void*, void*, int>)NativeLibrary.GetExport(library, "aoti_torch_cpu_mm_out");
        float32 = ((delegate* unmanaged<int>)NativeLibrary.GetExport(library, "aoti_torch_dtype_float32"))();
    }

    public static LibTorch? TryOpen(string? folder, int threads)
    {
        if (folder is null)
        {
            Console.WriteLine("no --libtorch folder: its rows are left out (NuGet libtorch-cpu-linux-x64 holds libtorch_cpu.so)");
            return null;
        }

        Environment.SetEnvironmentVariable("OMP_NUM_THREADS", threads.ToString(System.Globalization.CultureInfo.InvariantCulture));
        foreach (string dependency in new[] { "libgomp.so.1", "libgomp-a34b3233.so.1", "libc10.so" })
            NativeLibrary.TryLoad(Path.Combine(folder, dependency), out _);
        return new LibTorch(NativeLibrary.Load(Path.Combine(folder, "libtorch_cpu.so")));
    }

    /// <summary>y = x Wᵀ with W handed over as a transposed view.</summary>
    public Measured MultiplyTransposed(Tensor x, Tensor w, Tensor y, double work)
    {
        nint a = View(x, x.Shape[0], x.Shape[1], x.Shape[1], 1);
        nint b = View(w, w.Shape[1], w.Shape[0], 1, w.Shape[1]);
        nint c = View(y, y.Shape[0], y.Shape[1], y.Shape[1], 1);
        return new Measured("libtorch", work, () => Check(multiply((void*)c, (void*)a, (void*)b)));
    }

    public void Dispose() => handles.Clear();

    private nint View(Tensor t, long rows, long columns, long rowStride, long columnStride)
    {
        long* sizes = stackalloc long[] { rows, columns };
        long* strides = stackalloc long[] { rowStride, columnStride };
        void* handle;
        fixed (float* p = t.AsSpan<float>())
            Check(fromBlob(p, 2, sizes, strides, 0, float32, 0, 0, &handle));
        handles.Add((nint)handle);
        return (nint)handle;
    }

    private static void Check(int error)
    {
        if (error != 0)
            throw new InvalidOperationException($"libtorch answered {error}");
    }
}
