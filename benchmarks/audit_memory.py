"""Whole audits with and without `--memory`: peak memory of every stage, and whether results differ.

A tiny language model and short made-up texts, so that what is kept of documents outweighs the
models: 8 KB of gradient, 4 KB of embedding gradient and 1.5 KB of sentence embedding each. Every
audit runs in a process of its own, whose peak Linux counts anew for each stage.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from measuring import Measured, own_peak_mib, times
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from assay.cache.files.database import open_to_read
from assay.cache.store import Store
from assay.core.audit.run import run_audit
from assay.core.runtime.device import choose_compute
from assay.core.runtime.memory import MemoryBound
from assay.core.runtime.progress import SilentProgress
from assay.core.specs.audit import AuditSpec
from assay.core.specs.data import DataRef, Task
from assay.core.specs.strategies import Strategy
from assay.core.specs.training import TrainingSpec

_SIZES = (4_000, 16_000)
# More than the map is fitted to.
_WHOLE_SIZES = (14_000, 42_000)
_MOST = 1792 << 20
_N_WORDS, _LENGTH, _N_REFERENCE, _BUDGET, _LEAKED = 2_000, 6, 400, 100, 0.5
_STRATEGIES = (
    Strategy.RANDOM,
    Strategy.TOP_K,
    Strategy.SELECT,
    Strategy.EMBEDDING_MATCH,
    Strategy.EMBEDDING_SELECT,
)
# Tables that say when and how, or that hold digests of the others.
_NOT_COMPARED = ("meta", "stages", "manifest")


@dataclass(frozen=True)
class _Run:
    """``stages``: the peak of each, MiB; ``digests``: of each table's rows."""

    peak: float
    at_start: float
    stages: dict[str, float]
    digests: dict[str, str]


def audit_memory() -> Iterator[Measured]:
    """Peaks of the same audit at two sizes, with and without a bound, and what each stage adds."""
    yield from _at_two_sizes(_SIZES, is_whole=False)


def whole_audit_memory() -> Iterator[Measured]:
    """The same with map, reference set, text alone, distances and a titration."""
    yield from _at_two_sizes(_WHOLE_SIZES, is_whole=True)


def _at_two_sizes(sizes: tuple[int, int], is_whole: bool) -> Iterator[Measured]:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        _write(root, sizes)
        runs = {(n, most): _run(root, n, most, is_whole) for n in sizes for most in (0, _MOST)}
    small, large = sizes
    for most in (0, _MOST):
        yield Measured(
            f"Peak of an audit {_said(most)}: {large:,} documents "
            f"({runs[large, most].peak:,.0f} MiB), beside {small:,} "
            f"({runs[small, most].peak:,.0f}); at its start {runs[large, most].at_start:,.0f}",
            times(runs[large, most].peak / runs[small, most].peak),
        )
    for n in sizes:
        free, bound = runs[n, 0], runs[n, _MOST]
        n_same = sum(free.digests[name] == own for name, own in bound.digests.items())
        yield Measured(
            f"Peak of an audit of {n:,}: without a bound, beside {_said(_MOST)}; {n_same} of "
            f"{len(free.digests)} tables hold the same rows",
            times(free.peak / bound.peak),
            "all tables",
        )
    for most in (0, _MOST):
        yield from _growth(_said(most), large - small, runs[small, most], runs[large, most])


def _growth(what: str, more: int, small: _Run, large: _Run) -> Iterator[Measured]:
    for stage, peak in large.stages.items():
        grown = (peak - small.stages.get(stage, peak)) * (1 << 20) / more
        yield Measured(
            f"{stage} ({what}): peak {small.stages.get(stage, 0):,.0f} and {peak:,.0f} MiB; "
            "bytes a document more",
            f"{grown:,.0f}",
        )


def _said(most: int) -> str:
    return f"with `--memory {most >> 20}MiB`" if most else "without a bound"


