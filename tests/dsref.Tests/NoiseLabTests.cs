using System.Text.Json;

namespace DeepSeek.Reference.Tool.Tests;

/// <summary><c>dsref lab noise</c> and <c>budget</c>: the three statistics tell wrong variants of an FP8 product from legitimate ones (docs/spec/noise.md), in small.</summary>
public sealed class NoiseLabTests
{
    [Theory]
    [InlineData("bell")]
    [InlineData("uniform")]
    [InlineData("outlier")]
    public void Every_wrong_variant_is_told_and_no_legitimate_one(string map)
    {
        // Exit 0 says so of all; the figures say by how much.
        JsonElement json = CommandLine.Run("lab", "noise", "--k", "4096", "--seeds", "1", "--seed", "0x77", "--map", map, "--json").Passes().Json;
        foreach (JsonElement row in json.GetProperty("rows").EnumerateArray())
        {
            bool legitimate = row.GetProperty("legitimate").GetBoolean();
            Assert.Equal(legitimate ? 1 : 0, row.GetProperty("noise").GetInt32());
            Assert.True(legitimate == row.GetProperty("margin").GetDouble() <= 0, row.ToString());
        }

        string[] names = [.. json.GetProperty("rows").EnumerateArray().Where(r => !r.GetProperty("legitimate").GetBoolean()).Select(r => r.GetProperty("variant").GetString()!).Distinct()];
        Assert.Equal(["promotion 256", "promotion 512", "no promotion", "split-K 2, bfloat16 combine", "truncating store"], names);
    }

    [Fact]
    public void Whole_numbers_cannot_tell_promotions_and_tell_the_rest()
    {
        JsonElement json = CommandLine.Run("lab", "noise", "--k", "1024", "--seeds", "1", "--map", "int", "--json").Passes().Json;
        foreach (JsonElement row in json.GetProperty("rows").EnumerateArray().Where(r => !r.GetProperty("legitimate").GetBoolean()))
            Assert.Equal(row.GetProperty("variant").GetString()!.Contains("promotion", StringComparison.Ordinal) ? 1 : 0, row.GetProperty("noise").GetInt32());
    }

    [Fact]
    public void A_budget_finds_one_wrong_element_a_row_and_a_tile()
    {
        JsonElement json = CommandLine.Run("lab", "budget", "--case", "scaled_linear[t=128,n=1024,k=1024,y=bf16,product=deepgemm-sm90]", "--json").Passes().Json;
        Assert.Equal(["NOISE", "FAIL"], json.GetProperty("rows").EnumerateArray().Take(2).Select(r => r.GetProperty("verdict").GetString()));
    }

    [Theory]
    [InlineData("multiple of 512", "noise", "--k", "100")]
    [InlineData("one plain or block-scaled product", "budget", "--case", "rms_norm[t=3,n=33]")]
    public void What_cannot_be_judged_is_named(string says, params string[] arguments) => CommandLine.Run(["lab", .. arguments]).RefusesWith(2, says);
}
