using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Model;

/// <summary>The tokens of one layer of a latent cache.</summary>
/// <remarks>
/// <code>
/// Activations   rows [capacity, c + dr]: [c_kv | k_pe] in the activation dtype
/// BFloat16      the same in BF16, one rounding
/// Float32       the same in F32, exact, and back exact
/// Fp8           codes F8_E4M3 [capacity, c], scales F32 [capacity, ⌈c/128⌉], keys BF16 [capacity, dr]
/// </code>
/// The FP8 form is FlashMLA's row of codes, scales and rotated key with its parts in tensors of their own; scale 2^⌈log2 max(amax/448, 1e-4)⌉ of each 128 channels.
/// What is read is code · scale, exact in bfloat16 as in binary32, since the scale is a power of two. Rule N22; docs/spec/dialects.md, Cache.
/// </remarks>
internal sealed class CacheLayer(CacheFormat format, DType dtype, int c, int dr)
{
    private const int Tile = TileGrid.Side;

    private readonly DType rowType = RowType(format, dtype);
    private Tensor? rows, codes, scales, keys;

    /// <summary>Bytes that a token takes.</summary>
    public static long BytesFor(DeepSeekConfig config, CacheFormat format, DType dtype) => format switch
    {
        CacheFormat.Fp8 => config.KvLoraRank + DType.F32.ByteCount((config.KvLoraRank + Tile - 1) / Tile) + DType.BF16.ByteCount(config.QkRopeHeadDim),
        _ => RowType(format, dtype).ByteCount((long)config.KvLoraRank + config.QkRopeHeadDim),
    };

    /// <summary>Writes tokens first.. from latent [T, c] and ropeKey [T, dr], in memory for <paramref name="capacity"/> tokens.</summary>
    public void Store(int first, int capacity, Tensor latent, Tensor ropeKey, IBackend backend)
    {
        int tokens = (int)(latent.ElementCount / c);
        if (format != CacheFormat.Fp8)
        {
            rows = Grown(rows, rowType, capacity, first, c + dr);
            Columns.Copy(Stored(latent, tokens, c, backend), c, 0, rows, c + dr, 0, c, tokens, 0, first);
            Columns.Copy(Stored(ropeKey, tokens, dr, backend), dr, 0, rows, c + dr, c, dr, tokens, 0, first);
            return;
        }

        codes = Grown(codes, DType.F8_E4M3, capacity, first, c);
        scales = Grown(scales, DType.F32, capacity, first, (c + Tile - 1) / Tile);
        keys = Grown(keys, DType.BF16, capacity, first, dr);
        backend.Quantize(latent.Reshape(tokens, c), Fp8CacheRow.Attributes, codes.Rows(first, tokens), scales.Rows(first, tokens));
        backend.Cast(ropeKey.Reshape(tokens, dr), keys.Rows(first, tokens));
    }

    /// <summary>The first tokens as attention reads them, [length, c + dr]: the memory itself, or a copy in the workspace, good until the next call.</summary>
    public Tensor View(int length, IBackend backend, Workspace workspace) => View([new RowRun(0, 0, length)], length, backend, workspace);

    /// <summary>The tokens of these rows as attention reads them, [length, c + dr].</summary>
    public Tensor View(IReadOnlyList<RowRun> runs, int length, IBackend backend, Workspace workspace)
    {
        if (format != CacheFormat.Fp8)
        {
            Tensor kept = Gathered(rows!, runs, length, workspace.CacheStored);
            if (rowType == dtype)
                return kept;
            Tensor read = workspace.CacheRows.Get(dtype, length, c + dr);
            backend.Cast(kept, read);
            return read;
        }

        Tensor latent = workspace.CacheLatent.Get(dtype, length, c);
        backend.Dequantize(Gathered(codes!, runs, length, workspace.CacheCodes), Gathered(scales!, runs, length, workspace.CacheScales), QuantizationTile.Row1x128, latent);
        Tensor key = workspace.CacheKey.Get(dtype, length, dr);
        backend.Cast(Gathered(keys!, runs, length, workspace.CacheStored), key);
        Tensor joined = workspace.CacheRows.Get(dtype, length, c + dr);
        Columns.Copy(latent, c, 0, joined, c + dr, 0, c, length);
        Columns.Copy(key, dr, 0, joined, c + dr, c, dr, length);
        return joined;
    }

    /// <summary>Codes, scales and rotated keys of the first tokens of an FP8 cache.</summary>
    public (Tensor Codes, Tensor Scales, Tensor Keys) Fp8Parts(int length) => (codes!.Rows(0, length), scales!.Rows(0, length), keys!.Rows(0, length));

    /// <summary>Writes rows as bytes, the parts of each row behind one another.</summary>
    public void CopyRows(int first, int count, Span<byte> target)
    {
        Tensor[] parts = format == CacheFormat.Fp8 ? [codes!, scales!, keys!] : [rows!];
        int width = parts.Sum(p => (int)(p.ByteCount / p.Shape[0]));
        if (target.Length != (long)count * width)
            throw new ShapeException($"{count} rows of {width} bytes do not fit {target.Length} bytes");
        for (int r = 0; r < count; r++)
        {
            foreach (Tensor part in parts)
            {
                ReadOnlySpan<byte> bytes = part.Rows(first + r, 1).AsBytes();
                bytes.CopyTo(target);
                target = target[bytes.Length..];
            }
        }
    }

    /// <summary>Copies rows to others.</summary>
    public void CopyWithin(int from, int to, int count)
    {
        foreach (Tensor? part in (Tensor?[])[rows, codes, scales, keys])
            part?.Rows(from, count).CopyTo(part.Rows(to, count));
    }

    /// <summary>Values in the dtype that is kept.</summary>
    private Tensor Stored(Tensor values, int tokens, int width, IBackend backend)
    {
        if (rowType == dtype)
            return values;
        var stored = new Tensor(rowType, tokens, width);
        backend.Cast(values.Reshape(tokens, width), stored);
        return stored;
    }

    /// <summary>What rows that are no codes are kept in.</summary>
    private static DType RowType(CacheFormat format, DType dtype) => format switch
    {
        CacheFormat.BFloat16 => DType.BF16,
        CacheFormat.Float32 => DType.F32,
        _ => dtype,
    };

    private static Tensor Gathered(Tensor part, IReadOnlyList<RowRun> runs, int length, Scratch buffer)
    {
        if (runs.Count == 1)
            return part.Rows(runs[0].Row, length);
        Tensor joined = buffer.Get(part.DType, length, part.Shape[1]);
        foreach (RowRun run in runs)
            part.Rows(run.Row, run.Count).CopyTo(joined.Rows(run.At, run.Count));
        return joined;
    }

    private static Tensor Grown(Tensor? old, DType dtype, int capacity, int kept, int width)
    {
        if (old is not null && old.Shape[0] >= capacity)
            return old;
        var grown = new Tensor(dtype, capacity, width);
        if (old is not null && kept > 0)
            old.Rows(0, kept).CopyTo(grown.Rows(0, kept));
        return grown;
    }
}
