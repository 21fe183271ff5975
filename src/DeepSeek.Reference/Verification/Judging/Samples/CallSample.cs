using DeepSeek.Reference.Backends;

namespace DeepSeek.Reference.Verification;

/// <summary>A smaller call whose every result is, bit for bit, one of a larger call's: rows and columns do not know of each other (rules N1 and N8).</summary>
/// <param name="Call">The smaller call, with outputs of its own.</param>
/// <param name="Elements">For each output, in the order of its elements in <paramref name="Call"/>, the row-major indices of the same elements in the larger call.</param>
internal sealed record CallSample(OperationCall Call, IReadOnlyDictionary<string, long[]> Elements)
{
    /// <summary>Elements of all outputs.</summary>
    public long Count => Elements.Values.Sum(e => (long)e.Length);
}

/// <summary>Cuts samples out of a call: some of its rows, and some of its columns where those are independent too.</summary>
/// <remarks>What a row and a column are is the operation's: a token and an output feature, a query and a head, a tile of 128 rows. Nothing of an output lies outside them, but rows that are not written.</remarks>
internal abstract class CallSampler(OperationCall call)
{
    /// <summary>The call that is sampled.</summary>
    public OperationCall Call { get; } = call;

    /// <summary>Rows; the sampled ones are in 0 to Rows - 1.</summary>
    public abstract int Rows { get; }

    /// <summary>Columns; 1 where a row is whole or nothing.</summary>
    public abstract int Columns { get; }

    /// <summary>Multiply-adds, or their like, of one row and column.</summary>
    public abstract double Work { get; }

    /// <summary>Rows at which something begins or ends: groups, tiles, blocks of scales. Each comes with the row before it.</summary>
    public virtual IEnumerable<int> RowEdges => [];

    /// <summary>Columns at which a block of scales begins.</summary>
    public virtual IEnumerable<int> ColumnEdges => [];

    /// <summary>Whether a row is written; the others keep what they held.</summary>
    public virtual bool IsWritten(int row) => true;

    /// <summary>The sub-call of these rows and columns, ascending and distinct; several where one call cannot hold them.</summary>
    public abstract IEnumerable<CallSample> Take(int[] rows, int[] columns);

    /// <summary>The sampler of a call; null where no part of a result can be had without the whole.</summary>
    public static CallSampler? Of(OperationCall call) => call switch
    {
        LinearCall or GroupedLinearCall or ScaledLinearCall or GroupedScaledLinearCall or IndexedScaledLinearCall or MaskedScaledLinearCall => new ProductSampler(call),
        LinearDgradCall or GroupedLinearDgradCall => new DgradSampler(call),
        LinearWgradCall or GroupedLinearWgradCall => new WgradSampler(call),
        EmbeddingBackwardCall embedding => new EmbeddingBackwardSampler(embedding),
        RmsNormBackwardCall norm => new WholeSampler(call, 8.0 * norm.X.ElementCount),
        BalanceLossCall balance => new WholeSampler(call, 32.0 * balance.Scores.ElementCount),
        AttentionBackwardCall attention => new AttentionBackwardSampler(attention),
        DispatchBackwardCall or CombineBackwardCall => new PlanBackwardSampler(call),
        AbsorbQueryCall or AbsorbOutputCall => new HeadSampler(call),
        AttentionCall attention => new AttentionSampler(attention),
        CombineCall combine => new CombineSampler(combine),
        DispatchCall dispatch => new DispatchSampler(dispatch),
        CastCall or AddCall or SwiGluCall or SwiGluBackwardCall => new ElementSampler(call),
        _ => RowSampler.For(call),
    };

    /// <summary>The elements of these rows of an output, of so many consecutive elements each.</summary>
    protected static long[] RowElements(int[] rows, long length)
    {
        long[] elements = new long[rows.Length * length];
        for (int i = 0; i < rows.Length; i++)
        {
            for (long j = 0; j < length; j++)
                elements[i * length + j] = rows[i] * length + j;
        }

        return elements;
    }

    /// <summary>The elements of these rows and columns of a matrix.</summary>
    protected static long[] GridElements(int[] rows, int[] columns, long width)
    {
        long[] elements = new long[(long)rows.Length * columns.Length];
        for (int i = 0; i < rows.Length; i++)
        {
            for (int j = 0; j < columns.Length; j++)
                elements[(long)i * columns.Length + j] = rows[i] * width + columns[j];
        }

        return elements;
    }
}
