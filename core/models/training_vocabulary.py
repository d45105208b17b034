"""The training vocabulary of a released model: which tokens it was fine-tuned on.

Read from the files of two model folders in seconds. No model is built and nothing imports torch, so
a page may call it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from assay.core.errors import InputError
from assay.core.gradients.embedding_movement import Movement, RowMovement, row_movement
from assay.core.models.embedding_tables import EmbeddingTables, read_embedding_tables
from assay.core.stats.training_vocabulary import tokens_read, unmoved_tokens


class Doubt(StrEnum):
    """Why rows that stood still prove less than they could, or nothing."""

    FROZEN = "frozen"  # the table was not trained: nothing can be said
    TIED = "tied"  # the output layer shares the table, so every row has a gradient
    COUPLED_DECAY = "coupled_decay"  # L2 decay inside Adam moved every row
    NO_GAP = "no_gap"  # moved and unmoved rows cannot be told apart
    COARSE_STORAGE = "coarse_storage"  # small updates may have been rounded away
    RESIZED = "resized"  # tokens were added or removed: rows were matched by token


@dataclass(frozen=True)
class TrainingVocabulary:
    """Of V tokens that both models know.

    tokens: as the tokenizer writes them; token_ids (V, int64): their ids in the final model.
    is_special (V, bool). movement: of their rows. added: tokens that only the final model knows.
    longest_document: positions that moved, in tokens; None where positions are not learned or not
    parted. position_norms: how far each position moved (P, float32), None likewise. reads_last:
    whether the last token of a document has a gradient (not in a language model). doubts: what
    weakens the statement that unmoved tokens never occurred.
    """

    tokens: tuple[str, ...]
    token_ids: NDArray[np.int64]
    is_special: NDArray[np.bool_]
    movement: RowMovement
    added: tuple[str, ...]
    longest_document: int | None
    position_norms: NDArray[np.float32] | None
    reads_last: bool
    doubts: tuple[Doubt, ...]
    tokenizer_folder: Path

    @property
    def proves_absence(self) -> bool:
        """Whether a document with an unmoved token certainly was not trained on, as it is cut."""
        return self.movement.proves_absence

    @property
    def n_moved(self) -> int:
        """Ordinary tokens that moved; 0 where moved rows cannot be told."""
        if self.movement.kind is not Movement.PARTED:
            return 0
        return int((self.movement.is_moved & ~self.is_special).sum())

    def is_moved_by_id(self) -> NDArray[np.bool_]:
        """Whether each id of the final model moved; True for ids that cannot be compared."""
        found = np.ones(int(self.token_ids.max()) + 1, bool)
        found[self.token_ids] = self.movement.is_moved
        return found

    def specials(self) -> frozenset[int]:
        return frozenset(self.token_ids[self.is_special].tolist())

    def read_texts(self, texts: Sequence[str], max_tokens: int | None = None) -> list[TextReading]:
        """Whether each text can have been trained on. Cut after ``max_tokens``, or after the
        longest document where that is known; both, whichever is shorter."""
        limits = [limit for limit in (max_tokens, self.longest_document) if limit]
        tokenizer = _tokenizer(self.tokenizer_folder, min(limits, default=None))
        is_moved, specials = self.is_moved_by_id(), self.specials()
        by_id = dict(zip(self.token_ids.tolist(), self.tokens, strict=True))
        readings = []
        for encoded in tokenizer.encode_batch(list(texts)):
            # Ids beyond the table are new tokens: nothing is known of them.
            known = [number for number in encoded.ids if number < len(is_moved)]
            (unmoved,) = unmoved_tokens([known], is_moved, specials, self.reads_last)
            spans = tuple(
                Span(start, end, bool(is_moved[number]), number in specials)
                for number, (start, end) in zip(encoded.ids, encoded.offsets, strict=True)
                if number < len(is_moved)
            )
            n_read = len(tokens_read(known, specials, self.reads_last))
            words = tuple(by_id[number] for number in unmoved.tolist())
            readings.append(TextReading(n_read, words, spans, len(encoded.ids)))
        return readings


@dataclass(frozen=True)
class Span:
    """One token of a text: characters [start, end), and whether its row moved."""

    start: int
    end: int
    is_moved: bool
    is_special: bool


@dataclass(frozen=True)
class TextReading:
    """A text against the training vocabulary. n_different: ordinary tokens that training would
    have moved; unmoved: those of them that stood still; n_tokens: after cutting."""

    n_different: int
    unmoved: tuple[str, ...]
    spans: tuple[Span, ...]
    n_tokens: int


def read_training_vocabulary(base_folder: Path, final_folder: Path) -> TrainingVocabulary:
    """Compare the embedding tables of two folders. InputError where that is impossible: no table
    under a known name, quantized weights, tables of other widths, no tokenizer."""
    base, final = (read_embedding_tables(folder) for folder in (base_folder, final_folder))
    tokenizer = _tokenizer(final_folder, None)
    matched = _matched(base, final, base_folder, tokenizer)
    movement = row_movement(base.tokens[matched.base_rows], final.tokens[matched.final_rows])
    positions = _position_movement(base, final)
    return TrainingVocabulary(
        tokens=matched.tokens,
        token_ids=matched.final_rows,
        is_special=_is_special(tokenizer, matched.final_rows),
        movement=movement,
        added=matched.added,
        longest_document=_longest(positions),
        position_norms=None if positions is None else positions.norms,
        reads_last=not final.gives_tokens,
        doubts=_doubts(movement, final.is_tied, bool(matched.added)),
        tokenizer_folder=final_folder,
    )


@dataclass(frozen=True)
class _Matched:
    tokens: tuple[str, ...]
    base_rows: NDArray[np.int64]
    final_rows: NDArray[np.int64]
    added: tuple[str, ...]


def _matched(
    base: EmbeddingTables, final: EmbeddingTables, base_folder: Path, tokenizer: Tokenizer
) -> _Matched:
    """Rows of one token in both tables; by number where the base brings no tokenizer."""
    if base.tokens.shape[1] != final.tokens.shape[1]:
        raise InputError(
            "two tables of embeddings of one width",
            f"{base.tokens.shape[1]} and {final.tokens.shape[1]}",
            "give the model that the final one was fine-tuned from",
        )
    ours = tokenizer.get_vocab(with_added_tokens=True)
    theirs = ours
    if (base_folder / "tokenizer.json").exists():
        theirs = _tokenizer(base_folder, None).get_vocab(with_added_tokens=True)
    n_base, n_final = len(base.tokens), len(final.tokens)
    pairs = sorted(
        (number, theirs[token], token)
        for token, number in ours.items()
        if number < n_final and theirs.get(token, n_base) < n_base
    )
    if not pairs:
        raise InputError(
            "base and final models with tokens in common",
            "none",
            "give the model that the final one was fine-tuned from",
        )
    known = {token for _, _, token in pairs}
    return _Matched(
        tuple(token for _, _, token in pairs),
        np.array([row for _, row, _ in pairs], np.int64),
        np.array([row for row, _, _ in pairs], np.int64),
        tuple(sorted(token for token in ours if token not in known and ours[token] < n_final)),
    )


def _position_movement(base: EmbeddingTables, final: EmbeddingTables) -> RowMovement | None:
    if base.positions is None or final.positions is None:
        return None
    if base.positions.shape[1] != final.positions.shape[1]:
        return None
    n_both = min(len(base.positions), len(final.positions))
    return row_movement(base.positions[:n_both], final.positions[:n_both], fewest_moved=2)


def _longest(positions: RowMovement | None) -> int | None:
    """Tokens of the longest training document: the run of positions that moved, without a hole.

    The first need not be 0: some architectures begin to count later.
    """
    if positions is None or not positions.proves_absence:
        return None
    moved = np.flatnonzero(positions.is_moved)
    n_in_a_row = int(moved[-1] - moved[0] + 1)
    return n_in_a_row if n_in_a_row == len(moved) else None


def _doubts(movement: RowMovement, is_tied: bool, is_resized: bool) -> tuple[Doubt, ...]:
    found = [Doubt.RESIZED] if is_resized else []
    if movement.kind is Movement.FROZEN:
        return (*found, Doubt.FROZEN)
    if movement.kind is Movement.ALL_MOVED:
        if is_tied:
            return (*found, Doubt.TIED)
        return (*found, Doubt.COUPLED_DECAY if movement.decays_coupled else Doubt.NO_GAP)
    if not movement.proves_absence:
        found.append(Doubt.COARSE_STORAGE)
    return tuple(found)


def _is_special(tokenizer: Tokenizer, token_ids: NDArray[np.int64]) -> NDArray[np.bool_]:
    specials = [
        number for number, token in tokenizer.get_added_tokens_decoder().items() if token.special
    ]
    return np.isin(token_ids, specials)


def _tokenizer(folder: Path, max_tokens: int | None) -> Tokenizer:
    """The folder's tokenizer without padding; InputError if it is not the fast kind's file."""
    file = folder / "tokenizer.json"
    if not file.exists():
        raise InputError(
            f"tokenizer.json in {folder.name!r}",
            "none",
            "save the model with its tokenizer by save_pretrained",
        )
    try:
        tokenizer = Tokenizer.from_str(file.read_text(encoding="utf-8"))
    except Exception as error:  # the library raises nothing more precise
        raise InputError(
            f"a readable tokenizer.json in {folder.name!r}", str(error), "fetch the model again"
        ) from error
    tokenizer.no_padding()
    if max_tokens:
        tokenizer.enable_truncation(max_tokens)
    else:
        tokenizer.no_truncation()
    return tokenizer
