using System.Runtime.InteropServices;
using DeepSeek.Reference.Model;

namespace DeepSeek.Reference.Inference;

/// <summary>A full page behind the pages before it: its 64 ids and its number in the pool.</summary>
internal sealed class PrefixNode(PrefixNode? parent, int[] ids, int page)
{
    public PrefixNode? Parent { get; } = parent;

    public int[] Ids { get; } = ids;

    public int Page { get; } = page;

    public Dictionary<int[], PrefixNode> Next { get; } = new(PageIdsComparer.Instance);

    public long Used { get; set; }
}

/// <summary>Which full pages hold which tokens: a tree whose edges are the ids of a page.</summary>
/// <remarks>
/// A page's values are a function of the ids up to its end (rule N1), so a sequence that begins with the same ids may read it. Ids are compared, not their hash alone.
/// The index is a user of its pages. A sequence that uses a page uses all before it, so pages that nothing else uses can be given up leaf by leaf, the longest unused first.
/// </remarks>
internal sealed class PrefixIndex(LatentPagePool pool)
{
    private const int Tokens = LatentPagePool.PageTokens;
    private readonly Dictionary<int[], PrefixNode> roots = new(PageIdsComparer.Instance);
    private readonly HashSet<PrefixNode> nodes = [];
    private long clock;

    /// <summary>Pages that the index alone holds.</summary>
    public int Reclaimable => nodes.Count(n => !pool.IsShared(n.Page));

    /// <summary>The nodes of the longest known beginning of ids, of at most so many tokens.</summary>
    public List<PrefixNode> Match(IReadOnlyList<int> ids, int tokens)
    {
        var found = new List<PrefixNode>();
        Dictionary<int[], PrefixNode> next = roots;
        while ((found.Count + 1) * Tokens <= tokens && next.TryGetValue(PageOf(ids, found.Count), out PrefixNode? node))
        {
            node.Used = ++clock;
            found.Add(node);
            next = node.Next;
        }

        return found;
    }

    /// <summary>The node of a sequence's next full page; a page that the index has already takes the place of the sequence's.</summary>
    public PrefixNode Add(PrefixNode? parent, LatentCache cache, IReadOnlyList<int> ids, int index)
    {
        int[] key = PageOf(ids, index);
        Dictionary<int[], PrefixNode> next = parent?.Next ?? roots;
        if (next.TryGetValue(key, out PrefixNode? node))
        {
            cache.Replace(index, node.Page);
        }
        else
        {
            node = next[key] = new PrefixNode(parent, key, cache.Pages[index]);
            nodes.Add(node);
            pool.Retain(node.Page);
        }

        node.Used = ++clock;
        return node;
    }

    /// <summary>Gives up one page that the index alone holds; false where there is none.</summary>
    public bool Reclaim()
    {
        PrefixNode? oldest = null;
        foreach (PrefixNode node in nodes)
        {
            if (node.Next.Count == 0 && !pool.IsShared(node.Page) && (oldest is null || node.Used < oldest.Used))
                oldest = node;
        }

        if (oldest is null)
            return false;
        (oldest.Parent?.Next ?? roots).Remove(oldest.Ids);
        nodes.Remove(oldest);
        pool.Release(oldest.Page);
        return true;
    }

    private static int[] PageOf(IReadOnlyList<int> ids, int index)
    {
        var page = new int[Tokens];
        for (int i = 0; i < Tokens; i++)
            page[i] = ids[(index * Tokens) + i];
        return page;
    }
}

/// <summary>Compares the ids of pages.</summary>
internal sealed class PageIdsComparer : IEqualityComparer<int[]>
{
    public static PageIdsComparer Instance { get; } = new();

    public bool Equals(int[]? x, int[]? y) => x.AsSpan().SequenceEqual(y);

    public int GetHashCode(int[] ids)
    {
        var hash = new HashCode();
        hash.AddBytes(MemoryMarshal.AsBytes(ids.AsSpan()));
        return hash.ToHashCode();
    }
}
