namespace DeepSeek.Reference.Ops;

/// <summary>Blocks From to To of one request.</summary>
/// <param name="From">The first block.</param>
/// <param name="To">The block after the last.</param>
public readonly record struct BlockRange(int From, int To);

/// <summary>What one part, a group of SMs, works on.</summary>
/// <param name="BeginRequest">Its first request; the number of requests where there is nothing left.</param>
/// <param name="BeginBlock">The block of it to begin with.</param>
/// <param name="BeginSplit">Which split of that request this is.</param>
/// <param name="EndRequest">Its last request.</param>
/// <param name="EndBlock">The block of it before which to end.</param>
public readonly record struct SchedulePart(int BeginRequest, int BeginBlock, int BeginSplit, int EndRequest, int EndBlock);

/// <summary>FlashMLA's tile scheduler: which part works on which blocks of keys of which request.</summary>
/// <remarks>
/// <code>
/// blocks_b = max(1, ⌈length_b / 64⌉)
/// payload  = ⌈Σ_b (blocks_b + F) / parts⌉ + F                F = 5
/// each part, with `payload` to spend, request after request:
///     r = what is left of the request
///     spend r + F and go on to the next request, if that much is left;
///     otherwise take (what is left) - F blocks, if positive, as a split, and end the part
/// </code>
/// Source: FlashMLA, get_decoding_sched_meta; docs/spec/attention-contract.md 6.
/// </remarks>
public sealed class SplitSchedule
{
    /// <summary>F: what starting on a request costs, in blocks.</summary>
    public const int Overhead = 5;

    /// <summary>The most splits of a request that the combining kernel takes.</summary>
    public const int MostSplits = 160;

    private SplitSchedule(int payload, SchedulePart[] parts, int[] splits, BlockRange[] ranges) =>
        (Payload, Parts, Splits, Ranges) = (payload, parts, splits, ranges);

    /// <summary>Blocks, overhead included, that a part may take.</summary>
    public int Payload { get; }

    /// <summary>tile_scheduler_metadata.</summary>
    public IReadOnlyList<SchedulePart> Parts { get; }

    /// <summary>num_splits: splits of the requests before b; one element more than requests.</summary>
    public IReadOnlyList<int> Splits { get; }

    /// <summary>The blocks of every split, request after request.</summary>
    public IReadOnlyList<BlockRange> Ranges { get; }

    /// <summary>num_sm_parts = max(sms / h_kv / ⌈(s_q · h_q / h_kv) / 64⌉, 1), quotients of whole numbers.</summary>
    /// <param name="multiprocessors">SMs of the GPU: 132 on an H100 or H800 SXM.</param>
    /// <param name="queries">Queries of a request.</param>
    /// <param name="heads">Query heads.</param>
    /// <param name="keyHeads">Key heads.</param>
    public static int PartsFor(int multiprocessors, int queries, int heads, int keyHeads) =>
        Math.Max(multiprocessors / keyHeads / Math.Max(1, (queries * heads / keyHeads + 63) / 64), 1);

    /// <summary>The schedule of requests of these lengths.</summary>
    /// <param name="lengths">Keys of each request.</param>
    /// <param name="parts">num_sm_parts.</param>
    /// <param name="block">Keys of a block; FlashMLA's are of 64.</param>
    /// <exception cref="ContractException">No part, an empty block, or more splits of a request than the kernel combines.</exception>
    public static SplitSchedule Of(ReadOnlySpan<int> lengths, int parts, int block = OnlineAttention.Block)
    {
        if (parts < 1 || block < 1)
            throw new ContractException($"a schedule of {parts} parts and blocks of {block} keys; give at least one of each");
        int B = lengths.Length;
        int[] blocks = new int[B];
        int total = 0;
        for (int b = 0; b < B; b++)
        {
            blocks[b] = Math.Max(1, (int)(((long)lengths[b] + block - 1) / block));
            total = checked(total + blocks[b] + Overhead);
        }

        int payload = (total + parts - 1) / parts + Overhead;
        var metadata = new SchedulePart[parts];
        int[] splits = new int[B + 1];
        var ranges = new List<BlockRange>();
        int request = 0, taken = 0, split = 0;
        for (int i = 0; i < parts; i++)
        {
            (int beginRequest, int beginBlock, int beginSplit) = (request, taken, split);
            int left = payload;
            while (request < B)
            {
                int r = blocks[request] - taken;
                if (left >= r + Overhead)
                {
                    left -= r + Overhead;
                    ranges.Add(new(taken, lengths[request] == 0 ? 0 : blocks[request]));
                    splits[request + 1] = ranges.Count;
                    (request, taken, split) = (request + 1, 0, 0);
                    continue;
                }

                if (left > Overhead)
                {
                    ranges.Add(new(taken, taken + left - Overhead));
                    taken += left - Overhead;
                    split++;
                }

                break;
            }

            int end = taken > 0 ? request : request - 1;
            int endBlock = taken > 0 ? taken : end < 0 || lengths[end] == 0 ? 0 : blocks[end];
            metadata[i] = new(beginRequest, beginBlock, beginSplit, end, endBlock);
        }

        for (int b = 0; b < B; b++)
        {
            if (splits[b + 1] - splits[b] is var count && count > MostSplits)
                throw new ContractException($"request {b} would be in {count} splits, and {MostSplits} can be combined; take fewer than {parts} parts");
        }

        return new SplitSchedule(payload, metadata, splits, [.. ranges]);
    }

    /// <summary>The blocks of each split of a request.</summary>
    public IReadOnlyList<BlockRange> Of(int request) => [.. Ranges.Take(Splits[request + 1]).Skip(Splits[request])];
}
