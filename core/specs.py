"""What an audit asks, in plain values that the core, the store and the pages all share.

Nothing here imports anything but the standard library, so pages may use it freely.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Strategy(StrEnum):
    """How a selection is made (DESIGN §2)."""

    RANDOM = "random"
    TOP_K = "top-k"
    TOP_K_BALANCED = "top-k-balanced"
    P_MIN = "p-min"
    P_MAX = "p-max"
    SELECT_BATCH = "select-batch"
    SELECT = "select"
    SELECT_PLUS = "select-plus"

    @property
    def shown_as(self) -> str:
        """The name in tables and figures."""
        return STRATEGY_TITLES[self]


STRATEGY_TITLES = {
    Strategy.RANDOM: "random",
    Strategy.TOP_K: "top-k",
    Strategy.TOP_K_BALANCED: "top-k balanced",
    Strategy.P_MIN: "P-min",
    Strategy.P_MAX: "P-max",
    Strategy.SELECT_BATCH: "SELECT (batch)",
    Strategy.SELECT: "SELECT",
    Strategy.SELECT_PLUS: "SELECT+",
}


class Baseline(StrEnum):
    """How a sceptic would tell members without any gradient, by what both models say of a document
    (``core.maths.membership`` defines each)."""

    FINAL_LOSS = "final-loss"
    LOSS_RATIO = "loss-ratio"
    CONFIDENCE_GAIN = "confidence-gain"
    MIN_K = "min-k-plus-plus"
    ZLIB = "zlib"
    ERROR_ZONE = "error-zone"
    WINDOWS = "windows"


BASELINE_TITLES = {
    Baseline.FINAL_LOSS: "final loss",
    Baseline.LOSS_RATIO: "loss ratio",
    Baseline.CONFIDENCE_GAIN: "confidence gain",
    Baseline.MIN_K: "Min-K%++",
    Baseline.ZLIB: "zlib",
    Baseline.ERROR_ZONE: "error zone (EZ-MIA)",
    Baseline.WINDOWS: "windows (WBC)",
}


class Task(StrEnum):
    """What a final model was fine-tuned to do."""

    CLASSIFICATION = "classification"
    SFT = "sft"


class Assessability(StrEnum):
    """What the weights allow to be said; decided before any score."""

    ASSESSABLE = "assessable"
    LIMITED = "limited"
    NOT_ASSESSABLE = "not assessable"


class GradientLayers(StrEnum):
    """Of which layers gradients are taken."""

    LAST_LAYER = "last-layer"
    LAST_BLOCK = "last-block"
    CHANGED = "changed"

    @property
    def shown_as(self) -> str:
        """The name in sentences."""
        return {
            GradientLayers.LAST_LAYER: "the last layer",
            GradientLayers.LAST_BLOCK: "the last block",
            GradientLayers.CHANGED: "the layers that changed",
        }[self]


class Optimizer(StrEnum):
    ADAM = "adam"
    ADAMW = "adamw"
    SGD = "sgd"

    @property
    def usual_decay(self) -> float:
        """The weight decay where none is asked for: PyTorch's. Without any AdamW is Adam."""
        return 0.01 if self is Optimizer.ADAMW else 0.0


class Metric(StrEnum):
    """One word per measured quantity; the unit follows in the comment."""

    ACCURACY = "accuracy"  # share of test documents
    LOSS = "loss"  # nats per test document
    PERPLEXITY = "perplexity"  # exp of the mean loss a target token of the test documents
    AGREEMENT = "agreement"  # share of targets answered as the final model answers them
    WEIGHT_COSINE = "weight-cosine"  # of the student's weight difference with the final model's
    TRANSPORT = "transport"  # squared Euclidean cost between unit embeddings
    EMBEDDING_RECALL = "embedding-recall"  # share of reference documents with a selected one near
    CONTAINMENT = "containment"  # share of the smaller token set
    IMBALANCE = "imbalance"  # total variation distance from the reference's class shares
    COSINE = "cosine"  # of the selection's summed gradient with the target
    RECALL = "recall"  # located documents / leaked documents
    PRECISION = "precision"  # located documents / selected documents
    OVERLAP = "overlap"  # exact or near duplicates of reference documents / selected documents
    LIFT = "lift"  # precision / leaked share of the seed corpus
    MEMBERSHIP_PRECISION = "membership-precision"  # located / selected of the reference's domain
    DOMAIN_PRECISION = "domain-precision"  # selected of the reference's domain / selected
    DOMAIN_AUC = "domain-auc"  # reference's domain above other documents, by the strategy's score
    MEMBERSHIP_AUC = "membership-auc"  # trained above held-out documents, by the strategy's score
    MEMBERSHIP_TPR = "membership-tpr"  # share of trained found at 1% of held-out mistaken
    MEMBERSHIP_TPR_STRICT = "membership-tpr-strict"  # the same at 0.1%
    MEMBERSHIP_LEAD = "membership-lead"  # membership AUC less that of the audit's main strategy
    PREVALENCE = "prevalence"  # estimated share of trained among documents of the domain
    DETECTION_LIMIT = "detection-limit"  # least share of the reference set in the pool to be found
    # the same, of the reference set among documents of its own domain
    MEMBERSHIP_DETECTION_LIMIT = "membership-detection-limit"


