"""The training vocabulary of a released model: which tokens it was fine-tuned on.

Read from the files of two model folders in seconds. It builds no model and does not import torch,
so a page may call it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from assay.core.errors import InputError
from assay.core.gradients.embedding_movement import Movement, RowMovement, row_movement
from assay.core.models.embedding_tables import EmbeddingTables, read_embedding_tables
from assay.core.models.text_reading import TextReader, TextReading, read_tokenizer
from assay.core.specs.vocabulary import Doubt, Estimate, VocabularyFacts
from assay.core.stats.training_vocabulary import document_frequencies, estimated_documents


@dataclass(frozen=True)
class TrainingVocabulary:
    """Results for the V tokens that both models know.

    tokens: as the tokenizer writes them; token_ids (V, int64): their ids in the final model.
    is_special (V, bool). movement: of their rows. added: tokens that only the final model knows.
    longest_document: positions that moved, in tokens; None if positions are not learned or not
    separable. position_norms: how far each position moved (P, float32), or None likewise.
    reads_last: whether the last token of a document has a gradient (not in a language model).
    doubts: what weakens the statement that unmoved tokens never occurred.
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
        """Whether an unmoved token proves that a document, truncated as here, was not trained
        on.
        """
        return self.movement.proves_absence

    @property
    def n_moved(self) -> int:
        """Ordinary tokens that moved; 0 if moved rows cannot be identified."""
        if self.movement.kind is not Movement.PARTED:
            return 0
        return int((self.movement.is_moved & ~self.is_special).sum())

    def reader(self) -> TextReader:
        """A reader that checks texts against this vocabulary."""
        return TextReader(
            self.tokens,
            self.token_ids,
            self.movement.is_moved,
            self.is_special,
            self.reads_last,
            self.longest_document,
            self.tokenizer_folder,
        )

    def read_texts(self, texts: Sequence[str], max_tokens: int | None = None) -> list[TextReading]:
        """See ``TextReader.read``."""
        return self.reader().read(texts, max_tokens)

    def estimated_documents(
        self, frequencies: NDArray[np.int64], n_documents: int
    ) -> Estimate | None:
        """About how many documents like these contain as many tokens as moved.

        ``frequencies``: in how many of ``n_documents`` each token occurs. Returns the estimate and
        its lower and upper bounds; None if no token is known to have moved.
        """
        if not self.n_moved or not n_documents:
            return None
        return estimated_documents(self.n_moved, frequencies, n_documents)

    def frequencies(self, documents: Sequence[Sequence[int]]) -> NDArray[np.int64]:
        """How many documents each id that both models know occurs in; special ids are left out."""
        n_ids = int(self.token_ids.max()) + 1
        counts = document_frequencies(
            ([i for i in document if i < n_ids] for document in documents), n_ids
        )
        counts[self.token_ids[self.is_special]] = 0
        return counts

    def facts(self) -> VocabularyFacts:
        """The vocabulary as numbers."""
        return VocabularyFacts(
            doubts=self.doubts,
            proves_absence=self.proves_absence,
            n_tokens=int((~self.is_special).sum()),
            n_moved=self.n_moved,
            chance_missed=self.movement.chance_missed,
            longest_document=self.longest_document,
            n_added=len(self.added),
        )


def read_training_vocabulary(base_folder: Path, final_folder: Path) -> TrainingVocabulary:
    """Compare the embedding tables of two folders.

    InputError if that is impossible: no table under a known name, quantized weights, tables of
    different widths, no tokenizer.
    """
    base, final = (read_embedding_tables(folder) for folder in (base_folder, final_folder))
    tokenizer = read_tokenizer(final_folder, None)
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
    """The rows of the same token in both tables; by number if the base has no tokenizer."""
    if base.tokens.shape[1] != final.tokens.shape[1]:
        raise InputError(
            "embedding tables of the same width",
            f"{base.tokens.shape[1]} and {final.tokens.shape[1]}",
            "give the model that the final one was fine-tuned from",
        )
    ours = tokenizer.get_vocab(with_added_tokens=True)
    theirs = ours
    if (base_folder / "tokenizer.json").exists():
        theirs = read_tokenizer(base_folder, None).get_vocab(with_added_tokens=True)
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
    """Tokens of the longest training document: the unbroken run of positions that moved.

    It need not begin at 0: some architectures start counting later.
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
