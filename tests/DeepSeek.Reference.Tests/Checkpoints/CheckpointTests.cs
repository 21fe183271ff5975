using Xunit;

namespace DeepSeek.Reference.Tests.Checkpoints;

public sealed class CheckpointTests : IDisposable
{
    private readonly SafetensorsBytes files = new();

    public void Dispose() => files.Dispose();

    private void Shard(string name, params string[] tensors) =>
        files.File(SafetensorsBytes.Header([.. tensors.Select((t, i) => (t, "U8", "1", (long)i, i + 1L))]), tensors.Length, name);

    private void Index(string weightMap) => files.Text("model.safetensors.index.json", $$"""{"metadata":{"total_size":2},"weight_map":{{weightMap}}}""");

    private void Refused(params string[] parts) => Refusal.Of(() => Checkpoint.Open(files.Folder).Dispose(), [files.Folder, .. parts]);

    [Fact]
    public void A_single_file_is_read()
    {
        Shard("model.safetensors", "a", "b");
        Shard("other.safetensors", "c");
        using Checkpoint checkpoint = Checkpoint.Open(files.Folder);
        Assert.Equal(["a", "b"], checkpoint.Names);
        Assert.Equal((true, false), (checkpoint.Contains("a"), checkpoint.Contains("c")));
        Assert.Equal(DType.U8, checkpoint.Get("b").DType);
        Assert.Equal(1, checkpoint.Entry("b").Begin);
        Refusal.Of(() => checkpoint.Get("c"), files.Folder, "'c'");
    }

    [Fact]
    public void The_only_file_of_a_directory_is_read_whatever_its_name()
    {
        Shard("weights.safetensors", "a");
        using Checkpoint checkpoint = Checkpoint.Open(files.Folder);
        Assert.True(checkpoint.TryGet("a", out _));
    }

    [Fact]
    public void Shards_are_opened_when_needed()
    {
        Shard("model-00001-of-00002.safetensors", "a");
        files.Bytes("model-00002-of-00002.safetensors", 1, 2, 3);
        Index("""{"b":"model-00002-of-00002.safetensors","a":"model-00001-of-00002.safetensors"}""");
        using Checkpoint checkpoint = Checkpoint.Open(files.Folder);
        Assert.Equal(["b", "a"], checkpoint.Names);
        Assert.Equal(1, checkpoint.Get("a").ElementCount);
        Refusal.Of(() => checkpoint.Get("b"), "model-00002-of-00002.safetensors", "truncated");
    }

    [Fact]
    public void A_shard_may_be_a_link_or_lie_in_a_folder_inside()
    {
        Directory.CreateDirectory(files.At("blobs"));
        Shard("blobs/x.safetensors", "a");
        File.CreateSymbolicLink(files.At("linked.safetensors"), files.At("blobs/x.safetensors"));
        Index("""{"a":"linked.safetensors"}""");
        using (Checkpoint checkpoint = Checkpoint.Open(files.Folder))
            Assert.Equal(1, checkpoint.Get("a").ElementCount);
        Index("""{"a":"blobs/x.safetensors"}""");
        using (Checkpoint checkpoint = Checkpoint.Open(files.Folder))
            Assert.Equal(1, checkpoint.Get("a").ElementCount);
    }

    [Fact]
    public void A_closed_checkpoint_refuses()
    {
        Shard("model.safetensors", "a");
        Checkpoint checkpoint = Checkpoint.Open(files.Folder);
        Tensor a = checkpoint.Get("a");
        checkpoint.Dispose();
        Assert.Throws<ObjectDisposedException>(() => checkpoint.Get("a"));
        Assert.Throws<ObjectDisposedException>(() => a.AsBytes()[0]);
    }

    [Fact]
    public void A_directory_that_is_absent_a_file_or_without_weights()
    {
        Refused("no safetensors file");
        Refusal.Of(() => Checkpoint.Open(files.At("absent")), files.At("absent"), "no such directory");
        Refusal.Of(() => Checkpoint.Open(files.Text("f", "")), files.At("f"), "a file where");
        Shard("a.safetensors", "a");
        Shard("b.safetensors", "b");
        Refused("2 safetensors files");
    }

    [Theory]
    [InlineData("../x.safetensors"), InlineData("/x.safetensors"), InlineData("a/../../x.safetensors"), InlineData("..\\\\x.safetensors")]
    [InlineData("C:\\\\x.safetensors"), InlineData("\\\\\\\\host\\\\x.safetensors"), InlineData(".."), InlineData(""), InlineData("x\\u0000.safetensors")]
    public void A_shard_outside_the_directory(string shard)
    {
        Index($$"""{"a":"{{shard}}"}""");
        Refused("'a'", "outside", "byte");
    }

    [Fact]
    public void A_shard_that_is_missing()
    {
        Index("""{"a":"x.safetensors"}""");
        Refused("'x.safetensors'", "'a'", "copy the missing file");
    }

    [Fact]
    public void A_tensor_that_its_shard_lacks()
    {
        Shard("x.safetensors", "a");
        Index("""{"a":"x.safetensors","b":"x.safetensors"}""");
        using Checkpoint checkpoint = Checkpoint.Open(files.Folder);
        Refusal.Of(() => checkpoint.Get("b"), "x.safetensors", "'b'", "model.safetensors.index.json");
    }

    [Theory]
    [InlineData("""{"a":"x.safetensors","a":"x.safetensors"}""", "'a' stands twice")]
    [InlineData("[]", "weight_map is an array")]
    [InlineData("null", "weight_map is null")]
    [InlineData("""{"a":1}""", "weight_map of tensor 'a' is a number")]
    [InlineData("{},\"weight_map\":{}", "'weight_map' stands twice")]
    [InlineData("{},\"metadata\":{}", "'metadata' stands twice")]
    public void A_map_that_is_not_sound(string map, string reason)
    {
        Shard("x.safetensors", "a");
        Index(map);
        Refused(reason, "byte");
    }

    [Theory]
    [InlineData("", "not JSON")]
    [InlineData("[]", "the index is an array")]
    [InlineData("{}", "no weight_map")]
    [InlineData("""{"metadata":1,"weight_map":{}}""", "metadata is a number")]
    public void An_index_that_is_not_sound(string text, string reason)
    {
        files.Text("model.safetensors.index.json", text);
        Refused("model.safetensors.index.json", reason);
    }
}
