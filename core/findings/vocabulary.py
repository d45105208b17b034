"""What a training vocabulary says, in sentences that page, report and command line share."""

from __future__ import annotations

from collections.abc import Sequence

from assay.core.findings.finding import Finding
from assay.core.findings.formatting import percent
from assay.core.specs.vocabulary import Doubt, VocabularyFacts

# What a token that stood still takes for granted; the first three cannot be read off the weights.
ASSUMPTIONS = (
    "The base is the very model that fine-tuning started from.",
    "Fine-tuning cut texts into tokens with the final model's tokenizer, and read each document "
    "from its beginning, as it is given here.",
    "No part of the weights was put back afterwards, and nothing but gradients and weight decay "
    "changed the embeddings.",
    "Where fine-tuning cut documents shorter than they are cut here, tokens behind its cut were "
    "never read; learned positions show where it cut.",
)
_NOTHING_SAID = {
    Doubt.FROZEN: (
        "The input embeddings do not tell which tokens occurred: they were not trained.",
        "They equal the base model's, as with most adapters (LoRA). That is no sign of absence: "
        "any text can have been trained on.",
    ),
    Doubt.TIED: (
        "No token is proven absent: every row of the input embeddings moved.",
        "The output layer shares the table with the input, so that predicting moves every row. "
        "Whether rows moved along a document's gradients can still be asked.",
    ),
    Doubt.COUPLED_DECAY: (
        "No token is proven absent: weight decay moved every row of the input embeddings.",
        "Nearly every number moved towards zero by about the same step, as L2 decay inside Adam "
        "moves them. Whether rows moved along a document's gradients can still be asked.",
    ),
    Doubt.NO_GAP: (
        "No token is proven absent: rows that moved cannot be told from rows that stood still.",
        "There is no gap between them, as after coarse rounding or training in low precision. "
        "Whether rows moved along a document's gradients can still be asked.",
    ),
}


def vocabulary_finding(facts: VocabularyFacts, texts_are: str = "texts") -> Finding:
    """What moved, whether the rest proves absence, and what it says of ``texts_are``, a plural."""
    if facts.problem is not None:
        return Finding(f"The input embeddings cannot be compared. {facts.problem}", ())
    found = facts.is_assessable
    headline, *reasons = _moved(facts) if found else _hopeless(facts)
    sentences = (
        *reasons,
        _longest(facts),
        _added(facts),
        _possible(facts, texts_are) if found else None,
        _estimated(facts) if found else None,
    )
    return Finding(headline, tuple(sentence for sentence in sentences if sentence))


def text_sentence(facts: VocabularyFacts, n_different: int, unmoved: Sequence[str]) -> str:
    """Whether one text can have been trained on, and why."""
    if not facts.is_assessable:
        return "Nothing rules this text out: it is not known which tokens stood still."
    if not n_different:
        return "Nothing rules this text out: no token of it is compared."
    if not unmoved:
        one = "it was" if n_different == 1 else "they all were"
        return (
            f"Can have been trained on: of its {n_different:,} different tokens {one} moved. "
            "That is no proof that it was."
        )
    verb, seen = ("stood", "a token") if len(unmoved) == 1 else ("stood", "tokens")
    what = f"{len(unmoved):,} of its {n_different:,} different tokens {verb} still"
    if facts.proves_absence:
        return f"Cannot have been trained on, as it is cut here: {what}."
    return (
        f"Unlikely to have been trained on: {what}. It is no proof, because rounding hides about "
        f"{percent(facts.chance_missed)} of the {seen} that occurred."
    )


def possible_sentence(facts: VocabularyFacts, texts_are: str) -> str | None:
    """At most how many of the documents can have been used; None where nothing was excluded."""
    return _possible(facts, texts_are) if facts.is_assessable else None


def _moved(facts: VocabularyFacts) -> tuple[str, str]:
    n_still = facts.n_tokens - facts.n_moved
    occurred = f"{facts.n_moved:,} of {facts.n_tokens:,} tokens occurred in fine-tuning"
    if facts.proves_absence:
        return (
            f"{occurred}; the other {n_still:,} did not.",
            "The rows of the input embeddings form two groups with a clear gap between them: those "
            "that moved and those that stood still. A text with a token that stood still cannot "
            "have been trained on, as it is cut here, under the assumptions below.",
        )
    return (
        f"At least {occurred}; most of the other {n_still:,} probably did not.",
        "The weights are stored so coarsely that small updates were rounded away: about "
        f"{percent(facts.chance_missed)} of the tokens that occurred show nothing. A token that "
        "stood still speaks against a text, but proves nothing.",
    )


def _hopeless(facts: VocabularyFacts) -> tuple[str, str]:
    return next(words for doubt, words in _NOTHING_SAID.items() if doubt in facts.doubts)


def _longest(facts: VocabularyFacts) -> str | None:
    if facts.longest_document is None:
        return None
    return (
        f"Fine-tuning read {facts.longest_document:,} positions, special tokens included: its "
        "documents were that long at most, or were cut there."
    )


def _added(facts: VocabularyFacts) -> str | None:
    if not facts.n_added:
        return None
    one = facts.n_added == 1
    return (
        f"{facts.n_added:,} token{' was' if one else 's were'} added to the base model's "
        f"vocabulary. Nothing is known of {'it' if one else 'them'}, and the other rows were "
        "matched by token."
    )


def _possible(facts: VocabularyFacts, texts_are: str) -> str | None:
    if facts.n_documents is None or facts.n_possible is None:
        return None
    n_out = facts.n_documents - facts.n_possible
    held = "holds" if n_out == 1 else "hold"
    other = f"the other {n_out:,} {held} a token that stood still"
    if facts.proves_absence:
        return (
            f"At most {facts.n_possible:,} of {facts.n_documents:,} {texts_are} can have been "
            f"used: {other}."
        )
    return (
        f"{facts.n_possible:,} of {facts.n_documents:,} {texts_are} hold only tokens that "
        f"moved; {other}, which speaks against them but is no proof."
    )


def _estimated(facts: VocabularyFacts) -> str | None:
    if facts.n_estimated is None:
        return None
    low, high = facts.n_estimated_low, facts.n_estimated_high
    between = ""
    if low is not None and high is not None and _rounded(low) < _rounded(high):
        between = f" ({_rounded(low):,} to {_rounded(high):,})"
    elif low is not None and high is None:
        between = f" ({_rounded(low):,} or more)"
    return (
        f"About {_rounded(facts.n_estimated):,} documents like these{between} hold as many "
        "different tokens as moved. So many were trained on, if they were of the same kind."
    )


def _rounded(value: float) -> int:
    """To two digits: no estimate is worth more."""
    if value < 100:
        return round(value)
    return round(value, 2 - len(str(int(value))))  # type: ignore[return-value]
