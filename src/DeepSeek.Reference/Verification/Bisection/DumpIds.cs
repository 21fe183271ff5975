namespace DeepSeek.Reference.Verification;

/// <summary>The prompts that a dump itself holds, as <c>input_ids</c>.</summary>
internal static class DumpIds
{
    /// <summary>Rows of one length of whole numbers [B, T], or one row [T].</summary>
    /// <exception cref="DataException">Not such a tensor, or something that is no id.</exception>
    public static IReadOnlyList<int[]> Rows(Tensor ids)
    {
        if (!ElementReader.IsInteger(ids.DType) || ids.Shape.Rank is < 1 or > 2 || ids.ElementCount == 0)
            throw new DataException($"the dump's input_ids are {ids}; whole numbers [B, T] were expected, or give --ids");
        int T = (int)ids.Shape[^1];
        var rows = new int[ids.ElementCount / T][];
        for (int b = 0; b < rows.Length; b++)
        {
            rows[b] = new int[T];
            for (int t = 0; t < T; t++)
            {
                Int128 id = ElementReader.Integer(ids, ((long)b * T) + t);
                rows[b][t] = id >= 0 && id <= int.MaxValue ? (int)id : throw new DataException($"the dump's input_ids, row {b}, position {t}: {id} is not a token id; give --ids");
            }
        }

        return rows;
    }
}
