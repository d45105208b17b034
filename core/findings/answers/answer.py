"""What an audit answers: four questions in plain words, the strongest evidence first."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import KW_ONLY, dataclass
from enum import IntEnum, StrEnum

from assay.core.findings.finding import Finding
from assay.core.specs.metrics import Metric
from assay.core.specs.strategies import Strategy


class Question(StrEnum):
    """What an auditor wants to know."""

    TOLD = "Can training documents be distinguished from others?"
    PROVEN = "What is proven absent or present?"
    CLOSE = "How close does public data come?"
    KIND = "What kind of data was it?"


class Standing(IntEnum):
    """How strong the evidence of an answer is. Answers are ordered by it, the strongest first.

    Nothing above ``NOT_FOUND`` is said of what did not pass its threshold.
    """

    UNKNOWN = 0  # not tested, or not testable
    NOT_FOUND = 1  # tested; no more than chance
    RELATIVE = 2  # nearer than random selections, or than the other corpora
    GROUP = 3  # of documents or tokens together, not of single documents
    SINGLE = 4  # of single documents, with a known rate of mistakes

    @property
    def shown_as(self) -> str:
        """In the words of a badge."""
        return _STANDINGS[self]

    @property
    def meaning(self) -> str:
        """What the badge says, in a sentence."""
        return _MEANINGS[self]


_STANDINGS = {
    Standing.SINGLE: "about single documents",
    Standing.GROUP: "about documents together",
    Standing.RELATIVE: "closer than chance",
    Standing.NOT_FOUND: "no more than chance",
    Standing.UNKNOWN: "not tested",
}


_MEANINGS = {
    Standing.SINGLE: "The strongest evidence: it says of single documents whether they were "
    "trained on, with a known rate of mistakes.",
    Standing.GROUP: "Evidence about many documents or tokens together, not about single ones.",
    Standing.RELATIVE: "Closer to the training data, or to the weight difference, than random "
    "documents; whether any document was trained on is another question.",
    Standing.NOT_FOUND: "It was tested, and chance alone could give the same.",
    Standing.UNKNOWN: "It was not tested, or these weights and data do not allow a test.",
}


@dataclass(frozen=True)
class Answer:
    """One question answered.

    ``headline``: the answer in one sentence, with the settings it holds for. ``certainty``: its
    interval, p-value, correction and threshold, or why there is no answer. ``share``: what share
    of the documents the evidence settles, at least; it orders answers of one standing.
    ``measured``: the quantity that the headline is about, if it is one of several.
    ``selected_by``: whose selection it is about, if it is about one. ``sentences``: more of it.
    ``failed``: what was tried for it without success.
    """

    question: Question
    headline: str
    certainty: str
    standing: Standing
    share: float = 0.0
    _: KW_ONLY
    measured: Metric | None = None
    selected_by: Strategy | None = None
    sentences: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()

    @property
    def is_found(self) -> bool:
        """Whether evidence passed its threshold."""
        return self.standing > Standing.NOT_FOUND


@dataclass(frozen=True)
class AuditAnswers:
    """Every question once, the strongest evidence first."""

    answers: tuple[Answer, ...]

    @classmethod
    def ordered(cls, answers: Iterable[Answer]) -> AuditAnswers:
        """By standing, then by the share of documents settled, then as questions are asked."""
        order = list(Question)
        return cls(
            tuple(
                sorted(
                    answers,
                    key=lambda one: (-one.standing, -one.share, order.index(one.question)),
                )
            )
        )

    def to(self, question: Question) -> Answer:
        """The answer to one question."""
        return next(one for one in self.answers if one.question is question)

    def led_by(self, question: Question) -> AuditAnswers:
        """The same with one question's answer first, for who asked just that."""
        others = tuple(one for one in self.answers if one.question is not question)
        return AuditAnswers((self.to(question), *others))

    @property
    def lead(self) -> Answer:
        """The first, which has the strongest evidence unless one question alone was asked."""
        return self.answers[0]

    @property
    def failed(self) -> tuple[str, ...]:
        """What was tried without success, in the order of the answers."""
        return tuple(sentence for one in self.answers for sentence in one.failed)

    @property
    def closing(self) -> str:
        """The whole in two sentences: the leading answer and how certain it is."""
        return f"{self.lead.headline} {self.lead.certainty}"

    def as_finding(self) -> Finding:
        """All of it as a headline and sentences: first what was found, then what was not."""
        lead, *others = self.answers
        sentences = [lead.certainty, *lead.sentences]
        for one in others:
            sentences += [one.headline, one.certainty, *one.sentences]
        said = dict.fromkeys(part for part in (*sentences, *self.failed) if part)
        said.pop(lead.headline, None)
        return Finding(lead.headline, tuple(said))
