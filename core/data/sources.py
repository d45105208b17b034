"""Documents from wherever users keep them, streamed: memory does not grow with the source."""

from __future__ import annotations

import difflib
import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from assay.core.data import builtin_docs
from assay.core.data.conversations import conversation
from assay.core.data.formats import columns_of, file_rows, is_supported, reading, supported_formats
from assay.core.errors import InputError
from assay.core.specs.data import DataRef
from assay.core.specs.hashing import content_key

BUILTINS = ("builtin:docs", "builtin:stdlib")


@dataclass(frozen=True)
class Document:
    """A text, its label where the source has one, and the name of what it came from.

    Of a conversation, ``messages`` are its turns as (role, content), and ``text`` joins them.
    """

    text: str
    label: str | int | None
    source: str
    messages: tuple[tuple[str, str], ...] = ()


def read_documents(ref: DataRef, seed: int = 0) -> Iterator[Document]:
    """The documents of ``ref`` in order, blank ones skipped.

    With ``ref.sample``, that many at random by ``seed``, in their original order. InputError if
    the source, a column or a split is missing, a line is malformed, or nothing is left.
    """
    documents = _all_documents(ref)
    if ref.sample is not None:
        documents = sampled(documents, ref.sample, seed)
    n_documents = 0
    for document in documents:
        n_documents += 1
        yield replace(document, source=ref.source) if ref.source else document
    if n_documents == 0:
        raise InputError(
            "at least one document that is not blank",
            f"none in {ref.location!r}",
            "check the file and the text column",
        )


def sampled(documents: Iterator[Document], n: int, seed: int) -> Iterator[Document]:
    """``n`` documents at random in their order, all of them if there are fewer.

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
    choices = [
        ref.text_column,
        ref.label_column,
        ref.prompt_column,
        ref.sample,
        seed if ref.sample else None,
    ]
    if ref.source:
        choices.append(ref.source)
    location, split = _location_and_split(ref.location)
    path = _path(location)
    match _kind(location, split):
        case "builtin":
            return content_key(location, builtin_docs.documentation_digest(), choices)
        case "folder":
            files = [
                [file.relative_to(path).as_posix(), _file_digest(file)]
                for file in _text_files(path)
            ]
            return content_key("folder", files, choices)
        case "file":
            return content_key("file", _file_digest(path), split, choices)
        case _:
            revision = _hub_revision(_name_and_subset(location)[0])
            return content_key("hub", location, revision, split, choices)


def _all_documents(ref: DataRef) -> Iterator[Document]:
    location, split = _location_and_split(ref.location)
    path = _path(location)
    match _kind(location, split):
        case "builtin":
            return _builtin(location)
        case "folder":
            return _text_folder(path)
        case "file":
            return _from_rows(
                ref,
                file_rows(path, _wanted(ref, split)),
                path.name.split(".")[0],
                split,
                columns_of(path),
            )
        case _:
            return _hub(ref, location, split or "train")


def _location_and_split(location: str) -> tuple[str, str | None]:
    """``file.parquet#train`` → file and split; a path that exists with its # is left alone."""
    if "#" not in location or os.path.exists(_path(location)):
        return location, None
    bare, _, split = location.rpartition("#")
    return bare, split or None


def _path(location: str) -> Path:
    return Path(os.path.expanduser(location))


def _kind(location: str, split: str | None) -> str:
    """ "builtin", "folder", "file" or "hub"; InputError if a location is none of these."""
    path = _path(location)
    if location.startswith("builtin:"):
        if location not in BUILTINS:
            raise InputError(
                f"built-in data among {', '.join(BUILTINS)}", repr(location), "name one of them"
            )
        kind = "builtin"
    # os.path answers False where Path raises, as for a name that is too long.
    elif location and os.path.isdir(path):
        kind = "folder"
    elif location and os.path.exists(path):
        kind = "file"
    elif is_supported(path) or not _may_be_on_the_hub(location):
        raise _missing_file(location)
    else:
        kind = "hub"
    if split and kind in ("builtin", "folder"):
        raise InputError(
            "a split only of a file or a hub data set",
            f"{split!r} of {location!r}",
            "leave out the # and the split",
        )
    return kind


def _may_be_on_the_hub(location: str) -> bool:
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id

    try:
        validate_repo_id(_name_and_subset(location)[0])
    except HFValidationError:
        return False
    return True


def _wanted(ref: DataRef, split: str | None) -> list[str]:
    return [
        name
        for name in (
            ref.text_column,
            ref.label_column,
            ref.prompt_column,
            "split" if split else None,
        )
        if name
    ]


