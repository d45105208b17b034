"""Tables as files for other programs, each with a manifest that describes it."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import pandas as pd

from assay.cache.annotations.annotations import Annotated, read_annotations, with_annotations
from assay.cache.audits.read import (
    SelectionFilter,
    read_documents_in_order,
    read_documents_of,
    read_facts,
    read_selection,
)
from assay.cache.export_files import check_replaceable, write_export
from assay.cache.files.database import kept_open
from assay.cache.files.sealed import read_result
from assay.cache.spreadsheet import to_csv, to_json
from assay.cache.store import Store
from assay.core.errors import InputError
from assay.core.specs.results.echo import EchoResult
from assay.core.specs.results.experiment import ExperimentResult
from assay.core.specs.results.result import Result
from assay.core.specs.results.suspect_test import SuspectResult
from assay.core.specs.strategies import Strategy

FORMATS = ("csv", "jsonl", "parquet")
# A table, or a function that makes it when it is needed. A download outlives the run of the page
# that offers it, so its values are bound as arguments; a lambda would look variables up only then.
Table: TypeAlias = pd.DataFrame | partial[pd.DataFrame]


@dataclass(frozen=True)
class Origin:
    """Where a table comes from: the beginning of its file's name, and the text of its manifest."""

    name: str
    describe: partial[dict[str, Any]]


def selection_frame(
    path: Path,
    strategy: Strategy,
    chosen: SelectionFilter | None = None,
    limit: int = 2**31,
) -> pd.DataFrame:
    """A selection, or its beginning, for people: ranks from 1, names of labels."""
    page = read_selection(path, strategy, chosen or SelectionFilter(), limit)
    frame = page.rows.assign(strategy=str(strategy), rank=page.rows["rank"] + 1)
    return _with_label_names(path, frame)


def documents_frame(path: Path, first: int, n: int) -> pd.DataFrame:
    """``n`` documents of the seed corpus from number ``first`` on, for people."""
    return _with_label_names(path, read_documents_in_order(path, first, n))


def annotated_selection(
    store: Store, path: Path, strategy: Strategy, chosen: SelectionFilter | None = None
) -> pd.DataFrame:
    """A selection with what people said about its documents: mark, tags and note."""
    said = read_annotations(store, Annotated.audit(path.stem))
    return with_annotations(selection_frame(path, strategy, chosen), said, "text_hash")


def annotated_documents(store: Store, path: Path) -> pd.DataFrame:
    """Every document that people said anything about, whether it was selected or not."""
    said = read_annotations(store, Annotated.audit(path.stem))
    frame = _with_label_names(path, read_documents_of(path, list(said)))
    return with_annotations(frame, said, "text_hash")


def _with_label_names(path: Path, frame: pd.DataFrame) -> pd.DataFrame:
    names = read_facts(path).label_names
    if not names:
        return frame.drop(columns=["pseudolabel", "final_probability"])
    return frame.assign(pseudolabel=[names[label] for label in frame["pseudolabel"]])


def to_bytes(frame: pd.DataFrame, kind: str) -> bytes:
    """The frame as a file in one of ``FORMATS``; in CSV, formulas are neutralised."""
    if kind == "csv":
        return to_csv(frame)
    if kind == "jsonl":
        return "".join(f"{to_json(record)}\n" for record in frame.to_dict("records")).encode()
    buffer = io.BytesIO()
    frame.to_parquet(buffer, index=False)
    return buffer.getvalue()


def of_audit(path: Path) -> Origin:
    """The origin of a table from a sealed audit."""
    return _of_sealed(path, "audit", "audited_at")


def of_comparison(paths: Sequence[Path]) -> Origin:
    """The origin of a table from several sealed audits, in this order."""
    return Origin("comparison", partial(_describe_audits, tuple(paths)))


def of_diff(path: Path) -> Origin:
    """The origin of a table from a sealed diff."""
    return _of_sealed(path, "diff", "compared_at")


def of_suspect_test(record: SuspectResult) -> Origin:
    """The origin of a table from a suspect test."""
    return _of_record("suspect_test", record, "tested_at")


def of_experiment(name: str, meta: ExperimentResult) -> Origin:
    """The origin of a table from an experiment; ``meta``: what it says about itself."""
    return Origin(
        name,
        partial(
            dict,
            experiment=name,
            title=meta.title,
            made_at=meta.created_at,
            assay_version=meta.assay_version,
            recipe=meta.recipe,
            scale=meta.scale,
            n_seeds=meta.n_seeds,
            is_built_in=meta.is_built_in,
        ),
    )


