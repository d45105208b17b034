"""What people say about a document or an example, and the views they save: plain text, bounded.

An annotation is a mark, tags and a note. It is shown to everybody who can open the dashboard, so
nothing here is ever read as Markdown or HTML.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import parse_qsl, urlencode

from assay.core.errors import InputError

MOST_TAGS = 20
TAG_LENGTH, NOTE_LENGTH, NAME_LENGTH, QUERY_LENGTH = 40, 4_000, 80, 8_000
# Line breaks and tabs are part of a note; other control characters are of no use in any text.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_PAGE = re.compile(r"[a-z][a-z_]{0,39}")


class Mark(StrEnum):
    """What a person decided about a document or an example."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"


@dataclass(frozen=True)
class Annotation:
    """Everything that people said about one document or example; tags in alphabetical order."""

    mark: Mark | None = None
    tags: tuple[str, ...] = ()
    note: str = ""

    def __bool__(self) -> bool:
        return self != Annotation()


class Marked(StrEnum):
    """Which marks a filter leaves."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    NEITHER = "not marked"


@dataclass(frozen=True)
class AnnotationFilter:
    """Which documents or examples to show; without anything, all.

    ``tags``: those that have any of these.
    """

    mark: Marked | None = None
    tags: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self != AnnotationFilter()

    def matches(self, one: Annotation) -> bool:
        """Whether something with this annotation is shown."""
        own = Marked(one.mark) if one.mark else Marked.NEITHER
        return self.mark in (None, own) and not (self.tags and set(self.tags).isdisjoint(one.tags))

    @property
    def in_words(self) -> str:
        """For a manifest or a data card; "" for all."""
        parts = [self.mark or "", f"tagged {' or '.join(self.tags)}" if self.tags else ""]
        return ", ".join(part for part in parts if part)


EVERYTHING = AnnotationFilter()


@dataclass(frozen=True)
class SavedView:
    """The address of a page with its settings, under a name.

    ``page``: the last part of the address; ``query``: its parameters, in order. There is no place
    for a host, so a view never leads out of the dashboard.
    """

    name: str
    page: str
    query: tuple[tuple[str, str], ...]

    @classmethod
    def checked(cls, name: str, page: str, query: str) -> SavedView:
        """The view of a page and a query string; InputError if any of them is no such thing."""
        if not _PAGE.fullmatch(page) or len(query) > QUERY_LENGTH:
            raise InputError(
                f"a page of this dashboard with at most {QUERY_LENGTH:,} characters of settings",
                f"{page[:40]!r} with {len(query):,}",
                "save the view of another page",
            )
        # No more parts than characters: the parser need not count.
        found = parse_qsl(query, keep_blank_values=True)
        return cls(
            checked_name(name), page, tuple((_plain(one), _plain(value)) for one, value in found)
        )

    @property
    def settings(self) -> str:
        """Its query string."""
        return urlencode(self.query)


def checked_name(text: str) -> str:
    """A view's name on one line; InputError if it is empty or too long."""
    name = " ".join(_plain(text).split())
    if not 0 < len(name) <= NAME_LENGTH:
        raise InputError(
            f"a name of 1 to {NAME_LENGTH} characters", f"{len(name):,}", "type another"
        )
    return name


def checked_tag(text: str) -> str:
    """A tag on one line; InputError if it is empty or too long, or has a comma, which parts tags
    in exports."""
    tag = " ".join(_plain(text).split())
    if not 0 < len(tag) <= TAG_LENGTH or "," in tag:
        raise InputError(
            f"a tag of 1 to {TAG_LENGTH} characters without a comma",
            repr(tag[: TAG_LENGTH + 1]),
            "type another",
        )
    return tag


def checked_note(text: str) -> str:
    """A note without blanks around it; InputError if it is too long."""
    note = _plain(text.replace("\r\n", "\n").replace("\r", "\n")).strip()
    if len(note) > NOTE_LENGTH:
        raise InputError(
            f"a note of at most {NOTE_LENGTH:,} characters", f"{len(note):,}", "shorten it"
        )
    return note


def _plain(text: str) -> str:
    return _CONTROL.sub("", text)
