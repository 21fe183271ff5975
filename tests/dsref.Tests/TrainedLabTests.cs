using System.Text.Json;
using System.Xml.Linq;
using DeepSeek.Reference.Model;
using DeepSeek.Reference.Tests.House;
using DeepSeek.Reference.Tool.Lab;

namespace DeepSeek.Reference.Tool.Tests;

/// <summary><c>dsref lab balance</c>, <c>mtp</c> and <c>mla</c>: a few steps, and the verdicts on numbers that are made up.</summary>
public sealed class TrainedLabTests
{
    /// <summary>The same digits, and so the same verdict, on any number of threads; three lines in the picture; the parts of a layer's experts add up to 1.</summary>
    [Fact]
    public void Every_method_of_balance_is_trained_on_the_same_data()
    {
        (JsonElement json, XElement picture) = TwiceTheSame("balance");
        JsonElement[] runs = [.. json.GetProperty("runs").EnumerateArray()];
        Assert.Equal(["aux-free", "aux-loss", "none"], runs.Select(r => r.GetProperty("name").GetString()));
        Assert.Equal(3, Polylines(picture));
        // The first batch is met with the initial weights by all.
        Assert.Single(runs.Select(r => r.GetProperty("max_vio")[0].GetDouble()).Distinct());
        foreach (JsonElement domain in runs.SelectMany(r => r.GetProperty("domains").EnumerateArray()))
            Assert.All(domain.GetProperty("loads").EnumerateArray(), layer => Assert.Equal(1, layer.EnumerateArray().Sum(e => e.GetDouble()), 1e-12));
    }

    [Fact]
    public void Mtp_is_trained_beside_the_same_model_without()
    {
        (JsonElement json, XElement picture) = TwiceTheSame("mtp");
        JsonElement[] runs = [.. json.GetProperty("runs").EnumerateArray()];
        Assert.Equal(["mtp", "none"], runs.Select(r => r.GetProperty("name").GetString()));
        Assert.Equal(2, Polylines(picture));
        Assert.Single(runs.Select(r => r.GetProperty("losses")[0].GetDouble()).Distinct());
        Assert.InRange(runs[0].GetProperty("accepted").GetInt64(), 0, runs[0].GetProperty("drafts").GetInt64());
        Assert.Equal(0, runs[1].GetProperty("drafts").GetInt64());
    }

    [Theory]
    [InlineData(1.0, 2.0, 3.0, 3.0, true)]
    [InlineData(2.0, 2.0, 3.0, 3.0, false)]
    [InlineData(1.0, 2.0, 3.1, 3.0, false)]
    public void Balance_holds_where_the_bias_balances_and_costs_no_more(double free, double none, double freeLoss, double auxLoss, bool holds)
    {
        static BalanceRun Run(string name, double last, double loss) => new(name, [9, 9, 9, last], [new DomainLoads("a", loss, [[0.5, 0.5]])], 0);
        BalanceRun[] runs = [Run("aux-free", free, freeLoss), Run("aux-loss", 0, auxLoss), Run("none", none, 0)];
        Assert.Equal((holds, free), (BalanceExperiment.Holds(runs), runs[0].LastQuarter));
    }

    [Theory]
    [InlineData(1.9, 2.0, true)]
    [InlineData(2.0, 2.0, true)]
    [InlineData(2.1, 2.0, false)]
    public void Mtp_holds_where_the_main_model_loses_nothing(double with, double without, bool holds) =>
        Assert.Equal(holds, MtpExperiment.Holds([new("mtp", [1], [("a", with)], 1, 1), new("none", [1], [("a", without)], 0, 0)]));

    /// <summary>Two domains that share no expert are half apart from their mean; domains alike are not apart.</summary>
    [Theory]
    [InlineData(1.0, 0.0, 0.5)]
    [InlineData(0.5, 0.5, 0.0)]
    public void Specialisation_is_the_distance_from_the_mean(double first, double second, double apart) =>
        Assert.Equal(apart, new BalanceRun("none", [0], [new("a", 1, [[first, 1 - first]]), new("b", 1, [[second, 1 - second]])], 0).Specialisation);