def _from_rows(
    ref: DataRef,
    rows: Iterator[Mapping[str, Any]],
    source: str,
    split: str | None,
    columns: list[str],
) -> Iterator[Document]:
    for name in _wanted(ref, split):
        if name not in columns:
            raise InputError(
                f"a column {name!r} in {source!r}",
                f"columns {', '.join(columns)}" if columns else "no columns at all",
                "name it with --text-column or --label-column"
                if name != "split"
                else "leave out the # and the split",
            )
    splits = set()
    n_kept = 0
    for number, row in enumerate(rows, start=1):
        if split is not None:
            splits.add(str(row.get("split")))
            if str(row.get("split")) != split:
                continue
        n_kept += 1
        messages = conversation(row, ref, number)
        text = row.get(ref.text_column)
        if messages:
            text = "\n\n".join(content for _, content in messages)
        if text is not None and not isinstance(text, str):
            raise InputError(
                f"text in column {ref.text_column!r}",
                f"{type(text).__name__} in row {number:,}",
                "name the text column",
            )
        if text and text.strip():
            _require_unicode(text, number)
            label = row.get(ref.label_column) if ref.label_column else None
            yield Document(text, _plain_label(label), source, messages)
    if split is not None and n_kept == 0:
        raise InputError(
            f"a split {split!r} in {source!r}",
            f"splits {', '.join(sorted(splits))}",
            "name one of those after the #",
        )


def _require_unicode(text: str, number: int) -> None:
    """JSON can spell half a character, which no tokenizer and no hash takes."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InputError(
            "text in Unicode", f"half a surrogate pair in row {number:,}", "mend that row"
        ) from error


def _plain_label(label: Any) -> str | int | None:
    if label is None or label == "":
        return None
    if isinstance(label, bool | str):
        return str(label)
    if isinstance(label, float) and np.isnan(label):
        return None
    if isinstance(label, int) or (isinstance(label, float) and label.is_integer()):
        return int(label)
    raise InputError(
        "labels that are text or whole numbers", repr(label), "name the right --label-column"
    )


def _builtin(name: str) -> Iterator[Document]:
    paragraphs = (
        builtin_docs.documentation_paragraphs()
        if name == "builtin:docs"
        else builtin_docs.standard_library_paragraphs()
    )
    for paragraph in paragraphs:
        yield Document(paragraph.text, paragraph.field, paragraph.package)


def _text_files(folder: Path) -> list[Path]:
    return sorted(file for file in folder.rglob("*.txt") if file.is_file())


def _text_folder(folder: Path) -> Iterator[Document]:
    files = _text_files(folder)
    if not files:
        raise InputError(
            "text files (.txt) in the folder",
            f"none in {folder.name!r}",
            f"add some, or give a file of format {supported_formats()}",
        )
    for file in files:
        try:
            text = file.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise InputError(
                "text in UTF-8", f"other bytes in {file.name!r}", "convert the file"
            ) from error
        if text.strip():
            inside = file.parent != folder
            yield Document(text, file.parent.name if inside else None, file.parent.resolve().name)


def _name_and_subset(location: str) -> tuple[str, str | None]:
    """``owner/name:subset`` → a hub set's name and which of its subsets, None for its only one."""
    name, _, subset = location.partition(":")
    return name, subset or None


def _hub(ref: DataRef, location: str, split: str) -> Iterator[Document]:
    name, subset = _name_and_subset(location)
    # Asked first: ``datasets`` would take a name like "csv" for the files of the working folder.
    revision = _hub_revision(name)
    import datasets

    try:
        rows = datasets.load_dataset(name, subset, split=split, streaming=True, revision=revision)
        columns = rows.column_names or list(next(iter(rows), {}))
    except Exception as error:
        raise _unreachable(location, error) from error
    yield from _from_rows(ref, (dict(row) for row in rows), location, None, columns)


def _hub_revision(name: str) -> str:
    import huggingface_hub

    try:
        return str(huggingface_hub.dataset_info(name).sha)
    except Exception as error:
        raise _unreachable(name, error) from error


def _unreachable(name: str, error: Exception) -> InputError:
    """The hub client raises many kinds, of the network and of the set; the first line tells."""
    reason = next(iter(str(error).strip().splitlines()), "") or type(error).__name__
    return InputError(
        f"a file ({supported_formats()}), a folder of text files, built-in data or a hub set",
        f"{name!r}, which is none that can be read ({reason.rstrip(' .:')})",
        "check the name, its subset (NAME:SUBSET) and the split (#SPLIT), or download the set and "
        "give its file",
    )


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
        "an existing data file", f"{location!r}, which is not there", f"check the path{hint}"
    )


def _file_digest(path: Path) -> str:
    with reading(path), path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
