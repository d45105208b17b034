"""Whether an audit of the paper's models fits a GPU, and how long its stages take there.

usage: python benchmarks/paper_size.py [gpt2-medium | llama-3.2-1b | llama-3.2-3b] [FOLDER]

The models have the published shapes and random weights: time and memory are those of the real
models, but results of selections mean nothing. Text is the installed documentation, read by
a tokenizer trained on it; ``FOLDER`` gets the models and the store (about 20 GB for 3b).
"""

from __future__ import annotations

import gc
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
)

from assay.cache.audits.read import read_facts
from assay.cache.store import Store
from assay.core.audit.finetune import finetune
from assay.core.audit.run import run_audit
from assay.core.experiments.builtin_data import built_in_folder, write_built_in_text
from assay.core.runtime.device import Compute, choose_compute
from assay.core.runtime.progress import SilentProgress
from assay.core.specs.audit import AuditSpec
from assay.core.specs.data import DataRef, Task
from assay.core.specs.strategies import Strategy
from assay.core.specs.training import FinetuneSpec, TrainingSpec

N_TRAINED, N_CANDIDATES, N_TESTED, BUDGET = 1_600, 4_000, 400, 400


@dataclass(frozen=True)
class Size:
    """A published shape, and what the paper trains it to do."""

    kind: Any
    config: Any
    task: Task
    batch_size: int


def _llama(width: int, inner: int, n_layers: int, n_heads: int, n_tokens: int) -> LlamaConfig:
    return LlamaConfig(
        vocab_size=n_tokens,
        hidden_size=width,
        intermediate_size=inner,
        num_hidden_layers=n_layers,
        num_attention_heads=n_heads,
        num_key_value_heads=8,
        head_dim=width // n_heads,
        max_position_embeddings=2048,
        tie_word_embeddings=True,
        pad_token_id=0,
        eos_token_id=0,
        bos_token_id=0,
    )


# As published in the models' configurations.
SIZES = {
    "gpt2-medium": Size(
        GPT2LMHeadModel,
        GPT2Config(n_embd=1024, n_layer=24, n_head=16, eos_token_id=0, bos_token_id=0),
        Task.CLASSIFICATION,
        32,
    ),
    "llama-3.2-1b": Size(LlamaForCausalLM, _llama(2048, 8192, 16, 32, 128_256), Task.SFT, 16),
    "llama-3.2-3b": Size(LlamaForCausalLM, _llama(3072, 8192, 28, 24, 128_256), Task.SFT, 16),
}


class Seconds(SilentProgress):
    """How long each stage took."""

    def __init__(self) -> None:
        self.of: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str, n_units: int) -> Iterator[None]:
        start = time.monotonic()
        yield
        self.of[name] = time.monotonic() - start


def main(name: str, root: Path) -> None:
    size, compute = SIZES[name], choose_compute()
    store, seconds = Store(root / "store"), Seconds()
    text = built_in_folder(store)
    write_built_in_text(text, seconds)
    docs = f"{text / 'docs.parquet'}#train"
    known = DataRef(docs, label_column="label" if size.task is Task.CLASSIFICATION else None)
    with _measured(f"{name} with random weights, saved in bf16", compute):
        _save(
            size, root / "base", pq.read_table(text / "docs.parquet")["text"].to_pylist(), compute
        )
    training = TrainingSpec(batch_size=size.batch_size, n_epochs=1, max_tokens=32)
    data = replace(known, sample=N_TRAINED)
    with _measured(f"fine-tuned on {N_TRAINED:,} documents, saved in fp32", compute):
        spec = FinetuneSpec(str(root / "base"), data, training, size.task)
        finetune(spec, root / "final", store.models, compute, seconds)
    print(f"{seconds.of['fine-tune']:9.1f} s  of this, fine-tuning", flush=True)
    question = AuditSpec(
        base=str(root / "base"),
        final=str(root / "final"),
        seed_corpus=(DataRef(docs),),
        n_candidates=N_CANDIDATES,
        task=size.task,
        budget=BUDGET,
        strategies=(Strategy.RANDOM, Strategy.SELECT),
        test=replace(known, sample=N_TESTED),
        n_student_epochs=2,
        is_mapped=False,
    )
    with _measured(f"audit of {N_CANDIDATES:,} candidates, budget {BUDGET}", compute):
        outcome = run_audit(question, store, compute, seconds)
    for stage in read_facts(outcome.path).stages.itertuples():
        print(f"{stage.duration_s:9.1f} s  of this, {stage.name}")


def _save(size: Size, folder: Path, paragraphs: list[str], compute: Compute) -> None:
    inner = Tokenizer(models.BPE())
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.train_from_iterator(
        paragraphs,
        trainers.BpeTrainer(
            vocab_size=16_000,
            special_tokens=["<eos>"],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    PreTrainedTokenizerFast(tokenizer_object=inner, eos_token="<eos>").save_pretrained(folder)
    torch.manual_seed(0)
    with torch.device(compute.device):
        model = size.kind(size.config)
    print(f"{sum(p.numel() for p in model.parameters()) / 1e9:.2f} billion weights", flush=True)
    model.bfloat16().save_pretrained(folder)


@contextmanager
def _measured(what: str, compute: Compute) -> Iterator[None]:
    """Print how long it took and the most the GPU held meanwhile."""
    gc.collect()
    if compute.device == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    start = time.monotonic()
    yield
    held = ""
    if compute.device == "cuda":
        held = f", at most {torch.cuda.max_memory_allocated() / 2**30:.1f} GiB of the GPU"
    print(f"{time.monotonic() - start:9.1f} s  {what}{held}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2] if len(sys.argv) > 2 else tempfile.mkdtemp()))
