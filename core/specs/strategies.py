"""How selections are made, and what they are compared with."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from assay.core.specs.data import Task


class Strategy(StrEnum):
    """How a selection is made (ARCHITECTURE §2)."""

    RANDOM = "random"
    TOP_K = "top-k"
    TOP_K_BALANCED = "top-k-balanced"
    P_MIN = "p-min"
    P_MAX = "p-max"
    SELECT_BATCH = "select-batch"
    SELECT = "select"
    SELECT_PLUS = "select-plus"
    LOSS_DROP = "loss-drop"
    VOCABULARY_MATCH = "vocabulary-match"
    EMBEDDING_SELECT = "embedding-select"
    EMBEDDING_MATCH = "embedding-match"
    LAYER_MATCH = "layer-match"

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
    Strategy.LOSS_DROP: "loss drop",
    Strategy.VOCABULARY_MATCH: "training vocabulary",
    Strategy.EMBEDDING_SELECT: "SELECT (input embeddings)",
    Strategy.EMBEDDING_MATCH: "input embeddings",
    Strategy.LAYER_MATCH: "linear layers",
}
# These rank by one number of each document, which the audit keeps. Where the weights do not allow
# it there is none, and the strategy is left out.
BY_OWN_SCORE = (
    Strategy.LOSS_DROP,
    Strategy.VOCABULARY_MATCH,
    Strategy.EMBEDDING_MATCH,
    Strategy.LAYER_MATCH,
)
# These compare a document's gradients with how a part of the model moved, token by token.
BY_TRAINED_PARTS = (Strategy.EMBEDDING_MATCH, Strategy.LAYER_MATCH)
# These need gradients at the input embeddings.
BY_EMBEDDING_GRADIENTS = (Strategy.EMBEDDING_SELECT, Strategy.EMBEDDING_MATCH)


class Baseline(StrEnum):
    """Membership scores that need no gradient, only what both models say about a document
    (``assay.core.stats.membership_scores`` defines each).
    """

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


# The blind baseline ranks by text alone, without a model. It is listed wherever strategies are.
BLIND = "blind"


# Every titration also measures these: the null, the loss, and text alone.
CONTROLS = (Strategy.RANDOM, Strategy.P_MIN, BLIND)


def shown_as(name: str) -> str:
    """The name of a strategy, a baseline or text alone in tables and figures."""
    if name == BLIND:
        return "text alone"
    if name == ALIGNMENT:
        return "alignment with the weight difference"
    if name in BASELINE_TITLES:
        return BASELINE_TITLES[Baseline(name)]
    return Strategy(name).shown_as


def strategies_for(task: Task) -> tuple[Strategy, ...]:
    """Every strategy that makes sense for a task.

    SFT has no labels to balance. A classifier's document leaves one error of C numbers in its
    layers, too little to tell it from others of its class.
    """
    elsewhere = Strategy.LAYER_MATCH if task is Task.CLASSIFICATION else Strategy.TOP_K_BALANCED
    return tuple(strategy for strategy in Strategy if strategy is not elsewhere)


def baselines_for(task: Task) -> tuple[Baseline, ...]:
    """Every membership score that makes sense for a task.

    A label has no tokens to score one by one, and a text has no single answer to be confident in.
    """
    of_labels = (Baseline.FINAL_LOSS, Baseline.LOSS_RATIO, Baseline.CONFIDENCE_GAIN)
    if task is Task.CLASSIFICATION:
        return of_labels
    return tuple(baseline for baseline in Baseline if baseline is not Baseline.CONFIDENCE_GAIN)


# Stands for the students of several random selections together.
RANDOM_STUDENTS = "random-students"


# The cosine of a document's gradient with the weight difference.
ALIGNMENT = "alignment"


def declared_scores(task: Task, trained: Iterable[Strategy]) -> tuple[str, ...]:
    """The scores that a suspect test combines, fixed before any document is seen.

    ``trained``: those of ``BY_TRAINED_PARTS`` whose part of the model was trained, so that it can
    be compared.
    """
    own = tuple(trained)
    if task is Task.CLASSIFICATION:
        return (*own, ALIGNMENT, Baseline.LOSS_RATIO)
    return (*own, ALIGNMENT, Baseline.LOSS_RATIO, Baseline.ERROR_ZONE, Baseline.WINDOWS)


def leading_strategy(strategies: Iterable[str]) -> str:
    """The strategy that pages open with and a titration's finding is about, fixed before anything
    is measured.

    One that compares documents with trained parts of the model, which distinguishes training
    documents best where it can be used; else SELECT if it ran, else the last one that did.
    """
    ran = list(strategies)
    leading = (one for one in (*BY_TRAINED_PARTS, Strategy.SELECT) if one in ran)
    return next(leading, ran[-1])


def main_strategy(strategies: Iterable[Strategy]) -> Strategy:
    """The strategy that a finding is about: SELECT if it ran, else the last one that did."""
    ran = list(strategies)
    return Strategy.SELECT if Strategy.SELECT in ran else ran[-1]
