namespace DeepSeek.Reference.Text;

/// <summary>A compiled pattern: finds matches in well-formed UTF-16 by code points, leftmost, alternatives in their order, counts as long as can be.</summary>
/// <remarks>
/// .NET's own expressions see UTF-16 units, so that \p{L} misses every letter beyond U+FFFF; the data set of DeepSeek's tokenizer has them.
/// The search backtracks, on a stack of its own. The expressions of published tokenizers look at each character a few times; one that goes over a text again and
/// again is refused after a number of steps for each character, never left to hang.
/// </remarks>
internal sealed class Pattern
{
    private const long StepsPerUnit = 512;
    private const int MostInstructions = 20_000;

    private readonly string source;
    private readonly List<Instruction> program = [];
    private readonly (int Start, CodePointSet First)[] alternatives;
    private readonly CodePointSet first;
    private readonly Instruction[] code;

    /// <summary>Compiles an expression.</summary>
    /// <param name="expression">The expression.</param>
    /// <param name="source">What errors name.</param>
    /// <exception cref="DataException">It cannot be read, or it can match nothing.</exception>
    public Pattern(string expression, string source)
    {
        this.source = source;
        PatternNode root = PatternParser.Parse(expression, source);
        if (root.Least == 0)
            throw new DataException($"{source}: the pattern can match nothing; a split needs at least one character");
        IReadOnlyList<PatternNode> choices = root is PatternNode.Choice choice ? choice.Nodes : [root];
        alternatives = new (int, CodePointSet)[choices.Count];
        for (int i = 0; i < choices.Count; i++)
        {
            alternatives[i] = (program.Count, choices[i].First);
            Emit(choices[i]);
            program.Add(new Instruction(Kind.Match));
        }

        first = CodePointSet.Union(alternatives.Select(a => a.First));
        code = [.. program];
    }

    private enum Kind
    {
        One,
        Loop,
        Split,
        Jump,
        Look,
        Match,
    }

    /// <summary>The next match in text[from..to]; what lies outside is not seen.</summary>
    /// <returns>False where there is none.</returns>
    public bool Find(ReadOnlySpan<char> text, int from, int to, Backtracks state, out int start, out int end)
    {
        text = text[..to];
        for (start = from; start < to;)
        {
            if (first.Matches(text, start) != 0)
            {
                end = MatchAt(text, start, state);
                if (end >= 0)
                    return true;
            }

            start += char.IsHighSurrogate(text[start]) ? 2 : 1;
        }

        end = to;
        return false;
    }

    private int MatchAt(ReadOnlySpan<char> text, int start, Backtracks state)
    {
        foreach ((int pc, CodePointSet begins) in alternatives)
        {
            if (begins.Matches(text, start) == 0)
                continue;
            int end = Run(text, pc, start, state);
            if (end >= 0)
                return end;
        }

        return -1;
    }

    /// <summary>Where the match of a program from a place ends, or -1.</summary>
    private int Run(ReadOnlySpan<char> text, int pc, int at, Backtracks state)
    {
        int floor = state.Depth;
        while (true)
        {
            ref readonly Instruction instruction = ref code[pc];
            state.Steps++;
            bool goes = false;
            switch (instruction.Kind)
            {
                case Kind.One:
                    int size = at < text.Length ? instruction.Set!.Matches(text, at) : 0;
                    goes = size != 0;
                    at += size;
                    pc++;
                    break;
                case Kind.Loop:
                    goes = Loop(text, instruction, pc, ref at, state);
                    pc++;
                    break;
                case Kind.Split:
                    state.Push(instruction.Second, at, -1);
                    pc = instruction.First;
                    goes = true;
                    break;
                case Kind.Jump:
                    pc = instruction.First;
                    goes = true;
                    break;
                case Kind.Look:
                    goes = Run(text, instruction.First, at, state) >= 0 != instruction.Negative;
                    pc = instruction.Second;
                    break;
                case Kind.Match:
                    state.Depth = floor;
                    return at;
            }

            if (goes)
                continue;
            if (state.Steps > StepsPerUnit * (state.Units + 64))
                throw new DataException($"{source}: the pattern goes over this text of {state.Units} characters more than {StepsPerUnit} times; it is not one that can be run in linear time");
            if (!state.Pop(text, floor, out pc, out at))
                return -1;
        }
    }

