using System.IO.Compression;
using FsCheck;
using FsCheck.Fluent;
using Xunit;

namespace DeepSeek.Reference.Tests.Checkpoints;

public sealed class NpzFileTests : IDisposable
{
    private readonly SafetensorsBytes files = new();

    public void Dispose() => files.Dispose();

    private static void Refused(string path, params string[] parts) => Refusal.Of(() => NpzFile.Read(path), [path, .. parts]);

    private string Zip(CompressionLevel level, params (string Name, byte[] Bytes)[] entries)
    {
        string path = files.At("t.npz");
        using var archive = new ZipArchive(File.Create(path), ZipArchiveMode.Create);
        foreach ((string name, byte[] bytes) in entries)
        {
            using Stream part = archive.CreateEntry(name, level).Open();
            part.Write(bytes);
        }

        return path;
    }

    private byte[] Npy(Tensor tensor)
    {
        NumpyFile.Write(files.At("one.npy"), tensor);
        return File.ReadAllBytes(files.At("one.npy"));
    }

    [Fact]
    public void What_is_written_is_read_bit_for_bit()
    {
        string path = files.At("t.npz");
        Gen<Tensor[]> any = AnyTensor.Of([.. Enum.GetValues<DType>().Where(d => NumpyHeader.Descr(d) is not null)]).ArrayOf();
        Prop.ForAll(any.ToArbitrary(), tensors =>
        {
            NpzFile.Write(path, tensors.Select((t, i) => KeyValuePair.Create($"layers.{i}/é", t)), NaNBits.AsStored);
            IReadOnlyDictionary<string, Tensor> read = NpzFile.Read(path);
            return read.Keys.SequenceEqual(tensors.Select((_, i) => $"layers.{i}/é")) && read.Values.Zip(tensors, AnyTensor.SameBytes).All(same => same);
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void The_same_tensors_give_the_same_bytes()
    {
        KeyValuePair<string, Tensor>[] tensors = [KeyValuePair.Create("a", Tensor.From([1f], 1)), KeyValuePair.Create("b", Tensor.From([2], 1))];
        NpzFile.Write(files.At("a.npz"), tensors);
        NpzFile.Write(files.At("b.npz"), tensors);
        Assert.Equal(File.ReadAllBytes(files.At("a.npz")), File.ReadAllBytes(files.At("b.npz")));
    }

    [Theory, InlineData(CompressionLevel.NoCompression), InlineData(CompressionLevel.SmallestSize)]
    public void Stored_and_deflated_entries_are_read(CompressionLevel level)
    {
        var t = new Tensor(DType.I32, 1000);
        t.AsSpan<int>()[999] = 5;
        Assert.Equal(t.AsBytes().ToArray(), NpzFile.Read(Zip(level, ("x.npy", Npy(t))))["x"].AsBytes().ToArray());
    }

    [Fact]
    public void NumPys_own_archives_are_read()
    {
        IReadOnlyDictionary<string, Tensor> stored = NpzFile.Read(Golden.Path("numpy", "stored.npz"));
        Assert.Equal([(ushort)0, (ushort)1, (ushort)2], stored["arr_0"].AsReadOnlySpan<ushort>().ToArray());
        Assert.Equal([(Half)0.5f], stored["scalar"].AsReadOnlySpan<Half>().ToArray());
        Assert.Equal(0, stored["scalar"].Shape.Rank);
        IReadOnlyDictionary<string, Tensor> deflated = NpzFile.Read(Golden.Path("numpy", "deflated.npz"));
        Assert.Equal(new float[4096], deflated["zeros"].AsReadOnlySpan<float>().ToArray());
        Assert.Equal([true, false], deflated["flags"].AsReadOnlySpan<bool>().ToArray());
    }

    [Fact]
    public void Archives_that_are_not_sound()
    {
        byte[] sound = Npy(Tensor.From([1f, 2f], 2));
        Refused(files.At("absent.npz"), "no such file");
        Refused(files.Bytes("t.npz"), "not a sound ZIP archive");
        Refused(files.Text("t.npz", "no archive"), "not a sound ZIP archive");
        Refused(Zip(CompressionLevel.Fastest, ("x.txt", [1])), "'x.txt' is not .npy");
        Refused(Zip(CompressionLevel.Fastest, ("x.npy", sound), ("x.npy", sound)), "'x.npy' stands twice");
        Refused(Zip(CompressionLevel.Fastest, ("x.npy", sound[..^1])), "x.npy", "truncated");
        Refused(Zip(CompressionLevel.Fastest, ("x.npy", [])), "x.npy", "truncated");
    }

    [Fact]
    public void An_archive_cut_or_changed_anywhere_is_refused_or_read_but_never_breaks()
    {
        byte[] whole = File.ReadAllBytes(Zip(CompressionLevel.NoCompression, ("x.npy", Npy(Tensor.From([1f, 2f], 2)))));
        for (int i = 0; i < whole.Length; i++)
        {
            Refused(files.Bytes("cut.npz", whole[..i]));
            byte[] changed = [.. whole];
            changed[i] ^= 0x55;
            try
            {
                NpzFile.Read(files.Bytes("changed.npz", changed));
            }
            catch (DataException e)
            {
                Assert.DoesNotContain('\n', e.Message);
            }
        }
    }

    [Fact]
    public void A_changed_value_is_found_by_its_checksum()
    {
        string path = Zip(CompressionLevel.NoCompression, ("x.npy", Npy(Tensor.From([1.5f, 2f], 2))));
        byte[] bytes = File.ReadAllBytes(path);
        bytes[bytes.AsSpan().IndexOf(new byte[] { 0, 0, 0xC0, 0x3F })] = 1;
        Refused(files.Bytes("changed.npz", bytes), "x.npy", "CRC-32");
    }

    [Fact]
    public void Tensors_that_cannot_be_written()
    {
        var t = new Tensor(DType.F32, 1);
        Refusal.Of(() => NpzFile.Write(files.At("t.npz"), [KeyValuePair.Create("a", t), KeyValuePair.Create("a", t)]), "'a'");
        Refusal.Of(() => NpzFile.Write(files.At("t.npz"), [KeyValuePair.Create("", t)]), "no name");
        Refusal.Of(() => NpzFile.Write(files.At("t.npz"), [KeyValuePair.Create("a", new Tensor(DType.BF16, 1))]), "BF16", ".safetensors");
        Assert.Empty(Directory.GetFiles(files.Folder));
    }
}
