"""FlashMLA's dense decoding, unmodified, as a worker: `dsref verify --backend "python3 tools/backends/gpu/flash_mla_worker.py" "attention[...,schedule=flashmlahopper,parts=66]"`.

Calls read at deepseek-ai/FlashMLA, commit 9241ae3ef9bac614dd25e45e507e089f888280e0: flash_mla/flash_mla_interface.py, csrc/api/dense_decode.h. One request; BF16; 576 channels of a
key, of which the first 512 are the value; pages of 64 keys. What lies after the last key in its page is NaN, as in FlashMLA's own tests.
"""
import torch
from common import KEEPS, keep, kernel, require, serve_on_gpu

import flash_mla

PAGE, KEY, VALUE = 64, 576, 512
CONTRACTS = ("FlashMlaDense", "FlashMlaSm90", "FlashMlaHopper")


@kernel("attention", torch=True, device="cuda")
def attention(q, keys, scale, first_position, out, values=None, contract=None, **_):
    require(contract is not None and contract["name"] in CONTRACTS, f"this kernel is the contract {' or '.join(CONTRACTS)}")
    (s, heads, d), (t, key_heads, _) = q.shape, keys.shape
    require(values is None and key_heads == 1 and d == KEY, f"takes a cache of one head of {KEY} channels, values within")
    require(q.dtype == torch.bfloat16 and keys.dtype == torch.bfloat16 and out["y"].dtype == torch.bfloat16, "tensors are BF16")
    require(out["y"].shape[-1] == VALUE and s > 0 and t > 0, f"writes {VALUE} channels")
    require(first_position == t - s, "the queries are the last tokens of the cache")
    # The kernel shares the keys out to the multiprocessors that are there: csrc/api/dense_decode.h.
    parts = max(torch.cuda.get_device_properties(0).multi_processor_count // -(-s * heads // 64), 1)
    require(contract["parts"] == parts, f"this GPU cuts the keys into {parts} parts at most: take parts={parts}")
    pages = -(-t // PAGE)
    cache = torch.full((pages * PAGE, 1, KEY), float("nan"), dtype=torch.bfloat16, device="cuda")
    cache[:t] = keys
    table = torch.arange(pages, dtype=torch.int32, device="cuda").reshape(1, pages)
    lengths = torch.tensor([t], dtype=torch.int32, device="cuda")
    metadata, splits = flash_mla.get_mla_metadata()
    y, lse = flash_mla.flash_mla_with_kvcache(
        q.unsqueeze(0), cache.reshape(pages, PAGE, 1, KEY), table, lengths, VALUE, metadata, splits, softmax_scale=scale, causal=s > 1)
    if KEEPS:
        each = 16 if heads > 16 else 1
        keep(f"s{s}.t{t}.h{heads}", {"s": s, "t": t, "h": heads, "parts": parts, "scale": scale, "every_head": each, "device": torch.cuda.get_device_name(0)},
             y=y.reshape(s, heads, VALUE)[:, ::each], log_sum_exp=lse.reshape(heads, s).T[:, ::each], num_splits=metadata.num_splits)
    results = {"y": y.reshape(s, heads, VALUE)}
    if "log_sum_exp" in out:
        # [heads, s] there.
        results["log_sum_exp"] = lse.reshape(heads, s).T.contiguous().reshape(tuple(out["log_sum_exp"].shape))
    return results


serve_on_gpu("FlashMLA")
