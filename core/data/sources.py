"""Documents from wherever users keep them, streamed: memory does not grow with the source."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from core.data import builtin_docs
from core.data.formats import columns_of, file_rows, is_supported, supported_formats
from core.errors import InputError
from core.specs import DataRef, content_key

BUILTINS = ("builtin:docs", "builtin:stdlib")


@dataclass(frozen=True)
class Document:
    """A text, its label where the source has one, and the name of what it came from."""

    text: str
    label: str | int | None
    source: str


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
        yield document
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
    choices = [ref.text_column, ref.label_column, ref.sample, seed if ref.sample else None]
    location, split = _location_and_split(ref.location)
    if location in BUILTINS:
        return content_key(location, builtin_docs.documentation_digest(), choices)
    path = Path(location).expanduser()
    if path.is_dir():
        files = [
            [file.relative_to(path).as_posix(), _file_digest(file)]
            for file in sorted(path.rglob("*.txt"))
        ]
        return content_key("folder", files, choices)
    if path.exists():
        return content_key("file", _file_digest(path), split, choices)
    return content_key("hub", location, _hub_revision(location), split, choices)


def _all_documents(ref: DataRef) -> Iterator[Document]:
    location, split = _location_and_split(ref.location)
    if location in BUILTINS:
        return _builtin(location)
    if location.startswith("builtin:"):
        raise InputError(
            f"built-in data among {', '.join(BUILTINS)}", repr(location), "name one of them"
        )
    path = Path(location).expanduser()
    if path.is_dir():
        return _text_folder(path)
    if path.exists():
        return _from_rows(
            ref,
            file_rows(path, _wanted(ref, split)),
            path.name.split(".")[0],
            split,
            columns_of(path),
        )
    if is_supported(path) or location.startswith((".", "/", "~")) or location.count("/") > 1:
        raise _missing_file(path)
    return _hub(ref, location, split or "train")


def _location_and_split(location: str) -> tuple[str, str | None]:
    """``file.parquet#train`` → file and split; a path that exists with its # is left alone."""
    if Path(location).expanduser().exists():
        return location, None
    bare, _, split = location.partition("#")
    return bare, split or None


def _wanted(ref: DataRef, split: str | None) -> list[str]:
    return [
        name for name in (ref.text_column, ref.label_column, "split" if split else None) if name
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
                f"columns {', '.join(columns)}",
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
        text = row.get(ref.text_column)
        if text is not None and not isinstance(text, str):
            raise InputError(
                f"text in column {ref.text_column!r}",
                f"{type(text).__name__} in row {number:,}",
                "name the text column",
            )
        if text and text.strip():
            label = row.get(ref.label_column) if ref.label_column else None
            yield Document(text, _plain_label(label), source)
    if split is not None and n_kept == 0:
        raise InputError(
            f"a split {split!r} in {source!r}",
            f"splits {', '.join(sorted(splits))}",
            "name one of those after the #",
        )


def _plain_label(label: Any) -> str | int | None:
    if label is None or label == "":
        return None
    if isinstance(label, bool | str):
        return str(label)
    if isinstance(label, float) and np.isnan(label):
        return None
    if isinstance(label, int | float) and label == int(label):
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


def _text_folder(folder: Path) -> Iterator[Document]:
    files = sorted(folder.rglob("*.txt"))
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
            yield Document(text, file.parent.name if inside else None, file.parent.name)


def _hub(ref: DataRef, name: str, split: str) -> Iterator[Document]:
    import datasets

    try:
        rows = datasets.load_dataset(name, split=split, streaming=True)
        columns = list(rows.column_names or [])
    except Exception as error:  # the hub client raises many kinds, network errors among them
        raise InputError(
            f"a file ({supported_formats()}), a folder of text files, built-in data or a hub set",
            f"{name!r}, which is none that can be reached ({type(error).__name__})",
            "check the name, or download the set and give its file",
        ) from error
    yield from _from_rows(ref, (dict(row) for row in rows), name, None, columns)


def _hub_revision(name: str) -> str:
    import huggingface_hub

    try:
        return str(huggingface_hub.dataset_info(name).sha)
    except Exception as error:
        raise InputError(
            "a file, a folder, built-in data or a hub set that can be reached",
            f"{name!r} ({type(error).__name__})",
            "check the name, or download the set and give its file",
        ) from error


def _missing_file(path: Path) -> InputError:
    here = (
        sorted(file.name for file in path.parent.glob("*") if is_supported(file))
        if path.parent.is_dir()
        else []
    )
    hint = f"; there is {', '.join(here[:5])}" if here else ""
    return InputError(
        "an existing data file", f"{str(path)!r}, which is not there", f"check the path{hint}"
    )


def _file_digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
