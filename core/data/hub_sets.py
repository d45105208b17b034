"""Data sets on the hub, read as a stream: no code that comes with one is run, and for one no file
of this machine and no other address is read."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from assay.core.data.document_rows import Document, Row, check_columns, documents_of
from assay.core.data.formats import supported_formats
from assay.core.data.skipped import SkippedRows
from assay.core.errors import InputError
from assay.core.hub.client import hub, is_hub_name
from assay.core.hub.problems import hub_problem, is_of_hub
from assay.core.specs.data import DataRef

_MOST_LETTERS = 300


def may_be_hub_set(location: str) -> bool:
    """Whether a location could be NAME or NAME:SUBSET."""
    return is_hub_name(name_and_subset(location)[0])


def name_and_subset(location: str) -> tuple[str, str | None]:
    """``owner/name:subset`` → the name of a hub data set and its subset, None for its only one."""
    name, _, subset = location.partition(":")
    return name, subset or None


def hub_revision(location: str) -> str:
    """The commit that is read; InputError if the hub has no such set."""
    name, _ = name_and_subset(location)
    try:
        return str(hub().dataset_info(name).sha)
    except Exception as error:
        raise hub_unreadable(name, error) from error


def hub_documents(
    ref: DataRef, location: str, split: str, skipped: SkippedRows
) -> Iterator[Document]:
    """The documents of a set; InputError if it cannot be read, or no longer can."""
    try:
        rows = hub_rows(location, split)
        columns = rows.column_names or list(next(iter(rows), {}))
    except Exception as error:
        raise hub_unreadable(location, error) from error
    check_columns(ref, None, columns, location)
    numbered = (Row(location, n, dict(row)) for n, row in enumerate(_read(rows, location), start=1))
    yield from documents_of(ref, numbered, location, None, skipped)


def _read(rows: Iterable[Mapping[str, Any]], location: str) -> Iterator[Mapping[str, Any]]:
    """The same rows; the hub may end or give damaged ones at any of them."""
    remaining = iter(rows)
    while True:
        try:
            row = next(remaining)
        except StopIteration:
            return
        except Exception as error:
            raise hub_unreadable(location, error) from error
        yield row


def hub_rows(location: str, split: str) -> Any:
    """The rows of a set on the hub as a stream; InputError if the hub does not have it."""
    name, subset = name_and_subset(location)
    # Checked first: ``datasets`` would take a name like "csv" for the files of the working folder.
    revision = None if os.path.isabs(name) else hub_revision(name)
    import datasets

    # Otherwise each set's name goes to another company's server, too.
    datasets.config.HF_UPDATE_DOWNLOAD_COUNTS = False
    # Otherwise a stream loads torch, for loaders that we do not use: seconds of a preview.
    datasets.config.TORCH_AVAILABLE = False
    rows = datasets.load_dataset(name, subset, split=split, streaming=True, revision=revision)
    # Pictures and sounds stay bytes: to show them, it would read whatever path a row names. Where
    # types are not known, there are none.
    return rows.decode(False) if rows.features else rows


def hub_class_names(ref: DataRef, location: str, split: str) -> tuple[str, ...] | None:
    """The names of the numbers in the label column, if the set has them."""
    try:
        features = hub_rows(location, split).features or {}
    except Exception as error:
        raise hub_unreadable(location, error) from error
    names = getattr(features.get(ref.label_column), "names", None)
    return tuple(names) if names else None


def hub_unreadable(location: str, error: Exception) -> InputError:
    """What to say of a set that cannot be read.

    The first line of what ``datasets`` says tells what happened, and one of the next may list the
    subsets.
    """
    if isinstance(error, InputError):
        return error
    if is_of_hub(error):
        return hub_problem("an existing file or a data set on the hub", location, error)
    first, *more = str(error).strip().splitlines() or [type(error).__name__]
    reason = " ".join([first, *(line for line in more if "available configs" in line)])
    return InputError(
        f"a file ({supported_formats()}), a folder of text files, built-in data or a hub data set",
        f"{location!r}, which cannot be read ({reason[:_MOST_LETTERS].rstrip(' .:')})",
        "check the name, subset (NAME:SUBSET) and split (#SPLIT), or download the data set and "
        "give its file",
    )
