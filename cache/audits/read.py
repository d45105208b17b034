"""Queries on sealed audits for pages, reports and exports.

Every function opens the file, reads, and closes it. A sealed audit never changes, so callers may
keep the result.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from assay.cache.among import Among
from assay.cache.audits.rows import AuditRows
from assay.cache.audits.schema import SCHEMA_VERSION
from assay.cache.files.claims import as_claimed, check_version
from assay.cache.files.database import UnreadableFile, open_to_read
from assay.cache.files.listing import Stamp, named_file, remembered, summaries
from assay.cache.store import Store
from assay.core.errors import InputError
from assay.core.specs.audit import Assessability, AuditSpec
from assay.core.specs.hashing import canonical_json
from assay.core.specs.plain import to_plain
from assay.core.specs.results.audit import AuditResult, PairFacts
from assay.core.specs.strategies import Strategy


@dataclass(frozen=True)
class AuditSummary:
    """One line of the list of audits; ``problem`` says why a file cannot be read."""

    audit_id: str
    title: str
    created_at: str
    task: str
    budget: int
    n_documents: int
    size_bytes: int
    assessability: Assessability | None = None
    problem: str | None = None
    # Digests of the base and the final model's weights.
    pair: tuple[str, str] | None = None
    # The options without the seed: audits that share them are repeats of each other.
    question: str = ""
    # What was asked about: names of the two models and of the seed corpus's sources.
    models: tuple[str, ...] = ()
    corpora: tuple[str, ...] = ()

    def is_about(self, words: str) -> bool:
        """Whether title, name, task, models or corpora contain every one of the words."""
        named = (self.title, self.audit_id, self.task, *self.models, *self.corpora)
        text = "\n".join(named).lower()
        return all(word in text for word in words.lower().split())


@dataclass(frozen=True)
class AuditFacts:
    """Everything an audit says about itself, besides its tables."""

    meta: AuditResult
    stages: pd.DataFrame
    models: PairFacts

    @property
    def label_names(self) -> list[str]:
        return list(self.meta.label_names)

    @property
    def assessability(self) -> Assessability:
        return self.meta.assessment.verdict

    @property
    def spec(self) -> AuditSpec:
        """The audit's options."""
        return self.meta.asked

    @property
    def strategies(self) -> list[Strategy]:
        return list(self.spec.strategies)


@dataclass(frozen=True)
class SelectionFilter:
    """Which documents to show; empty means all."""

    search: str = ""
    labels: tuple[int, ...] = ()
    sources: tuple[str, ...] = ()
    only_located: bool = False
    among: Among | None = None


@dataclass(frozen=True)
class SelectionPage:
    """Some rows of a selection, and how many there are in all."""

    rows: pd.DataFrame
    n_rows: int


def audit_path(store: Store, audit_id: str) -> Path:
    """The file of an audit; InputError if there is none with that name."""
    return named_file(
        store.audits,
        audit_id,
        "the id of an audit in this store",
        "see the Audits page or `assay list`",
    )


def list_audits(store: Store) -> list[AuditSummary]:
    """All audits, newest first; a file that cannot be read is listed with its problem."""
    found = summaries(store.audits, _known_summary, _unreadable)
    return sorted(found, key=lambda summary: summary.created_at, reverse=True)


def read_facts(path: Path) -> AuditFacts:
    """What the audit says about itself; UnreadableFile if it is not a valid audit."""
    with open_to_read(path, is_listing=True) as connection:
        rows = connection.execute(
            "SELECT key, value FROM meta WHERE key != 'evaluation_choices'"
        ).fetchall()
        stages = connection.execute("SELECT name, duration_s FROM stages ORDER BY position").df()
        facts = connection.execute("SELECT * FROM model_facts").fetchall()
    try:
        said = {key: json.loads(value) for key, value in rows}
        check_version(said, SCHEMA_VERSION)
        meta = as_claimed(AuditResult, said)
        by_model: dict[str, dict[str, object]] = {}
        for model, fact, value in facts:
            by_model.setdefault(model, {})[fact] = json.loads(value)
        models = as_claimed(PairFacts, by_model)
        meta.asked  # noqa: B018 - a file with unknown options is not an audit
    except InputError as error:
        raise UnreadableFile(path, _NOT_AN_AUDITS_WORDS, is_damaged=False) from error
    except (ValueError, RecursionError) as error:
        raise UnreadableFile(path, str(error), is_damaged=False) from error
    return AuditFacts(meta, stages, models)


def read_facts_of_file(path: Path) -> AuditFacts:
    """The same for a file from anywhere; InputError unless it is an audit of this version."""
    try:
        return read_facts(path)
    except UnreadableFile as unreadable:
        raise _no_audit(path, unreadable.problem) from unreadable
    except OSError as error:
        raise _no_audit(path, error.strerror or str(error)) from error


def _no_audit(path: Path, problem: str) -> InputError:
    return InputError(
        "an audit file that this version can read",
        f"{str(path)!r} ({problem})",
        "choose another, or run the audit again",
    )


def read_metrics(path: Path) -> pd.DataFrame:
    """The metrics table, as stored."""
    with open_to_read(path) as connection:
        return connection.execute("SELECT * FROM metrics ORDER BY metric, subject").df()


def read_layers(path: Path) -> pd.DataFrame:
    """How each tensor changed, in the model's order (``core.gradients.weight_difference``)."""
    with open_to_read(path) as connection:
        return connection.execute("SELECT * FROM layers ORDER BY position").df()


def read_sources(path: Path) -> list[str]:
    """The names of the sources that the seed corpus was read from."""
    with open_to_read(path) as connection:
        return AuditRows(connection).sources()