def of_echo(record: EchoResult) -> Origin:
    """The origin of a table from an echo comparison."""
    return _of_record("echo", record, "compared_at")


def manifest(
    origin: Origin, name: str, frame: pd.DataFrame, data: bytes, chosen: Mapping[str, Any]
) -> dict[str, Any]:
    """An exported table's origin, how it was chosen, and the digest of its bytes."""
    return {
        **origin.describe(),
        "table": name,
        "chosen": dict(chosen),
        "n_rows": len(frame),
        "columns": list(frame.columns),
        "sha256": hashlib.sha256(data).hexdigest(),
    }


@kept_open()
def archive(origin: Origin, name: str, table: Table, kind: str, chosen: Mapping[str, Any]) -> bytes:
    """A zip of the table in one of ``FORMATS`` and its manifest."""
    frame = table if isinstance(table, pd.DataFrame) else table()
    data = to_bytes(frame, kind)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as files:
        files.writestr(f"{name}.{kind}", data)
        files.writestr("manifest.json", _as_text(manifest(origin, name, frame, data, chosen)))
    return buffer.getvalue()


def export_annotated(store: Store, path: Path, out: Path, may_overwrite: bool = False) -> int:
    """Write the documents of an audit that people annotated; see ``export_selection``.

    InputError if there are none.
    """
    check_out(out, may_overwrite)
    frame = annotated_documents(store, path)
    if frame.empty:
        raise InputError(
            "an audit with marked documents", f"{path.stem}, which has none", "mark some first"
        )
    write_table(of_audit(path), "annotated", frame, out, {}, may_overwrite)
    return len(frame)


def export_selection(
    store: Store, path: Path, strategy: Strategy, out: Path, may_overwrite: bool = False
) -> int:
    """Write an audit's selection to ``out``, in the format of its ending, with a manifest.

    Returns the number of rows. ``store``: holds the annotations. InputError if a file that is not
    an Assay export would be overwritten.
    """
    check_out(out, may_overwrite)
    if strategy not in read_facts(path).strategies:
        raise InputError(
            "a strategy of this audit", repr(str(strategy)), "choose another --strategy"
        )
    frame = annotated_selection(store, path, strategy)
    chosen = {"strategy": str(strategy)}
    write_table(of_audit(path), "selection", frame, out, chosen, may_overwrite)
    return len(frame)


def check_out(out: Path, may_overwrite: bool = False) -> None:
    """InputError unless a table can be written under that name without losing a file."""
    if out.suffix.removeprefix(".") not in FORMATS:
        raise InputError(
            f"a file ending in {', '.join(FORMATS)}", repr(out.name), "choose another --out"
        )
    check_replaceable(out, may_overwrite)


def write_table(
    origin: Origin,
    name: str,
    frame: pd.DataFrame,
    out: Path,
    chosen: Mapping[str, Any],
    may_overwrite: bool = False,
) -> None:
    """Write a table to ``out``, in the format of its ending, with a manifest.

    InputError if a file that is not an Assay export would be overwritten.
    """
    data = to_bytes(frame, out.suffix.removeprefix("."))
    described = manifest(origin, name, frame, data, chosen)
    write_export(out, data, _as_text(described).encode(), may_overwrite)


def _of_sealed(path: Path, kind: str, made_at: str) -> Origin:
    return Origin(path.stem, partial(_describe_sealed, path, kind, made_at))


def _of_record(kind: str, record: SuspectResult | EchoResult, made_at: str) -> Origin:
    name = record.record_id
    return Origin(name, partial(_described, kind, name, record, made_at))


def _described(kind: str, name: str, result: Result, made_at: str) -> dict[str, Any]:
    return {
        kind: name,
        "title": result.title,
        made_at: result.created_at,
        "assay_version": result.assay_version,
        "command": result.command,
    }


def _describe_sealed(path: Path, kind: str, made_at: str) -> dict[str, Any]:
    return _described(kind, path.stem, read_result(path, Result), made_at)


def _describe_audits(paths: tuple[Path, ...]) -> dict[str, Any]:
    return {"comparison": [_describe_sealed(path, "audit", "audited_at") for path in paths]}


def _as_text(described: Mapping[str, Any]) -> str:
    return json.dumps(described, indent=1, ensure_ascii=False)
