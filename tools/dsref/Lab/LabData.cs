using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Tool.Lab;

/// <summary>Values of an experiment: maps of rule N14 under the experiment's names.</summary>
internal static class LabData
{
    /// <summary>That many values of a kind.</summary>
    /// <exception cref="ContractException">There is no such kind.</exception>
    public static float[] Values(string kind, ulong seed, string name, int count)
    {
        ValueMap map = kind switch
        {
            "bell" => ValueMap.Bell,
            "uniform" or "positive" => ValueMap.Uniform,
            "logspread" => ValueMap.LogSpread,
            "outlier" => ValueMap.Outlier,
            _ => throw new ContractException($"--data '{kind}': take one of {string.Join(", ", AccumulationExperiment.Data)}"),
        };
        float[] values = new float[count];
        new RandomStream(seed, name).Fill(map, 0, values);
        return kind == "positive" ? Array.ConvertAll(values, MathF.Abs) : values;
    }

    /// <summary>Bell-shaped values [rows, columns] of which one column in 512, and one at least, is 4096 times as large, as some channels of activations are.</summary>
    public static float[] Channels(ulong seed, string name, int rows, int columns)
    {
        const int every = 512;
        const float times = 4096f;
        float[] values = Values("bell", seed, name, rows * columns);
        int first = (int)(new RandomStream(seed, "channels").Word(0) % (uint)Math.Min(every, columns));
        for (int t = 0; t < rows; t++)
        {
            for (int k = first; k < columns; k += every)
                values[t * columns + k] *= times;
        }

        return values;
    }
}
