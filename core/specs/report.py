"""Which audit a report or a presentation is on, and where it goes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from assay.core.errors import InputError, OptionConflict
from assay.core.specs.options import Names, option

_AN_AUDIT = "An audit, as `assay list` shows it, or its file."


def _to_write(ending: str) -> Any:
    """A page to write, with the option that names it."""
    return option(None, is_main=True, names=Names.NEW_FILE, help=f"The {ending} file to write.")


@dataclass(frozen=True)
class ReportSpec:
    """One audit as a page to print, or all audits as a folder of pages."""

    audit: str | None = option(
        None,
        is_argument=True,
        is_main=True,
        names=Names.AUDIT,
        help=_AN_AUDIT,
    )
    out: str | None = _to_write(".html")
    pdf: str | None = _to_write(".pdf")
    every: str | None = option(
        None,
        flag="all",
        names=Names.NEW_FILE,
        help="Instead of one audit: a folder for the reports on all audits, with a list of them.",
    )
    with_documents: bool = option(
        False, is_main=True, help="Include the text of selected documents."
    )

    @property
    def job_title(self) -> str:
        """What a list of jobs calls it."""
        return "Reports on all audits" if self.every else f"Report on {self.audit}"


@dataclass(frozen=True)
class PresentSpec:
    """One audit as a presentation."""

    audit: str = option(
        is_argument=True,
        names=Names.AUDIT,
        help=_AN_AUDIT,
    )
    out: str | None = _to_write(".html")
    pdf: str | None = _to_write(".pdf")
    figures: str | None = option(
        None,
        names=Names.NEW_FILE,
        help="A folder for its figures, each as .svg and .png.",
    )

    @property
    def job_title(self) -> str:
        """What a list of jobs calls it."""
        return f"Presentation of {self.audit}"


def check_report(spec: ReportSpec) -> None:
    """InputError unless it says what to report on, and where to write it."""
    if spec.every:
        if spec.audit or spec.out or spec.pdf:
            raise OptionConflict(
                "--all reports on every audit", "an audit as well", "give either an audit or --all"
            )
        return
    if not spec.audit:
        raise InputError("an audit, or --all FOLDER", "neither", "name one; see `assay list`")
    _check_files(spec.out, spec.pdf)


def check_presentation(spec: PresentSpec) -> None:
    """InputError unless it says where to write what."""
    if not spec.figures or spec.out or spec.pdf:
        _check_files(spec.out, spec.pdf)


def _check_files(out: str | None, pdf: str | None) -> None:
    if not out and not pdf:
        raise InputError("--out FILE.html or --pdf FILE.pdf", "neither", "give one or both")
    for flag, name, endings in (("out", out, (".html", ".htm")), ("pdf", pdf, (".pdf",))):
        if name and not name.endswith(endings):
            raise InputError(
                f"a file ending in {endings[0]}", repr(name), f"choose another --{flag}"
            )
