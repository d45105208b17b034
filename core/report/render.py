"""Renders an audit file as one HTML file."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import jinja2
import markupsafe
import pandas as pd

from assay.cache.audits.evidence import read_evidence
from assay.cache.audits.model_pair import SamePair
from assay.cache.audits.read import AuditFacts, read_facts, read_metrics
from assay.cache.audits.repeats import read_repeats
from assay.cache.export import selection_frame
from assay.cache.files.manifest import check_seal, file_digest
from assay.cache.store import Store
from assay.core.findings import method_text
from assay.core.findings.answers.audit_answers import audit_answers
from assay.core.findings.audit_tables import (
    MEMBERSHIP_NOTE,
    TABLE,
    charted,
    membership_table,
    notes,
    references,
    strategy_table,
)
from assay.core.findings.commands_in_text import set_commands
from assay.core.findings.finding import MetricTable
from assay.core.findings.initial_head import insiders_view
from assay.core.findings.repeats import HOW_REPEATS_READ, spread_table
from assay.core.findings.vocabulary import ASSUMPTIONS, CORPUS, vocabulary_finding
from assay.core.report.pair_findings import Table, pair_findings
from assay.core.report.svg_charts import dot_plot
from assay.core.specs.audit import Assessability
from assay.core.specs.results.suspect_test import SuspectResult
from assay.core.specs.strategies import Strategy, main_strategy

# Every report contains this, so that a later one may replace it.
MARK = '<meta name="generator" content="Assay">'
_N_FIGURES = 4
# How many documents are listed from the top of the selection.
_N_DOCUMENTS = 50


@dataclass(frozen=True)
class _Figure:
    title: str
    caption: str
    image: str


def render_report(
    store: Store,
    path: Path,
    known: SamePair,
    repeats: Sequence[Path],
    with_documents: bool = False,
) -> str:
    """A self-contained page: no script, no address, a policy that forbids both; prints to PDF.

    ``known``: what else the store holds on the pair; ``repeats``: this audit and its repeats with
    other final models. ``with_documents``: show the text of selected documents, otherwise only
    their hashes. Every sentence is made from the rows of the tables below it; the seal is checked
    first, and the file's digest is in the report. InputError, UnreadableFile or OSError if a file
    cannot be read.
    """
    check_seal(path)
    facts = read_facts(path)
    tests = [one for name in known.suspect_tests if (one := store.suspect_tests.read(name))]
    is_scored = facts.assessability is not Assessability.NOT_ASSESSABLE
    return _template().render(
        mark=MARK,
        facts=facts,
        meta=facts.meta,
        audit_id=path.stem,
        pair=pair_findings(store, known),
        unasked=_unasked(facts, known),
        method=method_text,
        provenance=_provenance(facts, path),
        scores=_scores(path, facts, repeats, tests, with_documents) if is_scored else None,
    )


def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["with_commands"] = _with_commands
    return environment.get_template("report.html.j2")


def _with_commands(sentence: str) -> markupsafe.Markup:
    """Text as HTML, the commands it names as code."""
    return markupsafe.Markup(
        set_commands(sentence, "<code>{}</code>".format, lambda text: str(markupsafe.escape(text)))
    )


def _unasked(facts: AuditFacts, known: SamePair) -> dict[str, str]:
    """Questions that were not asked about this pair, each with the command that would."""
    spec = facts.spec
    pair = shlex.join(["--base", spec.base, "--final", spec.final, "--task", spec.task])
    unasked = {}
    if not known.rankings:
        unasked["Which of several public corpora was the model fine-tuned on, if any?"] = (
            f"assay rank-corpora {pair} --corpus ONE --corpus ANOTHER"
        )
    if not known.suspect_tests:
        unasked["Were particular documents trained on?"] = (
            f"assay suspect {pair} --suspects THESE --controls OTHERS-LIKE-THEM"
        )
    return unasked


def _scores(
    path: Path,
    facts: AuditFacts,
    repeats: Sequence[Path],
    tests: list[SuspectResult],
    with_documents: bool,
) -> dict[str, Any]:
    rows = MetricTable(read_metrics(path).to_dict("records"))
    strategies = facts.strategies
    chosen = main_strategy(strategies)
    return {
        "beyond": insiders_view(facts.meta),
        "found": audit_answers(read_evidence(path, tests)),
        "vocabulary": _vocabulary(facts),
        "figures": _figures(rows, strategies),
        "table": Table.of(strategy_table(rows, strategies), notes(rows, strategies)),
        "repeats": _over_repeats(repeats, strategies) if len(repeats) > 1 else None,
        "membership": Table.of(membership_table(rows, strategies), MEMBERSHIP_NOTE),
        "strategy": chosen.shown_as,
        "documents": _documents(path, chosen, with_documents),
        "with_documents": with_documents,
    }


def _vocabulary(facts: AuditFacts) -> dict[str, Any] | None:
    """What the input embeddings show; None in an audit from before this analysis."""
    if facts.meta.vocabulary is None:
        return None
    found = vocabulary_finding(facts.meta.vocabulary, CORPUS)
    return {"finding": found, "assumes": ASSUMPTIONS if facts.meta.vocabulary.is_assessable else ()}


def _over_repeats(repeats: Sequence[Path], strategies: list[Strategy]) -> dict[str, Any]:
    """Means over final models, for everything in the table of strategies."""
    frame = spread_table(read_repeats(repeats), strategies, TABLE)
    return {"n_models": len(repeats), "table": Table.of(frame, HOW_REPEATS_READ)}


def _figures(rows: MetricTable, strategies: list[Strategy]) -> list[_Figure]:
    figures = []
    for metric in charted(rows, strategies, _N_FIGURES):
        info = metric.info
        own = {s: row for s in strategies if (row := rows.get(s, metric))}
        first = next(iter(own.values()))
        has_band = pd.notna(first["null_low"]) and first["null_high"] > first["null_low"]
        beside = f"grey band: {first['null_kind']}" if has_band else "bars are 95% intervals"
        image = dot_plot(own, references(rows, metric, own), info.is_percent)
        figures.append(_Figure(info.title, f"{info.direction}; {beside}", image))
    return figures


def _documents(path: Path, strategy: Strategy, with_text: bool) -> list[dict[str, Any]]:
    frame = selection_frame(path, strategy, limit=_N_DOCUMENTS)
    kept = ["rank", "gain", "source", "in_reference", "n_tokens", "text_hash"]
    kept += [name for name in ("pseudolabel",) if name in frame]
    return frame[[*kept, *(["text"] if with_text else [])]].to_dict("records")


def _provenance(facts: AuditFacts, path: Path) -> Mapping[str, Any]:
    """Facts by name; the command and the packages separately."""
    known = dict(facts.meta.provenance)
    command, packages = known.pop("command"), known.pop("packages")
    durations = {f"{row.name}, s": round(row.duration_s, 1) for row in facts.stages.itertuples()}
    return {
        "command": command,
        "tables": {
            "The audit's file": {
                "name": path.name,
                "SHA-256": file_digest(path),
                "seal": "every table is unchanged since it was sealed",
            },
            "Models and data": {
                **asdict(facts.meta.counts),
                **known,
                **facts.models.by_name(),
            },
            "Training": asdict(facts.meta.training),
            "Packages": packages,
            "Durations": durations,
        },
    }
