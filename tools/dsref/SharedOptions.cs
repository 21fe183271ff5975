using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Text.RegularExpressions;
using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Faulty;
using DeepSeek.Reference.Model;
using DeepSeek.Reference.Verification;

namespace DeepSeek.Reference.Tool;

/// <summary>Options that several verbs take, each with one meaning everywhere.</summary>
internal static class SharedOptions
{
    private const string Faulty = "faulty:";

    public static Option<string> Backend(string defaultValue = "simd") => new("--backend")
    {
        Description = "scalar (the definitions), simd (the same bits, fast), the command of any program that speaks docs/spec/worker.md, or faulty:BUG, wrong on purpose (dsref lab zoo --list).",
        HelpName = "scalar|simd|COMMAND|faulty:BUG",
        DefaultValueFactory = _ => defaultValue,
    };

    public static Option<int> Threads() => new("--threads")
    {
        Description = "Threads of the simd backend; 0 takes all processors. Changes no bit.",
        HelpName = "N",
        DefaultValueFactory = _ => 0,
    };

    public static Option<string?> Fp8() => new("--fp8")
    {
        Description = "FP8 weights: FP8 products, or weights dequantised first; by default gemm where the contract has an FP8 product and the in-features of all of them are multiples of 128.",
        HelpName = "gemm|dequantize",
    };

    /// <summary>The mode of that name.</summary>
    /// <exception cref="ContractException">There is no such mode.</exception>
    public static Fp8Mode ParseFp8(string? name) => name?.ToLowerInvariant() switch
    {
        null => Fp8Mode.Auto,
        "gemm" => Fp8Mode.Gemm,
        "dequantize" => Fp8Mode.Dequantize,
        _ => throw new ContractException($"--fp8 '{name}': there are gemm and dequantize"),
    };

    public static Option<bool> Json() => new("--json") { Description = "Results as JSON on standard output (docs/spec/json.md)." };

    public static Option<string?> Filter() => new("--filter") { Description = "Only cases whose id matches the regular expression.", HelpName = "REGEX" };

    public static Option<string?> Golden() => new Option<string?>("--golden")
    {
        Description = "Take manifest.jsonl and oracles/ from this folder, not from those embedded in the tool.",
        HelpName = "DIR",
    }.NamesPath();

    /// <summary>A seed, decimal or hexadecimal.</summary>
    /// <exception cref="DataException">It is none.</exception>
    public static ulong Seed(string text) => CaseFields.TryReadSeed(text, out ulong seed)
        ? seed
        : throw new DataException($"--seed '{text}' is not a whole number of 64 bits, decimal or 0x hexadecimal");

    /// <summary>The encoding of a binary32 argument, decimal or hexadecimal.</summary>
    /// <exception cref="DataException">The text is no number of 32 bits.</exception>
    public static uint Encoding(string option, string text)
    {
        bool good = text.StartsWith("0x", StringComparison.OrdinalIgnoreCase)
            ? uint.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out uint bits)
            : uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out bits);
        return good ? bits : throw new DataException($"{option} '{text}' is not a whole number of 32 bits, decimal or 0x hexadecimal");
    }

    /// <summary>How many threads a number asks for.</summary>
    /// <exception cref="ContractException">It is negative.</exception>
    public static int Workers(int threads) => threads switch
    {
        > 0 => Math.Min(threads, 4 * Environment.ProcessorCount),
        0 => Environment.ProcessorCount,
        _ => throw new ContractException($"--threads {threads}: take 0 for all processors, or a positive number"),
    };

    /// <summary>Whether a backend's name is none of the tool's own, and so a command.</summary>
    public static bool IsCommand(string name) => name.ToLowerInvariant() is not ("scalar" or "simd") && !IsFaulty(name);

    /// <summary>Whether a backend's name is that of a bug of the zoo (docs/spec/zoo.md).</summary>
    private static bool IsFaulty(string name) => name.StartsWith(Faulty, StringComparison.OrdinalIgnoreCase);

    /// <summary>The backend of that name.</summary>
    /// <exception cref="ContractException">There is no such backend.</exception>
    public static IBackend MakeBackend(string name, int threads) => threads < 0 ? throw new ContractException($"{threads} threads were asked for; take 0 for all processors, or a positive number") : name.ToLowerInvariant() switch
    {
        "scalar" => new ScalarBackend(),
        "simd" => new SimdBackend(threads),
        _ when IsFaulty(name) => new FaultyBackend(name[Faulty.Length..].ToLowerInvariant()),
        _ => new WorkerBackend(PluginHost.CommandOf(name), new WorkerOptions(), ["eager"]),
    };

    /// <summary>Refuses an empty text where a file or directory is to be named.</summary>
    public static Option<T> NamesPath<T>(this Option<T> option)
    {
        option.Validators.Add(result => RefuseEmpty(result, option.Name));
        return option;
    }

    /// <inheritdoc cref="NamesPath{T}(Option{T})"/>
    public static Argument<T> NamesPath<T>(this Argument<T> argument)
    {
        argument.Validators.Add(result => RefuseEmpty(result, argument.Name));
        return argument;
    }

    private static void RefuseEmpty(SymbolResult result, string name)
    {
        if (result.Tokens.Any(t => t.Value.Length == 0))
            result.AddError($"{name} is empty; name a file or directory.");
    }

    /// <summary>The filter, or one that matches everything.</summary>
    /// <exception cref="CaseException">Not a regular expression.</exception>
    public static Regex MakeFilter(string? pattern)
    {
        try
        {
            return new Regex(pattern ?? "", RegexOptions.CultureInvariant | RegexOptions.IgnoreCase, TimeSpan.FromSeconds(1));
        }
        catch (ArgumentException e)
        {
            throw new CaseException($"--filter '{pattern}' is not a regular expression: {e.Message}", e);
        }
    }
}
