"""Documents from any supported source, streamed: memory does not grow with the source."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from assay.core.data import builtin_docs
from assay.core.data.document_rows import (
    Document,
    Row,
    check_columns,
    check_text,
    documents_of,
    shown,
    wanted_columns,
)
from assay.core.data.files import MAX_CHARACTERS, digest, open_regular, reading
from assay.core.data.formats import (
    class_names,
    columns_of,
    file_rows,
    is_supported,
    supported_formats,
)
from assay.core.data.hub_sets import (
    hub_class_names,
    hub_documents,
    hub_revision,
    may_be_hub_set,
)
from assay.core.data.object_store import check_readable, is_remote, name_of
from assay.core.data.shards import FileSet, files_at, is_pattern
from assay.core.data.skipped import SkippedRows, Unusable
from assay.core.errors import InputError
from assay.core.specs.data import DataRef
from assay.core.specs.hashing import content_key

_STDLIB = "builtin:stdlib"
BUILTINS = ("builtin:docs", _STDLIB)
# A column with more different values does not hold labels.
_MOST_LABELS = 10_000


@dataclass(frozen=True)
class FileLabels:
    """The labels that occur in a source, and the names of its numbers if it includes them."""

    found: frozenset[str | int]
    class_names: tuple[str, ...] | None


def read_documents(
    ref: DataRef, seed: int = 0, skipped: SkippedRows | None = None
) -> Iterator[Document]:
    """The documents of ``ref`` in order, no blank ones; unreadable rows go to ``skipped``.

    With ``ref.sample``, that many at random by ``seed``, in their original order. InputError if the
    source, a column or a split is missing, a file is damaged, or nothing is left.
    """
    left_out = SkippedRows() if skipped is None else skipped
    documents = _all_documents(ref, left_out)
    if ref.sample is not None:
        documents = sampled(documents, ref.sample, seed)
    n_documents = 0
    for document in documents:
        n_documents += 1
        yield replace(document, source=ref.source) if ref.source else document
    if n_documents == 0:
        raise InputError(
            "at least one document that is not blank",
            left_out.told(f"none in {ref.location!r}"),
            "check the file and the text column",
        )


def check_there(ref: DataRef) -> None:
    """InputError if documents are not there or local ones lack a column; reads no more than the
    head of the first file."""
    location, split = _location_and_split(ref.location)
    kind = _kind(location, split)
    if kind == "hub":
        hub_revision(location)
    if kind != "files":
        return
    if is_remote(location):
        check_readable(location)
        return
    here = files_at(location, split)
    if here.are_texts:
        return
    first = here.files[0]
    if columns := columns_of(first):
        check_columns(ref, here.column_split, columns, first.name)


def read_labels(ref: DataRef) -> FileLabels:
    """The labels of all documents of ``ref``, sampled or not; InputError if too many."""
    known = _known_labels(ref)
    if known is not None:
        return known
    found: set[str | int] = set()
    for document in _all_documents(ref, SkippedRows()):
        if document.label is not None:
            found.add(document.label)
        if len(found) > _MOST_LABELS:
            raise InputError(
                f"at most {_MOST_LABELS:,} different labels in column {ref.label_column!r}",
                f"more in {ref.location!r}, such as {shown(list(found)[:3])}",
                "choose the right --label-column",
            )
    return FileLabels(frozenset(found), _class_names(ref))


def _known_labels(ref: DataRef) -> FileLabels | None:
    """For sources that take long to read but know their labels beforehand."""
    location, split = _location_and_split(ref.location)
    match _kind(location, split):
        case "builtin":
            return FileLabels(frozenset(builtin_docs.labels(location == _STDLIB)), None)
        case "hub":
            names = hub_class_names(ref, location, split or "train")
            return FileLabels(frozenset(range(len(names))), names) if names else None
        case _:
            return None


def _class_names(ref: DataRef) -> tuple[str, ...] | None:
    """The names of numbers in the label column, if all files agree."""
    location, split = _location_and_split(ref.location)
    if _kind(location, split) != "files":
        return None
    here = files_at(location, split)
    if here.are_texts:
        return None
    named = {class_names(file, str(ref.label_column)) for file in here.files}
    return named.pop() if len(named) == 1 else None


def source_names(ref: DataRef) -> tuple[str, ...]:
    """The names that documents of ``ref`` are stored under."""
    if ref.source:
        return (ref.source,)
    location, split = _location_and_split(ref.location)
    match _kind(location, split):
        case "builtin":
            return builtin_docs.package_names(location == _STDLIB)
        case "files" if is_remote(location):
            return (name_of(location).split(".")[0],)
        case "files":
            here = files_at(location, split)
            if here.are_texts:
                return tuple(dict.fromkeys(file.parent.resolve().name for file in here.files))
            return (here.name,)
        case _:
            return (location,)


def sampled(documents: Iterator[Document], n: int, seed: int) -> Iterator[Document]:
    """``n`` random documents in their order, or all if there are fewer.

    Reservoir sampling (algorithm R): every document has the same chance, memory is O(n).
    """
    if n < 1:
        raise InputError("a sample of at least one document", str(n), "raise the sample size")
    generator = np.random.default_rng(seed)
    kept: list[tuple[int, Document]] = []
    for position, document in enumerate(documents):
        if position < n:
            kept.append((position, document))
        elif (slot := int(generator.integers(position + 1))) < n:
            kept[slot] = (position, document)
    for _, document in sorted(kept, key=lambda pair: pair[0]):
        yield document


def content_digest(ref: DataRef, seed: int = 0) -> str:
    """SHA-256 (hex) of what ``read_documents`` will read: contents and choices, not names."""
    choices: list[Any] = [
        ref.text_column,
        ref.label_column,
        ref.prompt_column,
        ref.sample,
        seed if ref.sample else None,
    ]
    if ref.source:
        choices.append(ref.source)
    if ref.label_names:
        choices.append(ref.label_names)
    location, split = _location_and_split(ref.location)
    match _kind(location, split):
        case "builtin":
            return content_key(location, builtin_docs.documentation_digest(), choices)
        case "files":
            here = files_at(location, split)
            if here.are_texts:
                named = [[_inside(file, here.top), digest(file)] for file in here.files]
                return content_key("folder", named, choices)
            if len(here.files) == 1 and here.column_split == split:
                return content_key("file", digest(here.files[0]), split, choices)
            digests = [digest(file) for file in here.files]
            return content_key("shards", digests, here.column_split, choices)
        case _:
            return content_key("hub", location, hub_revision(location), split, choices)


def _all_documents(ref: DataRef, skipped: SkippedRows) -> Iterator[Document]:
    location, split = _location_and_split(ref.location)
    match _kind(location, split):
        case "builtin":
            return _builtin(location)
        case "files":
            here = files_at(location, split)
            if here.are_texts:
                return _texts(here, skipped)
            rows = _rows_of_files(ref, here)
            return documents_of(ref, rows, here.name, here.column_split, skipped)
        case _:
            return hub_documents(ref, location, split or "train", skipped)


def _rows_of_files(ref: DataRef, here: FileSet) -> Iterator[Row]:
    """The rows of all files in turn; with several files, one without rows or columns is skipped."""
    wanted = wanted_columns(ref, here.column_split)
    for file in here.files:
        columns = columns_of(file)
        if columns or len(here.files) == 1:
            check_columns(ref, here.column_split, columns, file.name)
            for number, cells in enumerate(file_rows(file, wanted), start=1):
                yield Row(file.name, number, cells)


def _inside(file: Path, top: Path | None) -> str:
    return file.name if top is None else file.relative_to(top).as_posix()


def _location_and_split(location: str) -> tuple[str, str | None]:
    """``file.parquet#train`` → file and split; an existing path that contains # is kept whole."""
    if "#" not in location or os.path.exists(_path(location)):
        return location, None
    bare, _, split = location.rpartition("#")
    return bare, split or None