class Role(StrEnum):
    """What a document of a titration's corpus is to the final model (DESIGN §3)."""

    TRAINED = "trained"
    HELD_OUT = "held-out"  # drawn like the trained ones, never trained on
    OUT_OF_DOMAIN = "out-of-domain"


# The blind baseline: a ranking by text alone, no model's help. It stands wherever strategies do.
BLIND = "blind"
# What every titration measures besides what it was asked for: the null, loss, and text alone.
CONTROLS = (Strategy.RANDOM, Strategy.P_MIN, BLIND)


def contender(name: str) -> str:
    """A strategy, or the blind baseline, by its name; ValueError for anything else."""
    return BLIND if name == BLIND else Strategy(name)


def shown_as(name: str) -> str:
    """The name of a strategy, a baseline or text alone in tables and figures."""
    if name == BLIND:
        return "text alone"
    if name == ALIGNMENT:
        return "alignment with the weight difference"
    if name in BASELINE_TITLES:
        return BASELINE_TITLES[Baseline(name)]
    return Strategy(name).shown_as


LOWER_IS_BETTER = frozenset({Metric.LOSS, Metric.PERPLEXITY, Metric.TRANSPORT, Metric.IMBALANCE})
# What can be negative, or above 1; every other metric is a share, or the area under a curve.
_UNBOUNDED = frozenset(
    {Metric.LOSS, Metric.PERPLEXITY, Metric.TRANSPORT, Metric.LIFT, Metric.DETECTION_LIMIT}
)
_SIGNED = frozenset({Metric.COSINE, Metric.WEIGHT_COSINE, Metric.MEMBERSHIP_LEAD})


def possible(metric: Metric) -> tuple[float, float]:
    """The lowest and highest value a metric can have."""
    return -1.0 if metric in _SIGNED else 0.0, float("inf") if metric in _UNBOUNDED else 1.0


# What tells how good a student is, the better evidence first.
STUDENT_METRICS = (Metric.ACCURACY, Metric.PERPLEXITY, Metric.AGREEMENT)


# Before the name of a decompression, where a corpus is asked for.
DECOMPRESSION = "decompression:"


@dataclass(frozen=True)
class DataRef:
    """Where documents come from.

    ``location`` is a file, a folder of text files, a hub data set or a ``builtin:`` name;
    ``#split`` after it keeps one split. ``sample`` keeps that many documents at random.
    ``source`` is the name its documents are kept under; None takes the file's, set's or package's.
    """

    location: str
    text_column: str = "text"
    label_column: str | None = None
    sample: int | None = None
    # Instruction data: the column of prompts that the text column responds to.
    prompt_column: str | None = None
    source: str | None = None

    @property
    def is_decompression(self) -> bool:
        """Whether the documents are what a decompressed model said, written to a file for this."""
        return (self.source or "").startswith(DECOMPRESSION)

    @property
    def asked_as(self) -> str:
        """What a command line calls it."""
        return str(self.source) if self.is_decompression else self.location


@dataclass(frozen=True)
class TrainingSpec:
    """How a model is fine-tuned; students repeat the final model's."""

    optimizer: Optimizer = Optimizer.ADAM
    learning_rate: float = 2e-5
    batch_size: int = 32
    n_epochs: int = 3
    weight_decay: float = 0.0
    momentum: float = 0.0
    max_tokens: int = 128
    seed: int = 0


@dataclass(frozen=True)
class FinetuneSpec:
    """How a final model whose training data is known is made."""

    base: str
    data: DataRef
    training: TrainingSpec
    task: Task = Task.CLASSIFICATION
    label_words: tuple[str, ...] | None = None
    # SFT: where the response begins in a document's text; only what follows is scored.
    response_template: str | None = None


@dataclass(frozen=True)
class SuspectSpec:
    """Documents an owner believes were used, and others like them that were not, before one pair.

    ``max_tokens`` None takes what `assay finetune` recorded, else the default.
    """

    base: str
    final: str
    suspects: DataRef
    controls: DataRef
    task: Task = Task.CLASSIFICATION
    label_words: tuple[str, ...] | None = None
    response_template: str | None = None
    max_tokens: int | None = None
    seed: int = 0
    title: str = ""


@dataclass(frozen=True)
class TitrationSpec:
    """The grid of a titration: every share × budget × seed, with every strategy of the audit.

    A share is of the trained documents; a seed draws which of them are in the pool, and is the
    random strategy's too.
    """

    leaked_shares: tuple[float, ...] = (0.0, 0.1, 0.25, 0.5, 0.75, 1.0)
    budgets: tuple[int, ...] = (500,)
    n_seeds: int = 3


