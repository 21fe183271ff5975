using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using DeepSeek.Reference.Tests.House;

namespace DeepSeek.Reference.Text.Tests.House;

/// <summary>What holds for the library holds for this one: a deliberate surface, documentation beside it, symbols inside it, two packages and no more.</summary>
public sealed class TextHouseTests
{
    [Fact]
    public void The_public_surface_is_the_approved_listing() =>
        Repository.Keep(PublicApiListing.Of(typeof(DeepSeekTokenizer).Assembly), "tests", "DeepSeek.Reference.Text.Tests", "PublicApi.approved.txt");

    [Fact]
    public void Its_documentation_stands_beside_it()
    {
        string xml = Path.ChangeExtension(typeof(DeepSeekTokenizer).Assembly.Location, ".xml");
        Assert.Contains("<member name=\"T:DeepSeek.Reference.Text.DeepSeekTokenizer\">", File.ReadAllText(xml), StringComparison.Ordinal);
    }

    [Fact]
    public void It_depends_on_two_packages_alone()
    {
        string project = Repository.ReadText("src", "DeepSeek.Reference.Text", "DeepSeek.Reference.Text.csproj");
        Assert.Equal(["Microsoft.Extensions.AI.Abstractions", "Microsoft.ML.Tokenizers"], project.Split("<PackageReference Include=\"").Skip(1).Select(p => p[..p.IndexOf('"', StringComparison.Ordinal)]).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void It_embeds_its_portable_symbols()
    {
        using FileStream stream = File.OpenRead(typeof(DeepSeekTokenizer).Assembly.Location);
        using var image = new PEReader(stream);
        Assert.Single(image.ReadDebugDirectory(), e => e.Type == DebugDirectoryEntryType.EmbeddedPortablePdb);
    }

    [Fact]
    public void The_chat_program_of_the_page_is_the_one_that_compiles()
    {
        string page = Repository.ReadText("docs", "how-to", "chat.md");
        int start = page.IndexOf("```csharp\n", StringComparison.Ordinal) + "```csharp\n".Length;
        string shown = page[start..page.IndexOf("```", start, StringComparison.Ordinal)];
        Assert.Equal(ChatProgram.Source(), shown);
        Assert.Equal(10, shown.Split('\n').Count(line => line.Trim().Length > 0));
    }
}
