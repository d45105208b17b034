"""Which of the strategies that were asked for these models allow, and why not the others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from assay.core.audit.context import AuditContext
from assay.core.audit.stages.embedding_agreement import EMBEDDINGS
from assay.core.audit.stages.layer_agreement import LAYERS
from assay.core.errors import InputError
from assay.core.specs.strategies import Strategy
from assay.core.specs.vocabulary import VocabularyFacts


def with_answerable_strategies(audit: AuditContext) -> AuditContext:
    """The audit without strategies that have no scores to rank by; InputError if none is left."""
    question = audit.question
    problems = dict(_problems(audit, question.spec.strategies))
    for strategy, problem in problems.items():
        audit.progress.note(f"documents are not selected by {strategy.shown_as}: {problem}")
    others = tuple(one for one in question.spec.strategies if one not in problems)
    if not others:
        reasons = " ".join(dict.fromkeys(problems.values()))
        raise InputError(
            "a strategy that works for these models",
            f"only {', '.join(problems)}, which does not ({reasons.rstrip('.')})",
            "add another --strategy",
        )
    return replace(
        audit, question=replace(question, spec=replace(question.spec, strategies=others))
    )


def what_was_left_out(audit: AuditContext, asked: Sequence[Strategy]) -> list[str]:
    """A caveat for each strategy of those that were asked for that the models do not allow."""
    return [
        f"The strategy “{strategy.shown_as}” was left out, which says nothing about a leak. "
        f"{problem}"
        for strategy, problem in _problems(audit, asked)
    ]


def _problems(audit: AuditContext, asked: Sequence[Strategy]) -> Iterator[tuple[Strategy, str]]:
    builder = audit.builder
    for part in (EMBEDDINGS, LAYERS):
        problem = part.why_not(audit)
        if problem is not None:
            yield from ((one, problem) for one in asked if one in part.strategies)
    if Strategy.VOCABULARY_MATCH in asked and builder.has_meta("vocabulary"):
        facts = VocabularyFacts.from_plain(builder.meta("vocabulary"))
        if not facts.is_assessable:
            yield (
                Strategy.VOCABULARY_MATCH,
                facts.problem or "No row of the input embeddings is known to have stood still.",
            )