def _path(location: str) -> Path:
    return Path(os.path.expanduser(location))


def _kind(location: str, split: str | None) -> str:
    """ "builtin", "files" or "hub"; InputError if a location is none of these."""
    path = _path(location)
    if location.startswith("builtin:"):
        if location not in BUILTINS:
            raise InputError(
                f"built-in data among {', '.join(BUILTINS)}", repr(location), "choose one of them"
            )
        kind = "builtin"
    elif is_remote(location):
        if not is_supported(Path(name_of(location))):
            raise InputError(
                f"an object ending in {supported_formats()}", repr(location), "give such a file"
            )
        kind = "files"
    # os.path returns False where Path raises, for example for a name that is too long.
    elif location and (os.path.exists(path) or is_pattern(location)):
        kind = "files"
    elif is_supported(path) or not may_be_hub_set(location):
        raise _missing_file(location)
    else:
        kind = "hub"
    if split and kind == "builtin":
        raise InputError(
            "a #split only after a file or a hub data set",
            f"{split!r} of {location!r}",
            "remove the # and the split",
        )
    return kind


def _builtin(name: str) -> Iterator[Document]:
    paragraphs = (
        builtin_docs.documentation_paragraphs()
        if name == "builtin:docs"
        else builtin_docs.standard_library_paragraphs()
    )
    for paragraph in paragraphs:
        yield Document(paragraph.text, paragraph.field, paragraph.package)


def _texts(here: FileSet, skipped: SkippedRows) -> Iterator[Document]:
    """One document per text file, labelled by its folder below the given one."""
    for file in here.files:
        try:
            with reading(file), open_regular(file) as stream:
                text = stream.read(4 * MAX_CHARACTERS + 1).decode("utf-8-sig")
            check_text(text)
        except Unusable as reason:
            skipped.add(str(reason), file.name, 1)
            continue
        if text.strip():
            label = file.parent.name if here.top and file.parent != here.top else None
            yield Document(text, label, file.parent.resolve().name, (), (file.name, 1))


def _missing_file(location: str) -> InputError:
    path = _path(location)
    here = (
        sorted(file.name for file in path.parent.glob("*") if is_supported(file))
        if os.path.isdir(path.parent)
        else []
    )
    nearest = difflib.get_close_matches(path.name, here, n=3) or here[:5]
    hint = f"; there is {', '.join(nearest)}" if nearest else ""
    return InputError(
        "an existing data file", f"{location!r}, which does not exist", f"check the path{hint}"
    )
