using DeepSeek.Reference.Fuzz;
using DeepSeek.Reference.Tests.House;
using Xunit;

namespace DeepSeek.Reference.Tests.Robustness;

/// <summary>docs/spec/robustness.md: every bad file of tests/corpus is refused by the library's own error, in one line, in bounded memory.</summary>
public sealed class CorpusTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("dsref-corpus-").FullName;

    public static TheoryData<string> Targets => [.. Readers.ByName.Keys];

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Theory]
    [MemberData(nameof(Targets))]
    public void Every_bad_file_is_refused(string target)
    {
        string[] files = Directory.GetFiles(Repository.Path("tests", "corpus", target), "*", SearchOption.AllDirectories);
        Assert.NotEmpty(files);
        foreach (string file in files)
        {
            byte[] bytes = File.ReadAllBytes(file);
            string copy = Path.Combine(folder, Path.GetFileName(file));
            File.WriteAllBytes(copy, bytes);
            Execution execution = Oracle.Run(target, copy, Oracle.UnpackedLength(bytes));
            Assert.True(execution.Finding is null, $"{file}: {execution.Finding}");
            Assert.True(execution.Refusal is not null, $"{file}: was read, and is in the corpus of bad files");
        }
    }

    /// <summary>Each promise is checked by something that would see it broken.</summary>
    [Fact]
    public void The_oracle_sees_what_it_looks_for()
    {
        string path = Path.Combine(folder, "empty.safetensors");
        File.WriteAllBytes(path, []);
        Assert.Contains("IOException", Oracle.Run(_ => throw new IOException("no"), path, 0, 0).Finding, StringComparison.Ordinal);
        Assert.Contains("bytes allocated", Oracle.Run(_ => GC.KeepAlive(new byte[4001]), path, 1000, 0).Finding, StringComparison.Ordinal);
        Assert.Null(Oracle.Run(_ => GC.KeepAlive(new byte[3000]), path, 1000, 0).Finding);
        Assert.NotNull(Oracle.Run(_ => throw new DataException("bad"), path, 1 << 20, 0).Refusal);
    }

    [Fact]
    public void An_error_is_one_line_whatever_it_quotes() => Assert.Equal("a b c d e", new DataException("a\nb\rc\u2028d\u001be").Message);
}
