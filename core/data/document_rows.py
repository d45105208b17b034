"""Documents from the rows of files and hub sets; unusable rows are counted, not fatal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from assay.core.data.conversations import conversation
from assay.core.data.files import MAX_CHARACTERS
from assay.core.data.skipped import SkippedRows, Unusable
from assay.core.errors import InputError
from assay.core.specs.data import DataRef
from assay.core.specs.plain import JsonObject

_MOST_NAMES = 20
_MOST_LETTERS = 60
_LONGEST_LABEL = 1000


@dataclass(frozen=True)
class Document:
    """A text, its label if the source has one, and the name of its source.

    For a conversation, ``messages`` are its turns as (role, content), and ``text`` joins them.
    ``place``: its file, and the number of its row there, from 1.
    """

    text: str
    label: str | int | None
    source: str
    messages: tuple[tuple[str, str], ...] = ()
    place: tuple[str, int] = ("", 0)


class Row(NamedTuple):
    """A row, the name of its file and its number there."""

    file: str
    number: int
    cells: JsonObject


def wanted_columns(ref: DataRef, split: str | None) -> list[str]:
    """The columns that will be read."""
    split_column = "split" if split else None
    names = (ref.text_column, ref.label_column, ref.prompt_column, split_column)
    return [name for name in names if name]


def check_columns(ref: DataRef, split: str | None, columns: Sequence[str], name: str) -> None:
    """InputError unless each wanted column exists exactly once."""
    for wanted in wanted_columns(ref, split):
        n = columns.count(wanted)
        if n == 1:
            continue
        do = "give it with --text-column, --label-column or FILE:text=COLUMN,label=COLUMN"
        if n > 1:
            raise InputError(
                f"one column {wanted!r} in {name!r}", f"{n}", "rename or remove the others"
            )
        if not columns:
            raise InputError(
                f"documents in {name!r}", "nothing: no columns and no rows", "check the file"
            )
        raise InputError(
            f"a column {wanted!r} in {name!r}",
            f"columns {shown(columns)}",
            "remove the # and the split" if wanted == "split" else do,
        )


def shown(names: Iterable[Any]) -> str:
    """Untrusted names for a message: printable, shortened, the first twenty."""
    listed = list(names)
    clean = [
        "".join(filter(str.isprintable, str(name)[:_MOST_LETTERS])) for name in listed[:_MOST_NAMES]
    ]
    more = len(listed) - len(clean)
    return ", ".join(clean) + (f" and {more:,} more" if more else "")


def documents_of(
    ref: DataRef, rows: Iterable[Row], source: str, split: str | None, skipped: SkippedRows
) -> Iterator[Document]:
    """The documents of rows without blank ones; unusable rows are added to ``skipped``.

    InputError for a split that no row names, or a label that is neither text nor a whole number.
    """
    splits: set[str] = set()
    n_kept = 0
    for row in rows:
        if split is not None:
            own = str(row.cells.get("split"))
            if len(splits) <= _MOST_NAMES:
                splits.add(own)
            if own != split:
                continue
        n_kept += 1
        try:
            document = _document(ref, row, source)
        except Unusable as reason:
            skipped.add(str(reason), row.file, row.number)
            continue
        if document is not None:
            yield document
    if split is not None and n_kept == 0:
        raise InputError(
            f"a split {split!r} in {source!r}",
            f"splits {shown(sorted(splits))}",
            "give one of those after the #",
        )


def check_text(text: str) -> None:
    """Unusable for a text that no tokenizer or database accepts."""
    if len(text) > MAX_CHARACTERS:
        raise Unusable(f"longer than {MAX_CHARACTERS:,} characters")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        # JSON can contain half a surrogate pair.
        raise Unusable("half a surrogate pair") from error


def _document(ref: DataRef, row: Row, source: str) -> Document | None:
    messages = conversation(row.cells, ref)
    text = row.cells.get(ref.text_column)
    if messages:
        text = "\n\n".join(content for _, content in messages)
    if text is None:
        return None
    if not isinstance(text, str):
        raise Unusable(f"{type(text).__name__} instead of text")
    if not text.strip():
        return None
    check_text(text)
    label = row.cells.get(ref.label_column) if ref.label_column else None
    return Document(text, _plain_label(label), source, messages, (row.file, row.number))


def _plain_label(label: Any) -> str | int | None:
    if label is None or label == "":
        return None
    if isinstance(label, str) and len(label) <= _LONGEST_LABEL:
        check_text(label)
        return label
    if isinstance(label, bool):
        return str(label)
    if isinstance(label, float) and np.isnan(label):
        return None
    if isinstance(label, int) or (isinstance(label, float) and label.is_integer()):
        return int(label)
    raise InputError(
        f"labels that are text or whole numbers, of at most {_LONGEST_LABEL:,} characters",
        shown([repr(label)[:_MOST_LETTERS]]),
        "choose the right --label-column",
    )
