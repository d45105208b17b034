"""`assay vocabulary`: which tokens occurred in fine-tuning, read from the weights."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assay.core.cli.options import (
    JsonOption,
    StoreOption,
    open_store,
    say,
)
from assay.core.errors import InputError
from assay.core.specs.place import data_ref

if TYPE_CHECKING:
    from assay.core.models.training_vocabulary import TrainingVocabulary

app = typer.Typer(add_completion=False)

# Fewer texts do not show how many documents contain so many different tokens.
_ENOUGH_TEXTS = 100
_LARGEST_TEXT = 50_000_000
_SHOWN_CHARACTERS = 60
_SHOWN_TOKENS = 12


@app.command()
def vocabulary(
    base: Annotated[
        str, typer.Option(help="Model before fine-tuning: a folder, hub name or builtin:NAME.")
    ],
    final: Annotated[str, typer.Option(help="Model after fine-tuning.")],
    text: Annotated[
        str | None,
        typer.Option(
            help="Texts to check: a .txt file, - for standard input, a data file, a folder or a "
            "data set."
        ),
    ] = None,
    max_tokens: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Tokens to read of each text (default: as recorded by `assay finetune`, else "
            "all).",
        ),
    ] = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find the tokens that occurred in fine-tuning, and check texts against them."""
    from assay.core.findings.vocabulary import ASSUMPTIONS, text_sentence, vocabulary_finding
    from assay.core.models.resolve import resolve_model
    from assay.core.models.training_record import TrainingRecord
    from assay.core.models.training_vocabulary import read_training_vocabulary

    texts = [] if text is None else _read_texts(text)
    models = open_store(store).models
    base_folder = resolve_model(base, models)
    final_folder = resolve_model(final, models, base_folder)
    record = TrainingRecord.read(final_folder)
    limit = max_tokens or (record.training.max_tokens if record else None)
    found = read_training_vocabulary(base_folder, final_folder)
    readings = found.read_texts(texts, limit)
    is_sample = len(readings) >= _ENOUGH_TEXTS
    ids = [own.token_ids for own in readings] if is_sample else []
    estimate = found.estimated_documents(found.frequencies(ids), len(ids))
    facts = found.facts().with_texts(
        found.reader().limit(limit),
        [len(own.unmoved) for own in readings],
        estimate,
    )
    finding = vocabulary_finding(facts)
    said = [text_sentence(facts, own.n_different, own.unmoved) for own in readings]
    if as_json:
        say(
            {
                **facts.to_plain(),
                "moved": _moved(found),
                "added": list(found.added),
                "says": [finding.headline, *finding.sentences],
                "assumes": list(ASSUMPTIONS),
                "texts": [
                    {
                        "says": sentence,
                        "is_excluded": facts.proves_absence and bool(own.unmoved),
                        "unmoved": list(own.unmoved),
                        "n_different": own.n_different,
                        "n_tokens": own.n_tokens,
                    }
                    for own, sentence in zip(readings, said, strict=True)
                ],
            },
            as_json,
        )
        return
    for sentence in (finding.headline, *finding.sentences):
        typer.echo(sentence)
    if facts.is_assessable:
        typer.echo("Assumptions:")
        for assumption in ASSUMPTIONS:
            typer.echo(f"- {assumption}")
    for own, sentence, one in zip(readings, said, texts, strict=True):
        typer.echo(f"{_shown(one)}: {sentence}{_ruled_out_by(own.unmoved)}")


def _moved(found: TrainingVocabulary) -> list[str]:
    """The ordinary tokens that occurred; none if they cannot be identified."""
    if not found.n_moved:
        return []
    is_shown = found.movement.is_moved & ~found.is_special
    return [token for token, is_own in zip(found.tokens, is_shown, strict=True) if is_own]


def _read_texts(place: str) -> list[str]:
    """One text of standard input or a .txt file, else the documents of a source."""
    if place == "-":
        return [_decoded(sys.stdin.buffer.read(_LARGEST_TEXT + 1), "standard input")]
    if place.lower().endswith(".txt"):
        try:
            with Path(place).expanduser().open("rb") as file:
                return [_decoded(file.read(_LARGEST_TEXT + 1), repr(place))]
        except OSError as error:
            raise InputError(
                "a text file that can be read", f"{place!r} ({error.strerror})", "check the path"
            ) from error
    from assay.core.data.sources import read_documents

    return [document.text for document in read_documents(data_ref(place))]


def _decoded(data: bytes, what: str) -> str:
    if len(data) > _LARGEST_TEXT:
        raise InputError(
            f"a text of at most {_LARGEST_TEXT / 1e6:.0f} MB",
            f"more in {what}",
            "give a part of it",
        )
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise InputError(
            "a text in UTF-8", f"other bytes in {what}", "convert it to UTF-8"
        ) from error
    if not text.strip():
        raise InputError("a text that is not blank", f"only blanks in {what}", "give a text")
    return text


def _shown(text: str) -> str:
    """The beginning of a text on one line, without terminal control characters."""
    line = " ".join(text[: 4 * _SHOWN_CHARACTERS].split())[:_SHOWN_CHARACTERS]
    return repr(line if len(text) <= len(line) else f"{line} …")


def _ruled_out_by(unmoved: tuple[str, ...]) -> str:
    if not unmoved:
        return ""
    more = len(unmoved) - _SHOWN_TOKENS
    shown: list[Any] = [repr(token) for token in unmoved[:_SHOWN_TOKENS]]
    return f" They are {', '.join(shown)}{f' and {more:,} more' if more > 0 else ''}."
