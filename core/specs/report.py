"""Which audit a report is on, and where it goes."""

from __future__ import annotations

from dataclasses import dataclass

from assay.core.specs.options import Names, option


@dataclass(frozen=True)
class ReportSpec:
    """One audit as a page to print."""

    audit: str = option(
        is_argument=True,
        names=Names.AUDIT,
        help="An audit, as `assay list` shows it, or its file.",
    )
    out: str = option(names=Names.NEW_FILE, help="The .html file to write.")
    with_documents: bool = option(
        False, is_main=True, help="Include the text of selected documents."
    )

    @property
    def job_title(self) -> str:
        """What a list of jobs calls it."""
        return f"Report on {self.audit}"
