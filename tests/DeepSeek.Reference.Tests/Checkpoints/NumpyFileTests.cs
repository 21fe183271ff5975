using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Xunit;

namespace DeepSeek.Reference.Tests.Checkpoints;

public sealed class NumpyFileTests : IDisposable
{
    private static readonly DType[] Known = [.. Enum.GetValues<DType>().Where(d => NumpyHeader.Descr(d) is not null)];

    private readonly SafetensorsBytes files = new();

    public void Dispose() => files.Dispose();

    private string Npy(string dictionary, params byte[] data) => Npy(1, dictionary, data);

    private string Npy(byte version, string dictionary, params byte[] data)
    {
        byte[] text = Encoding.UTF8.GetBytes(dictionary + "\n");
        byte[] length = version == 1 ? BitConverter.GetBytes((ushort)text.Length) : BitConverter.GetBytes(text.Length);
        return files.Bytes("t.npy", [0x93, .. "NUMPY"u8, version, 0, .. length, .. text, .. data]);
    }

    private static void Refused(string path, params string[] parts) => Refusal.Of(() => NumpyFile.Read(path), [path, .. parts]);

    [Fact]
    public void What_is_written_is_read_bit_for_bit()
    {
        string path = files.At("t.npy");
        Prop.ForAll(AnyTensor.Of(Known).ToArbitrary(), tensor =>
        {
            NumpyFile.Write(path, tensor, NaNBits.AsStored);
            return AnyTensor.SameBytes(tensor, NumpyFile.Read(path));
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void The_head_is_NumPys_to_the_byte()
    {
        string path = files.At("t.npy");
        NumpyFile.Write(path, Tensor.From([1f, 2f, 3f], 3));
        byte[] expected = [0x93, .. "NUMPY"u8, 1, 0, 0x76, 0, .. Encoding.ASCII.GetBytes("{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }".PadRight(117)), (byte)'\n', 0, 0, 0x80, 0x3F, 0, 0, 0, 0x40, 0, 0, 0x40, 0x40];
        Assert.Equal(expected, File.ReadAllBytes(path));

        NumpyFile.Write(path, new Tensor(DType.Bool));
        Assert.Contains("{'descr': '|b1', 'fortran_order': False, 'shape': (), }", Encoding.Latin1.GetString(File.ReadAllBytes(path)), StringComparison.Ordinal);
        NumpyFile.Write(path, new Tensor(DType.U64, 2, 0));
        Assert.Contains("{'descr': '<u8', 'fortran_order': False, 'shape': (2, 0), }", Encoding.Latin1.GetString(File.ReadAllBytes(path)), StringComparison.Ordinal);
        Assert.Equal(128, new FileInfo(path).Length);
    }

    [Fact]
    public void NumPys_own_files_are_read_and_its_bytes_written()
    {
        Tensor c = NumpyFile.Read(Golden.Path("numpy", "c_order.npy"));
        Assert.Equal([0f, 1, 2, 3, 4, 5], c.AsReadOnlySpan<float>().ToArray());
        NumpyFile.Write(files.At("t.npy"), c);
        Assert.Equal(File.ReadAllBytes(Golden.Path("numpy", "c_order.npy")), File.ReadAllBytes(files.At("t.npy")));

        Tensor fortran = NumpyFile.Read(Golden.Path("numpy", "fortran.npy"));
        Assert.Equal(new Shape(2, 3, 4), fortran.Shape);
        Assert.Equal(Enumerable.Range(0, 24).Select(i => (long)i), fortran.AsReadOnlySpan<long>().ToArray());
        Assert.Equal([1.5, -2.0], NumpyFile.Read(Golden.Path("numpy", "big_endian.npy")).AsReadOnlySpan<double>().ToArray());
        Assert.Equal([(sbyte)0, (sbyte)1], NumpyFile.Read(Golden.Path("numpy", "version_3.npy")).AsReadOnlySpan<sbyte>().ToArray());
    }

    [Fact]
    public void A_shape_too_long_for_version_1_is_written_as_version_2()
    {
        long[] shape = new long[30_000];
        Array.Fill(shape, 1);
        string path = files.At("t.npy");
        NumpyFile.Write(path, Tensor.From([7f], shape));
        Assert.Equal(2, File.ReadAllBytes(path)[6]);
        Assert.Equal(new Shape(shape), NumpyFile.Read(path).Shape);
    }

    [Theory, InlineData(1), InlineData(2), InlineData(3)]
    public void Every_version_is_read(byte version)
    {
        Tensor t = NumpyFile.Read(Npy(version, """{"shape": (2,), "fortran_order": False, "descr": "<i2"}""", 1, 0, 2, 0));
        Assert.Equal([(short)1, (short)2], t.AsReadOnlySpan<short>().ToArray());
    }

    [Fact]
    public void Fortran_order_is_turned_into_C_order()
    {
        Tensor t = NumpyFile.Read(Npy("{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3), }", 0, 10, 1, 11, 2, 12));
        Assert.Equal([0, 1, 2, 10, 11, 12], t.AsReadOnlySpan<byte>().ToArray());
        t = NumpyFile.Read(Npy("{'descr': '<u2', 'fortran_order': True, 'shape': (1, 2, 2), }", 0, 0, 10, 0, 1, 0, 11, 0));
        Assert.Equal([(ushort)0, (ushort)1, (ushort)10, (ushort)11], t.AsReadOnlySpan<ushort>().ToArray());
    }

    [Fact]
    public void Big_endian_is_turned_into_little_endian()
    {
        Assert.Equal([1], NumpyFile.Read(Npy("{'descr': '>i4', 'fortran_order': False, 'shape': (1,), }", 0, 0, 0, 1)).AsReadOnlySpan<int>().ToArray());
        Assert.Equal("0000803F00000040", Convert.ToHexString(NumpyFile.Read(Npy("{'descr': '>c8', 'fortran_order': False, 'shape': (), }", 0x3F, 0x80, 0, 0, 0x40, 0, 0, 0)).AsBytes()));
    }

    [Fact]
    public void Rule_N3_files_carry_the_canonical_NaN()
    {
        string path = files.At("t.npy");
        NumpyFile.Write(path, Tensor.From([BitConverter.UInt32BitsToSingle(0xFFFFFFFF)], 1));
        Assert.Equal("0000C07F", Convert.ToHexString(NumpyFile.Read(path).AsBytes()));
    }

    [Theory, InlineData(DType.BF16), InlineData(DType.F8_E4M3), InlineData(DType.F4)]
    public void A_dtype_that_NumPy_lacks(DType dtype)
    {
        Refusal.Of(() => NumpyFile.Write(files.At("t.npy"), new Tensor(dtype, 2)), dtype.Name(), ".safetensors");
        Assert.Empty(Directory.GetFiles(files.Folder));
    }

    [Theory]
    [InlineData("'<V2'", "uint16"), InlineData("'|V1'", "uint8"), InlineData("'<U4'", "has no tensor"), InlineData("'|O'", "has no tensor"), InlineData("'<M8[ns]'", "has no tensor")]
    [InlineData("'<f3'", "has no tensor"), InlineData("'f4'", "has no tensor"), InlineData("''", "has no tensor"), InlineData("[('a', '<f4')]", "plain dtype")]
    public void An_array_that_has_no_tensor(string descr, string reason) => Refused(Npy($"{{'descr': {descr}, 'fortran_order': False, 'shape': (), }}", 0), reason);

    [Theory]
    [InlineData("", "'{' is missing")]
    [InlineData("{", "in quotes")]
    [InlineData("{}", "'descr' is missing")]
    [InlineData("{'descr': '|u1', 'shape': (1,)}", "'fortran_order' is missing")]
    [InlineData("{'descr': '|u1', 'fortran_order': False}", "'shape' is missing")]
    [InlineData("{'descr': '|u1', 'descr': '|u1'}", "'descr' stands twice")]
    [InlineData("{'descr': '|u1', 'other': 1}", "'other' is not known")]
    [InlineData("{'descr': '|u1", "does not end")]
    [InlineData("{'descr' '|u1'}", "':' is missing")]
    [InlineData("{'descr': '|u1', 'fortran_order': 0, 'shape': (1,)}", "True or False")]
    [InlineData("{'descr': '|u1', 'fortran_order': Falsy, 'shape': (1,)}", "True or False")]
    [InlineData("{'descr': '|u1', 'fortran_order': False, 'shape': (-1,)}", "an integer")]
    [InlineData("{'descr': '|u1', 'fortran_order': False, 'shape': (9223372036854775808,)}", "an integer")]
    [InlineData("{'descr': '|u1', 'fortran_order': False, 'shape': (1)}", "',' is missing")]
    [InlineData("{'descr': '|u1', 'fortran_order': False, 'shape': [1]}", "'(' is missing")]
    [InlineData("{'descr': '|u1', 'fortran_order': False, 'shape': (1, 1", "')' is missing")]
    [InlineData("{'descr': '|u1', 'fortran_order': False, 'shape': (4294967296, 4294967296)}", "impossible shape")]
    [InlineData("{'descr': '|u1', 'fortran_order': False, 'shape': (1,)} x", "more text")]
    [InlineData("{'descr': '|u1', 'fortran_order': False, 'shape': (2,)}", "truncated")]
    [InlineData("{'descr': '|u1', 'fortran_order': False, 'shape': (1000000000000,)}", "truncated")]
    [InlineData("{'descr': '|u1', 'fortran_order': False, 'shape': (0,)}", "longer than its array")]
    public void A_header_that_is_not_sound(string header, string reason) => Refused(Npy(header, 0), reason);

    [Fact]
    public void A_lie_in_a_header_costs_no_memory()
    {
        string path = Npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,)}", 0);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Refused(path, "truncated");
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
    }

    [Fact]
    public void A_head_that_is_not_sound()
    {
        Refused(files.At("absent.npy"), "no such file");
        Refused(files.Bytes("t.npy"), "truncated");
        Refused(files.Text("t.npy", "PK not npy at all"), "magic");
        Refused(files.Bytes("t.npy", [0x93, .. "NUMPY"u8, 4, 0, 0, 0]), "version 4.0");
        Refused(files.Bytes("t.npy", [0x93, .. "NUMPY"u8, 1, 0, 0xFF, 0]), "truncated");
        Refused(files.Bytes("t.npy", [0x93, .. "NUMPY"u8, 2, 0, 0xFF, 0xFF, 0xFF, 0xFF]), "4294967295");
    }
}
