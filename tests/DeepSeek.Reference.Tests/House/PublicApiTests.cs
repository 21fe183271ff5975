using Xunit;

namespace DeepSeek.Reference.Tests.House;

/// <summary>The public surface is deliberate: every change to it is a visible change to PublicApi.approved.txt.</summary>
public sealed class PublicApiTests
{
    [Fact]
    public void The_public_surface_is_the_approved_listing() =>
        Repository.Keep(PublicApiListing.Of(typeof(Tensor).Assembly), "tests", "DeepSeek.Reference.Tests", "PublicApi.approved.txt");

    [Fact]
    public void Each_public_member_has_a_summary()
    {
        // The compiler demands a comment; an inherited one is a comment too. Here: the documentation file stands beside the library, so that editors show it.
        string xml = Path.ChangeExtension(typeof(Tensor).Assembly.Location, ".xml");
        Assert.True(File.Exists(xml), $"{xml} is missing");
        Assert.Contains("<member name=\"T:DeepSeek.Reference.Tensor\">", File.ReadAllText(xml), StringComparison.Ordinal);
    }
}
