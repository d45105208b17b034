"""Every page of the dashboard, declared once: what it is called, where it is, under which question.

To add a page, add a line. A page whose file does not exist yet is left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

_FOLDER = Path(__file__).resolve().parents[1]


class Section(StrEnum):
    """What one wants to know: the groups of the sidebar, in their order."""

    ANSWER = "The answer"
    USED = "Which documents were used?"
    CLOSE = "How close is public data?"
    KIND = "What kind of data was it?"
    SAYS = "What does the model say?"
    STORE = "All work"


@dataclass(frozen=True)
class PageEntry:
    """``name``: of its file in ``pages/`` and in the browser's address.

    ``needs_audit``: it is about one audit, which its address names.
    """

    name: str
    title: str
    icon: str
    section: Section
    needs_audit: bool = False

    @property
    def file(self) -> str:
        """Its path, as links want it."""
        return f"pages/{self.name}.py"

    @property
    def exists(self) -> bool:
        return (_FOLDER / f"{self.name}.py").is_file()


def _of_audit(name: str, title: str, icon: str, section: Section) -> PageEntry:
    return PageEntry(name, title, f":material/{icon}:", section, needs_audit=True)


def _of_store(name: str, title: str, icon: str, section: Section) -> PageEntry:
    return PageEntry(name, title, f":material/{icon}:", section)


ENTRIES = (
    _of_audit("overview", "Overview", "summarize", Section.ANSWER),
    _of_audit("assessability", "Assessability", "balance", Section.ANSWER),
    _of_audit("report", "Report", "description", Section.ANSWER),
    _of_audit("present", "Present", "slideshow", Section.ANSWER),
    _of_store("compare", "Compare", "compare_arrows", Section.ANSWER),
    _of_audit("membership", "Membership", "how_to_reg", Section.USED),
    _of_audit("vocabulary", "Vocabulary", "dictionary", Section.USED),
    _of_audit("titration", "Titration", "science", Section.USED),
    _of_audit("evidence", "Evidence", "plagiarism", Section.USED),
    _of_store("suspects", "Suspects", "person_search", Section.USED),
    _of_audit("selection", "Selection", "playlist_add_check", Section.CLOSE),
    _of_audit("map", "Map", "scatter_plot", Section.CLOSE),
    _of_audit("transport", "Transport", "straighten", Section.CLOSE),
    _of_audit("corpora", "Public corpora", "library_books", Section.KIND),
    _of_audit("class_balance", "Class balance", "stacked_bar_chart", Section.KIND),
    _of_store("topics", "Topics", "account_tree", Section.SAYS),
    _of_store("examples", "Examples", "quiz", Section.SAYS),
    _of_store("diff", "Model diff", "difference", Section.SAYS),
    _of_store("echo", "Echo", "hearing", Section.SAYS),
    _of_store("audits", "Audits", "folder_open", Section.STORE),
    _of_store("search", "Search", "search", Section.STORE),
    _of_store("new_audit", "New job", "add_circle", Section.STORE),
    _of_store("jobs", "Jobs", "pending_actions", Section.STORE),
    _of_store("experiments", "Experiments", "labs", Section.STORE),
    _of_store("about", "About the method", "help", Section.STORE),
)
# What the bare address shows.
FIRST = "audits"
PAGES = {entry.name: entry for entry in ENTRIES if entry.exists}
