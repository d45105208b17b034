"""How long each stage of a job is expected to take; only the proportions matter."""

from __future__ import annotations

from core.specs import AuditSpec, Task

# Seconds on one core of a 2026 server, MiniLM, documents of 48 tokens.
_A_GRADIENT_S = 0.006
_A_STUDENT_DOCUMENT_S = 0.008
_AN_EMBEDDING_S = 0.006
_A_SELECTED_DOCUMENT_S = 0.001
_A_FINE_TUNED_DOCUMENT_S = 0.015
# The smallest language models are this many times as slow as MiniLM.
_LANGUAGE_MODEL_SIZE = 12.0
_USUAL_CORPUS = 5_000
_USUAL_REFERENCE = 2_000


def audit_plan(spec: AuditSpec) -> dict[str, float]:
    """Expected seconds a stage, in the order they run."""
    n_documents = spec.n_candidates or _USUAL_CORPUS
    n_strategies = len(spec.strategies)
    n_student_documents = spec.budget * n_strategies * spec.n_student_epochs
    size = _LANGUAGE_MODEL_SIZE if spec.task is Task.SFT else 1.0
    return {
        "load models": 5.0,
        "read documents": 2.0,
        "gradients": n_documents * _A_GRADIENT_S * size,
        "select": spec.budget * n_strategies * _A_SELECTED_DOCUMENT_S,
        "predict": 4.0 * size,
        "students": 10 + n_student_documents * _A_STUDENT_DOCUMENT_S * 0.7 * size,
        "embed": 5 + n_documents * _AN_EMBEDDING_S,
        "measure": 8.0,
    }


def finetune_plan(n_documents: int | None, n_epochs: int) -> dict[str, float]:
    """Expected seconds of fine-tuning."""
    n = n_documents or _USUAL_REFERENCE
    return {"fine-tune": n * n_epochs * _A_FINE_TUNED_DOCUMENT_S}
