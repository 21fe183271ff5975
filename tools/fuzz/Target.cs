namespace DeepSeek.Reference.Fuzz;

/// <summary>A file of a name.</summary>
internal sealed record NamedFile(string Name, byte[] Bytes);

/// <summary>How a file is taken apart and put together: <see cref="Envelopes"/>.</summary>
internal delegate byte[] Envelope(byte[] file, Envelopes.Change text, Envelopes.Change bytes, Randomness random);

/// <summary>A reader with what its mutants are made of.</summary>
/// <param name="Name">Its name in <see cref="Readers"/>.</param>
/// <param name="Words">Words of its language.</param>
/// <param name="Envelope">How its files are put together.</param>
/// <param name="Seeds">Files that it reads.</param>
internal sealed record Target(string Name, IReadOnlyList<string> Words, Envelope Envelope, IReadOnlyList<NamedFile> Seeds)
{
    /// <summary>The file of an execution.</summary>
    public NamedFile Mutant(ulong seed, long execution)
    {
        var random = new Randomness(seed, Name, execution);
        NamedFile start = random.Pick(Seeds);
        byte[] bytes = start.Bytes;
        for (int changes = 1 + random.Below(4); changes > 0; changes--)
        {
            byte[] other = random.Pick(Seeds).Bytes;
            bytes = random.Percent(8)
                ? ByteMutations.Apply(bytes, other, random)
                : Envelope(bytes, part => TextMutations.Apply(part, other, Words, random), part => ByteMutations.Apply(part, other, random), random);
        }

        return start with { Bytes = bytes };
    }
}