    /// <summary>Row i of the module is compared with row i + 1 of the main model.</summary>
    [Fact]
    public void A_draft_is_accepted_where_the_next_row_says_the_same() =>
        Assert.Equal((2, 1), MtpExperiment.Count([9, 0, 0, /**/ 0, 1, 0, /**/ 0, 0, 1], [0, 5, 0, /**/ 5, 0, 0], 3));

    /// <summary>The library's own count of V3's cache, from its config.json, and the report's 2.25 groups.</summary>
    [Fact]
    public void The_cache_of_mla_is_that_of_the_library()
    {
        CacheRow mla = LatentExperiment.Caches.Single(c => c.Name == "mla");
        DeepSeekConfig v3 = DeepSeekConfig.Load(Repository.Path("golden", "configs", "deepseek-v3", "config.json"));
        Assert.Equal(LatentCache.BytesFor(v3, DType.BF16), mla.Bytes);
        Assert.Equal((70272, 2.25), (mla.Bytes, mla.Groups));
        Assert.Equal(2L * 61 * 2 * 128 * 128, LatentExperiment.Caches[0].Bytes);
        Assert.Equal(2L * 61 * 128 * (v3.QkNopeHeadDim + v3.QkRopeHeadDim + v3.VHeadDim), LatentExperiment.Caches[^1].Bytes);
    }

    [Theory]
    [InlineData(576, 2048, true)]
    [InlineData(577, 2048, false)]
    [InlineData(576, 576, false)]
    public void Mla_holds_where_its_cache_is_the_smallest_and_as_reported(long mla, long gqa, bool holds) =>
        Assert.Equal(holds, LatentExperiment.Holds([new("mha", 32768), new("gqa-8", gqa), new("mla", mla)]));

    /// <summary>Bytes and products of each form and context, not times.</summary>
    [Fact]
    public void Mla_says_what_each_form_reads()
    {
        Outcome outcome = CommandLine.Run("lab", "mla", "--quick", "--json").Passes();
        (int, string?, long, long)[] rows = [.. outcome.Json.GetProperty("decode").EnumerateArray().Select(r =>
            (r.GetProperty("context").GetInt32(), r.GetProperty("form").GetString(), r.GetProperty("cache_bytes").GetInt64(), r.GetProperty("products").GetInt64()))];
        Assert.Equal(8, rows.Length);
        Assert.Equal(
            [(128, "mha", 1048576L, 524288L), (128, "gqa-8", 524288L, 524288L), (128, "mla", 147456L, 4325376L), (128, "mla-expanded", 1310720L, 655360L)], rows[..4]);
    }

    [Theory]
    [InlineData("--steps 1", "balance", "--steps", "1")]
    [InlineData("--steps 1", "mtp", "--steps", "1")]
    [InlineData("no such file", "balance", "--data", "none")]
    public void What_cannot_be_trained_is_named(string says, string verb, params string[] arguments) => CommandLine.Run(["lab", verb, "--quick", .. arguments]).RefusesWith(2, says);

    /// <summary>A few steps on two threads and on one: what is printed must be the same. The verdict of so few says nothing.</summary>
    private static (JsonElement Json, XElement Picture) TwiceTheSame(string verb)
    {
        string svg = Path.Combine(Directory.CreateTempSubdirectory("dsref-lab-").FullName, "lab.svg");
        try
        {
            string[] arguments = ["lab", verb, "--quick", "--steps", "4", "--json"];
            Outcome outcome = CommandLine.Run([.. arguments, "--threads", "2", "--svg", svg]);
            Assert.Equal(outcome.Out, CommandLine.Run([.. arguments, "--threads", "1"]).Out);
            return (outcome.Json, XElement.Load(svg));
        }
        finally
        {
            Directory.Delete(Path.GetDirectoryName(svg)!, recursive: true);
        }
    }

    private static int Polylines(XElement picture) => picture.Elements((XNamespace)"http://www.w3.org/2000/svg" + "polyline").Count();
}
