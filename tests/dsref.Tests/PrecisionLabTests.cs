using System.Text.Json;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using DeepSeek.Reference.Tool.Lab;
using DeepSeek.Reference.Training;

namespace DeepSeek.Reference.Tool.Tests;

/// <summary><c>dsref lab fp8-vs-bf16</c>, a few steps of it.</summary>
public sealed class PrecisionLabTests
{
    private static readonly string[] variants = ["bf16", "fp32", "fp8", "fp8-exact", "fp8-tensor", "fp8-tensor-unpromoted"];

    /// <summary>The same digits on any number of threads; every variant goes its own way, and none far from bfloat16's in so few steps. The picture has a line for each but that.</summary>
    [Fact]
    public void Every_variant_is_trained_on_the_same_data()
    {
        string svg = Path.Combine(Directory.CreateTempSubdirectory("dsref-lab-").FullName, "fp8.svg");
        try
        {
            string[] arguments = ["lab", "fp8-vs-bf16", "--quick", "--steps", "4", "--json"];
            Outcome outcome = CommandLine.Run([.. arguments, "--threads", "2", "--svg", svg]).Passes();
            Assert.Equal(Digits(outcome), Digits(CommandLine.Run([.. arguments, "--threads", "1"]).Passes()));
            JsonElement[] runs = [.. outcome.Json.GetProperty("runs").EnumerateArray()];
            Assert.Equal(variants, runs.Select(r => r.GetProperty("name").GetString()));
            Assert.Equal(variants.Length, runs.Select(r => r.GetProperty("losses")[3].GetDouble()).Distinct().Count());
            Assert.All(runs, r => Assert.InRange(Math.Abs(r.GetProperty("difference").GetDouble()), 0, 0.0025));

            XElement picture = XElement.Load(svg);
            XNamespace names = "http://www.w3.org/2000/svg";
            Assert.Equal(variants.Length - 1, picture.Elements(names + "polyline").Count());
            Assert.All(variants[1..], v => Assert.Contains(picture.Elements(names + "text"), t => t.Value == v));
        }
        finally
        {
            Directory.Delete(Path.GetDirectoryName(svg)!, recursive: true);
        }

        static string Digits(Outcome outcome) => Regex.Replace(outcome.Out, "\"tokens_per_second\": [0-9.]+", "");
    }

    [Theory]
    [InlineData(0.0024, true)]
    [InlineData(-0.0026, false)]
    public void The_verdict_is_of_the_last_half(double difference, bool holds)
    {
        var run = new PrecisionRun("fp8", TrainingPrecision.Fp8, [1, 1, 1, 1], [1, 1, 1, 1], [0.01, 0, difference, 0], 1);
        Assert.Equal((holds, Math.Abs(difference), 0.01, 0), (run.Holds, run.Largest, run.LargestOfAll, run.Last));
    }

    /// <summary>Text of a seed, which is another's for another seed.</summary>
    [Fact]
    public void Text_is_made_from_its_seed()
    {
        string[] first = [.. LabText.Documents(1, 3).Select(d => d.Text)];
        Assert.Equal(first, LabText.Documents(1, 3).Select(d => d.Text));
        Assert.Equal(3, first.Distinct().Count());
        Assert.NotEqual(first[0], LabText.Documents(2, 1).Single().Text);
        Assert.Matches("^([a-z]+( [a-z]+){3,10}\\. ){24}$", first[0]);
    }

    [Theory]
    [InlineData("--steps 1", "--steps", "1")]
    [InlineData("no such file", "--data", "none")]
    public void What_cannot_be_trained_is_named(string says, params string[] arguments) => CommandLine.Run(["lab", "fp8-vs-bf16", "--quick", .. arguments]).RefusesWith(2, says);
}
