using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Tests.House;
using DeepSeek.Reference.Verification;
using Xunit;

namespace DeepSeek.Reference.Tests.External;

/// <summary>tools/python under Debian's Python and numpy: the same inputs, files and digests as the library's, and an example that <c>dsref check</c> reads.</summary>
public sealed class PythonTests : IDisposable
{
    private const string Python = "/usr/bin/python3";

    private readonly string folder = Directory.CreateTempSubdirectory("dsref-python-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void Rule_N14_numpy_makes_the_known_values() => Check("known");

    [Fact]
    public void Rule_N15_inputs_made_in_numpy_have_the_digests_of_the_manifest() => Check("manifest", Repository.Path("golden", "manifest.jsonl"));

    [Fact]
    public void Files_go_both_ways_with_every_bit()
    {
        Dictionary<string, Tensor> tensors = EveryDType();
        string there = Path.Combine(folder, "there.safetensors"), back = Path.Combine(folder, "back.safetensors");
        SafetensorsWriter.Write(there, tensors, nan: NaNBits.AsStored);
        string printed = Check("rewrite", there, back);
        using TensorFile read = TensorFile.Read(back);
        Assert.Equal(tensors.Count, read.Tensors.Count);
        foreach ((string name, Tensor tensor) in tensors)
        {
            Assert.Equal(tensor.DType, read.Get(name).DType);
            Assert.Equal(tensor.Shape, read.Get(name).Shape);
            Assert.Equal(Bytes(tensor), Bytes(read.Get(name)));
            Assert.Contains($"{name} {CanonicalHash.Of(tensor)}\n", printed, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Npy_goes_both_ways()
    {
        string there = Path.Combine(folder, "there.npy"), back = Path.Combine(folder, "back.npy");
        Tensor tensor = EveryDType()["F32"];
        NumpyFile.Write(there, tensor, NaNBits.AsStored);
        Check("rewrite", there, back);
        Assert.Equal(Bytes(tensor), Bytes(NumpyFile.Read(back)));
    }

    /// <summary>All codes decoded; values at, between and beyond the codes encoded.</summary>
    [Fact]
    public void Rule_N18_codes_and_values_are_the_librarys()
    {
        byte[] codes = [.. Enumerable.Range(0, 256).Select(i => (byte)i)];
        ushort[] wide = [.. Enumerable.Range(0, 65536).Select(i => (ushort)i)];
        float[] values = [.. Values()];
        string there = Path.Combine(folder, "there.safetensors"), back = Path.Combine(folder, "back.safetensors");
        SafetensorsWriter.Write(there, new Dictionary<string, Tensor>
        {
            ["bf16"] = Coded(DType.BF16, MemoryMarshal.AsBytes<ushort>(wide)),
            ["e4m3"] = Coded(DType.F8_E4M3, codes),
            ["e5m2"] = Coded(DType.F8_E5M2, codes),
            ["e8m0"] = Coded(DType.F8_E8M0, codes),
            ["v"] = Tensor.From(values, values.Length),
        }, nan: NaNBits.AsStored);
        Check("convert", there, back);
        using TensorFile made = TensorFile.Read(back);
        Same(wide.Select(c => BFloat16.FromBits(c).ToSingle()), made.Get("bf16.decoded"));
        Same(codes.Select(c => Float8E4M3.FromBits(c).ToSingle()), made.Get("e4m3.decoded"));
        Same(codes.Select(c => Float8E5M2.FromBits(c).ToSingle()), made.Get("e5m2.decoded"));
        Same(codes.Select(c => Float8E8M0.FromBits(c).ToSingle()), made.Get("e8m0.decoded"));
        Assert.Equal(values.Select(v => float.IsNaN(v) ? BFloat16.NaN.Bits : BFloat16.Round(v).Bits), MemoryMarshal.Cast<byte, ushort>(Bytes(made.Get("v.bf16"))).ToArray());
        Assert.Equal(values.Select(v => Float8E4M3.FromSingle(v, Fp8Overflow.Saturate).Bits), Bytes(made.Get("v.e4m3")));
        Assert.Equal(values.Select(v => float.IsNaN(v) ? Float8E5M2.NaN.Bits : Float8E5M2.FromSingle(v, Fp8Overflow.Infinity).Bits), Bytes(made.Get("v.e5m2")));
    }

    /// <summary>docs/how-to/check-a-pytorch-kernel.md: a right product passes, the neighbouring scale does not.</summary>
    [Theory]
    [InlineData(0, "NOISE")]
    [InlineData(1, "FAIL", "--bug", "scale")]
    public void The_example_is_judged(int exit, string verdict, params string[] bug)
    {
        ForeignTool.Pass(ForeignTool.Run(Python, [Repository.Path("tools", "python", "examples", "check_gemm.py"), folder, .. bug]));
        using var output = new StringWriter();
        using var error = new StringWriter();
        int found = Tool.Application.Run(
            ["check", "scaled_linear", "--inputs", Path.Combine(folder, "in.safetensors"), "--actual", Path.Combine(folder, "out.safetensors"), "--contract", "HopperFp8"],
            new Tool.Terminal(output, error, outIsTerminal: false, errorIsTerminal: false, CancellationToken.None));
        Assert.True(found == exit, $"exit {found}: {error}{output}");
        Assert.Contains(verdict, output.ToString(), StringComparison.Ordinal);
    }

    private static string Check(params string[] arguments)
    {
        InstructionSets.Outcome outcome = ForeignTool.Run(Python, [Repository.Path("tools", "python", "check_dsref_io.py"), .. arguments]);
        ForeignTool.Pass(outcome);
        return outcome.Output;
    }

    /// <summary>A tensor of each dtype that the module knows, its bytes drawn: NaNs of every payload among them.</summary>
    private static Dictionary<string, Tensor> EveryDType()
    {
        var tensors = new Dictionary<string, Tensor>();
        foreach (string name in (string[])["F64", "F32", "F16", "BF16", "F8_E4M3", "F8_E5M2", "F8_E8M0", "I64", "I32", "I16", "I8", "U64", "U32", "U16", "U8"])
        {
            Assert.True(DTypes.TryParse(name, out DType dtype));
            var tensor = new Tensor(dtype, new Shape(3, 37, 5));
            var words = new RandomStream(1, name);
            Span<byte> bytes = MemoryMarshal.CreateSpan(ref tensor.ByteOrigin, (int)tensor.ByteCount);
            for (int i = 0; i < bytes.Length; i++)
                bytes[i] = (byte)(words.Word((ulong)i) >> 11);
            // The highest bytes of a few elements: exponents of all ones.
            for (int i = 0; i < 40; i++)
                bytes[(i + 1) * Math.Max(1, dtype.Bits() / 8) - 1] |= 0x7F;
            tensors.Add(name, tensor);
        }

        tensors.Add("empty", new Tensor(DType.BF16, new Shape(4, 0)));
        return tensors;
    }

    private static IEnumerable<float> Values()
    {
        var words = new RandomStream(2, "values");
        foreach (float special in (float[])[0f, -0f, float.NaN, float.PositiveInfinity, float.NegativeInfinity, 448f, 464f, 465f, 1e9f, -480f, 57344f, 61439f, 61440f, 65536f, float.Epsilon, float.MaxValue])
            yield return special;
        for (int code = 0; code < 255; code++)
        {
            foreach (float at in (float[])[Float8E4M3.FromBits((byte)code).ToSingle(), Float8E5M2.FromBits((byte)code).ToSingle()])
            {
                if (!float.IsFinite(at))
                    continue;
                foreach (float near in (float[])[at, at * 1.0625f, at * 1.03125f, at * 1.125f, MathF.BitIncrement(at * 1.0625f), MathF.BitDecrement(at * 1.0625f), at + 0.0009765625f, at + 7.6293945e-06f])
                    yield return near;
            }
        }

        for (ulong i = 0; i < 20000; i++)
            yield return BitConverter.UInt32BitsToSingle(words.Word(i));
    }

    private static void Same(IEnumerable<float> expected, Tensor actual)
    {
        float[] want = [.. expected];
        ReadOnlySpan<float> got = actual.AsReadOnlySpan<float>();
        Assert.Equal(want.Length, got.Length);
        for (int i = 0; i < want.Length; i++)
            Assert.True(float.IsNaN(want[i]) ? float.IsNaN(got[i]) : BitConverter.SingleToUInt32Bits(want[i]) == BitConverter.SingleToUInt32Bits(got[i]), $"code {i:x}: {got[i]:R} where {want[i]:R} is expected");
    }

    private static Tensor Coded(DType dtype, ReadOnlySpan<byte> bytes)
    {
        var tensor = new Tensor(dtype, new Shape(bytes.Length * 8 / dtype.Bits()));
        bytes.CopyTo(MemoryMarshal.CreateSpan(ref tensor.ByteOrigin, bytes.Length));
        return tensor;
    }

    private static byte[] Bytes(Tensor tensor) => tensor.ByteCount == 0 ? [] : MemoryMarshal.CreateReadOnlySpan(ref Unsafe.AsRef(ref tensor.ByteOrigin), (int)tensor.ByteCount).ToArray();
}
