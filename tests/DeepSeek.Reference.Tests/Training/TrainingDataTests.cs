using DeepSeek.Reference.Tests.Checkpoints;
using DeepSeek.Reference.Training;
using FsCheck.Xunit;
using Xunit;

namespace DeepSeek.Reference.Tests.Training;

public sealed class TrainingDataTests : IDisposable
{
    private static readonly ByteVocabulary Bytes = new();
    private readonly string folder = Directory.CreateTempSubdirectory("dsref-data-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    /// <summary>Batches of any sizes, each from a fresh start, are the stream of one-window batches.</summary>
    [Property(MaxTest = 60)]
    public bool Rule_N29_going_on_at_any_position_gives_the_uninterrupted_run(int seed)
    {
        var random = new Random(seed);
        TextDocument[] documents = [.. Enumerable.Range(0, random.Next(1, 12)).Select(i => new TextDocument($"{i}", new string((char)('a' + i), random.Next(1, 40))))];
        var options = new TrainingDataOptions { SequenceLength = 8, Seed = (ulong)seed, Packing = random.Next(2) == 0 ? WindowPacking.BestFit : WindowPacking.Concatenated };
        TrainingData uninterrupted = TrainingData.Of(documents, Bytes, options);
        for (long position = 0; position < 3 * uninterrupted.WindowCount;)
        {
            int rows = random.Next(1, 5);
            TrainingData resumed = TrainingData.Of(documents, Bytes, options);
            TrainingBatch batch = resumed.Batch(position, rows);
            for (int row = 0; row < rows; row++)
            {
                TrainingBatch one = uninterrupted.Batch(position + row, 1);
                if (!batch.Inputs.AsReadOnlySpan<int>().Slice(row * 8, 8).SequenceEqual(one.Inputs.AsReadOnlySpan<int>())
                    || !batch.Targets.AsReadOnlySpan<int>().Slice(row * 8, 8).SequenceEqual(one.Targets.AsReadOnlySpan<int>())
                    || batch.Lengths[row] != one.Lengths[0])
                    return false;
            }

            if (resumed.Digest != uninterrupted.Digest)
                return false;
            position += rows;
        }

        return true;
    }

    [Fact]
    public void Rule_N29_each_epoch_has_every_window_once_in_an_order_of_its_own()
    {
        var order = new WindowOrder(100, 9);
        int[][] epochs = [.. Enumerable.Range(0, 3).Select(e => Enumerable.Range(0, 100).Select(i => order.At(100 * e + i)).ToArray())];
        foreach (int[] epoch in epochs)
            Assert.Equal(Enumerable.Range(0, 100), epoch.Order());
        Assert.NotEqual(epochs[0], epochs[1]);
        Assert.NotEqual(epochs[1], epochs[2]);
        // Back and forth between epochs changes nothing.
        Assert.Equal(epochs[0][42], order.At(42));
        Assert.Equal(epochs[2][7], order.At(207));
    }

    /// <summary>Worked out in Python from docs/spec/random.md, without this library.</summary>
    [Fact]
    public void Rule_N29_the_order_of_eight_windows() =>
        Assert.Equal([1, 2, 0, 5, 7, 4, 3, 6, 3, 5, 2, 1, 6, 4, 7, 0], Enumerable.Range(0, 16).Select(i => new WindowOrder(8, 0x0123456789ABCDEF).At(i)));
    [Fact]
    public void Targets_are_the_next_tokens_and_pad_has_none()
    {
        TrainingData data = TrainingData.Of([new TextDocument("d", "abc")], Bytes, new TrainingDataOptions { SequenceLength = 6, FimRate = 0 });
        TrainingBatch batch = data.Batch(0, 1);
        Assert.Equal([0, 100, 101, 102, 1, 2], batch.Inputs.AsReadOnlySpan<int>().ToArray());
        Assert.Equal([100, 101, 102, 1, -100, -100], batch.Targets.AsReadOnlySpan<int>().ToArray());
        Assert.Equal([4], batch.Lengths);
        Assert.Equal(4, batch.TargetCount);
        Assert.Equal([0, 100, 101, 102, 1], batch.Sequence(0));
        Assert.Equal(5, data.TokenCount);
    }

    [Fact]
    public void Another_seed_order_or_corpus_has_another_digest()
    {
        var options = new TrainingDataOptions { SequenceLength = 4 };
        TextDocument[] documents = [new("a", "some text"), new("b", "more")];
        string digest = TrainingData.Of(documents, Bytes, options).Digest;
        Assert.NotEqual(digest, TrainingData.Of(documents, Bytes, options with { Seed = 1 }).Digest);
        Assert.NotEqual(digest, TrainingData.Of(documents, Bytes, options with { SequenceLength = 5 }).Digest);
        Assert.NotEqual(digest, TrainingData.Of(documents, Bytes, options with { Packing = WindowPacking.Concatenated }).Digest);
        Assert.NotEqual(digest, TrainingData.Of([documents[1], documents[0]], Bytes, options with { Packing = WindowPacking.Concatenated }).Digest);
    }

    [Fact]
    public void A_folder_is_read_in_the_order_of_its_paths()
    {
        Write("b.txt", "third");
        Write("a/z.txt", "second");
        Write("a/lines.jsonl", "{\"text\":\"one\",\"n\":1}\n\n{\"text\":\"\"}\n{\"text\":\"two\\n\"}\n");
        Write(".hidden/x.txt", "no");
        Write("empty.txt", "");
        Assert.Equal(["one", "two\n", "second", "third"], TextDocuments.Read(folder).Select(d => d.Text));
        Assert.Equal(Path.Combine(folder, "a", "lines.jsonl") + " line 4", TextDocuments.Read(folder).ElementAt(1).Place);
        Assert.Equal(["third"], TextDocuments.Read(Path.Combine(folder, "b.txt")).Select(d => d.Text));
    }

    [Fact]
    public void A_byte_order_mark_is_no_text()
    {
        File.WriteAllBytes(Path.Combine(folder, "m.txt"), [0xEF, 0xBB, 0xBF, (byte)'x']);
        Assert.Equal("x", Assert.Single(TextDocuments.Read(folder)).Text);
    }

    [Fact]
    public void Bad_corpora_are_refused()
    {
        RefusesToRead(Path.Combine(folder, "none.txt"), "none.txt", "no such file");
        File.WriteAllBytes(Path.Combine(folder, "x.bin"), [(byte)'a', (byte)'b', 0xFF]);
        RefusesToRead(folder, "x.bin", "byte 2");
        Write("l.jsonl", "{\"text\":\"a\"}\n{\"txt\":\"b\"}\n");
        RefusesToRead(Path.Combine(folder, "l.jsonl"), "l.jsonl line 2", "no string 'text'");
        Write("l.jsonl", "{\"text\":\"a\"\n");
        RefusesToRead(Path.Combine(folder, "l.jsonl"), "l.jsonl line 1", "not JSON");
        Write("l.jsonl", "{\"text\":\"\\uD800\"}\n");
        RefusesToRead(Path.Combine(folder, "l.jsonl"), "l.jsonl line 1");
        Refusal.Of(() => TrainingData.Of([], Bytes, new TrainingDataOptions()), "no token");
    }

    private static void RefusesToRead(string path, params string[] parts) => Refusal.Of(() => Assert.Empty(TextDocuments.Read(path).ToList()), parts);

    private void Write(string name, string text)
    {
        string path = Path.Combine(folder, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, text);
    }
}
