"""The stages that rank documents by how likely they were trained on, and evaluate every ranking."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.cache.audits.rows import Roles
from assay.cache.audits.writer import AuditBuilder
from assay.core.audit.cached_token_scores import cached_token_scores
from assay.core.audit.context import AuditContext
from assay.core.audit.metrics.detection_limit import detection_limits
from assay.core.audit.metrics.rows import MetricRow, Null, with_interval, write_metrics
from assay.core.models.loading import ModelPair
from assay.core.selection.greedy import Selection
from assay.core.selection.strategies import ranking_scores
from assay.core.specs.data import Task
from assay.core.specs.metrics import Metric
from assay.core.specs.strategies import BLIND, Strategy, baselines_for, main_strategy
from assay.core.stats.auc import auc_with_interval, difference, found_share
from assay.core.stats.membership_scores import label_scores
from assay.core.stats.permutation_null import N_SHUFFLES, auc_by_chance, found_by_chance
from assay.core.stats.prevalence import Flagged, flag, prevalence
from assay.core.stats.selection_metrics import MISTAKEN_SHARES

# Prevalence is estimated from documents that score above all but this share of the held-out ones.
_FLAGGED_BY_MISTAKE = 0.1
_MIN_KNOWN = 20

_Scores = NDArray[np.float64]


def score_baselines(audit: AuditContext, pair: ModelPair) -> None:
    """Score every document by every membership score; a killed run continues at the next block.

    A classifier's scores come from what the gradient stage stored; a language model reads every
    document once more, with both models.
    """
    builder = audit.builder
    if builder.is_done("membership baselines"):
        return
    if audit.spec.task is Task.CLASSIFICATION:
        with builder.stage("membership baselines"):
            scores = audit.scores
            _write(builder, label_scores(scores.base_losses, scores.final_probabilities))
        return
    with audit.stage("membership baselines", audit.n_documents):
        # An earlier version committed these scores window by window.
        builder.clear("membership_scores")
        _write(builder, cached_token_scores(audit, pair))


def judge_members(audit: AuditContext) -> None:
    """Rank by every strategy and by text alone, and evaluate all rankings if roles are known."""
    builder, truth = audit.builder, audit.roles
    if builder.is_done("membership"):
        return
    with audit.stage("membership", 0):
        for name, scores in _natural_scores(audit):
            _write(builder, {name: scores})
        if truth.is_trained.any():
            write_metrics(builder, list(detection_limits(audit)))
        if truth.is_trained.any() and truth.is_held_out.any():
            write_metrics(builder, list(_judged(audit)))


def _natural_scores(audit: AuditContext) -> Iterator[tuple[str, _Scores]]:
    spec, inputs = audit.spec, audit.selection_inputs()
    for strategy in spec.strategies:
        stored = audit.rows.selection(strategy)
        selection = Selection(stored.documents, stored.objective)
        yield strategy, ranking_scores(strategy, inputs, selection, spec.seed)
    blind = audit.rows.blind_scores()
    trained, in_domain = blind.p_trained, blind.p_trained + blind.p_held_out
    if len(trained):
        yield BLIND, np.divide(trained, in_domain, out=np.zeros(len(trained)), where=in_domain > 0)


def _judged(audit: AuditContext) -> Iterator[MetricRow]:
    spec, truth = audit.spec, audit.roles
    main = main_strategy(spec.strategies)
    own = audit.rows.membership_scores(main)
    for name in (*spec.strategies, *baselines_for(spec.task), BLIND):
        scores = audit.rows.membership_scores(name)
        if len(scores):
            yield from _membership(name, scores, truth, spec.seed)
            yield from _domain(name, _domain_scores(audit, name, scores), truth)
            if name != main:
                yield _lead(name, scores, main, own, truth)


def _membership(name: str, scores: _Scores, truth: Roles, seed: int) -> Iterator[MetricRow]:
    trained, held_out = scores[truth.is_trained], scores[truth.is_held_out]
    n = len(trained) + len(held_out)
    shuffled = f"{N_SHUFFLES} shuffles of the roles"
    chance = auc_by_chance(trained, held_out, seed)
    yield with_interval(
        name,
        Metric.MEMBERSHIP_AUC,
        auc_with_interval(trained, held_out).auc,
        n,
        "DeLong's variance, Mann–Whitney p-value",
        Null(chance.null, shuffled),
        1.0,
        chance.p_value,
    )
    for metric, share in MISTAKEN_SHARES.items():
        if len(held_out) * share >= 1:
            chance = found_by_chance(trained, held_out, share, seed)
            yield with_interval(
                name,
                metric,
                found_share(trained, held_out, share),
                len(trained),
                f"at a false positive rate of {share:.1%}; interval from order statistics and "
                "Clopper–Pearson, exact p-value",
                Null(chance.null, shuffled),
                1.0,
                chance.p_value,
            )
    yield from _prevalence(name, trained, held_out, seed)


def _prevalence(name: str, trained: _Scores, held_out: _Scores, seed: int) -> Iterator[MetricRow]:
    """The estimated share of training documents in one half of the domain's documents.

    The error rates come from the other half. This checks how good the estimate would be where the
    truth is unknown.
    """
    rng = np.random.default_rng([seed, 2])
    known, asked = zip(*(_halves(group, rng) for group in (trained, held_out)), strict=True)
    if min(map(len, known)) < _MIN_KNOWN:
        return

    def flagged(scores: _Scores) -> Flagged:
        return Flagged(int(flag(scores, known[1], _FLAGGED_BY_MISTAKE).sum()), len(scores))

    found = prevalence(flagged(np.concatenate(asked)), *map(flagged, known))
    if found is not None:
        yield with_interval(
            name,
            Metric.PREVALENCE,
            found,
            sum(map(len, asked)),
            f"Rogan–Gladen estimate at a false positive rate of {_FLAGGED_BY_MISTAKE:.0%}, with "
            "Lang–Reiczigel interval; for a random half of the documents, with the error rates "
            "measured on the other half",
        )


def _halves(group: _Scores, rng: np.random.Generator) -> tuple[_Scores, _Scores]:
    order = rng.permutation(len(group))
    return group[order[: len(group) // 2]], group[order[len(group) // 2 :]]


def _domain(name: str, scores: _Scores, truth: Roles) -> Iterator[MetricRow]:
    is_inside = truth.is_inside
    if is_inside.all():
        return
    yield with_interval(
        name,
        Metric.DOMAIN_AUC,
        auc_with_interval(scores[is_inside], scores[~is_inside]).auc,
        len(scores),
        "DeLong's variance",
        ceiling=1.0,
    )


def _lead(name: str, scores: _Scores, main: Strategy, own: _Scores, truth: Roles) -> MetricRow:
    """By how much a ranking's membership AUC exceeds the main strategy's, on the same documents."""
    trained, held_out = truth.is_trained, truth.is_held_out
    found = difference(scores[trained], scores[held_out], own[trained], own[held_out])
    return with_interval(
        name,
        Metric.MEMBERSHIP_LEAD,
        found.auc,
        int(trained.sum() + held_out.sum()),
        f"compared with {main.shown_as}; paired DeLong test",
        p_value=found.p_value,
    )


def _domain_scores(audit: AuditContext, name: str, scores: _Scores) -> _Scores:
    if name != BLIND:
        return scores
    blind = audit.rows.blind_scores()
    return blind.p_trained + blind.p_held_out


def _write(builder: AuditBuilder, scores: Mapping[Any, _Scores]) -> None:
    for name, own in scores.items():
        builder.write(
            "membership_scores",
            {
                "document_id": np.arange(len(own)),
                "scorer": [str(name)] * len(own),
                "score": own,
            },
        )
