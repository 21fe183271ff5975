"""flash_mla of deepseek-ai/FlashMLA 9241ae3ef9bac614dd25e45e507e089f888280e0 as the worker calls it: dense decoding, checks of csrc/api/dense_decode.h, arithmetic in binary64 and BF16 weights."""
import numpy as np
import torch


class FlashMLASchedMeta:
    pass


def get_mla_metadata(*args, **kwargs):
    return FlashMLASchedMeta(), None


def flash_mla_with_kvcache(q, k_cache, block_table, cache_seqlens, head_dim_v, tile_scheduler_metadata, num_splits=None, softmax_scale=None, causal=False, is_fp8_kvcache=False, indices=None,
                           attn_sink=None, extra_k_cache=None, extra_indices_in_kvcache=None, topk_length=None, extra_topk_length=None):
    assert isinstance(tile_scheduler_metadata, FlashMLASchedMeta) and num_splits is None and not is_fp8_kvcache
    batch, s, heads, d = q.shape
    pages, page, key_heads, d_ = k_cache.shape
    assert q.dtype is torch.bfloat16 and k_cache.dtype is torch.bfloat16 and d == d_ == 576 and head_dim_v == 512 and page == 64 and key_heads == 1
    assert cache_seqlens.dtype is torch.int32 and cache_seqlens.shape == (batch,) and block_table.dtype is torch.int32 and block_table.shape[0] == batch
    out, lse = np.zeros((batch, s, heads, 512), np.float32), np.zeros((batch, heads, s), np.float32)
    for b in range(batch):
        t = int(cache_seqlens.array[b])
        keys = k_cache.values()[block_table.array[b]].reshape(-1, d)[:t].astype(np.float64)
        scores = np.einsum("shd,td->sht", q.values()[b].astype(np.float64), keys) * softmax_scale
        if causal:
            scores[np.broadcast_to(np.arange(t) > np.arange(t - s, t)[:, None, None], scores.shape)] = -np.inf
        m = scores.max(axis=2, keepdims=True)
        e = np.exp(scores - m)
        p = torch.Tensor.of(e, torch.bfloat16).values().astype(np.float64)
        out[b] = np.einsum("sht,tv->shv", p, keys[:, :512]) / e.sum(axis=2, keepdims=True)
        lse[b] = (np.log(e.sum(axis=2)) + m[:, :, 0]).T
    return torch.Tensor.of(out, torch.bfloat16), torch.Tensor.of(lse, torch.float32)
