"""Examples of a decompression as a data set for other programs, with their provenance."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from assay.cache.annotations.annotations import example_annotations, with_annotations
from assay.cache.decompressions.read import (
    ExampleFilter,
    decompression_path,
    read_decompression,
    read_examples,
)
from assay.cache.export import to_bytes
from assay.cache.export_files import write_export, write_folder
from assay.cache.files.database import open_to_read
from assay.cache.store import Store
from assay.core.errors import InputError
from assay.core.specs.annotations import EVERYTHING, AnnotationFilter, Mark
from assay.core.specs.decompression import EXAMPLE_TEMPERATURE
from assay.core.specs.results.decompression import DecompressionResult, JudgeControl

FILE_FORMATS = ("jsonl", "parquet")
# A folder with a data card, as `datasets` loads it.
FOLDER = "folder"
_ALL = 2**31 - 1


@dataclass(frozen=True)
class ExportChoice:
    """Which examples to export, and in what shape."""

    is_chat: bool = False
    without_flagged: bool = False
    only_accepted: bool = False
    only: ExampleFilter = field(default_factory=ExampleFilter)
    # What made ``only.among``, for the card.
    annotated: AnnotationFilter = EVERYTHING

    @property
    def filters(self) -> str:
        """The filters in words, for the card."""
        parts = [
            "examples with any flag left out" if self.without_flagged else "",
            "only examples accepted by hand" if self.only_accepted else "",
            *_in_words(self.only),
            self.annotated.in_words,
        ]
        return "; ".join(part for part in parts if part) or "none: flagged examples are included"


@dataclass(frozen=True)
class Exported:
    """Files by name, and how many examples are in them."""

    files: dict[str, bytes]
    n_rows: int


def export_decompression(
    store: Store,
    decompression_id: str,
    out: Path,
    choice: ExportChoice,
    may_overwrite: bool = False,
) -> int:
    """Write examples to a .jsonl or .parquet file, otherwise to a folder for `datasets`.

    Returns the number of examples. InputError for another kind of file, if no example is left, or
    if a file that is not an Assay export would be overwritten.
    """
    kind = out.suffix.removeprefix(".") or FOLDER
    if kind not in (*FILE_FORMATS, FOLDER):
        raise InputError(
            f"a file ending in {', '.join(FILE_FORMATS)}, or a folder",
            repr(out.name),
            "choose another --out",
        )
    if out.is_file() and kind == FOLDER:
        raise InputError("a folder to write to", f"the file {str(out)!r}", "choose another --out")
    path = decompression_path(store, decompression_id)
    exported = export_files(store, path, kind, choice, out.name)
    if not exported.n_rows:
        raise InputError("examples that match the filters", "none", "use fewer filters")
    if kind == FOLDER:
        described = _manifest(path, read_decompression(path), choice)
        write_folder(out, exported.files, exported.files.__getitem__, described, may_overwrite)
    else:
        data, manifest = exported.files.values()
        write_export(out, data, manifest, may_overwrite)
    return exported.n_rows


def export_files(
    store: Store, path: Path, kind: str, choice: ExportChoice, name: str = ""
) -> Exported:
    """A folder's files, or a file called ``name`` with its manifest."""
    frame = example_frame(store, path, choice)
    meta = read_decompression(path)
    if kind == FOLDER:
        card = _card(path, meta, choice, len(frame)).encode()
        files = {"data/train.parquet": to_bytes(frame, "parquet"), "README.md": card}
        return Exported(files, len(frame))
    data = to_bytes(frame, kind)
    described = {
        **_manifest(path, meta, choice),
        "n_rows": len(frame),
        "columns": list(frame.columns),
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    manifest = json.dumps(described, indent=1, ensure_ascii=False)
    return Exported({name: data, f"{name}.manifest.json": manifest.encode()}, len(frame))


def export_archive(
    store: Store, path: Path, kind: str, choice: ExportChoice, name: str = ""
) -> bytes:
    """The same files in one zip."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for file, data in export_files(store, path, kind, choice, name).files.items():
            archive.writestr(file, data)
    return buffer.getvalue()


def example_frame(store: Store, path: Path, choice: ExportChoice) -> pd.DataFrame:
    """Examples with topic, quality flags and annotations; as chats, one list of messages each."""
    with open_to_read(path) as connection:
        frame = connection.execute(
            """WITH RECURSIVE paths AS (SELECT topic_id, ''::VARCHAR AS path FROM topics
                WHERE parent_id IS NULL UNION ALL SELECT t.topic_id, CASE WHEN p.path = ''
                THEN t.name ELSE p.path || ' > ' || t.name END
                FROM topics t JOIN paths p ON t.parent_id = p.topic_id)
            SELECT example_id, path AS topic, style, difficulty, task, reasoning, response,
                (SELECT list(mark ORDER BY mark) FROM marks WHERE is_flagged
                 AND marks.example_id = examples.example_id) AS flags,
                (SELECT list({judge: judge, axis: axis, score: score} ORDER BY judge, axis)
                 FROM grades WHERE grades.example_id = examples.example_id) AS grades, call_key
            FROM examples JOIN paths USING (topic_id) ORDER BY example_id"""
        ).df()
    frame["flags"] = [list(flags) if hasattr(flags, "__len__") else [] for flags in frame["flags"]]
    if choice.only != ExampleFilter():
        kept = read_examples(path, choice.only, _ALL).rows["example_id"]
        frame = frame[frame["example_id"].isin(kept)]
    frame = with_annotations(frame, example_annotations(store, path.stem), "example_id")
    if choice.without_flagged:
        frame = frame[[not flags for flags in frame["flags"]]]
    if choice.only_accepted:
        frame = frame[frame["mark"] == Mark.ACCEPTED]
    return _as_chats(frame) if choice.is_chat else frame


def _in_words(only: ExampleFilter) -> Iterator[str]:
    if only.search:
        yield f"with the words {only.search!r}"
    if only.topic_id is not None:
        yield f"in and under topic {only.topic_id}"
    for name, values in (
        ("style", only.styles),
        ("difficulty", only.difficulties),
        ("flagged by", only.flagged_by),
        ("not flagged by", only.not_flagged_by),
    ):
        if values:
            yield f"{name} {' or '.join(values)}"


def _manifest(path: Path, meta: DecompressionResult, choice: ExportChoice) -> dict[str, Any]:
    """What an export is: from which model, and how it was chosen."""
    model = meta.model
    return {
        "decompression": path.stem,
        "title": meta.title,
        "asked_at": meta.created_at,
        "assay_version": meta.assay_version,
        "model": {
            "name": model.name,
            "sha256": model.sha256,
            "is_weights_hash": model.is_weights_hash,
        },
        "judges": [judge.label for judge in meta.judges],
        "filters": choice.filters,
    }


def _as_chats(frame: pd.DataFrame) -> pd.DataFrame:
    messages = [
        [
            {"role": "user", "content": row["task"]},
            {"role": "assistant", "content": _said(row)},
        ]
        for row in frame.to_dict("records")
    ]
    return pd.DataFrame({"messages": messages, "topic": frame["topic"].tolist()})


def _said(row: dict[Any, Any]) -> str:
    return f"{row['reasoning']}\n\n{row['response']}" if row["reasoning"] else row["response"]


def _card(path: Path, meta: DecompressionResult, choice: ExportChoice, n_rows: int) -> str:
    model, counts, spec = meta.model, meta.counts, meta.asked
    what = "weights" if model.is_weights_hash else "the server's own description"
    return f"""---
license: other
task_categories:
- text-generation
tags:
- synthetic
- decompression
configs:
- config_name: default
  data_files:
  - split: train
    path: data/train.parquet
---

# {_plain(meta.title)}

{n_rows:,} examples that a language model wrote about the topics it named itself. They show what
the model says, not what is true.

- Source model: `{_plain(model.name)}`, SHA-256 of {what} `{model.sha256}`
- Asked on {meta.created_at[:10]}, in {meta.prompting}, seed {spec.seed}, topics at \
temperature {spec.temperature}, examples at {EXAMPLE_TEMPERATURE}
- {counts.n_topics:,} topics, {counts.n_calls:,} calls, {counts.n_tokens:,} tokens
- {counts.n_examples:,} examples were written, {counts.n_flagged:,} of them with a quality \
flag (validity, length, repetition, language, near-duplicate)
{_judges(meta)}
- Filters of this export: {choice.filters}
- Shape: {"one list of messages per example" if choice.is_chat else "task, reasoning, response"}

## Licence

What a model writes may be bound by the licence of the model and by the terms of whoever serves
it. Read those of `{_plain(model.name)}` before you use or publish this data set.

## Prompts

The first prompt of each kind, word for word; every other one differs in its topic alone.

{_prompts(path)}
"""


def _judges(meta: DecompressionResult) -> str:
    lines = ["- Grades, 0 to 4: `heuristic` (from the text alone, without a model)"]
    for judge in meta.judges:
        what = "weights" if judge.is_weights_hash else "the server's own description"
        lines.append(
            f"- Grades, 0 to 4: judge model `{_plain(judge.label)}`, SHA-256 of {what} "
            f"`{judge.sha256}`; {judge.n_unreadable:,} of {judge.n_graded:,} answers "
            f"could not be read; {_control(judge.control)}"
        )
    return "\n".join(lines)


def _control(control: JudgeControl | None) -> str:
    if control is None:
        return "it was not measured whether it distinguishes a response from one to another task"
    return (
        f"in {control.n_higher} of {control.n_pairs} tasks it graded the task's own response "
        f"as more helpful than a response to another topic, in {control.n_lower} as less helpful"
    )


def _prompts(path: Path) -> str:
    with open_to_read(path) as connection:
        rows = connection.execute(
            "SELECT stage, min_by(prompt, position) FROM calls GROUP BY stage "
            "ORDER BY min(position)"
        ).fetchall()
    return "\n\n".join(f"### {stage}\n\n{_fenced(prompt)}" for stage, prompt in rows)


def _fenced(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())


def _plain(text: str) -> str:
    return " ".join(text.replace("`", "'").split())
