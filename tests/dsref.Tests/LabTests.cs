using System.Text.Json;

namespace DeepSeek.Reference.Tool.Tests;

/// <summary><c>dsref lab accumulation</c> and <c>quantisation</c>: what docs/spec/lab.md says of them, in small.</summary>
public sealed class LabTests
{
    [Fact]
    public void Accumulation_gives_the_same_digits_on_any_number_of_threads()
    {
        string[] arguments = ["lab", "accumulation", "--k", "256", "--size", "6", "--seed", "0x2a", "--json"];
        string one = CommandLine.Run([.. arguments, "--threads", "1"]).Passes().Out;
        Assert.Equal(one, CommandLine.Run([.. arguments, "--threads", "3"]).Passes().Out);
        Assert.NotEqual(one, CommandLine.Run("lab", "accumulation", "--k", "256", "--size", "6", "--seed", "43", "--json").Passes().Out);
    }

    [Fact]
    public void Without_promotion_errors_grow_with_K_and_with_it_they_do_not()
    {
        JsonElement json = CommandLine.Run("lab", "accumulation", "--size", "12", "--json").Passes().Json;
        Assert.True(Of(json, 4096, 0, "median") > 5 * Of(json, 4096, 128, "median"));
        Assert.True(Of(json, 4096, 0, "norm") > 5 * Of(json, 128, 0, "norm"));
        Assert.True(Of(json, 4096, 128, "norm") < 2 * Of(json, 128, 128, "norm"));
        Assert.Equal(Of(json, 128, 128, "norm"), Of(json, 128, 0, "norm"));
    }

    [Fact]
    public void Values_of_one_sign_lose_percents_at_K_4096_without_promotion_and_less_than_a_thousandth_with_it()
    {
        JsonElement json = CommandLine.Run("lab", "accumulation", "--size", "8", "--data", "positive", "--json").Passes().Json;
        Assert.InRange(Of(json, 4096, 0, "max"), 0.02, 0.10); // the report's "near 2%", and no other order of magnitude
        Assert.InRange(Of(json, 4096, 128, "max"), 0.0002, 0.001); // four sums that cut below 2^-13 of their largest term
        Assert.InRange(Of(json, 1024, 0, "max"), 0.01, 0.03); // a quarter of the length, a quarter of what is cut
    }

    [Fact]
    public void A_unit_of_16_bit_operands_needs_no_promotion()
    {
        JsonElement json = CommandLine.Run("lab", "accumulation", "--size", "4", "--k", "1024", "--unit", "hopper-wgmma-bf16-f32", "--json").Passes().Json;
        Assert.InRange(Of(json, 1024, 0, "norm"), 0, 1e-5); // 64 sums that cut 17 terms below 2^-25: at most 64 · 17 · 2^-25 = 3e-5 where nothing averages out
    }

    [Theory]
    [InlineData("--k 100", "--k", "100")]
    [InlineData("--size 0", "--size", "0")]
    [InlineData("'noise'", "--data", "noise")]
    [InlineData("'ampere'", "--unit", "ampere")]
    [InlineData("scales inside its sum", "--unit", "blackwell-mx-e4m3-f32")]
    [InlineData("--seed '-1'", "--seed", "-1")]
    public void What_cannot_be_summed_is_named(string says, params string[] arguments) =>
        CommandLine.Run(["lab", "accumulation", .. arguments]).RefusesWith(2, says);

    [Fact]
    public void Finer_tiles_keep_what_large_columns_would_drown()
    {
        JsonElement json = CommandLine.Run("lab", "quantisation", "--rows", "128", "--columns", "512", "--json").Passes().Json;
        Assert.True(Decibels(json, "channels", "1x128") > Decibels(json, "channels", "128x128") - 0.5); // a block has the large column for one tile in four, as a row has: equal but for the draw
        Assert.True(Decibels(json, "channels", "1x128") > Decibels(json, "channels", "tensor") + 2); // one tile in four shares its scale with the large column, not all
        Assert.InRange(Decibels(json, "bell", "tensor"), 28, 34); // three fraction bits: steps of 1/8 to 1/16, errors uniform in them, 20 log10(16 sqrt 12 / 1.4) = 32
    }

    [Theory]
    [InlineData("64")]
    [InlineData("256")]
    public void A_narrow_matrix_has_a_large_column_too(string columns)
    {
        JsonElement json = CommandLine.Run("lab", "quantisation", "--rows", "128", "--columns", columns, "--json").Passes().Json;
        JsonElement[] rows = [.. json.GetProperty("results").EnumerateArray()];
        Assert.NotEqual(
            [.. rows.Where(r => r.GetProperty("data").GetString() == "bell").Select(r => r.GetProperty("decibels").GetDouble())],
            rows.Where(r => r.GetProperty("data").GetString() == "channels").Select(r => r.GetProperty("decibels").GetDouble()).ToArray());
    }

    [Fact]
    public void Quantisation_refuses_an_empty_matrix() => CommandLine.Run("lab", "quantisation", "--rows", "0").RefusesWith(2, "--rows 0");

    private static double Of(JsonElement json, int k, int promotion, string statistic) =>
        json.GetProperty("rows").EnumerateArray().Single(r => r.GetProperty("k").GetInt32() == k && r.GetProperty("promotion").GetInt32() == promotion).GetProperty(statistic).GetDouble();

    private static double Decibels(JsonElement json, string data, string tile) => json.GetProperty("results").EnumerateArray()
        .Single(r => r.GetProperty("data").GetString() == data && r.GetProperty("tile").GetString() == tile && r.GetProperty("format").GetString() == "E4M3" && r.GetProperty("scales").GetString() == "F32")
        .GetProperty("element_decibels").GetDouble();
}
