using System.Runtime.CompilerServices;
using DeepSeek.Reference.Backends;

namespace DeepSeek.Reference.Faulty;

internal static partial class Bugs
{
    /// <summary>What a caller finds only by how it calls: buffers, leftovers, runs that differ.</summary>
    private static IEnumerable<Variant> Memory()
    {
        yield return Variant.Of<LinearCall>("stale-buffer", "The result of the first call is returned for every later one of its shape.", ["linear[t=16,n=64,k=256]"], Stale);
        yield return Variant.Of<RmsNormCall>("input-mutated", "The normalised values are written over the input.", ["rms_norm[t=8,n=512]"],
            (c, run) =>
            {
                run.Right(c);
                Values.Store(Values.Of(c.Y), c.X);
            });
        yield return Variant.Of<SwiGluCall>("writes-beyond-end", "Two bytes are written behind the output's last element.", ["swiglu[n=1000]"],
            (c, run) =>
            {
                run.Right(c);
                Unsafe.Add(ref c.Y.ByteOrigin, (nint)c.Y.ByteCount) = 0;
                Unsafe.Add(ref c.Y.ByteOrigin, (nint)c.Y.ByteCount + 1) = 0;
            });
        yield return Variant.Of<LinearCall>("last-row-unwritten", "The last row of the output is not written.", ["linear[t=17,n=64,k=256]"],
            (c, run) =>
            {
                Tensor own = Values.Like(c.Y);
                run.Right(c with { Y = own });
                long rows = c.Y.Shape[0] - 1;
                own.Rows(0, rows).CopyTo(c.Y.Rows(0, rows));
            });
        yield return Variant.Of<SwiGluCall>("tail-unwritten", "Elements beyond a multiple of 128 are not written.", ["swiglu[n=1000]"],
            (c, run) =>
            {
                Tensor own = Values.Like(c.Y);
                run.Right(c with { Y = own });
                long whole = c.Y.ElementCount / 128 * 128;
                own.Rows(0, whole).CopyTo(c.Y.Rows(0, whole));
            });
        yield return Variant.Of<LinearCall>("adds-to-output", "The product is added to what the output holds.", ["linear[t=16,n=64,k=256]"],
            (c, run) =>
            {
                float[] before = Values.Of(c.Y);
                run.Right(c);
                float[] y = Values.Of(c.Y);
                AddTo(y, before);
                Values.Store(y, c.Y);
            });
        yield return Variant.Of<LinearCall>("runs-differ", "The order of the sums changes from call to call, as atomic additions make it.", ["linear[t=16,n=64,k=1024]", "linear[t=64,n=64,k=2048,y=bf16]"],
            (c, run) => Dots.Run(c, Dots.Strided(7 * run.Calls)));
        yield return Variant.Of<AddCall>("needs-alignment", "Vectors are loaded from the address rounded down to 16 bytes.", ["add[n=1024]"],
            (c, run) => run.Right(c with { A = Aligned(c.A) }));
        yield return Variant.Of<SoftmaxCall>("reads-beyond-end", "The last row's sum takes in what follows the input.", ["softmax[t=4,n=250]"], ReadsBeyond);
        yield return Variant.Of<GateCall>("race-of-last-token", "In every second call the last token gets the weights of the one before.", ["gate[t=16,e=64,k=8,groups=8,kept=4]"],
            (c, run) =>
            {
                run.Right(c);
                if (run.Calls % 2 == 1)
                    c.Weights.Rows(c.Weights.Shape[0] - 2, 1).CopyTo(c.Weights.Rows(c.Weights.Shape[0] - 1, 1));
            });
        yield return Variant.Of<DequantizeCall>("codes-mutated", "The codes' signs are cleared in place after use.", ["dequantize[t=16,k=256]"],
            (c, run) =>
            {
                run.Right(c);
                foreach (ref byte code in c.Codes.AsSpan<byte>())
                    code &= 0x7F;
            });
    }

    private static void Stale(LinearCall c, VariantRun run)
    {
        if (run.Kept.TryGetValue("y", out Tensor? kept) && kept.Shape == c.Y.Shape && kept.DType == c.Y.DType)
        {
            kept.CopyTo(c.Y);
            return;
        }

        run.Right(c);
        run.Kept["y"] = c.Y.Clone();
    }

    /// <summary>The tensor as it is read from the 16-byte boundary at or before its address.</summary>
    private static unsafe Tensor Aligned(Tensor t)
    {
        long behind = (long)((nuint)Unsafe.AsPointer(ref t.ByteOrigin) % 16);
        Tensor read = Values.Like(t);
        for (long i = 0; i < t.ByteCount; i++)
            Unsafe.Add(ref read.ByteOrigin, (nint)i) = Unsafe.Add(ref t.ByteOrigin, (nint)(i - behind));
        return read;
    }

    /// <summary>A softmax whose last row takes in one element more; what a tensor is followed by is never another object's memory (an allocation ends with 8 bytes of its own).</summary>
    private static void ReadsBeyond(SoftmaxCall c, VariantRun run)
    {
        run.Right(c);
        float beyond = Unsafe.As<byte, float>(ref Unsafe.Add(ref c.X.ByteOrigin, (nint)c.X.ByteCount));
        float[] y = Values.Of(c.Y);
        int n = (int)c.Y.Shape[1];
        for (int k = y.Length - n; k < y.Length; k++)
            y[k] *= 1f + beyond - beyond;
        Values.Store(y, c.Y);
    }
}
