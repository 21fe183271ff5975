using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Model;

/// <summary>The tokens of one layer of a latent cache.</summary>
/// <remarks>
/// <code>
/// Activations   rows [capacity, c + dr]: [c_kv | k_pe] in the activation dtype
/// Fp8           codes F8_E4M3 [capacity, c], scales F32 [capacity, ⌈c/128⌉], keys BF16 [capacity, dr]
/// </code>
/// The FP8 form is FlashMLA's row of codes, scales and rotated key with its parts in tensors of their own; scale 2^⌈log2 max(amax/448, 1e-4)⌉ of each 128 channels.
/// What is read is code · scale, exact in bfloat16 as in binary32, since the scale is a power of two. Rule N22; docs/spec/dialects.md, Cache.
/// </remarks>
internal sealed class CacheLayer(CacheFormat format, DType dtype, int c, int dr)
{
    private const int Tile = TileGrid.Side;

    private Tensor? rows, codes, scales, keys;

    /// <summary>Bytes that a token takes.</summary>
    public static long BytesFor(DeepSeekConfig config, CacheFormat format, DType dtype) => format == CacheFormat.Activations
        ? dtype.ByteCount((long)config.KvLoraRank + config.QkRopeHeadDim)
        : config.KvLoraRank + DType.F32.ByteCount((config.KvLoraRank + Tile - 1) / Tile) + DType.BF16.ByteCount(config.QkRopeHeadDim);

    /// <summary>Writes tokens first.. from latent [T, c] and ropeKey [T, dr], in memory for <paramref name="capacity"/> tokens.</summary>
    public void Store(int first, int capacity, Tensor latent, Tensor ropeKey, IBackend backend)
    {
        int tokens = (int)(latent.ElementCount / c);
        if (format == CacheFormat.Activations)
        {
            rows = Grown(rows, dtype, capacity, first, c + dr);
            Columns.Copy(latent, c, 0, rows, c + dr, 0, c, tokens, 0, first);
            Columns.Copy(ropeKey, dr, 0, rows, c + dr, c, dr, tokens, 0, first);
            return;
        }

        codes = Grown(codes, DType.F8_E4M3, capacity, first, c);
        scales = Grown(scales, DType.F32, capacity, first, (c + Tile - 1) / Tile);
        keys = Grown(keys, DType.BF16, capacity, first, dr);
        backend.Quantize(latent.Reshape(tokens, c), Fp8CacheRow.Attributes, codes.Rows(first, tokens), scales.Rows(first, tokens));
        backend.Cast(ropeKey.Reshape(tokens, dr), keys.Rows(first, tokens));
    }

    /// <summary>The first tokens as attention reads them, [length, c + dr]: the memory itself, or a copy in the workspace, good until the next call.</summary>
    public Tensor View(int length, IBackend backend, Workspace workspace)
    {
        if (format == CacheFormat.Activations)
            return rows!.Rows(0, length);
        Tensor latent = workspace.CacheLatent.Get(dtype, length, c);
        backend.Dequantize(codes!.Rows(0, length), scales!.Rows(0, length), QuantizationTile.Row1x128, latent);
        Tensor key = workspace.CacheKey.Get(dtype, length, dr);
        backend.Cast(keys!.Rows(0, length), key);
        Tensor joined = workspace.CacheRows.Get(dtype, length, c + dr);
        Columns.Copy(latent, c, 0, joined, c + dr, 0, c, length);
        Columns.Copy(key, dr, 0, joined, c + dr, c, dr, length);
        return joined;
    }

    /// <summary>Codes, scales and rotated keys of the first tokens of an FP8 cache.</summary>
    public (Tensor Codes, Tensor Scales, Tensor Keys) Fp8Parts(int length) => (codes!.Rows(0, length), scales!.Rows(0, length), keys!.Rows(0, length));

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
