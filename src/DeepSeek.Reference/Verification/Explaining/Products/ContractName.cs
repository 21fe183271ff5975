using System.Globalization;
using DeepSeek.Reference.Ops;
using DeepSeek.Reference.TensorCores;

namespace DeepSeek.Reference.Verification.Explaining;

/// <summary>The text of a <see cref="ProductContract"/>: a named one, and in brackets what is different.</summary>
/// <remarks>
/// <code>
/// contract = name [ "[" key "=" value { "," key "=" value } "]" ]
/// name     = a preset of block-scaled products, or exact, lanes16, sequential, or a matrix unit
///
/// sum          exact, lanes4 ... lanes64, sequential, sequential-unfused, pairwise, double, or a matrix unit
/// f, l, order, alignment, entry, out, rounding    the unit's constants; k too where the accumulator is added afterwards
/// inside       yes: the scales, powers of two, are inside the sum
/// promotion    elements, or none;  run=first|last: whose scales a longer run takes
/// scales       how they meet the sum of a run;  accumulator=f32|f32-toward-zero|fp22|bf16|f64
/// split        parts of K;  interleaved=yes, combine=f32|bf16-parts|bf16, descending=yes
/// c            first: the accumulator starts from C;  store=nearest|truncated|nearest-away|through-bf16|through-f16
/// </code>
/// For example <c>deepgemm-sm90[promotion=256,split=2,combine=bf16]</c>.
/// </remarks>
internal static class ContractName
{
    private const string None = "none";

    /// <summary>The contract of a text.</summary>
    /// <exception cref="ContractException">No such name, key or value.</exception>
    public static ProductContract Parse(string text)
    {
        int open = text.IndexOf('[', StringComparison.Ordinal);
        string name = (open < 0 ? text : text[..open]).Trim().ToLowerInvariant();
        ProductContract contract = Named(name);
        if (open < 0)
            return contract;
        if (text[^1] != ']')
            throw new ContractException($"contract '{text}': the closing ']' is missing");
        foreach (string part in text[(open + 1)..^1].ToLowerInvariant().Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            int equals = part.IndexOf('=', StringComparison.Ordinal);
            if (equals < 0)
                throw new ContractException($"contract '{text}': '{part}' is not of the form key=value");
            contract = With(contract, part[..equals].Trim(), part[(equals + 1)..].Trim(), text);
        }

        return contract;
    }

    /// <summary>The block-scaled preset that a text begins with, or null where it names a sum without scales.</summary>
    public static ScaledProduct? PresetOf(string text)
    {
        string name = text.Split('[')[0].Trim();
        return ScaledProduct.Presets.FirstOrDefault(p => string.Equals(p.Name, name, StringComparison.OrdinalIgnoreCase));
    }

    /// <summary>The shortest text of a contract: <see cref="Parse"/> gives one that rounds alike.</summary>
    /// <param name="contract">The contract.</param>
    /// <param name="operands">The operands' format.</param>
    public static string Of(ProductContract contract, ElementFormat operands)
    {
        (string Key, string Value)[] fields = [.. Fields(contract)];
        (string name, string[] changes) = ProductContract.Named(operands).Select(named =>
        {
            Dictionary<string, string> known = Fields(named.Value).ToDictionary(f => f.Key, f => f.Value);
            string[] changes = [.. fields.Where(f => known.GetValueOrDefault(f.Key) != f.Value).Select(f => $"{f.Key}={f.Value}")];
            return (named.Name, changes);
        }).MinBy(t => t.changes.Length);
        return changes.Length == 0 ? name : $"{name}[{string.Join(',', changes)}]";
    }

    private static ProductContract Named(string name)
    {
        if (PresetOf(name) is { } preset)
            return ProductContract.Of(preset);
        SumRule? sum = SumOf(name);
        return sum is not null
            ? new ProductContract(sum, new PromotionRule(0, RunScale.First), ScaleStep.None, AccumulatorFormat.F32, SplitRule.None, false, StoreRule.Nearest)
            : throw new ContractException($"no contract is named '{name}'; take one of {string.Join(", ", ScaledProduct.Presets.Select(p => p.Name))}, exact, lanes16, sequential, or a matrix unit, with changes as in {ScaledProduct.DeepGemmSm90.Name}[promotion=256]");
    }

    private static SumRule? SumOf(string word)
    {
        if (word.StartsWith("lanes", StringComparison.Ordinal) && int.TryParse(word.AsSpan(5), NumberStyles.None, CultureInfo.InvariantCulture, out int lanes) && lanes is >= 2 and <= 1024 && int.IsPow2(lanes))
            return SumRule.Of(PlainSum.Lanes, lanes);
        if (EnumWord.Find(word, PlainSum.Unit, PlainSum.Lanes) is { } plain)
            return SumRule.Of(plain);
        return TensorCore.All.FirstOrDefault(u => u.Name == word && u.Accumulator == ElementFormat.F32) is { } unit ? SumRule.Of(unit, unit.ScaleBlock != 0) : null;
    }

