namespace DeepSeek.Reference.Verification;

/// <summary>What the manifest says of one tensor: how it was made (inputs), its dtype and shape, and its digest.</summary>
/// <param name="Map">The value map of an input; null for an output.</param>
/// <param name="DType">Element type.</param>
/// <param name="Shape">Dimensions.</param>
/// <param name="Sha256">64 lower-case hexadecimal digits (rule N15).</param>
public sealed record GoldenTensor(string? Map, DType DType, Shape Shape, string Sha256)
{
    /// <summary>The digests of an output's tiles (<see cref="TileDigests"/>); null for inputs and small outputs.</summary>
    internal string? Tiles { get; init; }

    /// <summary>What the manifest says of an output.</summary>
    internal static GoldenTensor OfOutput(Tensor tensor) => new(null, tensor.DType, tensor.Shape, CanonicalHash.Of(tensor)) { Tiles = TileDigests.Of(tensor) };
}

/// <summary>One line of golden/manifest.jsonl: a case, and the digests that every machine must find.</summary>
public sealed record GoldenRecord
{
    /// <summary>The canonical case id: an operation case, or <c>model[case=...]</c>.</summary>
    public required string Id { get; init; }

    /// <summary>quick or full.</summary>
    public required CaseLevel Level { get; init; }

    /// <summary>The contract's preset.</summary>
    public required string Contract { get; init; }

    /// <summary>The seed of the inputs; 0 for a model case, whose inputs are files.</summary>
    public required ulong Seed { get; init; }

    /// <summary>Inputs by name, in the case's order.</summary>
    public required IReadOnlyList<KeyValuePair<string, GoldenTensor>> Inputs { get; init; }

    /// <summary>Outputs by name, in the case's order.</summary>
    public required IReadOnlyList<KeyValuePair<string, GoldenTensor>> Outputs { get; init; }

    /// <summary>Who else, sharing no code with the library, found the same digests.</summary>
    public IReadOnlyList<string> Witness { get; init; } = [];
}