def read_selection(
    path: Path, strategy: Strategy, chosen: SelectionFilter, limit: int, offset: int = 0
) -> SelectionPage:
    """Ranked documents with their scores, ``limit`` of them from ``offset`` on."""
    condition, parameters = _condition(strategy, chosen)
    with open_to_read(path) as connection:
        ((n_rows,),) = connection.execute(
            f"SELECT count(*) {_SELECTION} WHERE {condition}", parameters
        ).fetchall()
        rows = connection.execute(
            f"SELECT {_SELECTION_COLUMNS} {_SELECTION} WHERE {condition} ORDER BY rank "
            "LIMIT ? OFFSET ?",
            [*parameters, limit, offset],
        ).df()
    return SelectionPage(rows, n_rows)


def read_objective(path: Path, strategies: Sequence[Strategy], n_points: int) -> pd.DataFrame:
    """The objective (cosine) as selections grow: strategy, rank, objective.

    Every rank of a strategy, up to ``n_points``; of longer ones evenly spaced ranks and the last.
    """
    with open_to_read(path) as connection:
        return connection.execute(
            "SELECT strategy, rank, objective FROM selections WHERE list_contains(?, strategy) "
            "WINDOW own AS (PARTITION BY strategy) "
            "QUALIFY rank % greatest(1, ceil(count(*) OVER own / ?)::BIGINT) = 0 "
            "OR rank = max(rank) OVER own ORDER BY strategy, rank",
            [[str(strategy) for strategy in strategies], n_points],
        ).df()


def read_titration(path: Path) -> pd.DataFrame:
    """The titration grid, as stored; no rows if there was no titration."""
    with open_to_read(path) as connection:
        return connection.execute("SELECT * FROM titration_grid ORDER BY ALL").df()


def read_document(path: Path, document_id: int) -> dict[str, Any]:
    """One whole document, with its scores."""
    with open_to_read(path) as connection:
        frame = connection.execute(
            "SELECT * FROM documents JOIN scores USING (document_id) WHERE document_id = ?",
            [document_id],
        ).df()
        if frame.empty:
            raise InputError(
                "a document of this audit", f"number {document_id}", "choose one from the table"
            )
    return dict(frame.iloc[0].to_dict())


def read_documents_in_order(path: Path, first: int, n: int) -> pd.DataFrame:
    """``n`` documents of the seed corpus in reading order from number ``first`` on, with scores."""
    return _documents(path, "document_id >= ? ORDER BY document_id LIMIT ?", [first, n])


def read_documents_of(path: Path, hashes: Sequence[str]) -> pd.DataFrame:
    """The documents of the seed corpus with these digests, in reading order, with scores."""
    condition = "text_hash IN (SELECT unnest(?::VARCHAR[])) ORDER BY document_id"
    return _documents(path, condition, [list(hashes)])


def _documents(path: Path, which: str, parameters: list[Any]) -> pd.DataFrame:
    with open_to_read(path) as connection:
        return connection.execute(
            "SELECT document_id, pseudolabel, final_probability, base_loss, cosine, source, "
            "in_reference, n_tokens, text_hash, text "
            f"FROM documents JOIN scores USING (document_id) WHERE {which}",
            parameters,
        ).df()


_SELECTION = "FROM selections JOIN documents USING (document_id) JOIN scores USING (document_id)"
_SELECTION_COLUMNS = (
    "rank, document_id, gain, weight, objective, pseudolabel, final_probability, "
    "base_loss, cosine, source, in_reference, n_tokens, text_hash, text"
)


def _condition(strategy: Strategy, chosen: SelectionFilter) -> tuple[str, list[Any]]:
    condition, parameters = document_condition(chosen)
    return f"strategy = ? AND {condition}", [str(strategy), *parameters]


def document_condition(chosen: SelectionFilter) -> tuple[str, list[Any]]:
    """SQL that is true for matching rows of documents and scores, with its parameters."""
    conditions, values = ["true"], list[Any]()
    if chosen.search:
        conditions.append("contains(lower(text), lower(?))")
        values.append(chosen.search)
    if chosen.labels:
        conditions.append("list_contains(?::INTEGER[], pseudolabel::INTEGER)")
        values.append(list(chosen.labels))
    if chosen.sources:
        conditions.append("list_contains(?, source)")
        values.append(list(chosen.sources))
    if chosen.only_located:
        conditions.append("in_reference")
    if chosen.among is not None:
        condition, parameters = chosen.among.condition("document_id")
        conditions.append(condition)
        values += parameters
    return " AND ".join(conditions), values


def _but_for_the_seed(spec: AuditSpec) -> str:
    """The options without what another seed changes: the final model, the title, the seeds."""
    training = spec.training and replace(spec.training, seed=0)
    return canonical_json(to_plain(replace(spec, final="", title="", seed=0, training=training)))


_NOT_AN_AUDITS_WORDS = "its metadata are not those of an audit"


@remembered
def _known_summary(path: Path, stamp: Stamp) -> AuditSummary:
    meta = read_facts(path).meta
    spec = meta.asked
    return AuditSummary(
        path.stem,
        meta.title,
        meta.created_at,
        spec.task,
        spec.budget,
        meta.counts.n_documents,
        stamp.size,
        meta.assessment.verdict,
        pair=meta.pair,
        question=_but_for_the_seed(spec),
        models=(spec.base, spec.final),
        corpora=tuple(one.location for one in spec.seed_corpus),
    )


def _unreadable(path: Path, problem: str, size: int = 0) -> AuditSummary:
    return AuditSummary(path.stem, path.stem, "", "", 0, 0, size, problem=problem)
