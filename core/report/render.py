"""Renders an audit file as one HTML file."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from assay.cache.audits.evidence import AuditEvidence, read_evidence
from assay.cache.audits.model_pair import SamePair
from assay.cache.audits.read import AuditFacts
from assay.cache.audits.repeats import read_repeats
from assay.cache.export import selection_frame
from assay.cache.files.database import kept_open
from assay.cache.files.manifest import check_seal, file_digest
from assay.cache.store import Store
from assay.core.findings import method_text
from assay.core.findings.answers.audit_answers import audit_answers
from assay.core.findings.audit_tables import (
    MEMBERSHIP_NOTE,
    TABLE,
    membership_table,
    notes,
    strategy_table,
)
from assay.core.findings.class_shares import share_sentence
from assay.core.findings.initial_head import insiders_view
from assay.core.findings.rankings_table import HOW_RANKINGS_READ, judged, members_table
from assay.core.findings.repeats import HOW_REPEATS_READ, spread_table
from assay.core.findings.thresholds import THRESHOLDS
from assay.core.findings.titration import titration_finding
from assay.core.findings.titration_grid import nearest_budget
from assay.core.findings.vocabulary import ASSUMPTIONS, CORPUS, vocabulary_finding
from assay.core.report.figures.audit_figures import AuditFigures
from assay.core.report.figures.drawing import REPORT
from assay.core.report.pair_findings import Table, pair_findings
from assay.core.report.shown_names import DocumentText
from assay.core.report.template import filled
from assay.core.specs.audit import Assessability
from assay.core.specs.place_names import name_of
from assay.core.specs.strategies import leading_strategy

# Every report contains this, so that a later one may replace it.
MARK = '<meta name="generator" content="Assay">'
# How many documents are listed from the top of the selection, and how much of each text.
_N_DOCUMENTS = 50
_MOST_CHARACTERS = 4_000
# Of a table, on an upright page.
_MOST_COLUMNS = 8


@kept_open()
def render_report(
    store: Store,
    path: Path,
    known: SamePair,
    repeats: Sequence[Path],
    with_documents: bool = False,
    index: str | None = None,
) -> str:
    """A self-contained page: no script, no address, a policy that forbids both; prints to PDF.

    ``known``: what else the store holds on the pair; ``repeats``: this audit and its repeats with
    other final models. ``with_documents``: show the text of selected documents, otherwise only
    their hashes. ``index``: a page beside it that lists all reports. Every sentence is made from
    the rows of the tables below it; the seal is checked first, and the file's digest is on every
    printed page. No folder of this machine is in it. InputError, UnreadableFile or OSError if a
    file cannot be read.
    """
    check_seal(path)
    tests = [one for name in known.suspect_tests if (one := store.suspect_tests.read(name))]
    evidence = read_evidence(path, tests, known.n_deleted_tests)
    facts = evidence.facts
    digest = file_digest(path)
    is_scored = facts.assessability is not Assessability.NOT_ASSESSABLE
    return filled(
        "report.html.j2",
        mark=MARK,
        facts=facts,
        meta=facts.meta,
        audit_id=path.stem,
        digest=digest,
        index=index,
        pair=pair_findings(store, known),
        unasked=_unasked(facts, known),
        method=method_text,
        thresholds=THRESHOLDS,
        most_columns=_MOST_COLUMNS,
        asked=question_of(facts),
        provenance=_provenance(facts, path.name, digest),
        scores=_scores(path, evidence, repeats, with_documents) if is_scored else None,
    )


def question_of(facts: AuditFacts) -> dict[str, Any]:
    """What was asked, by names without folders."""
    spec = facts.spec
    return {
        "base": name_of(spec.base),
        "final": name_of(spec.final),
        "corpora": [name_of(one.location) for one in spec.seed_corpus],
        "reference": name_of(spec.reference.location) if spec.reference else None,
    }


def _unasked(facts: AuditFacts, known: SamePair) -> dict[str, str]:
    """Questions that were not asked about this pair, each with the command that would."""
    spec = facts.spec
    base, final = name_of(spec.base), name_of(spec.final)
    pair = shlex.join(["--base", base, "--final", final, "--task", spec.task])
    unasked = {}
    if not known.rankings:
        unasked["Which of several public corpora was the model fine-tuned on, if any?"] = (
            f"assay rank-corpora {pair} --corpus ONE --corpus ANOTHER"
        )
    if not known.suspect_tests and not known.n_deleted_tests:
        unasked["Were particular documents trained on?"] = (
            f"assay suspect {pair} --suspects THESE --controls OTHERS-LIKE-THEM"
        )
    return unasked


def _scores(
    path: Path, evidence: AuditEvidence, repeats: Sequence[Path], with_documents: bool
) -> dict[str, Any]:
    facts = evidence.facts
    figures = AuditFigures(path, evidence, REPORT)
    rows, strategies = figures.rows, facts.strategies
    return {
        "beyond": insiders_view(facts.meta),
        "found": audit_answers(evidence),
        "figures": figures,
        "vocabulary": _vocabulary(facts),
        "rankings": Table.of(members_table(rows, judged(rows)), HOW_RANKINGS_READ),
        "titration": _titration(evidence, figures),
        "classes": share_sentence(rows, figures.main),
        "table": Table.of(strategy_table(rows, strategies), notes(rows, strategies)),
        "repeats": _over_repeats(repeats, facts) if len(repeats) > 1 else None,
        "membership": Table.of(membership_table(rows, strategies), MEMBERSHIP_NOTE),
        "strategy": figures.main.shown_as,
        "documents": _documents(path, figures, with_documents),
        "with_documents": with_documents,
    }


def _vocabulary(facts: AuditFacts) -> dict[str, Any] | None:
    """What the input embeddings show; None in an audit from before this analysis."""
    if facts.meta.vocabulary is None:
        return None
    found = vocabulary_finding(facts.meta.vocabulary, CORPUS)
    return {"finding": found, "assumes": ASSUMPTIONS if facts.meta.vocabulary.is_assessable else ()}


def _titration(evidence: AuditEvidence, figures: AuditFigures) -> Any:
    """What the measured grid says at the budget that its figure shows; None without one."""
    budget = (
        nearest_budget(figures.grid["budget"], evidence.facts.spec.budget)
        if len(figures.grid)
        else None
    )
    if budget is None:
        return None
    strategy = leading_strategy(evidence.facts.spec.strategies)
    return titration_finding(evidence.titration, strategy, budget)


def _over_repeats(repeats: Sequence[Path], facts: AuditFacts) -> dict[str, Any]:
    """Means over final models, for everything in the table of strategies."""
    frame = spread_table(read_repeats(repeats), facts.strategies, TABLE)
    return {"n_models": len(repeats), "table": Table.of(frame, HOW_REPEATS_READ)}


def _documents(path: Path, figures: AuditFigures, with_text: bool) -> list[dict[str, Any]]:
    frame = selection_frame(path, figures.main, limit=_N_DOCUMENTS)
    kept = ["rank", "gain", "source", "in_reference", "n_tokens", "text_hash"]
    kept += [name for name in ("pseudolabel",) if name in frame]
    shown = frame[[*kept, *(["text"] if with_text else [])]].to_dict("records")
    for one in shown if with_text else ():
        text = str(one["text"])
        is_long = len(text) > _MOST_CHARACTERS
        cut = f"{text[:_MOST_CHARACTERS]} … [{len(text):,} characters in all]" if is_long else text
        one["text"] = DocumentText(cut)
    return shown


def _provenance(facts: AuditFacts, name: str, digest: str) -> Mapping[str, Any]:
    """Facts by name; the command and the packages separately."""
    known = dict(facts.meta.provenance)
    command, packages = known.pop("command"), known.pop("packages")
    durations = {f"{row.name}, s": round(row.duration_s, 1) for row in facts.stages.itertuples()}
    return {
        "command": command,
        "tables": {
            "The audit's file": {
                "name": name,
                "SHA-256": digest,
                "seal": "every table is unchanged since it was sealed",
            },
            "Models and data": {
                **facts.meta.counts.as_known(),
                **known,
                **facts.models.by_name(),
            },
            "Training": asdict(facts.meta.training),
            "Packages": packages,
            "Durations": durations,
        },
    }
