using Xunit;

namespace DeepSeek.Reference.Tests.Checkpoints;

public sealed class TensorFileTests : IDisposable
{
    private readonly SafetensorsBytes files = new();

    public void Dispose() => files.Dispose();

    [Fact]
    public void Each_of_the_three_formats_is_read_by_its_extension()
    {
        KeyValuePair<string, Tensor>[] tensors = [KeyValuePair.Create("arr_0", Tensor.From([1f, 2f], 2))];
        SafetensorsWriter.Write(files.At("t.safetensors"), tensors);
        NpzFile.Write(files.At("t.npz"), tensors);
        NumpyFile.Write(files.At("t.NPY"), tensors[0].Value);
        foreach (string name in new[] { "t.safetensors", "t.npz", "t.NPY" })
        {
            using TensorFile file = TensorFile.Read(files.At(name));
            Assert.Equal(["arr_0"], file.Tensors.Keys);
            Assert.True(AnyTensor.SameBytes(tensors[0].Value, file.Get("arr_0")));
            Refusal.Of(() => file.Get("x"), files.At(name), "'x'");
        }
    }

    [Fact]
    public void Other_extensions_are_refused() => Refusal.Of(() => TensorFile.Read(files.Text("t.pt", "")), files.At("t.pt"), "extension");
}