def _write(root: Path, sizes: Sequence[int]) -> None:
    """Two models, the corpus with the reference set at its beginning, and held-out documents."""
    rng = np.random.default_rng(0)
    words = [f"w{number}" for number in range(_N_WORDS)]
    numbers = {"<eos>": 0, **{word: 1 + at for at, word in enumerate(words)}}
    inner = Tokenizer(models.WordLevel(numbers, unk_token="<eos>"))
    inner.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=inner, eos_token="<eos>")
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=_N_WORDS + 1,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=64,
    )
    model = LlamaForCausalLM(config)
    for name in ("base", "final"):
        model.save_pretrained(root / name)
        tokenizer.save_pretrained(root / name)
        with torch.no_grad():
            for weight in model.parameters():
                weight.add_(torch.randn_like(weight), alpha=1e-3)
    ranks = rng.zipf(1.3, size=(max(sizes), _LENGTH)) % _N_WORDS
    texts = [" ".join(words[at] for at in row) for row in ranks]
    for n in sizes:
        _save(root / f"corpus-{n}.jsonl", texts[:n])
    _save(root / "reference.jsonl", texts[:_N_REFERENCE])
    others = rng.zipf(1.3, size=(_N_REFERENCE, _LENGTH)) % _N_WORDS
    _save(root / "held-out.jsonl", [" ".join(words[at] for at in row) for row in others])


def _save(path: Path, texts: list[str]) -> None:
    path.write_text("\n".join(json.dumps({"text": text}) for text in texts))


def _run(root: Path, n_documents: int, most: int, is_whole: bool) -> _Run:
    command = [sys.executable, __file__, str(root), str(n_documents), str(most)]
    command += ["whole"] if is_whole else []
    said = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    return _Run(**json.loads(said.splitlines()[-1]))


class _Peaks(SilentProgress):
    """The peak of each stage."""

    def __init__(self) -> None:
        self.of: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str, n_units: int) -> Iterator[None]:
        # The peak so far is forgotten.
        Path("/proc/self/clear_refs").write_text("5")
        yield
        self.of[name] = own_peak_mib()


def _audited(root: Path, n_documents: int, most: int, is_whole: bool) -> dict[str, Any]:
    reference = DataRef(str(root / "reference.jsonl")) if is_whole else None
    corpora = [DataRef(str(root / f"corpus-{n_documents}.jsonl"), source="corpus")]
    if is_whole:
        corpora.append(DataRef(str(root / "held-out.jsonl"), source="held-out"))
    spec = AuditSpec(
        base=str(root / "base"),
        final=str(root / "final"),
        seed_corpus=tuple(corpora),
        task=Task.SFT,
        budget=_BUDGET,
        strategies=_STRATEGIES,
        reference=reference,
        held_out_source="held-out" if is_whole else None,
        training=TrainingSpec(max_tokens=32),
        n_student_epochs=0,
        is_mapped=is_whole,
        leaked_shares=(_LEAKED,) if is_whole else None,
    )
    peaks, at_start = _Peaks(), own_peak_mib()
    with tempfile.TemporaryDirectory(dir=root) as folder:
        store, compute = Store(Path(folder)), choose_compute("cpu", "fp32")
        outcome = run_audit(spec, store, compute, peaks, memory=MemoryBound(most or None))
        sealing = own_peak_mib()
        with open_to_read(outcome.path) as connection:
            rows = connection.execute("SELECT table_name, digest FROM manifest").fetchall()
    stages = {**peaks.of, "complete the file": sealing}
    return {
        "peak": max(stages.values()),
        "at_start": at_start,
        "stages": stages,
        "digests": {name: digest for name, digest in rows if name not in _NOT_COMPARED},
    }


if __name__ == "__main__":
    folder, size, bound, *rest = sys.argv[1:]
    print(json.dumps(_audited(Path(folder), int(size), int(bound), bool(rest))))
