using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Training;

/// <summary>Which window comes at which position of the training run: every window once an epoch, each epoch in an order of its own.</summary>
/// <remarks>
/// <code>
/// position P: epoch e = ⌊P / N⌋, window order_e[P mod N]
/// order_e: 0 ... N - 1; for i = N - 1 down to 1 exchange i with ⌊w_i (i + 1) / 2^32⌋, w_i word i of the stream "data.order", stream number e
/// </code>
/// A pure function of seed, N and P, so that a run goes on at any position (Fisher and Yates; rule N14).
/// </remarks>
public sealed class WindowOrder
{
    private readonly ulong seed;
    private readonly int[] order;
    private long epochOfOrder = -1;

    /// <summary>The order of so many windows.</summary>
    /// <exception cref="DataException">There are none.</exception>
    public WindowOrder(int windows, ulong seed)
    {
        if (windows < 1)
            throw new DataException("the corpus has no token; name files with text");
        this.seed = seed;
        order = new int[windows];
    }

    /// <summary>The window at a position.</summary>
    public int At(long position)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(position);
        long epoch = position / order.Length;
        if (epoch != epochOfOrder)
            Shuffle(epoch);
        return order[(int)(position % order.Length)];
    }

    private void Shuffle(long epoch)
    {
        var words = new RandomStream(seed, "data.order", checked((uint)epoch));
        for (int i = 0; i < order.Length; i++)
            order[i] = i;
        for (int i = order.Length - 1; i >= 1; i--)
        {
            int j = (int)((ulong)words.Word((ulong)i) * (uint)(i + 1) >> 32);
            (order[i], order[j]) = (order[j], order[i]);
        }

        epochOfOrder = epoch;
    }
}