    /// <summary>As many code points of a set as there are; shorter runs are tried later, one code point less at a time.</summary>
    private static bool Loop(ReadOnlySpan<char> text, in Instruction loop, int pc, ref int at, Backtracks state)
    {
        int least = loop.First == 0 ? at : -1;
        int start = at;
        for (int count = 0; count < loop.Second && at < text.Length;)
        {
            int size = loop.Set!.Matches(text, at);
            if (size == 0)
                break;
            at += size;
            if (++count == loop.First)
                least = at;
        }

        state.Steps += at - start;
        if (least < 0)
            return false;
        if (!loop.Negative && at > least)
            state.Push(pc + 1, at, least);
        return true;
    }

    private void Emit(PatternNode node)
    {
        if (program.Count > MostInstructions)
            throw new DataException($"{source}: the pattern has more than {MostInstructions} steps when its counts are written out");
        switch (node)
        {
            case PatternNode.One one:
                program.Add(new Instruction(Kind.One) { Set = one.Set });
                break;
            case PatternNode.Chain chain:
                foreach (PatternNode inside in chain.Nodes)
                    Emit(inside);
                break;
            case PatternNode.Choice choice:
                EmitChoice(choice);
                break;
            case PatternNode.Repeat { Node: PatternNode.One one } loop:
                program.Add(new Instruction(Kind.Loop) { Set = one.Set, First = loop.From, Second = loop.To, Negative = loop.Possessive });
                break;
            case PatternNode.Repeat repeat:
                EmitRepeat(repeat);
                break;
            case PatternNode.Look look:
                int at = program.Count;
                program.Add(default);
                Emit(look.Node);
                program.Add(new Instruction(Kind.Match));
                program[at] = new Instruction(Kind.Look) { First = at + 1, Second = program.Count, Negative = look.Negative };
                break;
        }
    }

    private void EmitChoice(PatternNode.Choice choice)
    {
        var ends = new List<int>();
        for (int i = 0; i < choice.Nodes.Count; i++)
        {
            if (i == choice.Nodes.Count - 1)
            {
                Emit(choice.Nodes[i]);
                break;
            }

            int split = program.Count;
            program.Add(default);
            Emit(choice.Nodes[i]);
            ends.Add(program.Count);
            program.Add(default);
            program[split] = new Instruction(Kind.Split) { First = split + 1, Second = program.Count };
        }

        foreach (int end in ends)
            program[end] = new Instruction(Kind.Jump) { First = program.Count };
    }

    private void EmitRepeat(PatternNode.Repeat repeat)
    {
        for (int i = 0; i < repeat.From; i++)
            Emit(repeat.Node);
        int optional = repeat.To == int.MaxValue ? 1 : repeat.To - repeat.From;
        var splits = new List<int>();
        for (int i = 0; i < optional; i++)
        {
            splits.Add(program.Count);
            program.Add(default);
            Emit(repeat.Node);
        }

        if (repeat.To == int.MaxValue)
            program.Add(new Instruction(Kind.Jump) { First = splits[0] });
        foreach (int split in splits)
            program[split] = new Instruction(Kind.Split) { First = split + 1, Second = program.Count };
    }

    /// <summary>Loop: First and Second are its counts, Negative says that it gives nothing back. Split: first and second way. Look: its program, and what follows.</summary>
    private readonly record struct Instruction(Kind Kind)
    {
        public CodePointSet? Set { get; init; }

        public int First { get; init; }

        public int Second { get; init; }

        public bool Negative { get; init; }
    }
}
