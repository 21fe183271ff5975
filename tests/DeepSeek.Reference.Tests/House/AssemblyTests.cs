using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using Xunit;

namespace DeepSeek.Reference.Tests.House;

/// <summary>A debugger steps from a consumer into the definitions: the symbols and the way to the sources are inside the library itself.</summary>
public sealed class AssemblyTests
{
    private static readonly Guid SourceLink = new("CC110556-A091-4D38-9FEC-25AB9A351A6A");
    private static readonly Guid EmbeddedSource = new("0E8A571B-6926-466E-B4AD-8AB04611F5FE");

    [Fact]
    public void The_library_embeds_its_portable_symbols() =>
        WithSymbols(symbols => Assert.NotEmpty(symbols.MethodDebugInformation));

    [Fact]
    public void Each_source_file_has_a_SHA256_checksum() => WithSymbols(symbols =>
    {
        foreach (DocumentHandle handle in symbols.Documents)
            Assert.Equal(32, symbols.GetBlobBytes(symbols.GetDocument(handle).Hash).Length);
    });

    [Fact]
    public void SourceLink_maps_the_sources_wherever_the_clone_has_a_remote() => WithSymbols(symbols =>
    {
        // Without a remote there is nothing to map to; then the checksums above still let a debugger take the file from a clone.
        bool mapped = symbols.CustomDebugInformation.Any(h => symbols.GetGuid(symbols.GetCustomDebugInformation(h).Kind) == SourceLink);
        bool hosted = typeof(Tensor).Assembly.GetCustomAttributes(typeof(System.Reflection.AssemblyMetadataAttribute), false)
            .Cast<System.Reflection.AssemblyMetadataAttribute>()
            .Any(a => a.Key == "RepositoryUrl" && a.Value!.StartsWith("https://", StringComparison.Ordinal));
        Assert.True(mapped || !hosted, "the library names its repository but carries no SourceLink map");
    });

    [Fact]
    public void Under_CI_no_path_of_the_building_machine_is_in_the_symbols() => WithSymbols(symbols =>
    {
        if (Environment.GetEnvironmentVariable("CI") != "true")
            return;
        foreach (DocumentHandle handle in symbols.Documents)
            Assert.StartsWith("/_", symbols.GetString(symbols.GetDocument(handle).Name), StringComparison.Ordinal);
    });

    [Fact]
    public void Generated_sources_are_embedded() => WithSymbols(symbols =>
    {
        foreach (DocumentHandle handle in symbols.Documents)
        {
            string name = symbols.GetString(symbols.GetDocument(handle).Name);
            if (!name.Contains("/obj/", StringComparison.Ordinal))
                continue;
            bool embedded = symbols.GetCustomDebugInformation(handle).Any(h => symbols.GetGuid(symbols.GetCustomDebugInformation(h).Kind) == EmbeddedSource);
            Assert.True(embedded, $"{name} is not in a clone and not embedded");
        }
    });

    [Fact]
    public void The_library_depends_on_the_two_packages_alone()
    {
        string project = Repository.ReadText("src", "DeepSeek.Reference", "DeepSeek.Reference.csproj");
        string[] packages = [.. project.Split("<PackageReference Include=\"").Skip(1).Where(p => !p[..p.IndexOf('>', StringComparison.Ordinal)].Contains("PrivateAssets=\"all\"", StringComparison.Ordinal)).Select(p => p[..p.IndexOf('"', StringComparison.Ordinal)])];
        Assert.Equal(["MathNet.Numerics", "System.Numerics.Tensors"], packages.Order(StringComparer.Ordinal));
    }

    private static void WithSymbols(Action<MetadataReader> check)
    {
        using FileStream stream = File.OpenRead(typeof(Tensor).Assembly.Location);
        using var image = new PEReader(stream);
        DebugDirectoryEntry embedded = image.ReadDebugDirectory().SingleOrDefault(e => e.Type == DebugDirectoryEntryType.EmbeddedPortablePdb);
        Assert.NotEqual(0, embedded.DataSize);
        using MetadataReaderProvider provider = image.ReadEmbeddedPortablePdbDebugDirectoryData(embedded);
        check(provider.GetMetadataReader());
    }
}
