namespace DeepSeek.Reference.Training;

/// <summary>A batch of windows as a model takes them.</summary>
public sealed class TrainingBatch
{
    /// <summary>The target of a position that has none: of pad, and of the last token before it.</summary>
    public const int NoTarget = -100;

    /// <summary>A batch of rows of tokens.</summary>
    internal TrainingBatch(int rows, int length)
    {
        Inputs = new Tensor(DType.I32, rows, length);
        Targets = new Tensor(DType.I32, rows, length);
        Lengths = new int[rows];
    }

    /// <summary>Token ids, I32 [B, T].</summary>
    public Tensor Inputs { get; }

    /// <summary>The token that follows each input, I32 [B, T]; <see cref="NoTarget"/> where there is none.</summary>
    public Tensor Targets { get; }

    /// <summary>Targets of each row; they are its first positions.</summary>
    public IReadOnlyList<int> Lengths { get; private set; }

    /// <summary>Sequences: B.</summary>
    public int Rows => (int)Inputs.Shape[0];

    /// <summary>Positions of a sequence: T.</summary>
    public int Length => (int)Inputs.Shape[1];

    /// <summary>Targets of all rows, by which a mean loss divides.</summary>
    public long TargetCount => Lengths.Sum(n => (long)n);

    /// <summary>The tokens of a row without pad: its inputs with a target, and the last target.</summary>
    public int[] Sequence(int row)
    {
        ReadOnlySpan<int> inputs = Inputs.AsReadOnlySpan<int>().Slice(row * Length, Length), targets = Targets.AsReadOnlySpan<int>().Slice(row * Length, Length);
        int n = Lengths[row];
        return n == 0 ? [inputs[0]] : [.. inputs[..n], targets[n - 1]];
    }

    internal void Fill(int row, ReadOnlySpan<int> window, int used)
    {
        int T = Length;
        window[..T].CopyTo(Inputs.AsSpan<int>().Slice(row * T, T));
        int targets = Math.Max(used - 1, 0);
        Span<int> t = Targets.AsSpan<int>().Slice(row * T, T);
        window.Slice(1, targets).CopyTo(t);
        t[targets..].Fill(NoTarget);
        ((int[])Lengths)[row] = targets;
    }
}
