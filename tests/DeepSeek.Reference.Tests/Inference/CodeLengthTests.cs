using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Inference;
using DeepSeek.Reference.Model;
using DeepSeek.Reference.Tests.Checkpoints;
using DeepSeek.Reference.Tests.Model;
using DeepSeek.Reference.Training;
using Xunit;

namespace DeepSeek.Reference.Tests.Inference;

public sealed class CodeLengthTests
{
    private static readonly DeepSeekConfig Config = SyntheticModel.V3;

    /// <summary>In one window it is training's loss, which runs another forward pass.</summary>
    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(40)]
    public void A_text_of_one_window_costs_what_training_says(int length)
    {
        Dictionary<string, Tensor> weights = SyntheticModel.Weights(Config);
        int[] ids = SyntheticModel.Ids(length, 5);
        using DeepSeekModel model = SyntheticModel.Make(Config, NumericContract.Canonical, new SimdBackend(1), weights);
        double expected = new GradientModel(Config, weights.GetValueOrDefault, new SimdBackend(1)).Gradients([ids]).Losses.Main * (length - 1);
        // Absorbed and naive attention differ by their roundings, and training's mean is rounded once.
        Assert.Equal(expected, new CodeLength(model, 64, 32).Nats(ids), 1e-4 * length);
    }

    /// <summary>Under a head of zeros every id costs ln V, so that the sum counts the predictions.</summary>
    [Theory]
    [InlineData(1, 0, 20)]
    [InlineData(4, 0, 20)]
    [InlineData(4, 3, 20)]
    [InlineData(4, 2, 5)]
    [InlineData(4, 2, 6)]
    [InlineData(4, 2, 7)]
    [InlineData(19, 9, 20)]
    [InlineData(20, 9, 20)]
    [InlineData(4, 2, 1)]
    [InlineData(4, 2, 0)]
    public void Each_id_but_the_first_is_predicted_once(int window, int context, int length)
    {
        Dictionary<string, Tensor> weights = SyntheticModel.Weights(Config);
        weights["lm_head.weight"].AsSpan<float>().Clear();
        using DeepSeekModel model = SyntheticModel.Make(Config, NumericContract.Canonical, new SimdBackend(1), weights);
        double nats = new CodeLength(model, window, context).Nats(length == 0 ? [] : SyntheticModel.Ids(length, 2));
        Assert.Equal(Math.Max(0, length - 1) * (double)(float)Math.Log(Config.VocabSize), nats, 1e-5);
    }

    /// <summary>The windows by hand: what each predicts, after which ids.</summary>
    [Fact]
    public void A_later_window_takes_its_context_along()
    {
        int[] ids = SyntheticModel.Ids(12, 9);
        using DeepSeekModel model = SyntheticModel.Make(Config, NumericContract.Canonical, new SimdBackend(1));
        var whole = new CodeLength(model, 199, 0);
        // W = 6, C = 4: 0..6 predicts six, then 2..8, 4..10 and 5..11 minus what was known. A prefix's nats are subtracted to leave the ids behind it.
        double expected = whole.Nats(ids.AsSpan(0, 7));
        for (int done = 6; done < 11;)
        {
            int start = done - 4, end = Math.Min(start + 6, 11);
            expected += whole.Nats(ids.AsSpan(start..(end + 1))) - whole.Nats(ids.AsSpan(start..(done + 1)));
            done = end;
        }

        Assert.Equal(expected, new CodeLength(model, 6, 4).Nats(ids), 1e-9);
    }

    [Fact]
    public void Backends_and_threads_give_the_same_bits()
    {
        int[] ids = SyntheticModel.Ids(30, 3);
        double[] found = [.. ((IBackend[])[new ScalarBackend(), new SimdBackend(1), new SimdBackend(2)]).Select(backend =>
        {
            using DeepSeekModel model = SyntheticModel.Make(Config, NumericContract.DeepSeekInference, backend, DType.BF16);
            return new CodeLength(model, 8, 3).Nats(ids);
        })];
        Assert.Equal([found[0], found[0], found[0]], found);
        Assert.InRange(found[0], 1, 30 * 20);
    }

    [Fact]
    public void What_cannot_be_counted_is_refused()
    {
        using DeepSeekModel model = SyntheticModel.Make(Config, NumericContract.Canonical, new SimdBackend(1));
        Assert.Contains("window of 0", Assert.Throws<ContractException>(() => new CodeLength(model, 0, 0)).Message, StringComparison.Ordinal);
        Assert.Contains("window of 201", Assert.Throws<ContractException>(() => new CodeLength(model, 201, 0)).Message, StringComparison.Ordinal);
        Assert.Contains("context of 8", Assert.Throws<ContractException>(() => new CodeLength(model, 8, 8)).Message, StringComparison.Ordinal);
        Assert.Contains("context of -1", Assert.Throws<ContractException>(() => new CodeLength(model, 8, -1)).Message, StringComparison.Ordinal);
        Refusal.Of(() => new CodeLength(model, 8, 2).Nats([1, 2, 50]), "position 2", "50");
        Refusal.Of(() => new CodeLength(model, 8, 2).Nats([1, -1, 3]), "position 1", "-1");
        using var cancelled = new CancellationTokenSource();
        cancelled.Cancel();
        Assert.Throws<OperationCanceledException>(() => new CodeLength(model, 8, 2).Nats([1, 2, 3], cancelled.Token));
    }
}
