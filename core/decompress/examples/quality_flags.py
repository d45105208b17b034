"""Quality flags of examples. Flags never delete: whoever exports decides what to leave out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from datasketch import MinHash, MinHashLSH
from py3langid.langid import MODEL_FILE, LanguageIdentifier

from assay.core.decompress.examples.generation import Example
from assay.core.similarity.words import n_words, runs, words_and_marks
from assay.core.specs.decompression import QualityFlag

FEWEST_WORDS, MOST_WORDS = 8, 1000
# Gopher's rules (Rae et al., 2021, table A1) allow 16 to 20% of characters in repeated n-grams.
MOST_REPETITION = 0.2
LEAST_ENGLISH = 0.5
DUPLICATE_JACCARD = 0.7
# Bands and rows of the index: pairs from about (1/42)^(1/3) = 0.29 on are looked up. They are fixed
# here, because datasketch takes seconds to find them. A neighbour may be missed, but not wrong.
_BANDS_AND_ROWS = (42, 3)
_SHINGLE_WORDS = 3
_N_PERMUTATIONS = 128
# The language of shorter texts cannot be identified: 20 Latin letters, 7 Chinese characters.
_FEWEST_BYTES = 20
# If the likeliest of 139 languages has a lower probability, the text has none: numbers, markup.
_LEAST_KNOWN = 0.2
_NO_LANGUAGE = "zxx"


@dataclass(frozen=True)
class ExampleFlag:
    """One flag of one example; ``value`` in the flag's unit, None if it cannot be computed."""

    example_id: int
    mark: QualityFlag
    is_flagged: bool
    value: float | None
    detail: str = ""
    neighbour_id: int | None = None


def flag_examples(examples: Sequence[Example]) -> list[ExampleFlag]:
    """All flags of all examples."""
    marks = [mark for example in examples for mark in _own_marks(example)]
    return [*marks, *_near_duplicates(examples)]


def repetition(text: str, n: int = 4) -> float:
    """Share of word n-grams that are not the first of their kind; 0 for short texts."""
    units = words_and_marks(text)
    grams = [tuple(units[start:end]) for start, end in runs(units, n)]
    return 1 - len(set(grams)) / len(grams) if grams else 0.0


def _own_marks(example: Example) -> Iterator[ExampleFlag]:
    own = example.example_id
    yield ExampleFlag(
        own,
        QualityFlag.VALIDITY,
        not example.is_readable,
        float(example.is_readable),
        "" if example.is_readable else "task, reasoning and response could not be separated",
    )
    length = n_words(example.response)
    is_odd = not FEWEST_WORDS <= length <= MOST_WORDS
    detail = "cut off at the token limit" if example.is_cut else ""
    yield ExampleFlag(own, QualityFlag.LENGTH, is_odd or example.is_cut, float(length), detail)
    repeated = repetition(example.response)
    yield ExampleFlag(own, QualityFlag.REPETITION, repeated > MOST_REPETITION, repeated)
    language, p_english = _language(example.response)
    # Code resembles no language, but is most likely taken for English.
    is_foreign = p_english is not None and p_english < LEAST_ENGLISH and language != "en"
    yield ExampleFlag(own, QualityFlag.LANGUAGE, is_foreign, p_english, language)


def _language(text: str) -> tuple[str, float | None]:
    """The likeliest language's code, and the probability of English.

    None if the text is too short, or in no language.
    """
    if len(text.encode()) < _FEWEST_BYTES:
        return "", None
    ranked = _identifier().rank(text)
    likeliest, probability = ranked[0]
    if likeliest == _NO_LANGUAGE or probability < _LEAST_KNOWN:
        return "", None
    return likeliest, dict(ranked)["en"]


@cache
def _identifier() -> LanguageIdentifier:
    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


def _near_duplicates(examples: Sequence[Example]) -> Iterator[ExampleFlag]:
    """Compares responses: tasks are made from templates and are similar by design."""
    index = MinHashLSH(num_perm=_N_PERMUTATIONS, params=_BANDS_AND_ROWS)
    shingles: dict[int, frozenset[str]] = {}
    for example in examples:
        own = example.example_id
        shingles[own] = _shingles(example.response)
        signature = _signature(shingles[own])
        scored = [(_jaccard(shingles[own], shingles[at]), -at) for at in index.query(signature)]
        similarity, nearest = max(scored, default=(0.0, None))
        is_duplicate = similarity >= DUPLICATE_JACCARD
        neighbour = None if nearest is None else -nearest
        yield ExampleFlag(own, QualityFlag.NEAR_DUPLICATE, is_duplicate, similarity, "", neighbour)
        if shingles[own]:
            index.insert(own, signature)


def _shingles(text: str) -> frozenset[str]:
    units = words_and_marks(text)
    found = frozenset(" ".join(units[start:end]) for start, end in runs(units, _SHINGLE_WORDS))
    return found or frozenset({" ".join(units)} if units else ())


def _signature(shingles: frozenset[str]) -> MinHash:
    signature = MinHash(num_perm=_N_PERMUTATIONS, seed=1)
    signature.update_batch([shingle.encode() for shingle in sorted(shingles)])
    return signature


def _jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / len(one | other)
