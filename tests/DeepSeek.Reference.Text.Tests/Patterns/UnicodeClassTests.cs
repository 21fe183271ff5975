namespace DeepSeek.Reference.Text.Tests.Patterns;

/// <summary>The Unicode tables in use are those that Hugging Face's Rust implementation has; the counts were taken from it, one code point at a time.</summary>
public sealed class UnicodeClassTests
{
    [Theory]
    [InlineData("L", 141028)]
    [InlineData("M", 2501)]
    [InlineData("N", 1911)]
    [InlineData("P", 855)]
    [InlineData("S", 8514)]
    public void A_category_has_as_many_code_points(string name, int count)
    {
        CodePointSet set = CodePointSet.Of([CodePointSet.Part.Of(UnicodeClass.Named(name), false)]);
        Assert.Equal(count, Enumerable.Range(0, 0x110000).Count(set.Contains));
    }

    [Fact]
    public void White_space_is_25_code_points() => Assert.Equal(25, Enumerable.Range(0, 0x110000).Count(UnicodeClass.Space.Contains));
}
