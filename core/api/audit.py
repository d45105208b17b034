"""`assay.Audit`: a complete audit, for reading in a notebook."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from assay.cache.audits.arrays import read_corpus
from assay.cache.audits.evidence import evidence_of
from assay.cache.audits.read import AuditFacts, read_facts, read_metrics
from assay.cache.export import documents_frame, export_selection, selection_frame
from assay.cache.store import Store
from assay.core.api.as_html import audit_as_html
from assay.core.errors import InputError
from assay.core.findings.answers.answer import Answer
from assay.core.findings.answers.audit_answers import audit_answers, audit_finding
from assay.core.findings.finding import Finding
from assay.core.specs.audit import Assessability, AuditSpec
from assay.core.specs.strategies import Strategy

if TYPE_CHECKING:
    from assay.core.gradients.features import GradientFeatures


@dataclass(frozen=True, repr=False)
class Audit:
    """One complete audit: its file and what can be read from it.

    Tables are new DataFrames at each call, so changing one changes no other. ``store``: where a
    report looks for other results on the same models.
    """

    path: Path
    store: Store = field(compare=False)

    @property
    def id(self) -> str:
        """Its name in commands and in the dashboard."""
        return self.path.stem

    @property
    def title(self) -> str:
        return self._facts.meta.title

    @property
    def spec(self) -> AuditSpec:
        """The audit's options."""
        return self._facts.spec

    @property
    def finding(self) -> Finding:
        """What it found: ``headline`` is the answer with the strongest evidence, ``sentences`` are
        its certainty and everything else, each made from rows of ``metrics``."""
        return audit_finding(evidence_of(self.store, self.path))

    @property
    def answers(self) -> tuple[Answer, ...]:
        """Four questions answered, the strongest evidence first: each with ``question``,
        ``headline``, ``certainty``, ``standing`` and what was tried for it without success,
        ``failed``."""
        return audit_answers(evidence_of(self.store, self.path)).answers

    @property
    def assessability(self) -> Assessability:
        """Whether the weights allow an answer; "not assessable" never means "no leak"."""
        return self._facts.assessability

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why it is assessable, or not."""
        return self._facts.meta.assessment.reasons

    @property
    def caveats(self) -> tuple[str, ...]:
        """What to know before believing the numbers."""
        return self._facts.meta.caveats

    @property
    def provenance(self) -> dict[str, Any]:
        """Hashes, versions, the device, and the command that repeats the audit."""
        return dict(self._facts.meta.provenance)

    @property
    def metrics(self) -> pd.DataFrame:
        """Every metric value, with what chance alone would give."""
        return read_metrics(self.path)

    def documents(self, first: int = 0, n: int = 100) -> pd.DataFrame:
        """``n`` documents of the seed corpus with their scores, starting at number ``first``."""
        if first < 0 or n < 1:
            raise InputError(
                "first of at least 0 and n of at least 1",
                f"first={first}, n={n}",
                "correct them",
            )
        return documents_frame(self.path, first, n)

    def selection(self, strategy: Strategy | str = Strategy.SELECT) -> pd.DataFrame:
        """A strategy's selected documents, best first: rank from 1, gain, source, text, scores.

        InputError if the audit did not run the strategy.
        """
        return selection_frame(self.path, self._ran(strategy))

    @property
    def gradients(self) -> GradientFeatures:
        """Every document's gradient, for `assay.select`; InputError if none were computed."""
        from assay.core.gradients.features import gradient_features

        corpus = read_corpus(self.path, self.spec.held_out_source)
        if corpus is None:
            raise InputError(
                "an audit that computed gradients",
                f"{self.id}, which did not",
                "open another audit",
            )
        return gradient_features(corpus.gradients)

    def report(
        self,
        out: str | os.PathLike[str],
        *,
        with_documents: bool = False,
        overwrite: bool = False,
    ) -> Path:
        """Write the audit as one page, .html or .pdf, with the selected texts if asked.

        InputError for another ending, if a file of yours would be lost, or if what writes PDF is
        not installed.
        """
        from assay.core.report.write import write_report

        write_report(self.store, self.path, [Path(out)], with_documents, overwrite)
        return Path(out)

    def export(
        self,
        out: str | os.PathLike[str],
        strategy: Strategy | str = Strategy.SELECT,
        *,
        overwrite: bool = False,
    ) -> Path:
        """Write a selection as .csv, .jsonl or .parquet, with the marks, tags and notes of its
        documents, and a manifest.

        InputError for another ending, or if a file of yours would be lost.
        """
        export_selection(self.store, self.path, self._ran(strategy), Path(out), overwrite)
        return Path(out)

    def __repr__(self) -> str:
        n_documents = self._facts.meta.counts.n_documents
        return (
            f"<Audit {self.id}: {self.assessability.shown_as}, {n_documents:,} documents, budget "
            f"{self.spec.budget:,}\n {self.finding.headline}>"
        )

    def _repr_html_(self) -> str:
        return audit_as_html(self.id, self._facts, self.finding, self.metrics)

    @cached_property
    def _facts(self) -> AuditFacts:
        return read_facts(self.path)

    def _ran(self, strategy: Strategy | str) -> Strategy:
        ran = [str(one) for one in self._facts.strategies]
        if str(strategy) not in ran:
            raise InputError(
                f"a strategy of this audit ({', '.join(ran)})",
                repr(str(strategy)),
                "choose one of them",
            )
        return Strategy(strategy)
