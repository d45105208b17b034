"""What is measured of selections themselves, beside the same of random selections."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cache.writer import AuditBuilder
from core.audit.metric_rows import MetricRow, with_interval
from core.maths.features import GradientFeatures
from core.maths.located import Interval, located, random_band
from core.maths.overlap import class_shares, total_variation, vocabulary, vocabulary_containment
from core.maths.selection import in_order
from core.maths.selection import random as random_selection
from core.maths.transport import transport_distance
from core.models.text_model import TextModel
from core.progress import Progress
from core.specs import AuditSpec, Metric, Strategy, Task

N_NULL_DRAWS = 20
# Transport to more is estimated from this many drawn at random: the cost matrix must fit.
_MAX_REFERENCE = 10_000
RANDOM_SELECTIONS = f"{N_NULL_DRAWS} random selections"


def selection_metrics(
    spec: AuditSpec,
    builder: AuditBuilder,
    features: GradientFeatures,
    tokenizer: TextModel,
    progress: Progress,
) -> list[MetricRow]:
    """What can be said of each selection itself, beside the same of random selections."""
    judges: list[_Judge] = [_Cosine(builder, features)]
    if spec.task is Task.CLASSIFICATION:
        judges.append(_Imbalance(builder, tokenizer))
    if spec.reference is not None:
        judges += [_Transport(builder, spec), _Containment(builder, tokenizer, spec)]
    rows: list[MetricRow] = []
    selections = {s: _selected(builder, s) for s in spec.strategies}
    draws = [
        list(random_selection(features, spec.budget, _null_seed(spec, draw)).documents)
        for draw in range(N_NULL_DRAWS)
    ]
    for judge in judges:
        band = random_band(np.array([judge.measure(draw)[0] for draw in draws]))
        progress.advance(1)
        for strategy, documents in selections.items():
            value, method = judge.measure_selection(strategy, documents)
            rows.append(
                MetricRow(
                    strategy,
                    judge.metric,
                    value,
                    method,
                    n=len(documents),
                    ceiling=judge.ceiling,
                    null_value=band.value,
                    null_low=band.low,
                    null_high=band.high,
                    null_kind=RANDOM_SELECTIONS,
                )
            )
    for strategy, documents in selections.items():
        rows += _located_metrics(spec, builder, strategy, documents)
    return rows


class _Judge:
    """Measures one quantity of a list of documents; ``ceiling`` is the best to be hoped for."""

    metric: Metric
    ceiling: float | None = None

    def measure(self, documents: Sequence[int]) -> tuple[float, str]:
        raise NotImplementedError

    def measure_selection(self, strategy: Strategy, documents: Sequence[int]) -> tuple[float, str]:
        return self.measure(documents)


class _Cosine(_Judge):
    metric, ceiling = Metric.COSINE, 1.0

    def __init__(self, builder: AuditBuilder, features: GradientFeatures) -> None:
        self._builder, self._features = builder, features

    def measure(self, documents: Sequence[int]) -> tuple[float, str]:
        return in_order(self._features, documents).objective[-1], "mean over checkpoints"

    def measure_selection(self, strategy: Strategy, documents: Sequence[int]) -> tuple[float, str]:
        """The objective it reached, with its own weights where it has any."""
        query = "SELECT objective FROM selections WHERE strategy = ? ORDER BY rank DESC LIMIT 1"
        ((objective,),) = self._builder.rows(query, [str(strategy)])
        is_weighted = strategy is Strategy.SELECT_PLUS
        return objective, "weighted sum" if is_weighted else "mean over checkpoints"


class _Imbalance(_Judge):
    metric, ceiling = Metric.IMBALANCE, 0.0

    def __init__(self, builder: AuditBuilder, tokenizer: TextModel) -> None:
        self._n_classes = len(tokenizer.label_names)
        self._pseudolabels = builder.columns(
            "SELECT pseudolabel::BIGINT AS label FROM scores ORDER BY document_id"
        )["label"]
        labels = builder.columns(
            "SELECT label::BIGINT AS label FROM reference_documents WHERE label IS NOT NULL"
        )["label"]
        if len(labels):
            self._expected = class_shares(np.asarray(labels), self._n_classes)
            self._method = "total variation from the reference set's labels"
        else:
            self._expected = np.full(self._n_classes, 1 / self._n_classes)
            self._method = "total variation from equal shares"

    def measure(self, documents: Sequence[int]) -> tuple[float, str]:
        shares = class_shares(self._pseudolabels[list(documents)], self._n_classes)
        return total_variation(shares, self._expected), self._method


class _Transport(_Judge):
    metric = Metric.TRANSPORT

    def __init__(self, builder: AuditBuilder, spec: AuditSpec) -> None:
        self._pool = builder.matrix("embeddings", {"set_name": "seed-corpus"})
        reference = builder.matrix("embeddings", {"set_name": "reference"})
        kept = np.random.default_rng(spec.seed).permutation(len(reference))[:_MAX_REFERENCE]
        self._reference = reference[np.sort(kept)]
        self._sampled = f", {_MAX_REFERENCE:,} reference documents" * (len(reference) > len(kept))
        sample = _reference_sample(len(self._reference), spec)
        self.ceiling = transport_distance(self._reference[sample], self._reference).distance

    def measure(self, documents: Sequence[int]) -> tuple[float, str]:
        result = transport_distance(self._pool[list(documents)], self._reference)
        return result.distance, result.method + self._sampled


class _Containment(_Judge):
    metric = Metric.CONTAINMENT

    def __init__(self, builder: AuditBuilder, tokenizer: TextModel, spec: AuditSpec) -> None:
        texts = [row[0] for row in builder.rows("SELECT text FROM documents ORDER BY document_id")]
        self._documents = [frozenset(ids) for ids in tokenizer.tokenize(texts)]
        reference = [
            row[0]
            for row in builder.rows("SELECT text FROM reference_documents ORDER BY reference_id")
        ]
        self._reference = vocabulary(tokenizer.tokenize(reference))
        sample = _reference_sample(len(reference), spec)
        sampled = vocabulary(tokenizer.tokenize([reference[index] for index in sample]))
        self.ceiling = vocabulary_containment(sampled, self._reference)

    def measure(self, documents: Sequence[int]) -> tuple[float, str]:
        selected = vocabulary(self._documents[index] for index in documents)
        return vocabulary_containment(selected, self._reference), "token sets of the model"


def _located_metrics(
    spec: AuditSpec, builder: AuditBuilder, strategy: Strategy, documents: Sequence[int]
) -> list[MetricRow]:
    columns = builder.columns(
        "SELECT in_reference, source = ? AS is_held_out FROM documents ORDER BY document_id",
        [spec.held_out_source or ""],
    )
    is_leaked = np.asarray(columns["in_reference"], bool)
    is_held_out = np.asarray(columns["is_held_out"], bool) & ~is_leaked
    n_documents, n_leaked, n_selected = len(is_leaked), int(is_leaked.sum()), len(documents)
    if n_leaked == 0 or n_selected == 0:
        return []
    chosen = list(documents)
    n_located = int(is_leaked[chosen].sum())
    found = located(n_documents, n_leaked, n_selected, n_located)
    exact, null = "Clopper–Pearson interval, hypergeometric p-value", "random selection"
    lift_null = Interval(
        1.0,
        *(
            bound / (n_leaked / n_documents)
            for bound in (found.null_precision.low, found.null_precision.high)
        ),
    )
    rows = [
        with_interval(
            strategy,
            Metric.RECALL,
            found.recall,
            n_leaked,
            exact,
            found.null_recall,
            null,
            found.recall_ceiling,
            found.p_value,
        ),
        with_interval(
            strategy,
            Metric.PRECISION,
            found.precision,
            n_selected,
            exact,
            found.null_precision,
            null,
            min(1.0, n_leaked / n_selected),
            found.p_value,
        ),
        with_interval(
            strategy,
            Metric.LIFT,
            found.lift,
            n_selected,
            exact,
            lift_null,
            null,
            min(1.0, n_leaked / n_selected) * n_documents / n_leaked,
            found.p_value,
        ),
    ]
    n_held_out = int(is_held_out.sum())
    n_in_domain = int((is_leaked | is_held_out)[chosen].sum())
    if n_held_out == 0:
        return rows
    domain = located(n_documents, n_leaked + n_held_out, n_selected, n_in_domain)
    rows.append(
        with_interval(
            strategy,
            Metric.DOMAIN_PRECISION,
            domain.precision,
            n_selected,
            exact,
            domain.null_precision,
            null,
            None,
            domain.p_value,
        )
    )
    if n_in_domain:
        membership = located(n_leaked + n_held_out, n_leaked, n_in_domain, n_located)
        rows.append(
            with_interval(
                strategy,
                Metric.MEMBERSHIP_PRECISION,
                membership.precision,
                n_in_domain,
                exact,
                membership.null_precision,
                "random choice within the domain",
                None,
                membership.p_value,
            )
        )
    return rows


def _selected(builder: AuditBuilder, strategy: Strategy) -> list[int]:
    query = "SELECT document_id FROM selections WHERE strategy = ? ORDER BY rank"
    return [row[0] for row in builder.rows(query, [strategy])]


def _null_seed(spec: AuditSpec, draw: int) -> int:
    # Far from spec.seed, which draws the random strategy's own selection.
    return spec.seed + 1_000_003 * (draw + 1)


def _reference_sample(n_reference: int, spec: AuditSpec) -> list[int]:
    """A budget's worth of true documents: how close a perfect selection would come."""
    order = np.random.default_rng(spec.seed).permutation(n_reference)
    return order[: spec.budget].tolist()
