namespace DeepSeek.Reference.Numerics;

/// <summary>The random words that belong to a seed, a tensor's name and a stream number: each is computable alone (rule N14).</summary>
/// <remarks>
/// <code>
/// block j = Philox4x32-10 with key (seed low, seed high ^ FNV-1a(name)) and counter (j low, j high, stream, 0)
/// word i  = word i mod 4 of block ⌊i/4⌋
/// </code>
/// docs/spec/random.md.
/// </remarks>
public readonly struct RandomStream
{
    private readonly uint k0;
    private readonly uint k1;
    private readonly uint stream;

    /// <summary>The stream of that number for the tensor of that name.</summary>
    public RandomStream(ulong seed, string name, uint stream = 0)
    {
        k0 = (uint)seed;
        k1 = (uint)(seed >> 32) ^ Philox.HashName(name);
        this.stream = stream;
    }

    /// <summary>Block j.</summary>
    public (uint W0, uint W1, uint W2, uint W3) Block(ulong j) => Philox.Block(k0, k1, (uint)j, (uint)(j >> 32), stream, 0);

    /// <summary>Word i.</summary>
    public uint Word(ulong i)
    {
        (uint w0, uint w1, uint w2, uint w3) = Block(i / 4);
        return (i % 4) switch { 0 => w0, 1 => w1, 2 => w2, _ => w3 };
    }

    /// <summary>Element i of a tensor of these values.</summary>
    public float Value(ValueMap map, ulong i) => map switch
    {
        ValueMap.Bell => ValueMaps.Bell(Word(2 * i), Word(2 * i + 1)),
        ValueMap.Outlier => ValueMaps.Outlier(Word(4 * i), Word(4 * i + 1), Word(4 * i + 2)),
        _ => ValueMaps.OfWord(map, Word(i)),
    };

    /// <summary>Elements first, first + 1, ... of a tensor of these values: what <see cref="Value"/> gives one by one.</summary>
    public void Fill(ValueMap map, ulong first, Span<float> values)
    {
        if (map is ValueMap.Bell or ValueMap.Outlier)
        {
            FillByBlocks(map, first, values);
            return;
        }

        int i = 0;
        for (; i < values.Length && (first + (ulong)i) % 4 != 0; i++)
            values[i] = Value(map, first + (ulong)i);
        for (; i <= values.Length - 4; i += 4)
        {
            (uint w0, uint w1, uint w2, uint w3) = Block((first + (ulong)i) / 4);
            values[i] = ValueMaps.OfWord(map, w0);
            values[i + 1] = ValueMaps.OfWord(map, w1);
            values[i + 2] = ValueMaps.OfWord(map, w2);
            values[i + 3] = ValueMaps.OfWord(map, w3);
        }

        for (; i < values.Length; i++)
            values[i] = Value(map, first + (ulong)i);
    }

    /// <summary>Maps of several words: a block makes two elements of Bell, or one of Outlier.</summary>
    private void FillByBlocks(ValueMap map, ulong first, Span<float> values)
    {
        for (int i = 0; i < values.Length; i++)
        {
            ulong at = first + (ulong)i;
            (uint w0, uint w1, uint w2, uint w3) = Block(map == ValueMap.Outlier ? at : at / 2);
            if (map == ValueMap.Outlier)
            {
                values[i] = ValueMaps.Outlier(w0, w1, w2);
                continue;
            }

            values[i] = at % 2 == 0 ? ValueMaps.Bell(w0, w1) : ValueMaps.Bell(w2, w3);
            if (at % 2 == 0 && i + 1 < values.Length)
                values[++i] = ValueMaps.Bell(w2, w3);
        }
    }
}
