"""The finding of a training vocabulary, in sentences that pages, report and command line share."""

from __future__ import annotations

from collections.abc import Sequence

from assay.core.findings.finding import Finding
from assay.core.findings.formatting import percent
from assay.core.specs.vocabulary import Doubt, VocabularyFacts

# What an audit's texts are.
CORPUS = "documents of the seed corpus"
# What "an unmoved token did not occur" assumes; the weights cannot confirm the first three.
ASSUMPTIONS = (
    "The base model is exactly the one that fine-tuning started from.",
    "Fine-tuning used the final model's tokenizer, and read each document from its beginning, as "
    "given here.",
    "No weights were reset afterwards, and only gradients and weight decay changed the embeddings.",
    "Fine-tuning did not truncate documents earlier than this audit does: it would not have read "
    "the tokens after its limit. Learned positions, where a model has them, show this limit.",
)
# What the range of the estimated number of training documents stands for.
_RANGE = " The range allows for ± 2 standard deviations of that number of tokens."
_NOTHING_SAID = {
    Doubt.FROZEN: (
        "The input embeddings do not show which tokens occurred: they were not trained.",
        "They equal the base model's, as with most adapters (LoRA). This rules nothing out: any "
        "text can have been trained on.",
    ),
    Doubt.TIED: (
        "No token can be ruled out: every row of the input embeddings moved.",
        "The output layer shares its table with the input embeddings, so every prediction moves "
        "every row. Documents can still be scored by whether rows moved along their gradients.",
    ),
    Doubt.COUPLED_DECAY: (
        "No token can be ruled out: weight decay moved every row of the input embeddings.",
        "Nearly every number moved towards zero by about the same step, as L2 decay inside Adam "
        "does. Documents can still be scored by whether rows moved along their gradients.",
    ),
    Doubt.NO_GAP: (
        "No token can be ruled out: moved and unmoved rows cannot be distinguished.",
        "There is no gap between them, as after coarse rounding or training in low precision. "
        "Documents can still be scored by whether rows moved along their gradients.",
    ),
}


def vocabulary_finding(facts: VocabularyFacts, texts_are: str = "texts") -> Finding:
    """What moved, whether the rest proves absence, and what follows for ``texts_are``."""
    if facts.problem is not None:
        return Finding(f"The input embeddings cannot be compared. {facts.problem}", ())
    found = facts.is_assessable
    headline, *reasons = _moved(facts) if found else _hopeless(facts)
    sentences = (
        *reasons,
        longest_sentence(facts),
        _added(facts),
        _possible(facts, texts_are) if found else None,
        estimated_sentence(facts) if found else None,
    )
    return Finding(headline, tuple(sentence for sentence in sentences if sentence))


def text_sentence(facts: VocabularyFacts, n_different: int, unmoved: Sequence[str]) -> str:
    """Whether one text can have been trained on, and why."""
    if not facts.is_assessable:
        return "Not ruled out: it is unknown which tokens did not occur."
    if not n_different:
        return "Not ruled out: none of its tokens can be compared."
    if not unmoved:
        all_of = (
            "its only token" if n_different == 1 else f"all of its {n_different:,} different tokens"
        )
        return f"Can have been trained on: {all_of} occurred. This does not prove that it was."
    what = f"{len(unmoved):,} of its {n_different:,} different tokens did not move"
    if facts.proves_absence:
        return f"Cannot have been trained on, truncated as here: {what}."
    return (
        f"Unlikely to have been trained on: {what}. This is not proof, because rounding hides "
        "about "
        f"{percent(facts.chance_missed)} of the tokens that occurred."
    )


def _moved(facts: VocabularyFacts) -> tuple[str, str]:
    n_still = facts.n_tokens - facts.n_moved
    occurred = f"{facts.n_moved:,} of {facts.n_tokens:,} tokens occurred in fine-tuning"
    if facts.proves_absence:
        return (
            f"{occurred}; the other {n_still:,} did not.",
            "The rows of the input embeddings form two groups with a clear gap between them: moved "
            "and unmoved. A text with an unmoved token cannot have been trained on, under the "
            "assumptions below.",
        )
    return (
        f"At least {occurred}; most of the other {n_still:,} probably did not.",
        "Rounding hid some updates, because they were small or the weights are stored coarsely: "
        f"about {percent(facts.chance_missed)} of the tokens that occurred did not move. An "
        "unmoved token is evidence against a text, but not proof.",
    )


def _hopeless(facts: VocabularyFacts) -> tuple[str, str]:
    return next(words for doubt, words in _NOTHING_SAID.items() if doubt in facts.doubts)


def longest_sentence(facts: VocabularyFacts) -> str | None:
    """How many tokens of a document were read; None where that cannot be known."""
    if facts.longest_document is None:
        return None
    return (
        f"Fine-tuning read at most {facts.longest_document:,} tokens per document, special tokens "
        "included: longer documents did not occur or were truncated."
    )


def _added(facts: VocabularyFacts) -> str | None:
    if not facts.n_added:
        return None
    one = facts.n_added == 1
    return (
        f"{facts.n_added:,} token{' was' if one else 's were'} added to the base model's "
        f"vocabulary. Nothing is known about {'it' if one else 'them'}; the other rows were "
        "matched by token."
    )


def _possible(facts: VocabularyFacts, texts_are: str) -> str | None:
    if facts.n_documents is None or facts.n_possible is None:
        return None
    n_out = facts.n_documents - facts.n_possible
    held = "contains" if n_out == 1 else "contain"
    other = f"the other {n_out:,} {held} an unmoved token"
    if facts.proves_absence:
        return (
            f"At most {facts.n_possible:,} of {facts.n_documents:,} {texts_are} can have been "
            f"trained on: {other}."
        )
    return (
        f"{facts.n_possible:,} of {facts.n_documents:,} {texts_are} contain only tokens "
        f"that moved; {other}, which is evidence against them but not proof."
    )


def estimated_sentence(facts: VocabularyFacts) -> str | None:
    """About how many training documents there were; None where that was not estimated."""
    if facts.n_estimated is None:
        return None
    low, high = facts.n_estimated_low, facts.n_estimated_high
    between = ""
    if low is not None and high is not None and _rounded(low) < _rounded(high):
        between = f" ({_rounded(low):,} to {_rounded(high):,})"
    elif low is not None and high is None:
        between = f" ({_rounded(low):,} or more)"
    return (
        f"There were about {_rounded(facts.n_estimated):,} training documents{between}, if they "
        "are like the documents given here: that many of these contain as many different tokens."
        + (_RANGE if between else "")
    )


def _rounded(value: float) -> int:
    """Rounded to two digits: no estimate is more precise."""
    if value < 100:
        return round(value)
    return round(int(value), 2 - len(str(int(value))))
