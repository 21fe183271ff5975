using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Ops;
using DeepSeek.Reference.Verification;

namespace DeepSeek.Reference.Faulty;

/// <summary>What a variant does with a call of its operation, in place of the operation.</summary>
internal delegate void Spoil(OperationCall call, VariantRun run);

/// <summary>An operation that is done otherwise than the contract says: a bug (<see cref="Bugs"/>), or another order that is as good (<see cref="Legitimate"/>).</summary>
/// <param name="Name">The name, in lower case with hyphens.</param>
/// <param name="Sentence">What is done, in one sentence.</param>
/// <param name="Cases">Cases, without a seed, on which a bug must be caught and a legitimate variant must pass.</param>
/// <param name="Spoil">What is done; calls of other operations are made on the right backend.</param>
internal sealed record Variant(string Name, string Sentence, IReadOnlyList<string> Cases, Spoil Spoil)
{
    /// <summary>The operation of the first case.</summary>
    public Operation Operation => OperationCase.Parse(Cases[0]).Operation;

    /// <summary>Its runs may differ from each other: the order of its sums is not declared.</summary>
    public bool FreeOrder { get; init; }

    /// <summary>A variant of one operation's calls; others it leaves alone.</summary>
    public static Variant Of<TCall>(string name, string sentence, IReadOnlyList<string> cases, Action<TCall, VariantRun> spoil) where TCall : OperationCall =>
        new(name, sentence, cases, (call, run) =>
        {
            if (call is TCall its)
                spoil(its, run);
            else
                run.Right(call);
        });

    /// <summary>A variant that makes another call than it was asked for.</summary>
    public static Variant Instead<TCall>(string name, string sentence, IReadOnlyList<string> cases, Func<TCall, OperationCall> other) where TCall : OperationCall =>
        Of<TCall>(name, sentence, cases, (call, run) => run.Right(other(call)));

    /// <summary>A variant that changes the values of an output after the right call.</summary>
    public static Variant After<TCall>(string name, string sentence, IReadOnlyList<string> cases, Func<TCall, Tensor> output, Action<TCall, float[]> change) where TCall : OperationCall =>
        Of<TCall>(name, sentence, cases, (call, run) =>
        {
            run.Right(call);
            Tensor y = output(call);
            float[] values = Values.Of(y);
            change(call, values);
            Values.Store(values, y);
        });
}

/// <summary>What a variant keeps from call to call, and the backend that does right.</summary>
internal sealed class VariantRun
{
    private readonly SimdBackend right = new();

    /// <summary>Calls seen, this one included.</summary>
    public int Calls { get; set; }

    /// <summary>Tensors kept from earlier calls.</summary>
    public Dictionary<string, Tensor> Kept { get; } = [];

    /// <summary>Makes the call as the contract says.</summary>
    public void Right(OperationCall call) => call.Run(right);
}

/// <summary>A backend that is right but for one variant.</summary>
internal sealed class FaultyBackend(Variant variant) : CallBackend
{
    private readonly VariantRun run = new();

    /// <summary>The backend of a bug, or of a legitimate variant, by its name.</summary>
    /// <exception cref="ContractException">No variant has it; the message names the nearest.</exception>
    public FaultyBackend(string name) : this(Named(name)) { }

    /// <inheritdoc/>
    public override string Name => $"faulty:{variant.Name}";

    /// <inheritdoc/>
    protected override void Invoke(OperationCall call)
    {
        run.Calls++;
        variant.Spoil(call, run);
    }

    private static Variant Named(string name)
    {
        Variant nearest = Bugs.All.Concat(Legitimate.All).MinBy(v => Distance(name, v.Name))!;
        return nearest.Name == name ? nearest : throw new ContractException($"no faulty backend is named '{name}'; the nearest is faulty:{nearest.Name}, and `dsref lab zoo --list` shows all");
    }

    /// <summary>Letters to insert, drop or change until one name is the other (Levenshtein); what is missing at an end costs a quarter.</summary>
    private static int Distance(string asked, string name)
    {
        if (name.StartsWith(asked, StringComparison.Ordinal) || name.EndsWith(asked, StringComparison.Ordinal))
            return (name.Length - asked.Length + 3) / 4;
        int[] row = [.. Enumerable.Range(0, name.Length + 1)];
        for (int i = 1; i <= asked.Length; i++)
        {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= name.Length; j++)
            {
                int change = diagonal + (asked[i - 1] == name[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(change, Math.Min(row[j], row[j - 1]) + 1);
            }
        }

        return row[^1];
    }
}
