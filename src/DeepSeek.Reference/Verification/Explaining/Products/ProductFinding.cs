namespace DeepSeek.Reference.Verification.Explaining;

/// <summary>What a search of the lattice found.</summary>
internal sealed record ProductFinding
{
    /// <summary>The contract that fits best; null where no contract comes near.</summary>
    public ProductContract? Contract { get; init; }

    /// <summary>Elements compared with <see cref="Contract"/>.</summary>
    public long Compared { get; init; }

    /// <summary>Elements of the output.</summary>
    public long Elements { get; init; }

    /// <summary>Those that differ, in order.</summary>
    public IReadOnlyList<long> Differing { get; init; } = [];

    /// <summary>All contracts that no tested element tells apart from <see cref="Contract"/>, at most <see cref="ProductSearch.MostListed"/> of them.</summary>
    public IReadOnlyList<ProductContract> Class { get; init; } = [];

    /// <summary>Size of the class.</summary>
    public long ClassSize { get; init; }

    /// <summary>Contracts in the lattice that was searched last.</summary>
    public long Contracts { get; init; }

    /// <summary>Elements on which contracts were tried.</summary>
    public int Tried { get; init; }

    /// <summary>Seconds in the lattice.</summary>
    public double Seconds { get; init; }

    /// <summary>Whether every compared element is bit-equal.</summary>
    public bool IsBitEqual => Contract is not null && Differing.Count == 0;

    /// <summary>Names of presets and accumulations in the class.</summary>
    public IReadOnlyList<string> Presets { get; init; } = [];

    /// <summary>The dimensions in which the class has more than one value, with the values.</summary>
    public IReadOnlyList<(string Dimension, IReadOnlyList<string> Values)> Open
    {
        get
        {
            var open = new List<(string, IReadOnlyList<string>)>();
            if (Class.Count < 2)
                return open;
            for (int d = 0; d < Class[0].Parts.Count; d++)
            {
                string[] values = [.. Class.Select(c => c.Parts[d].Value).Distinct()];
                if (values.Length > 1)
                    open.Add((Class[0].Parts[d].Dimension, values));
            }

            return open;
        }
    }
}