@dataclass(frozen=True)
class CorporaSpec:
    """Which of several corpora explains the difference; each is a source of the seed corpus.

    ``n_students``: models trained on half of each corpus, which say what the true one would reach.
    """

    n_students: int = 2


@dataclass(frozen=True)
class AuditSpec:
    """One question asked of one model pair.

    With ``titration`` the seed corpus is the reference set, held-out documents and others, each
    under the name of its ``Role``.
    """

    base: str
    final: str
    seed_corpus: tuple[DataRef, ...]
    # Keep this many candidates at random, drawn from all corpora together; None keeps all.
    n_candidates: int | None = None
    task: Task = Task.CLASSIFICATION
    budget: int = 500
    strategies: tuple[Strategy, ...] = tuple(Strategy)
    reference: DataRef | None = None
    test: DataRef | None = None
    # The name of the seed corpus' source that holds documents drawn like the reference set but
    # never trained on; with it, domain and membership are told apart.
    held_out_source: str | None = None
    label_words: tuple[str, ...] | None = None
    # How students are trained; None repeats what `assay finetune` recorded, else the defaults.
    training: TrainingSpec | None = None
    # At most; 0 trains no students.
    n_student_epochs: int = 10
    # Hold a tenth of a selection back, stop when it is predicted no better, keep the best epoch;
    # else train on the whole selection for all epochs.
    is_stopping_early: bool = True
    n_checkpoints: int = 1
    # Inner products between gradients are estimated from a projection to this many dimensions;
    # None is exact for the last layer of a classifier and 4,096 otherwise.
    projection_dimension: int | None = None
    # The last layer's gradients are exact and cheap; inner ones serve a pair whose last layer stood
    # still, as with an adapter.
    gradient_layers: GradientLayers = GradientLayers.LAST_LAYER
    # Lay pool and reference set out in one plane, which takes UMAP a minute for 10,000 documents.
    is_mapped: bool = True
    # SFT: where the response begins in a document's text; only what follows is scored.
    response_template: str | None = None
    seed: int = 0
    title: str = ""
    titration: TitrationSpec | None = None
    corpora: CorporaSpec | None = None


def strategies_for(task: Task) -> tuple[Strategy, ...]:
    """Every strategy that makes sense for a task: SFT has no labels to balance."""
    return tuple(
        strategy
        for strategy in Strategy
        if task is Task.CLASSIFICATION or strategy is not Strategy.TOP_K_BALANCED
    )


def baselines_for(task: Task) -> tuple[Baseline, ...]:
    """Every baseline that makes sense for a task: a label has no tokens to look at one by one, and
    of a text there is no single answer to be confident in."""
    of_labels = (Baseline.FINAL_LOSS, Baseline.LOSS_RATIO, Baseline.CONFIDENCE_GAIN)
    if task is Task.CLASSIFICATION:
        return of_labels
    return tuple(baseline for baseline in Baseline if baseline is not Baseline.CONFIDENCE_GAIN)


# The cosine of a document's gradient with the weight difference.
ALIGNMENT = "alignment"


def declared_scores(task: Task) -> tuple[str, ...]:
    """What a suspect test combines, fixed before any document is seen."""
    if task is Task.CLASSIFICATION:
        return (ALIGNMENT, Baseline.LOSS_RATIO)
    return (ALIGNMENT, Baseline.LOSS_RATIO, Baseline.ERROR_ZONE, Baseline.WINDOWS)


def to_plain(spec: AuditSpec | TrainingSpec | DataRef | SuspectSpec) -> dict[str, Any]:
    """A spec as JSON-ready values."""
    plain: dict[str, Any] = json.loads(canonical_json(asdict(spec)))
    return plain


def training_spec_from_plain(plain: dict[str, Any]) -> TrainingSpec:
    """The spec that ``to_plain`` wrote; unknown keys are an error."""
    return TrainingSpec(**{**plain, "optimizer": Optimizer(plain["optimizer"])})


def canonical_json(value: Any) -> str:
    """JSON with sorted keys and no spaces; a value JSON cannot hold is a TypeError, not a guess."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def content_key(*parts: Any) -> str:
    """SHA-256 (hex) over the canonical JSON of ``parts``."""
    return hashlib.sha256(canonical_json(list(parts)).encode()).hexdigest()


def text_hash(text: str) -> str:
    """SHA-256 (hex, 32 characters) of a document's text, whitespace runs counted as one space."""
    return hashlib.sha256(" ".join(text.split()).encode()).hexdigest()[:32]


def exact_hash(text: str) -> str:
    """SHA-256 (hex, 32 characters) of a text letter by letter: its tokens depend on its spaces."""
    return hashlib.sha256(text.encode()).hexdigest()[:32]
