"""An audit's options as plain values that the core, the store and the pages share.

It imports only the standard library, so pages may use it freely.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from assay.core.specs.data import LABEL_WORDS, RESPONSE_TEMPLATE, TASK, DataRef, Role, Task
from assay.core.specs.options import REQUIRED, Declared, Names, Option, option
from assay.core.specs.strategies import Strategy, strategies_for
from assay.core.specs.training import LORA_STUDENTS, StudentAdapter, TrainingSpec


class Assessability(StrEnum):
    """What the weights allow to be said; decided before any document is scored."""

    ASSESSABLE = "assessable"
    LIMITED = "limited"
    NOT_ASSESSABLE = "not assessable"

    @property
    def shown_as(self) -> str:
        """How it reads where nothing beside it says what is limited."""
        return "limited assessability" if self is Assessability.LIMITED else self.value


class GradientLayers(StrEnum):
    """The layers whose gradients are taken."""

    LAST_LAYER = "last-layer"
    LAST_BLOCK = "last-block"
    CHANGED = "changed"

    @property
    def shown_as(self) -> str:
        """The name used in sentences."""
        return {
            GradientLayers.LAST_LAYER: "the last layer",
            GradientLayers.LAST_BLOCK: "the last block",
            GradientLayers.CHANGED: "the layers that changed",
        }[self]


class InitialHead(StrEnum):
    """What is known of the first values of a classification head that the base does not have."""

    UNKNOWN = "unknown"
    RECORDED = "recorded"


class HeadStart(StrEnum):
    """How an audit knows the last layer before fine-tuning.

    From the base model, not at all, or from `assay finetune`'s record, which no outsider has.
    """

    OWN = "own"
    UNKNOWN = "unknown"
    RECORDED = "recorded"


INSIDERS_HEAD = (
    "Evaluation only: the base model and the students start from the head that fine-tuning drew, "
    "which no outsider knows."
)
INITIAL_HEAD: Declared = {
    "help": "The head's values before fine-tuning, if the base model has no classification head: "
    "unknown, as for any outsider, or recorded by `assay finetune` (for evaluation only)."
}
BASE: Declared = {
    "help": "Model before fine-tuning: a folder, GGUF file, hub name or builtin:NAME.",
    "names": Names.MODEL,
}
FINAL: Declared = {
    "help": "Model after fine-tuning, or its LoRA adapter.",
    "names": Names.MODEL,
}
TITLE: Declared = {"help": "Title shown in the dashboard.", "is_main": True}
# The seed corpus of a titration consists of the reference set and these.
_ROLES = (
    (Role.TRAINED, None),
    (
        Role.HELD_OUT,
        Option(
            flag="held-out",
            help="Documents from the same distribution as the reference set, but never trained on.",
            sample=Option(
                help="Keep this many, at random. Documents that are also in the reference set are "
                "dropped afterwards."
            ),
        ),
    ),
    (
        Role.OUT_OF_DOMAIN,
        Option(
            flag="out-of-domain",
            help="Documents from another domain. Repeat for several sets.",
            names=Names.DOCUMENTS,
            sample=Option(help="Keep this many of each set, at random."),
        ),
    ),
)


@dataclass(frozen=True)
class TitrationSpec:
    """The grid of a titration: every share × budget × seed, with every strategy of the audit.

    A share is a share of the training documents. A seed draws which of them are in the pool; the
    random strategy uses it too.
    """

    leaked_shares: tuple[float, ...] = option(
        (0.0, 0.1, 0.25, 0.5, 0.75, 1.0),
        flag="leaked-share",
        is_unique=True,
        is_main=True,
        help="Share of the reference set to leak into the pool, from 0 to 1. Repeat for several.",
    )
    budgets: tuple[int, ...] = option(
        (500,),
        flag="budget",
        is_unique=True,
        is_main=True,
        help="Number of documents to select. Repeat for several.",
    )
    n_seeds: int = option(
        3, flag="seeds", help="Random draws per leaked share; their seeds count up from --seed."
    )


def _usual_students(given: Any) -> int:
    # A pair whose last layer did not move usually has an adapter. Students train all weights, so
    # they would reach more than the pair's true corpus could.
    return 2 if given["gradient_layers"] is GradientLayers.LAST_LAYER else 0


@dataclass(frozen=True)
class CorporaSpec:
    """Which of several corpora explains the weight difference; each is a source of the seed corpus.

    ``n_students``: models trained on half of each corpus, to show what the true one would reach.
    """

    n_students: int = option(
        2,
        flag="students",
        minimum=0,
        otherwise=_usual_students,
        unset="2 with --gradient-layers last-layer, else 0",
        help="Student models to train on half of each corpus. They show what score the true "
        "training set would reach.",
    )


@dataclass(frozen=True)
class AuditSpec:
    """The options of one audit of one model pair.

    With ``titration`` the seed corpus is the reference set, held-out documents and others, each
    under the name of its ``Role``.
    """

    base: str = option(**BASE)
    final: str = option(**FINAL)
    seed_corpus: tuple[DataRef, ...] = option(
        help="Public documents to search. Repeat for several sources. FILE#SPLIT reads one split; "
        "decompression:NAME reads the examples that a decompressed model wrote.",
        names=Names.CORPUS,
        is_main=True,
        differs={
            "titrate": {"roles": _ROLES},
            "rank-corpora": {
                "flag": "corpus",
                "help": "A corpus to rank, or decompression:NAME. Repeat for each corpus.",
                "sample": Option(
                    flag="documents",
                    default=1000,
                    minimum=2,
                    help="Documents to sample from each corpus.",
                ),
            },
        },
    )
    # Keep this many seed documents at random, drawn from all corpora together; None keeps all.
    n_candidates: int | None = option(
        None,
        flag="candidates",
        help="Keep this many documents of the seed corpus, at random.",
        is_main=True,
        only=("audit",),
    )
    task: Task = option(Task.CLASSIFICATION, **TASK)
    budget: int = option(
        500,
        help="Number of documents that each strategy selects.",
        is_main=True,
        differs={
            "rank-corpora": {
                "default": 100,
                "minimum": 1,
                "help": "Number of documents to select from all corpora together.",
            },
            "titrate": None,
        },
    )
    strategies: tuple[Strategy, ...] = option(
        strategies_for(Task.CLASSIFICATION),
        flag="strategy",
        is_unique=True,
        is_main=True,
        otherwise=lambda given: strategies_for(given["task"]),
        unset="all",
        help="How to select documents. Repeat for several.",
        differs={
            "titrate": {
                "help": "How to select documents. Repeat for several. Random and P-min always run."
            },
            "rank-corpora": None,
        },
    )
    reference: DataRef | None = option(
        None,
        help="The real training documents, used for evaluation only.",
        is_main=True,
        sample=Option(help="Keep this many, at random; the same number as `finetune --sample`."),
        is_labelled=True,
        differs={
            "titrate": {
                "default": REQUIRED,
                "help": "All documents that the final model was trained on.",
            }
        },
    )
    test: DataRef | None = option(
        None,
        help="Labelled documents to test students on.",
        is_main=True,
        sample=Option(help="Keep this many, at random."),
        is_labelled=True,
        differs={"rank-corpora": None},
    )
    # The seed corpus source whose documents come from the reference set's distribution but were
    # never trained on. It makes it possible to separate membership from domain.
    held_out_source: str | None = option(
        None,
        help="The --seed-corpus source (file or name) with documents from the reference set's "
        "distribution that were never trained on.",
        is_main=True,
        only=("audit",),
    )
    label_words: tuple[str, ...] | None = option(None, **LABEL_WORDS)
    # How students are trained; None repeats what `assay finetune` recorded, else the defaults.
    training: TrainingSpec | None = option(None, differs={"rank-corpora": None})
    # A maximum; 0 trains no students.
    n_student_epochs: int = option(
        10,
        flag="student-epochs",
        minimum=0,
        help="Maximum number of epochs for each student; 0 trains no students.",
        differs={
            "titrate": {
                "minimum": 1,
                "help": "Maximum number of epochs for each student.",
                "switch": Option(
                    flag="students",
                    help="Train a student for every leaked share, budget, seed and strategy. "
                    "Needs --test.",
                ),
            },
            "rank-corpora": None,
        },
    )
    # Students are most of the work of an audit. None trains one for every strategy.
    student_strategies: tuple[Strategy, ...] | None = option(
        None,
        flag="student-strategy",
        is_unique=True,
        help="Train a student for this strategy only. Repeat for several.",
        unset="every --strategy",
        only=("audit",),
    )
    # A titration beside the audit's other results, without students of its own; None measures none.
    leaked_shares: tuple[float, ...] | None = option(
        None,
        flag="leaked-share",
        is_unique=True,
        help="Also measure what every strategy locates when only this share of the training "
        "documents is in the seed corpus, from 0 to 1. Repeat for several. Needs --reference and "
        "--held-out-source.",
        unset="no titration",
        only=("audit",),
    )
    # Includes the random strategy's own student. Their differences show how much students differ by
    # chance. With one, students are not compared.
    n_random_students: int = option(
        5,
        flag="random-students",
        minimum=1,
        help="Number of students trained on random selections, to measure how much students "
        "differ by chance.",
        only=("audit",),
    )
    # Hold out a tenth of a selection, stop when the loss on it no longer falls, keep the best
    # epoch; otherwise train on the whole selection for all epochs.
    is_stopping_early: bool = option(
        True,
        flag="early-stopping",
        help="Stop training a student when it no longer improves, and keep its best epoch; "
        "otherwise keep its last.",
        differs={"rank-corpora": None},
    )
    # Of a large model, all weights with their gradients and Adam's moments may not fit one device.
    student_adapter: StudentAdapter = option(
        StudentAdapter.NONE,
        help="Train students with LoRA instead of all weights: less memory, but a deviation from "
        "the method.",
        differs={"rank-corpora": None},
    )
    n_checkpoints: int = option(
        1,
        flag="checkpoints",
        help="Number of checkpoints between base and final model at which to take gradients.",
        differs={"rank-corpora": None},
    )
    # Inner products between gradients are estimated from a projection to this many dimensions;
    # None is exact for the last layer of a classifier and 4,096 otherwise.
    projection_dimension: int | None = option(
        None,
        help="Estimate inner products of gradients from a random projection to this many "
        "dimensions.",
        unset="exact where possible, else 4096",
        only=("audit",),
    )
    # The last layer's gradients are exact and cheap. Inner layers are for pairs whose last layer
    # did not move, as with an adapter.
    gradient_layers: GradientLayers = option(
        GradientLayers.LAST_LAYER,
        help="Layers to take gradients of. Use the inner layers (last-block, changed) for "
        "adapters; "
        "they take longer.",
    )
    # No released model contains a head that fine-tuning drew at random: an audit that uses its
    # record knows more than an outsider can.
    initial_head: InitialHead = option(InitialHead.UNKNOWN, **INITIAL_HEAD)
    # Draw the map: UMAP takes a minute for 10,000 documents.
    is_mapped: bool = option(
        True, flag="map", help="Draw a map of the documents with UMAP.", only=("audit",)
    )
    # SFT: where the response begins in a document's text; only the response is scored.
    response_template: str | None = option(None, **RESPONSE_TEMPLATE)
    seed: int = option(0, minimum=0, help="Random seed.")
    title: str = option("", **TITLE)
    titration: TitrationSpec | None = option(None, only=("titrate",))
    corpora: CorporaSpec | None = option(None, only=("rank-corpora",))

    @property
    def grid(self) -> TitrationSpec | None:
        """The titration that is measured: the one asked for, or the one beside an audit."""
        beside = TitrationSpec(self.leaked_shares, (self.budget,)) if self.leaked_shares else None
        return self.titration or beside

    @property
    def strategies_of_students(self) -> tuple[Strategy, ...]:
        """The strategies whose selections train a student."""
        return self.student_strategies or self.strategies

    @property
    def student_note(self) -> str | None:
        """What must be said wherever students are shown; None if they were trained as usual."""
        is_adapted = self.n_student_epochs and self.student_adapter is StudentAdapter.LORA
        return LORA_STUDENTS if is_adapted else None


def title_of(spec: AuditSpec) -> str:
    """The title given, else one made of the final model's name."""
    return spec.title or f"{Path(spec.final).name} ({spec.task})"
