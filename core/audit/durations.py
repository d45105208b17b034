"""How long each stage of a job is expected to take; only the proportions matter.

Stages stand in the order in which they run: entering one counts those before it as done already.
"""

from __future__ import annotations

from assay.core.similarity.map_sizes import MAX_FITTED
from assay.core.specs.audit import AuditSpec, GradientLayers
from assay.core.specs.data import Task
from assay.core.specs.strategies import BY_EMBEDDING_GRADIENTS, Strategy
from assay.core.specs.training import TrainingSpec

# Seconds on two cores of a 2026 server that others use as well: MiniLM, documents of 48 tokens.
_A_GRADIENT_S = 0.015
_A_STUDENT_DOCUMENT_S = 0.03
_AN_EMBEDDING_S = 0.013
# With a corpus of the usual size or less; in proportion to its size beyond.
_A_SELECTED_DOCUMENT_S = 0.001
_A_FINE_TUNED_DOCUMENT_S = 0.035
# The backward pass through a model's inner layers, on top of the forward pass.
_INNER_LAYERS = 3.0
# The smallest language models are slower than MiniLM by this factor.
_LANGUAGE_MODEL_SIZE = 12.0
# Of a document that a map is fitted to, and of one that is placed among these.
_A_FITTED_PLACE_S, _A_PLACE_S = 0.003, 0.0005
_A_MEASURED_DOCUMENT_S = 0.001
_A_TEXT_ALONE_S = 0.001
_A_JUDGED_DOCUMENT_S = 0.0002
# Of one cell, for each document of the pool.
_A_CELLS_DOCUMENT_S = 6e-5
_A_RANKED_DOCUMENT_S = 0.004
_A_TOKENIZED_DOCUMENT_S = 0.0005
# Forward and backward at three checkpoints, for documents that are not excluded: about a quarter.
_EMBEDDING_CHECKPOINTS = 1.2
# Forward and backward once, and what the preconditioned layers add, of documents and of the sample.
_LAYER_PASSES = 2.6
_USUAL_CORPUS = 5_000
_USUAL_REFERENCE = 2_000
_USUAL_SUSPECTS = 400


def audit_plan(spec: AuditSpec, n_passes: int | None = None) -> dict[str, float]:
    """Expected seconds of each stage, in the order in which they run.

    ``n_passes``: documents times epochs that the final model was trained on, where known.
    """
    n_documents = spec.n_candidates or _USUAL_CORPUS
    n_strategies = len(spec.strategies)
    size = _LANGUAGE_MODEL_SIZE if spec.task is Task.SFT else 1.0
    depth = 1.0 if spec.gradient_layers is GradientLayers.LAST_LAYER else _INNER_LAYERS
    asked = spec.strategies_of_students
    n_students = len(asked)
    if Strategy.RANDOM in asked and n_students > 1 and not (spec.titration or spec.corpora):
        n_students += spec.n_random_students - 1
    a_student_s = spec.budget * spec.n_student_epochs * _A_STUDENT_DOCUMENT_S * 0.7 * size
    grid = spec.grid
    n_cells = (
        len(grid.leaked_shares) * len(grid.budgets) * grid.n_seeds * (n_strategies + 1)
        if grid
        else 0
    )
    plan = {
        "load models": 2.0,
        "assess": 2.0 * size,
        "read documents": 1.0,
        "vocabulary": 1 + n_documents * _A_TOKENIZED_DOCUMENT_S,
        "gradients": n_documents * _A_GRADIENT_S * size * depth,
        "membership baselines": n_documents * _A_GRADIENT_S * size * (spec.task is Task.SFT),
        "embedding gradients": n_documents
        * _A_GRADIENT_S
        * size
        * _EMBEDDING_CHECKPOINTS
        * (not set(BY_EMBEDDING_GRADIENTS).isdisjoint(spec.strategies)),
        "layer gradients": n_documents
        * _A_GRADIENT_S
        * size
        * _LAYER_PASSES
        * (Strategy.LAYER_MATCH in spec.strategies),
        "select": spec.budget
        * n_strategies
        * _A_SELECTED_DOCUMENT_S
        * max(1.0, n_documents / _USUAL_CORPUS),
        "exact cosines": 0.5 * size * depth,
        "predict": 5.0 * size,
        "students": (10 + n_students * a_student_s) * (spec.n_student_epochs > 0),
        "embed": 2 + n_documents * _AN_EMBEDDING_S,
        "map": (
            12
            + min(n_documents, MAX_FITTED) * _A_FITTED_PLACE_S
            + max(0, n_documents - MAX_FITTED) * _A_PLACE_S
        )
        * spec.is_mapped,
        "measure": 6 + n_documents * _A_MEASURED_DOCUMENT_S,
    }
    if spec.corpora:
        n_students = spec.corpora.n_students * len(spec.seed_corpus)
        half = n_documents / len(spec.seed_corpus) / 2
        epochs = (spec.training or TrainingSpec()).n_epochs
        # They take as many steps as the final model, then the gradients of their other half.
        a_student_s = max(half, n_passes or half * epochs) * _A_STUDENT_DOCUMENT_S * 0.7 * size
        a_student_s += half * _A_GRADIENT_S * size
        plan["rank corpora"] = n_documents * _A_RANKED_DOCUMENT_S
        plan["source students"] = (10 + n_students * a_student_s) * (n_students > 0)
    plan["text alone"] = 1 + n_documents * _A_TEXT_ALONE_S
    plan["membership"] = 2 + n_documents * _A_JUDGED_DOCUMENT_S
    if grid:
        plan["titration"] = n_cells * n_documents * _A_CELLS_DOCUMENT_S
    if grid and spec.titration:
        plan["titration students"] = n_cells * a_student_s
    return plan


def finetune_plan(n_documents: int | None, n_epochs: int) -> dict[str, float]:
    """Expected seconds of fine-tuning."""
    n = n_documents or _USUAL_REFERENCE
    return {"fine-tune": n * n_epochs * _A_FINE_TUNED_DOCUMENT_S}


def suspect_plan(task: Task) -> dict[str, float]:
    """Expected seconds of a suspect test of a few hundred documents."""
    is_sft = task is Task.SFT
    size = _LANGUAGE_MODEL_SIZE if is_sft else 1.0
    a_pass_s = _USUAL_SUSPECTS * _A_GRADIENT_S * size
    plan = {"load models": 5.0, "read documents": 1.0, "gradients": a_pass_s, "test": 3.0}
    if is_sft:
        plan |= {"membership baselines": a_pass_s, "layer gradients": a_pass_s * 2 * _LAYER_PASSES}
    return plan
