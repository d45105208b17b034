"""The demo's audit: real models and data, offline, a few minutes on two cores.

Documentation paragraphs of four fields are split at random, and a classifier is fine-tuned on one
half. The seed corpus contains the other half, standard-library text and a leaked share of the first
half (ARCHITECTURE §3: one distribution split at random, plus another domain).
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from assay.cache.store import Store
from assay.core.audit.durations import audit_plan, finetune_plan
from assay.core.audit.finetune import finetune
from assay.core.audit.run import run_audit
from assay.core.data.builtin_docs import (
    FIELDS,
    Paragraph,
    documentation_digest,
    documentation_paragraphs,
    standard_library_paragraphs,
)
from assay.core.jobs.job_progress import JobProgress
from assay.core.runtime.device import choose_compute
from assay.core.runtime.outcome import Outcome
from assay.core.runtime.progress import Progress
from assay.core.specs.audit import AuditSpec
from assay.core.specs.data import DataRef
from assay.core.specs.hashing import content_key
from assay.core.specs.strategies import Strategy
from assay.core.specs.training import FinetuneSpec, TrainingSpec

# A sentence encoder without a head, as it is released: the audit knows no more than an outsider.
_BASE = "builtin:minilm"
_SEED = 0
_N_REFERENCE = 480
_N_HELD_OUT = 480
_N_STANDARD_LIBRARY = 480
_N_TEST = 320
_LEAKED_SHARE = 0.25
_N_CANDIDATES = _N_HELD_OUT + round(_LEAKED_SHARE * _N_REFERENCE) + _N_STANDARD_LIBRARY
_BUDGET = 120
# Of the leaked documents; each is drawn three times.
_LEAKED_SHARES = (0.25, 0.5, 0.75, 1.0)
_TRAINING = TrainingSpec(learning_rate=1e-4, batch_size=16, n_epochs=3, max_tokens=32, seed=_SEED)
_N_STUDENT_EPOCHS = 4
# Students take most of the time: those that answer the demo's questions.
_STUDENTS = (Strategy.RANDOM, Strategy.TOP_K, Strategy.SELECT, Strategy.EMBEDDING_MATCH)
# As much of each package's source as holds enough paragraphs.
_BYTES_A_PACKAGE = 1_200_000
_BYTES_OF_STANDARD_LIBRARY = 4_000_000
_VERSION = 5

_HELD_OUT, _LEAKED, _OTHER = "held-out half", "leaked", "standard library"


def _spec(folder: Path) -> AuditSpec:
    return AuditSpec(
        base=_BASE,
        final=str(folder / "final"),
        seed_corpus=tuple(
            DataRef(str(folder / f"{name}.parquet")) for name in (_HELD_OUT, _LEAKED, _OTHER)
        ),
        budget=_BUDGET,
        reference=DataRef(str(folder / "reference.parquet"), label_column="label"),
        test=DataRef(str(folder / "test.parquet"), label_column="label"),
        held_out_source=_HELD_OUT,
        n_student_epochs=_N_STUDENT_EPOCHS,
        student_strategies=_STUDENTS,
        leaked_shares=_LEAKED_SHARES,
        seed=_SEED,
        title="Demo: documentation of four fields",
    )


DEMO_PLAN = {
    "read documentation": 14.0,
    **finetune_plan(_N_REFERENCE, _TRAINING.n_epochs),
    **audit_plan(replace(_spec(Path()), n_candidates=_N_CANDIDATES)),
}


def run_demo(store: Store, progress: JobProgress) -> Outcome:
    """Make data and models if they are missing, then audit; a second run only reads."""
    compute = choose_compute()
    key = content_key("demo", _VERSION, documentation_digest())[:12]
    folder = store.data / f"demo-{key}"
    _write_data(folder, progress)
    spec = FinetuneSpec(
        _BASE,
        DataRef(str(folder / "reference.parquet"), label_column="label"),
        _TRAINING,
    )
    finetune(spec, folder / "final", store.models, compute, progress)
    return run_audit(_spec(folder), store, compute, progress, progress.attach_result)


def _write_data(folder: Path, progress: Progress) -> None:
    done = folder / "data.complete"
    if done.exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    with progress.stage("read documentation", 0):
        generator = np.random.default_rng(_SEED)
        paragraphs = _equal_shares(list(documentation_paragraphs(_BYTES_A_PACKAGE)), generator)
        other = list(standard_library_paragraphs(_BYTES_OF_STANDARD_LIBRARY))
        generator.shuffle(other)
    # One shuffled sample cut in three: reference, held-out half and test have the same
    # distribution.
    reference = paragraphs[:_N_REFERENCE]
    held_out = paragraphs[_N_REFERENCE : _N_REFERENCE + _N_HELD_OUT]
    test = paragraphs[_N_REFERENCE + _N_HELD_OUT :]
    leaked = reference[: round(_LEAKED_SHARE * _N_REFERENCE)]
    for name, part in (
        ("reference", reference),
        ("test", test),
        (_HELD_OUT, held_out),
        (_LEAKED, leaked),
        (_OTHER, other[:_N_STANDARD_LIBRARY]),
    ):
        table = pa.table({"text": [p.text for p in part], "label": [p.field for p in part]})
        pq.write_table(table, folder / f"{name}.parquet")
    done.touch()


def _equal_shares(paragraphs: list[Paragraph], generator: np.random.Generator) -> list[Paragraph]:
    """The same number of paragraphs from each field, in random order."""
    n_each = (_N_REFERENCE + _N_HELD_OUT + _N_TEST) // len(FIELDS)
    chosen: list[Paragraph] = []
    for field in FIELDS:
        of_field = [paragraph for paragraph in paragraphs if paragraph.field == field]
        picks = generator.permutation(len(of_field))[:n_each]
        chosen += [of_field[pick] for pick in picks]
    return [chosen[position] for position in generator.permutation(len(chosen))]
