using DeepSeek.Reference.Tests.Checkpoints;
using DeepSeek.Reference.Training;
using Xunit;

namespace DeepSeek.Reference.Tests.Training;

public sealed class MetricsFileTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("dsref-metrics-").FullName;

    private string File1 => Path.Combine(folder, "m.jsonl");

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void A_step_is_a_line()
    {
        using (MetricsFile file = MetricsFile.Open(File1, 0))
        {
            file.Write(Step(1));
            file.Write(Step(2) with { MaxVio = 0.5, BiasSpeed = 0.001, Figures = new Dictionary<string, double> { ["mtp_loss"] = 4.5, ["balance_loss"] = 0.25 }, Duration = TimeSpan.FromMilliseconds(1500) });
        }

        Assert.Equal(
            [
                """{"step":1,"tokens":10,"loss":2.5,"learning_rate":0.00022,"gradient_norm":1.5,"gradient_scale":0.5,"batch":4,"seconds":0}""",
                """{"step":2,"tokens":20,"loss":2.5,"learning_rate":0.00022,"gradient_norm":1.5,"gradient_scale":0.5,"batch":4,"max_vio":0.5,"bias_speed":0.001,"balance_loss":0.25,"mtp_loss":4.5,"seconds":1.5}""",
            ],
            File.ReadAllLines(File1));
    }

    [Fact]
    public void Going_on_drops_later_steps_and_a_torn_line()
    {
        using (MetricsFile file = MetricsFile.Open(File1, 0))
        {
            for (int step = 1; step <= 5; step++)
                file.Write(Step(step));
        }

        string[] all = File.ReadAllLines(File1);
        File.AppendAllText(File1, "{\"step\":1,\"tok");
        using (MetricsFile file = MetricsFile.Open(File1, 3))
            file.Write(Step(4));
        Assert.Equal(all[..4], File.ReadAllLines(File1));
    }

    [Fact]
    public void A_place_that_cannot_be_written_is_refused() => Refusal.Of(() => MetricsFile.Open(Path.Combine(folder, "no", "m.jsonl"), 0).Dispose(), "m.jsonl");

    private static StepReport Step(int step) => new() { Step = step, Tokens = 10 * step, Loss = 2.5, LearningRate = 2.2e-4, GradientNorm = 1.5f, GradientScale = 0.5f, Batch = 4 };
}
