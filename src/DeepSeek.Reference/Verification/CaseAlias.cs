using System.Text.RegularExpressions;

namespace DeepSeek.Reference.Verification;

/// <summary>Other names of operations, as users of kernels say them: <c>gemm_fp8[m=128,n=576,k=7168]</c> is a scaled_linear of 128 rows.</summary>
/// <remarks>
/// An alias is read wherever a case is, and never written: the canonical id carries the operation's name. The rows may be called m or by the operation's
/// own letter. Dtypes that the name stands for are defaults, which an argument overrides; those of FP8 outputs are the contract's activations.
/// Filters match <see cref="SpellingsOf"/>, so that what selects a case by its alias selects it in the manifest too.
/// </remarks>
internal static class CaseAlias
{
    /// <summary>What every alias holds.</summary>
    private const string Shared = "gemm";

    private const string Rows = "m";
    private static readonly string[] LinearTensors = ["x", "weight", "y"];

    /// <param name="Operation">What runs.</param>
    /// <param name="Rows">The operation's own letter for m.</param>
    /// <param name="Tensors">The tensors whose dtype the name gives.</param>
    /// <param name="DType">That dtype; null for the contract's activations.</param>
    private sealed record Meaning(string Operation, string Rows, string[] Tensors, DType? DType);

    private static readonly SortedDictionary<string, Meaning> Meanings = new(StringComparer.Ordinal)
    {
        ["gemm"] = new("linear", "t", LinearTensors, null),
        ["gemm_bf16"] = new("linear", "t", LinearTensors, DType.BF16),
        ["gemm_f32"] = new("linear", "t", LinearTensors, DType.F32),
        ["gemm_fp8"] = new("scaled_linear", "t", ["y"], null),
        ["grouped_gemm"] = new("grouped_linear", "r", LinearTensors, null),
        ["grouped_gemm_fp8"] = new("grouped_scaled_linear", "r", [], null),
        ["m_grouped_gemm_fp8_contiguous"] = new("indexed_scaled_linear", "r", [], null),
        ["m_grouped_gemm_fp8_masked"] = new("masked_scaled_linear", Rows, [], null),
    };

    /// <summary>All aliases, in the order of their names.</summary>
    public static IReadOnlyCollection<string> Names => Meanings.Keys;

    /// <summary>The operation that an alias names; null for a name that is none.</summary>
    public static string? OperationOf(string name) => Meanings.TryGetValue(name, out Meaning? meaning) ? meaning.Operation : null;

    /// <summary>The same case under its operation's name; ids of operations as they are.</summary>
    /// <exception cref="CaseException">m is missing, or stands beside the operation's own letter.</exception>
    public static CaseId Resolve(CaseId id)
    {
        if (!Meanings.TryGetValue(id.Name, out Meaning? meaning))
            return id;
        if (id[Rows] is null && id[meaning.Rows] is null)
            throw new CaseException($"case '{id}', {Rows}: this size is missing");
        return Resolve(id, meaning);
    }

    /// <summary>The same for an id that leaves out what tensors tell: sizes, and the dtypes that the name stands for.</summary>
    /// <exception cref="CaseException">m stands beside the operation's own letter.</exception>
    public static CaseId ResolveUnsized(CaseId id) => Meanings.TryGetValue(id.Name, out Meaning? meaning) ? Resolve(id, meaning with { Tensors = [] }) : id;

    private static CaseId Resolve(CaseId id, Meaning meaning)
    {
        if (meaning.Rows != Rows && id[Rows] is not null && id[meaning.Rows] is not null)
            throw new CaseException($"case '{id}': '{Rows}' and '{meaning.Rows}' name the same size; give one");
        var arguments = id.Arguments.Select(a => a.Key == Rows ? new(meaning.Rows, a.Value) : a).ToList();
        DType? dtype = meaning.DType ?? ContractOf(id)?.Activations;
        foreach (string tensor in meaning.Tensors)
        {
            if (dtype is { } value && id[tensor] is null)
                arguments.Add(new(tensor, Word(value)));
        }

        return new CaseId(meaning.Operation, arguments);
    }

    /// <summary>Whether a filter selects a case: by its id, or by an alias's spelling where the expression speaks of one, so that no other expression selects more than the ids it matches.</summary>
    public static bool Matches(Regex filter, string id)
    {
        if (filter.IsMatch(id))
            return true;
        if (!filter.ToString().Contains(Shared, StringComparison.OrdinalIgnoreCase) || !CaseOperations.ByName.ContainsKey(id.Split('[')[0]))
            return false;
        return SpellingsOf(OperationCase.Parse(id)).Any(filter.IsMatch);
    }

    /// <summary>The case's id, and how it reads under each alias that stands for it.</summary>
    public static IEnumerable<string> SpellingsOf(OperationCase c)
    {
        yield return c.ToString();
        foreach ((string name, Meaning meaning) in Meanings)
        {
            if (meaning.Operation != c.Id.Name || meaning.DType is { } only && !meaning.Tensors.All(t => DTypeOf(c, t) == only))
                continue;
            DType said = meaning.DType ?? c.Contract.Activations;
            var arguments = c.Id.Arguments
                .Where(a => !meaning.Tensors.Contains(a.Key))
                .Select(a => a.Key == meaning.Rows ? new(Rows, a.Value) : a)
                .Concat(meaning.Tensors.Where(t => DTypeOf(c, t) != said).Select(t => new KeyValuePair<string, string>(t, Word(DTypeOf(c, t)))));
            yield return new CaseId(name, arguments).ToString();
        }
    }

    private static NumericContract? ContractOf(CaseId id)
    {
        string name = id["contract"] ?? NumericContract.Canonical.Name;
        return NumericContract.Presets.FirstOrDefault(p => string.Equals(p.Name, name, StringComparison.OrdinalIgnoreCase));
    }

    private static DType DTypeOf(OperationCase c, string tensor) =>
        c.Inputs.FirstOrDefault(i => i.Name == tensor)?.DType ?? c.Outputs.First(o => o.Name == tensor).DType;

    private static string Word(DType dtype) => dtype == DType.BF16 ? "bf16" : "f32";
}
