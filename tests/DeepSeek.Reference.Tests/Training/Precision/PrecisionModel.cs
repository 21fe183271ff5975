using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Tests.Model;
using DeepSeek.Reference.Training;

namespace DeepSeek.Reference.Tests.Training;

/// <summary>Gradients of a synthetic model with every kind of layer under a recipe.</summary>
internal static class PrecisionModel
{
    /// <summary>Dense and expert layers, query compression, a shared expert, an MTP module.</summary>
    public static DeepSeekConfig Config { get; } = SyntheticModel.V3 with { NumNextnPredictLayers = 1 };

    /// <summary>Losses of every kind.</summary>
    public static LossOptions Options { get; } = new() { MtpWeight = 0.3, BalanceWeight = 0.01 };

    /// <summary>Two short sequences.</summary>
    public static int[][] Rows { get; } = [SyntheticModel.Ids(20, 1), SyntheticModel.Ids(11, 2)];

    /// <summary>The gradients, and each cast where asked; of weights half as large where <paramref name="calm"/>, so that layers pass errors on without making them larger.</summary>
    public static GradientSet Gradients(TrainingPrecision precision, IBackwardBackend? backend = null, IReadOnlyList<int[]>? rows = null, DeepSeekConfig? config = null, Action<CastRecord>? observer = null, bool calm = false)
    {
        Dictionary<string, Tensor> weights = SyntheticModel.Weights(config ?? Config);
        foreach (Tensor w in weights.Values.Where(w => calm && w.Shape.Rank == 2))
        {
            Span<float> values = w.AsSpan<float>();
            for (int i = 0; i < values.Length; i++)
                values[i] /= 2;
        }

        var model = new GradientModel(config ?? Config, weights.GetValueOrDefault, backend ?? new SimdBackend(2), precision: precision) { OnCast = observer };
        return model.Gradients(rows ?? Rows, Options with { MtpWeight = model.HasMtp ? Options.MtpWeight : 0 });
    }

    /// <summary>Losses and gradients in eight bytes.</summary>
    public static string Digest(GradientSet g) => Digest([Tensor.From([g.Losses.Main, g.Losses.Mtp, g.Losses.Balance], 3), .. g.Names.Select(n => g[n])]);

    /// <summary>‖g - of‖ / ‖of‖ of one parameter.</summary>
    public static double Error(GradientSet g, GradientSet of, string name)
    {
        ReadOnlySpan<float> a = g[name].AsReadOnlySpan<float>(), b = of[name].AsReadOnlySpan<float>();
        double error = 0, norm = 0;
        for (int i = 0; i < a.Length; i++)
        {
            error += Math.Pow((double)a[i] - b[i], 2);
            norm += Math.Pow(b[i], 2);
        }

        return Math.Sqrt(error / norm);
    }

    private static string Digest(Tensor[] tensors)
    {
        using var sha = System.Security.Cryptography.IncrementalHash.CreateHash(System.Security.Cryptography.HashAlgorithmName.SHA256);
        foreach (Tensor t in tensors)
            sha.AppendData(System.Runtime.InteropServices.MemoryMarshal.AsBytes(t.AsReadOnlySpan<float>()));
        return Convert.ToHexStringLower(sha.GetHashAndReset())[..16];
    }
}
