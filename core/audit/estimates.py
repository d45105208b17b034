"""How long an audit will take, and how much memory, said before it starts.

Seconds are the plan's (`durations`), scaled by the model's size and the documents' length, times
how earlier audits of the same store went beside their own plans. The time left of a running audit
rests on the same stages.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median

from assay.core.audit.durations import audit_plan
from assay.core.specs.audit import AuditSpec
from assay.core.specs.data import Task
from assay.core.specs.training import StudentAdapter, TrainingSpec

# What the plan's rates were measured with: MiniLM, for SFT SmolLM2; documents of 48 tokens.
_MEASURED_PARAMETERS = {Task.CLASSIFICATION: 22_600_000, Task.SFT: 134_500_000}
_MEASURED_TOKENS = 48
# Of all documents that are cut at that many tokens, how long they are on average.
_MOST_TOKENS_FILLED = 96
_OF_A_MODEL = (
    "load models",
    "assess",
    "gradients",
    "embedding gradients",
    "layer gradients",
    "predict",
    "students",
    "source students",
    "membership baselines",
    "titration students",
)
# The sentence encoder is always the same, and reads documents to their end.
_OF_THE_ENCODER = "embed"
# A tiny model's documents are still tokenized, batched and stored.
_LEAST_SCALE = 0.05
# Without audits to go by: one core of another machine, or many, is within these.
_FASTER, _SLOWER = 0.25, 3.0
_SPREAD = 1.3
# Python with its libraries, and numbers of a model: in single precision, and as it is trained with
# gradients and Adam's two moments (57 GiB measured for 3 billion, docs/PERFORMANCE.md).
_LIBRARIES_BYTES = 900_000_000
_HELD_BYTES, _TRAINED_BYTES = 4, 16
# With LoRA, gradients and moments are of a few percent of the weights (docs/PERFORMANCE.md).
_ADAPTED_BYTES = 5
_SENTENCE_WIDTH, _SKETCH_DIMENSION = 384, 4096


@dataclass(frozen=True)
class Load:
    """What an audit works on; None where it is not known before it starts. ``is_one_unread``: the
    sizes are those of one model of the pair, the other's are not known yet. ``n_passes``: documents
    times epochs that the final model was trained on."""

    n_documents: int | None
    n_parameters: int | None
    max_tokens: int
    width: int | None = None
    is_one_unread: bool = False
    n_passes: int | None = None


def training_passes(n_documents: int | None, training: TrainingSpec) -> int | None:
    """Documents times epochs; None where the number of documents is not known."""
    return n_documents * training.n_epochs if n_documents else None


@dataclass(frozen=True)
class Estimate:
    """Seconds from ``low_s`` to ``high_s``, peak bytes likewise, and what that rests on."""

    low_s: float
    high_s: float
    low_bytes: float | None
    high_bytes: float | None
    rests_on: str


@dataclass(frozen=True)
class Earlier:
    """An audit of the store: what was asked, on what, and how long it took."""

    spec: AuditSpec
    load: Load
    took_s: float


def estimate_audit(
    spec: AuditSpec, load: Load, earlier: Sequence[Earlier], n_workers: int
) -> Estimate:
    """Time and memory of an audit. Earlier audits that had their gradients say nothing: hand over
    those that computed theirs."""
    expected_s = planned_s(spec, load)
    ratios = [one.took_s / planned_s(one.spec, one.load) for one in earlier]
    rests_on = [
        _sizes(load),
        f"{load.n_documents:,} documents"
        if load.n_documents
        else "5,000 documents, since their number is not known yet",
    ]
    if ratios:
        middle = median(ratios)
        low = min(*ratios, middle / _SPREAD)
        high = max(*ratios, middle * _SPREAD)
        n = len(ratios)
        rests_on.append(
            f"{n} earlier {'audit' if n == 1 else 'audits'} in this store, which took "
            f"{middle:.1f} times as long as on the machine where rates were measured"
        )
    else:
        low, high = _FASTER, _SLOWER
        rests_on.append("rates measured on a server of two cores, for lack of audits in this store")
    small, large = _memory(spec, load, n_workers)
    return Estimate(low * expected_s, high * expected_s, small, large, "; ".join(rests_on))


def _sizes(load: Load) -> str:
    if not load.n_parameters:
        return "a model of the size of MiniLM (SmolLM2 for sft), since its size is not known yet"
    if load.is_one_unread:
        return "the size of one model by its headers, since the other's is not known yet"
    return "the sizes of both models by their headers"


def planned_s(spec: AuditSpec, load: Load) -> float:
    """Seconds on the machine where rates were measured."""
    return sum(planned_stages(spec, load).values())


def planned_stages(spec: AuditSpec, load: Load) -> dict[str, float]:
    """Seconds of each stage on that machine, in the order in which stages run."""
    spec = replace(spec, n_candidates=load.n_documents)
    plan: Mapping[str, float] = audit_plan(spec, load.n_passes)
    usual = _MEASURED_PARAMETERS[spec.task]
    size = (load.n_parameters or usual) / usual
    length = min(load.max_tokens, _MOST_TOKENS_FILLED) / _MEASURED_TOKENS
    of_a_model = max(size * length, _LEAST_SCALE)
    scales = {**dict.fromkeys(_OF_A_MODEL, of_a_model), _OF_THE_ENCODER: length}
    return {stage: seconds * scales.get(stage, 1.0) for stage, seconds in plan.items()}


def _memory(spec: AuditSpec, load: Load, n_workers: int) -> tuple[float | None, float | None]:
    """Peak bytes, at least and at most; None where the model's size is unknown."""
    if not load.n_parameters:
        return None, None
    pair = 2 * _HELD_BYTES * load.n_parameters
    per_document = load.width or _SENTENCE_WIDTH
    if spec.task is Task.SFT:
        per_document += _SKETCH_DIMENSION
    documents = 4 * per_document * (load.n_documents or 0)
    low = _LIBRARIES_BYTES + pair + documents
    trains = spec.n_student_epochs > 0 or (spec.corpora and spec.corpora.n_students)
    is_adapted = spec.student_adapter is StudentAdapter.LORA
    per_number = _ADAPTED_BYTES if is_adapted else _TRAINED_BYTES
    students = n_workers * (_LIBRARIES_BYTES + per_number * load.n_parameters) if trains else 0
    return low, 1.2 * (low + students)
