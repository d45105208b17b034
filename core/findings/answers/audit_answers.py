"""The answers of one audit: the same on its page, in its report, in a terminal and a notebook."""

from __future__ import annotations

from dataclasses import replace

from assay.cache.audits.evidence import AuditEvidence
from assay.core.findings.answers.answer import Answer, AuditAnswers, Question, Standing
from assay.core.findings.answers.closeness import close
from assay.core.findings.answers.kind import kind
from assay.core.findings.answers.proven import proven
from assay.core.findings.answers.told import told
from assay.core.findings.finding import Finding, MetricTable
from assay.core.findings.initial_head import with_insiders_view
from assay.core.findings.titration import titration_in_brief
from assay.core.findings.titration_grid import nearest_budget
from assay.core.specs.audit import Assessability
from assay.core.specs.strategies import leading_strategy, main_strategy

_NOT_SCORED = "No documents were scored, so this does not show whether anything leaked."


def audit_answers(evidence: AuditEvidence) -> AuditAnswers:
    """All four questions, answered from what the audit and the store hold."""
    return _answers(evidence, asked_for_corpora=False)


def _answers(evidence: AuditEvidence, asked_for_corpora: bool) -> AuditAnswers:
    facts = evidence.facts
    if facts.assessability is Assessability.NOT_ASSESSABLE:
        reasons = " ".join(facts.meta.assessment.reasons)
        return AuditAnswers(
            tuple(Answer(one, _NOT_SCORED, reasons, Standing.UNKNOWN) for one in Question)
        )
    rows, main = MetricTable(evidence.metrics), main_strategy(facts.strategies)
    return AuditAnswers.ordered(
        (
            _with_titration(told(rows, main, facts.meta.counts), evidence),
            proven(facts.meta.vocabulary, evidence.suspect_tests, evidence.n_deleted_tests),
            close(rows, facts.strategies),
            kind(
                rows,
                main,
                facts.meta.vocabulary,
                facts.label_names,
                evidence.sources,
                evidence.source_students,
                facts.meta.projection,
                asked_for_corpora,
            ),
        )
    )


def answers_to_what_was_asked(evidence: AuditEvidence) -> AuditAnswers:
    """The same for who asked: a ranking of corpora or a titration asks one of the questions, and
    its answer comes first."""
    spec = evidence.facts.spec
    if spec.corpora:
        return _answers(evidence, asked_for_corpora=True).led_by(Question.KIND)
    answers = audit_answers(evidence)
    return answers.led_by(Question.TOLD) if spec.titration else answers


def audit_finding(evidence: AuditEvidence) -> Finding:
    """The answers as one headline and its sentences, and first what they rest on that no outsider
    has."""
    facts = evidence.facts
    if facts.assessability is Assessability.NOT_ASSESSABLE:
        reasons = tuple(facts.meta.assessment.reasons)
        return with_insiders_view(Finding(_NOT_SCORED, reasons), facts.meta)
    return with_insiders_view(answers_to_what_was_asked(evidence).as_finding(), facts.meta)


def _with_titration(answer: Answer, evidence: AuditEvidence) -> Answer:
    """With what the grid says at the budget nearest to the audit's."""
    if not evidence.titration:
        return answer
    spec = evidence.facts.spec
    budget = nearest_budget((row["budget"] for row in evidence.titration), spec.budget)
    assert budget is not None
    strategy, is_told = leading_strategy(spec.strategies), answer.is_found
    said = titration_in_brief(evidence.titration, strategy, budget, is_told)
    return replace(answer, sentences=(*answer.sentences, *said))
