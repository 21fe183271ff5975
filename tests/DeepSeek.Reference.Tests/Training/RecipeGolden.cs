using System.Globalization;
using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Tests.Training;

/// <summary>golden/training/recipe.txt: rows of binary32 that tools/witness/training.py computed by integers, and the inputs both sides draw.</summary>
internal static class RecipeGolden
{
    public const ulong Seed = 0x0123456789ABCDEF;
    public const int Count = 35;

    private static readonly Dictionary<string, float[]> Rows = File.ReadLines(Golden.Path("training", "recipe.txt"))
        .Where(line => !line.StartsWith('#'))
        .Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        .ToDictionary(parts => parts[0], parts => Array.ConvertAll(parts[1..], p => BitConverter.UInt32BitsToSingle(uint.Parse(p, NumberStyles.HexNumber, CultureInfo.InvariantCulture))));

    public static IEnumerable<string> Names => Rows.Keys;

    public static float[] Row(string name) => Rows[name];

    /// <summary>Bell values times 2^(exponent - 7 (i mod 5)): several magnitudes in one row.</summary>
    public static float[] Bell(string name, int exponent)
    {
        var words = new RandomStream(Seed, name);
        return [.. Enumerable.Range(0, Count).Select(i => MathF.ScaleB(words.Value(ValueMap.Bell, (ulong)i), exponent - 7 * (i % 5)))];
    }
}
