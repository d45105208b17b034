"""Every figure that one audit has, by the question that it helps to answer."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from assay.cache.audits.comparison import (
    read_label_counts,
    read_places,
    read_random_objective,
    read_reference_places,
    read_selected_places,
    read_source_counts,
)
from assay.cache.audits.evidence import AuditEvidence
from assay.cache.audits.membership import read_rankings
from assay.cache.audits.read import read_objective, read_sources
from assay.cache.audits.vocabulary import read_tokens
from assay.core.findings.answers.answer import Question
from assay.core.findings.audit_tables import charted
from assay.core.findings.class_shares import share_table
from assay.core.findings.finding import MetricTable
from assay.core.findings.membership import membership_finding
from assay.core.findings.rankings_table import judged
from assay.core.report.figures.curve import roc_curve
from assay.core.report.figures.dots import corpus_dots, metric_dots
from assay.core.report.figures.drawing import Drawing, Look
from assay.core.report.figures.places import document_map
from assay.core.report.figures.shares import class_bars
from assay.core.report.figures.steps import cosine_curves, turning
from assay.core.report.figures.titration import titration_curves
from assay.core.report.figures.vocabulary import movement
from assay.core.specs.strategies import (
    BLIND,
    Strategy,
    baselines_for,
    leading_strategy,
    main_strategy,
)

_N_METRICS = 4
_N_CURVE_POINTS = 2_000
_MOST_PLACES = 2_000
_BEST_RANKINGS = 3
Drawings = list[Drawing]


@dataclass(frozen=True)
class AuditFigures:
    """Figures are drawn when asked for; a missing one means that the audit measured no such
    thing."""

    path: Path
    evidence: AuditEvidence
    look: Look

    def of(self, question: Question) -> Drawings:
        """The figures behind one answer, the main one first."""
        match question:
            case Question.TOLD:
                found = [self.curve, self.titration]
            case Question.PROVEN:
                found = [self.vocabulary]
            case Question.CLOSE:
                found = [*self.metrics, self.map]
            case Question.KIND:
                found = [self.corpora, self.classes]
        return [one for one in found if one]

    @property
    def all(self) -> Drawings:
        """Every figure once: how the selection was made, then question by question."""
        return [*self.steps, *(one for question in Question for one in self.of(question))]

    @cached_property
    def steps(self) -> Drawings:
        """How the selection was made, from its own steps."""
        objective = read_objective(self.path, self._strategies, _N_CURVE_POINTS)
        random = read_random_objective(self.path, _N_CURVE_POINTS)
        shown = dict.fromkeys(
            one for one in (self.main, Strategy.TOP_K, Strategy.RANDOM) if one in self._strategies
        )
        found = [
            turning(objective, random, self.main, self.look),
            cosine_curves(objective, random, list(shown), self.look),
        ]
        return [one for one in found if one]

    @cached_property
    def curve(self) -> Drawing | None:
        facts, rows = self.evidence.facts, self.rows
        finding = membership_finding(rows.all(), self.main)
        if finding is None:
            return None
        best = judged(rows)
        names = dict.fromkeys(
            [
                finding.finder or finding.winner,
                self.main,
                *best[:_BEST_RANKINGS],
                *(name for name in best if name in baselines_for(facts.spec.task)),
            ][: _BEST_RANKINGS + 3]
        )
        shown = [*names, *(one for one in (BLIND, Strategy.RANDOM) if one not in names)]
        return roc_curve(
            read_rankings(self.path, facts.spec.held_out_source), shown, rows, self.look
        )

    @cached_property
    def titration(self) -> Drawing | None:
        """The strategy that the finding is about, and the main one, which may have failed."""
        budget = self.evidence.facts.spec.budget
        shown = Strategy(leading_strategy(self._strategies)), self.main
        return titration_curves(self.grid, budget, shown, self.look)

    @cached_property
    def grid(self) -> pd.DataFrame:
        """The titration's grid; empty without one."""
        return pd.DataFrame(self.evidence.titration)

    @cached_property
    def vocabulary(self) -> Drawing | None:
        facts = self.evidence.facts.meta.vocabulary
        return movement(read_tokens(self.path), facts, self.look) if facts else None

    @cached_property
    def metrics(self) -> Drawings:
        """What selections are judged by."""
        wanted = charted(self.rows, self._strategies, _N_METRICS)
        found = (metric_dots(self.rows, self._strategies, one, self.look) for one in wanted)
        return [one for one in found if one]

    @cached_property
    def map(self) -> Drawing | None:
        finding = membership_finding(self.rows.all(), self.main)
        best = finding.finder or finding.winner if finding and finding.is_found else self.main
        drawn = dict.fromkeys([best, self.main, Strategy.RANDOM])
        selected = {
            one: read_selected_places(self.path, one, _MOST_PLACES)
            for one in map(Strategy, (name for name in drawn if name in self._strategies))
        }
        reference = read_reference_places(self.path, _MOST_PLACES)
        return document_map(read_places(self.path), selected, reference, self.look)

    @cached_property
    def classes(self) -> Drawing | None:
        names, counts = self.evidence.facts.label_names, self.evidence.facts.meta.counts
        kind = "class" if names else "source"
        if names:
            found = read_label_counts(self.path)
            found = found.assign(group=[names[label] for label in found["label"]])
        else:
            found, names = read_source_counts(self.path), read_sources(self.path)
            found = found.rename(columns={"source": "group"})
        table, budget = share_table(found, names), self.evidence.facts.spec.budget
        return class_bars(table, counts.n_documents, budget, self.main, kind, self.look)

    @cached_property
    def corpora(self) -> Drawing | None:
        return corpus_dots(self.evidence.sources, self.look)

    @cached_property
    def rows(self) -> MetricTable:
        return MetricTable(self.evidence.metrics)

    @property
    def main(self) -> Strategy:
        return main_strategy(self._strategies)

    @property
    def _strategies(self) -> list[Strategy]:
        return self.evidence.facts.strategies
