"""What kind of data the training documents were: of which corpus, with which words and classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from assay.core.findings.answers.answer import Answer, Question, Standing
from assay.core.findings.beside_random import apart_from_random
from assay.core.findings.class_shares import is_from_reference
from assay.core.findings.corpus_ranking import (
    Row,
    corpus_ranking_finding,
    is_nearer_than_random,
    is_one_nearest,
)
from assay.core.findings.finding import MetricTable
from assay.core.findings.formatting import decimal, listed, p_value, possessive
from assay.core.findings.vocabulary import estimated_sentence, longest_sentence
from assay.core.specs.metrics import Metric
from assay.core.specs.results.audit import Projection
from assay.core.specs.strategies import Strategy
from assay.core.specs.vocabulary import VocabularyFacts
from assay.core.stats.intervals import CHANCE_OUTSIDE

_MOST_LISTED = 8


@dataclass(frozen=True)
class _Part:
    """What one kind of evidence says: ``more`` supports it."""

    headline: str
    certainty: str
    standing: Standing
    more: tuple[str, ...] = ()

    @property
    def in_brief(self) -> str:
        return f"{self.headline} {self.certainty}"


def kind(
    rows: MetricTable,
    strategy: Strategy,
    vocabulary: VocabularyFacts | None,
    labels: Sequence[str],
    sources: Sequence[Row],
    students: Sequence[Row],
    projection: Projection | None = None,
    is_asked: bool = False,
) -> Answer:
    """``strategy``: the audit's main one. ``sources``: ranked public corpora, if any were ranked;
    ``students``: models trained on half of one of them; ``projection``: the audit's, if it has
    one; ``is_asked``: whether the ranking leads whatever it found.

    A corpus ahead of all others leads, otherwise what has the stronger evidence. A ranking that
    found no more than chance counts as tried without success.
    """
    words, classes = _words(vocabulary), _classes(rows, strategy, labels)
    balance, failed = _balance(rows, strategy)
    own = _without_corpora(words, classes, balance, strategy, vocabulary is not None)
    if not sources:
        return _answer(own, own.more, failed)
    corpora = _corpora(sources, students, projection)
    if is_asked or is_one_nearest(sources, students) or corpora.standing >= own.standing:
        said = (words.headline if words else None, classes, balance)
        return _answer(corpora, (*corpora.more, *(one for one in said if one)), failed)
    if corpora.standing > Standing.NOT_FOUND:
        return _answer(own, (*own.more, corpora.in_brief), failed)
    return _answer(own, own.more, (corpora.in_brief, *failed))


def _answer(part: _Part, sentences: tuple[str, ...], failed: tuple[str, ...]) -> Answer:
    return Answer(
        Question.KIND,
        part.headline,
        part.certainty,
        part.standing,
        sentences=sentences,
        failed=failed,
    )


def _corpora(
    sources: Sequence[Row], students: Sequence[Row], projection: Projection | None
) -> _Part:
    """The ranking of public corpora; "closer than chance" where the nearest one surely is."""
    found = corpus_ranking_finding(sources, students, projection)
    is_closer = is_one_nearest(sources, students) or is_nearer_than_random(sources)
    certainty, *more = found.sentences
    return _Part(
        found.headline,
        f"{certainty} Corpora are ranked apart only where their intervals, widened for their "
        "number (Bonferroni), do not overlap; threshold 0.05.",
        Standing.RELATIVE if is_closer else Standing.NOT_FOUND,
        tuple(more),
    )


def _without_corpora(
    words: _Part | None,
    classes: str | None,
    balance: str | None,
    strategy: Strategy,
    is_compared: bool,
) -> _Part:
    """What the weights say of the training documents by themselves: their words, or classes."""
    if words:
        return replace(words, more=tuple(one for one in (classes, balance) if one))
    if balance:
        assert classes is not None
        return _Part(
            f"{classes} {strategy.shown_as} finds about how many of each there were.",
            balance,
            Standing.RELATIVE,
        )
    why = "do not show the training vocabulary" if is_compared else "were not compared"
    return _Part(
        f"Known from the final model's labels alone: {classes[0].lower()}{classes[1:]}"
        if classes
        else "Unknown: nothing in these weights shows it.",
        f"The input embeddings {why}, and no public corpora were ranked (`assay rank-corpora` does "
        "that).",
        Standing.UNKNOWN,
    )


def _words(facts: VocabularyFacts | None) -> _Part | None:
    """Which tokens occurred, and about how many documents of what length that makes."""
    if facts is None or not facts.is_assessable or not facts.n_moved:
        return None
    about = " ".join(one for one in (estimated_sentence(facts), longest_sentence(facts)) if one)
    if facts.proves_absence:
        return _Part(
            f"Texts that contain {facts.n_moved:,} of the {facts.n_tokens:,} tokens that the model "
            "knows.",
            f"{about} The list of tokens is exact under the assumptions listed under "
            "“Vocabulary”.".strip(),
            Standing.GROUP,
        )
    return _Part(
        f"Texts that contain at least {facts.n_moved:,} of the {facts.n_tokens:,} tokens that the "
        "model knows.",
        f"{about} Rounding hides some tokens, so the list is incomplete.".strip(),
        Standing.RELATIVE,
    )


def _classes(rows: MetricTable, strategy: Strategy, labels: Sequence[str]) -> str | None:
    """What the final model distinguishes, which anybody can read from it."""
    if not labels:
        return None
    shown = list(labels[:_MOST_LISTED])
    if len(labels) > _MOST_LISTED:
        shown.append(f"{len(labels) - _MOST_LISTED:,} more")
    return f"Texts of {len(labels):,} classes: {listed(shown)}."


def _balance(rows: MetricTable, strategy: Strategy) -> tuple[str | None, tuple[str, ...]]:
    """How near the selection's class shares are to the reference set's: where that is nearer than
    random ones are, and where it is not."""
    row = rows.get(strategy, Metric.IMBALANCE)
    if row is None or strategy is Strategy.RANDOM or not is_from_reference(row):
        return None, ()
    is_apart = strategy in apart_from_random(rows, [strategy], Metric.IMBALANCE)
    is_nearer = is_apart and row["value"] < row["null_value"]
    p = row.get("p_value")
    tested = "" if p is None or p != p else f"; {p_value(p)}, threshold {CHANCE_OUTSIDE}"
    side = "nearer" if is_nearer else ("farther" if is_apart else "no nearer")
    sentence = (
        f"The class shares of {possessive(strategy.shown_as)} selection of {row['n']:,} "
        f"documents are {side} "
        "to those of the training documents than random selections' are: total variation "
        f"{decimal(row['value'])}; for 95% of {row['null_kind']} it is {decimal(row['null_low'])} "
        f"to {decimal(row['null_high'])}{tested}."
    )
    sentence = sentence.replace("farther to", "farther from")
    return (sentence, ()) if is_nearer else (None, (sentence,))
