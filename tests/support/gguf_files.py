"""A tiny Llama as a GGUF file, as llama.cpp's converter writes it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from gguf import GGUFWriter, TokenType
from support.tiny_models import tokenizer

_WIDTH, _INNER, _N_LAYERS, _N_HEADS = 16, 32, 2, 2


def save_gguf(file: Path, seed: int = 0) -> Path:
    """A model of two layers with weights drawn from ``seed``, float32, and its tokenizer."""
    inner = json.loads(tokenizer(is_causal=True).backend_tokenizer.to_str())["model"]
    tokens = sorted(inner["vocab"], key=inner["vocab"].get)
    writer = GGUFWriter(file, "llama")
    writer.add_context_length(64)
    writer.add_embedding_length(_WIDTH)
    writer.add_block_count(_N_LAYERS)
    writer.add_feed_forward_length(_INNER)
    writer.add_head_count(_N_HEADS)
    writer.add_head_count_kv(_N_HEADS)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_rope_freq_base(10_000.0)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(tokens)
    kinds = [TokenType.CONTROL, *[TokenType.NORMAL] * (len(tokens) - 1)]
    writer.add_token_types(kinds)
    writer.add_token_merges(
        [pair if isinstance(pair, str) else " ".join(pair) for pair in inner["merges"]]
    )
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(0)
    generator = np.random.default_rng(seed)
    square, wide = (_WIDTH, _WIDTH), (_INNER, _WIDTH)
    shapes = {"token_embd": (len(tokens), _WIDTH), "output": (len(tokens), _WIDTH)}
    for layer in range(_N_LAYERS):
        shapes |= {f"blk.{layer}.attn_{part}": square for part in ("q", "k", "v", "output")}
        shapes |= {f"blk.{layer}.ffn_{part}": wide for part in ("gate", "up")}
        shapes[f"blk.{layer}.ffn_down"] = (_WIDTH, _INNER)
        shapes |= {f"blk.{layer}.{part}_norm": (_WIDTH,) for part in ("attn", "ffn")}
    shapes["output_norm"] = (_WIDTH,)
    for name, shape in shapes.items():
        writer.add_tensor(f"{name}.weight", generator.normal(size=shape).astype("f4"))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return file
