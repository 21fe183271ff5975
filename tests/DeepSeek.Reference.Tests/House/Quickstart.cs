using System.Security.Cryptography;
using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Model;

namespace DeepSeek.Reference.Tests.House;

/// <summary>The quickstart of README.md, as it compiles and runs.</summary>
internal static class Quickstart
{
    public static void Run(string[] args, TextWriter output)
    {
        // <quickstart>
        using var model = DeepSeekModel.Load(args[0], NumericContract.Canonical, new SimdBackend());
        int[] ids = [1, 17, 42, 5];
        Tensor logits = model.Forward([ids]); // F32 [1, 4, V]
        output.WriteLine(Convert.ToHexStringLower(SHA256.HashData(logits.AsBytes())));
        // </quickstart>
    }

    /// <summary>What the README shows: the usings a reader needs, then the lines between the marks.</summary>
    public static string Source()
    {
        string[] lines = Repository.ReadText("tests", "DeepSeek.Reference.Tests", "House", "Quickstart.cs").Split('\n');
        IEnumerable<string> usings = lines.Where(l => l.StartsWith("using ", StringComparison.Ordinal)).Append("using DeepSeek.Reference;");
        IEnumerable<string> body = lines.SkipWhile(l => !l.Contains("// <quickstart>", StringComparison.Ordinal)).Skip(1).TakeWhile(l => !l.Contains("// </quickstart>", StringComparison.Ordinal))
            .Select(l => l.Trim().Replace("output.WriteLine", "Console.WriteLine", StringComparison.Ordinal));
        return string.Join('\n', usings.OrderBy(l => l.TrimEnd(';'), StringComparer.Ordinal)) + "\n\n" + string.Join('\n', body) + "\n";
    }
}
