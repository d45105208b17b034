"""Checks texts against a training vocabulary: which of their tokens never occurred in training.

It needs only the final model's tokenizer, so that a page can check a text long after an audit.
Nothing here imports torch.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from assay.core.errors import InputError
from assay.core.models.folder_files import called, has_file, inside
from assay.core.stats.training_vocabulary import tokens_read, unmoved_tokens

_FILE = "tokenizer.json"


@dataclass(frozen=True)
class Span:
    """One token of a text: characters [start, end), and whether its row moved."""

    start: int
    end: int
    is_moved: bool
    is_special: bool


@dataclass(frozen=True)
class TextReading:
    """A text compared with the training vocabulary.

    n_different: ordinary tokens that training would have moved; unmoved: those of them that did not
    move; token_ids and n_tokens: after cutting.
    """

    n_different: int
    unmoved: tuple[str, ...]
    spans: tuple[Span, ...]
    token_ids: tuple[int, ...]

    @property
    def n_tokens(self) -> int:
        return len(self.token_ids)


@dataclass(frozen=True)
class TextReader:
    """Which tokens moved, and how texts are tokenized.

    tokens: V of them as the tokenizer writes them; token_ids (V, int64); is_moved, is_special (V,
    bool). reads_last: whether the last token of a document has a gradient. longest_document: of the
    training documents, None if unknown.
    """

    tokens: tuple[str, ...]
    token_ids: NDArray[np.int64]
    is_moved: NDArray[np.bool_]
    is_special: NDArray[np.bool_]
    reads_last: bool
    longest_document: int | None
    tokenizer_folder: Path

    @cached_property
    def is_moved_by_id(self) -> NDArray[np.bool_]:
        """Whether each id of the final model moved; True for ids that cannot be compared."""
        found = np.ones(int(self.token_ids.max()) + 1, bool)
        found[self.token_ids] = self.is_moved
        return found

    @cached_property
    def specials(self) -> frozenset[int]:
        return frozenset(self.token_ids[self.is_special].tolist())

    def read(self, texts: Sequence[str], max_tokens: int | None = None) -> list[TextReading]:
        """Whether each text can have been trained on.

        Texts are cut after ``max_tokens`` or after the longest document if that is known, whichever
        is shorter.
        """
        tokenizer = self.tokenizer(max_tokens)
        by_id = dict(zip(self.token_ids.tolist(), self.tokens, strict=True))
        readings = []
        for encoded in tokenizer.encode_batch(list(texts)):
            # Ids beyond the table are new tokens, about which nothing is known.
            known = [number for number in encoded.ids if number < len(self.is_moved_by_id)]
            (unmoved,) = unmoved_tokens(
                [known], self.is_moved_by_id, self.specials, self.reads_last
            )
            spans = tuple(
                Span(start, end, bool(self.is_moved_by_id[number]), number in self.specials)
                for number, (start, end) in zip(encoded.ids, encoded.offsets, strict=True)
                if number < len(self.is_moved_by_id)
            )
            n_read = len(tokens_read(known, self.specials, self.reads_last))
            words = tuple(by_id[number] for number in unmoved.tolist())
            readings.append(TextReading(n_read, words, spans, tuple(encoded.ids)))
        return readings

    def read_tokens(self, token_ids: Sequence[int]) -> NDArray[np.int64]:
        """A document's different ordinary tokens that training would have moved."""
        known = len(self.is_moved_by_id)
        return tokens_read([i for i in token_ids if i < known], self.specials, self.reads_last)

    def unmoved(self, documents: Iterable[Sequence[int]]) -> list[NDArray[np.int64]]:
        """For documents given as token ids, the tokens that exclude each."""
        known = len(self.is_moved_by_id)
        return unmoved_tokens(
            ([i for i in document if i < known] for document in documents),
            self.is_moved_by_id,
            self.specials,
            self.reads_last,
        )

    def tokenizer(self, max_tokens: int | None) -> Tokenizer:
        """The tokenizer, which cuts texts as ``read`` does."""
        return read_tokenizer(self.tokenizer_folder, self.limit(max_tokens))

    def limit(self, max_tokens: int | None) -> int | None:
        """After how many tokens a text is cut; None if it is not cut.

        A last token that is only predicted takes up no position.
        """
        longest = self.longest_document
        if longest and not self.reads_last:
            longest += 1
        return min((one for one in (max_tokens, longest) if one), default=None)


def tokenizer_file_digest(folder: Path) -> str:
    """SHA-256 (hex) of the file that ``read_tokenizer`` reads; InputError if there is none."""
    with inside(folder, _FILE).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def read_tokenizer(folder: Path, max_tokens: int | None) -> Tokenizer:
    """The folder's tokenizer without padding; InputError if it has no file for a fast tokenizer."""
    if not has_file(folder, _FILE):
        raise InputError(
            f"{_FILE} in {called(folder)!r}",
            "none",
            "save the tokenizer with the model, with save_pretrained",
        )
    try:
        tokenizer = Tokenizer.from_str(inside(folder, _FILE).read_text(encoding="utf-8"))
    except Exception as error:  # the library raises nothing more precise
        raise InputError(
            f"a readable {_FILE} in {called(folder)!r}", str(error), "download the model again"
        ) from error
    tokenizer.no_padding()
    if max_tokens:
        tokenizer.enable_truncation(max_tokens)
    else:
        tokenizer.no_truncation()
    return tokenizer