    private static IEnumerable<(string Key, string Value)> Fields(ProductContract c)
    {
        if (c.Sum.Unit is not { } u)
            return [("sum", c.Sum.Plain == PlainSum.Lanes ? $"lanes{c.Sum.Lanes}" : EnumWord.Of(c.Sum.Plain)), .. Rest(c)];
        IReadOnlyList<(string, string)> constants =
        [
            ("sum", "unit"), ("f", Text(u.FractionBits)), ("l", Text(u.FusedLength)), ("order", EnumWord.Of(u.Order)), ("alignment", EnumWord.Of(u.Alignment)),
            ("entry", EnumWord.Of(u.Entry)), ("out", Text(u.OutputFractionBits)), ("rounding", EnumWord.Of(u.Rounding)),
        ];

        // How long an instruction is shows only where something happens after each.
        bool shows = u.Entry == AccumulatorEntry.AddedAfter || u.Order != FusedOrder.Consecutive;
        return [.. constants, .. shows ? [("k", Text(u.K))] : Array.Empty<(string, string)>(), .. Rest(c)];
    }

    private static IEnumerable<(string Key, string Value)> Rest(ProductContract c) =>
    [
        ("inside", Text(c.Sum.ScalesInside)),
        ("promotion", c.Promotion.Length == 0 ? None : Text(c.Promotion.Length)), ("run", EnumWord.Of(c.Promotion.Scale)),
        ("scales", EnumWord.Of(c.Step)), ("accumulator", EnumWord.Of(c.Accumulator)),
        ("split", Text(c.Split.Parts)), ("interleaved", Text(c.Split.Interleaved)), ("combine", EnumWord.Of(c.Split.Combine)), ("descending", Text(c.Split.Descending)),
        ("c", c.StartsFromC ? "first" : "last"), ("store", EnumWord.Of(c.Store)),
    ];

    private static ProductContract With(ProductContract c, string key, string value, string text)
    {
        TensorCore unit = c.Sum.Unit ?? TensorCore.HopperWgmmaE4M3F32;
        switch (key)
        {
            case "sum" when value == "unit": return c with { Sum = SumRule.Of(unit, c.Sum.ScalesInside) };
            case "sum": return c with { Sum = SumOf(value) is { } sum ? sum with { ScalesInside = c.Sum.ScalesInside && sum.Unit is not null } : throw Bad("a sum") };
            case "f": return Unit(unit with { FractionBits = Number(1, 40) });
            case "l": return Unit(unit with { FusedLength = Power(1), K = Math.Max(unit.K, Power(1)) });
            case "k": return Unit(unit with { K = Power(unit.FusedLength) });
            case "order": return Unit(unit with { Order = Word<FusedOrder>() });
            case "alignment": return Unit(unit with { Alignment = Word<AlignmentRounding>() });
            case "entry": return Unit(unit with { Entry = Word<AccumulatorEntry>() });
            case "out": return Unit(unit with { OutputFractionBits = Number(1, 23) });
            case "rounding": return Unit(unit with { Rounding = Word<OutputRounding>() });
            case "inside": return c with { Sum = c.Sum with { ScalesInside = Flag() }, Step = Flag() ? ScaleStep.None : c.Step };
            case "promotion": return c with { Promotion = c.Promotion with { Length = value == None ? 0 : Number(1, 1 << 20) } };
            case "run": return c with { Promotion = c.Promotion with { Scale = Word<RunScale>() } };
            case "scales": return c with { Step = Word<ScaleStep>() };
            case "accumulator": return c with { Accumulator = Word<AccumulatorFormat>() };
            case "split": return c with { Split = c.Split with { Parts = Number(1, 64) } };
            case "interleaved": return c with { Split = c.Split with { Interleaved = Flag() } };
            case "combine": return c with { Split = c.Split with { Combine = Word<SplitCombine>() } };
            case "descending": return c with { Split = c.Split with { Descending = Flag() } };
            case "c": return c with { StartsFromC = value switch { "first" => true, "last" => false, _ => throw Bad("first or last") } };
            case "store": return c with { Store = Word<StoreRule>() };
            default: throw new ContractException($"contract '{text}': there is no key '{key}'; docs/how-to/explain-a-kernel.md lists them");
        }

        ProductContract Unit(TensorCore changed) => c with { Sum = SumRule.Of(changed, c.Sum.ScalesInside) };
        bool Flag() => value switch { "yes" => true, "no" => false, _ => throw Bad("yes or no") };
        int Number(int least, int most) => int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out int n) && n >= least && n <= most ? n : throw Bad($"a whole number from {least} to {most}");
        int Power(int least) => int.IsPow2(Number(least, 1024)) ? Number(least, 1024) : throw Bad("a power of two");
        T Word<T>() where T : struct, Enum => EnumWord.Find<T>(value) ?? throw Bad($"one of {string.Join(", ", Enum.GetValues<T>().Select(EnumWord.Of))}");
        ContractException Bad(string expected) => new($"contract '{text}': {key}={value} is not {expected}");
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    private static string Text(bool flag) => flag ? "yes" : "no";
}
