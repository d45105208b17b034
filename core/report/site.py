"""The reports on all audits of a store as a folder of pages that need no server."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from urllib.parse import quote

from assay.cache.audits.evidence import evidence_of
from assay.cache.audits.model_pair import same_pair
from assay.cache.audits.read import audit_path, list_audits
from assay.cache.audits.repeats import repeats_of
from assay.cache.export_files import write_folder
from assay.cache.files.database import UnreadableFile, kept_open
from assay.cache.files.manifest import check_seal
from assay.cache.store import Store
from assay.core.errors import InputError
from assay.core.findings.answers.audit_answers import audit_answers
from assay.core.report.render import MARK, question_of, render_report
from assay.core.report.template import filled, script_of
from assay.core.runtime.progress import Progress

INDEX = "index.html"


@dataclass(frozen=True)
class Line:
    """One audit in the list. ``problem`` says why there is no report on it."""

    audit_id: str
    title: str
    created_at: str
    base: str = ""
    final: str = ""
    corpora: str = ""
    weights: str = ""
    headline: str = ""
    standing: str = ""
    # How strong its evidence is, to sort by.
    strength: int = 0
    problem: str | None = None

    @property
    def file(self) -> str:
        # An audit may be called index.
        return f"report-{self.audit_id}.html"

    @property
    def address(self) -> str:
        """Relative to the list."""
        return quote(self.file)


def write_site(
    store: Store,
    folder: Path,
    progress: Progress,
    with_documents: bool = False,
    may_overwrite: bool = False,
) -> list[Line]:
    """Write a list of all audits, and the report on each that can be read.

    Returns the lines of the list. InputError if there are no audits, if ``folder`` is a file, or if
    a file there that is not an unchanged page of an earlier site would be overwritten; then nothing
    is written. Pages that an earlier site had of other audits stay.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError("a folder to write to", f"the file {str(folder)!r}", "choose another")
    lines = [_line(store, one.audit_id, one.title, one.created_at) for one in list_audits(store)]
    readable = [one for one in lines if one.problem is None]
    if not readable:
        raise InputError("a store with audits", "none that can be read", "see `assay list`")
    by_file = {one.file: one.audit_id for one in readable}

    @kept_open()
    def contents(name: str) -> bytes:
        if name == INDEX:
            return _index(lines).encode()
        path = audit_path(store, by_file[name])
        known, repeats = same_pair(store, path), repeats_of(store, path)
        page = render_report(store, path, known, repeats, with_documents, index=INDEX)
        progress.advance()
        return page.encode()

    described = {"assay_version": metadata.version("assay-audit"), "audits": list(by_file.values())}
    with progress.stage("reports", len(readable)):
        write_folder(folder, [*by_file, INDEX], contents, described, may_overwrite)
    return lines


def _line(store: Store, audit_id: str, title: str, created_at: str) -> Line:
    path = store.audits / f"{audit_id}.duckdb"
    try:
        check_seal(path)
        evidence = evidence_of(store, path)
        lead = audit_answers(evidence).lead
    except (UnreadableFile, InputError, OSError) as error:
        return Line(audit_id, title, created_at, problem=str(error))
    asked = question_of(evidence.facts)
    return Line(
        audit_id,
        title,
        created_at,
        asked["base"],
        asked["final"],
        ", ".join(asked["corpora"]),
        evidence.facts.assessability.shown_as,
        lead.headline,
        lead.standing.shown_as,
        int(lead.standing),
    )


def _index(lines: list[Line]) -> str:
    return filled(
        "site.html.j2",
        mark=MARK,
        lines=lines,
        script=script_of("sortable.js"),
        version=metadata.version("assay-audit"),
    )
