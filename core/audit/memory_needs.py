"""What an audit needs of the memory that it may take, known before it takes any.

Figures are the least, so that only what is impossible is refused. docs/SCALE.md says how they were
measured.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from assay.core.audit.context import AuditContext
from assay.core.audit.resolved_audit import ResolvedAudit
from assay.core.errors import InputError
from assay.core.models.stored_facts import stored_facts
from assay.core.runtime.memory import MemoryBound
from assay.core.specs.audit import AuditSpec
from assay.core.specs.memory_size import shown_memory
from assay.core.specs.training import StudentAdapter

# Python with its libraries, and what a stage computes with at a time: batches, products, windows.
_LIBRARIES_BYTES = 500_000_000
_WORK_BYTES = 1_300_000_000
# A number of a model: as it is held, and what training adds: the student, its gradient and Adam's
# two moments; with LoRA the student alone.
_HELD_BYTES, _TRAINED_BYTES, _ADAPTED_BYTES = 4, 16, 4
# Of each document, whatever is asked: hashes, scores, and DuckDB's indexes.
_DOCUMENT_BYTES = 500
# DuckDB's part for each of two files that are open, besides their indexes: with less it fails.
_PARTS, _LEAST_OF_A_FILE = 12, 128 << 20
_INDEX_BYTES = 250


def of_a_file(memory: MemoryBound, n_documents: int = 0) -> int | None:
    """The bytes that DuckDB may hold of a file that is being written."""
    if memory.most is None:
        return None
    return max(_LEAST_OF_A_FILE, memory.most // _PARTS) + n_documents * _INDEX_BYTES


def with_room_for_indexes(audit: AuditContext) -> AuditContext:
    """The audit once its documents are read; DuckDB holds their indexes whatever it may."""
    if audit.memory.most is None:
        return audit
    memory = of_a_file(audit.memory, audit.n_documents)
    audit.builder.make_room(memory)
    return replace(audit, store=replace(audit.store, memory=memory))


def check_models_fit(question: ResolvedAudit, memory: MemoryBound) -> None:
    """InputError if models and libraries cannot fit, before they are loaded."""
    if memory.most is not None:
        _check(_of_models(question), memory.most, "the models and libraries", "")


def check_documents_fit(audit: AuditContext) -> None:
    """InputError if the documents cannot fit, as soon as they are read."""
    if audit.memory.most is None:
        return
    n = audit.n_documents
    least = _LIBRARIES_BYTES + _WORK_BYTES + n * _DOCUMENT_BYTES
    _check(
        max(least, _of_models(audit.question)),
        audit.memory.most,
        f"{n:,} documents",
        ", or take fewer documents with --candidates",
    )


def n_students_fitting(question: ResolvedAudit, memory: MemoryBound) -> int | None:
    """How many processes may each train a student at the same time; None for any number."""
    if memory.most is None:
        return None
    held, trained = _of_weights(question)
    return max(1, memory.left() // (_LIBRARIES_BYTES + held + trained))


def _check(least: int, most: int, what: str, otherwise: str) -> None:
    if least > most:
        raise InputError(
            f"--memory of at least {shown_memory(least)}, for {what}",
            shown_memory(most),
            f"raise --memory{otherwise}",
        )


def _of_models(question: ResolvedAudit) -> int:
    held, trained = _of_weights(question)
    return _LIBRARIES_BYTES + _WORK_BYTES + held + (trained if _trains(question.spec) else 0)


def _trains(spec: AuditSpec) -> bool:
    return bool(spec.n_student_epochs or (spec.corpora and spec.corpora.n_students))


def _of_weights(question: ResolvedAudit) -> tuple[int, int]:
    """Bytes of both models, and of what training a student adds; on a GPU it takes none here."""
    if question.compute.device != "cpu":
        return 0, 0
    is_adapted = question.spec.student_adapter is StudentAdapter.LORA
    n_base, n_final = (_n_parameters(path) for path in (question.base, question.final))
    held = _HELD_BYTES * (n_base + (n_final or n_base))
    return held, (_ADAPTED_BYTES if is_adapted else _TRAINED_BYTES) * n_base


def _n_parameters(path: Path) -> int:
    """By the headers of its files; 0 for an adapter, which changes another model."""
    facts = stored_facts(path)
    return 0 if facts.is_adapter else facts.n_parameters or 0
