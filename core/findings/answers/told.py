"""Whether anybody can tell documents that were trained on from documents like them."""

from __future__ import annotations

from assay.core.findings.answers.answer import Answer, Question, Standing
from assay.core.findings.equal_scores import is_drawn
from assay.core.findings.finding import MetricTable, Row
from assay.core.findings.formatting import (
    capitalized,
    in_sentence,
    interval,
    p_value,
    percent,
    possessive,
    verb,
)
from assay.core.findings.membership import MembershipFinding, membership_finding
from assay.core.findings.selections import located_sentence, members_sentence
from assay.core.specs.metrics import Metric
from assay.core.specs.results.audit import AuditCounts
from assay.core.specs.strategies import BLIND, Strategy, shown_as
from assay.core.stats.intervals import SIGNIFICANCE

_DOMAIN = (
    "A test needs held-out documents: documents like the training documents, but never trained "
    "on. Without them, finding the subject looks the same as finding the documents."
)


def told(rows: MetricTable, strategy: Strategy, counts: AuditCounts) -> Answer:
    """``strategy``: the audit's main one; ``counts``: of documents, as the audit's file has them.

    A ranking tells documents apart as a group where its AUC is above chance, corrected for all
    rankings, and above that of text alone. It finds single documents where, besides, more of them
    than chance rank above all but 1% of the held-out ones, corrected alike.
    """
    found = membership_finding(rows.all(), strategy)
    failed = _failed(rows, strategy)
    if found is None:
        return _untested(rows, strategy, counts, failed)
    best, n = found.finder or found.winner, found.n_rankings
    name = shown_as(best)
    other = () if best == strategy else (_main_strategy(rows, strategy),)
    failed = tuple(sentence for sentence in (*other, *failed) if sentence)
    if not found.is_found:
        return Answer(
            Question.TOLD,
            f"None of {n} rankings distinguishes training documents from held-out ones.",
            found.sentence,
            Standing.NOT_FOUND,
            failed=failed,
        )
    auc = rows.get(best, Metric.MEMBERSHIP_AUC)
    assert auc is not None
    p_of_auc = p_value(found.corrected(auc))
    separation = f"AUC {in_sentence(auc)}, where chance gives 0.5{_text_alone(rows)}."
    rate = rows.get(best, Metric.MEMBERSHIP_TPR)
    if rate is None or found.finder is None:
        return Answer(
            Question.TOLD,
            f"As a group only: {name} {verb(name, 'rank')} training documents above held-out ones "
            "more often than chance does. Single documents could not be identified.",
            f"{separation} {_tested(p_of_auc, n)} {_weak_rate(rate, found)}",
            Standing.GROUP,
            failed=failed,
        )
    n_found = round(rate["value"] * rate["n"])
    found_rate = f"That is {in_sentence(rate, percent)}, where chance finds 1%."
    p_of_rate = p_value(found.corrected(rate))
    both = (
        f"Both {p_of_rate}"
        if p_of_rate == p_of_auc
        else f"For the share found {p_of_rate}, for the AUC {p_of_auc}"
    )
    return Answer(
        Question.TOLD,
        f"{capitalized(name)} {verb(name, 'find')} {n_found:,} of "
        f"{rate['n']:,} training documents at a false positive rate of 1%.",
        f"{found_rate} {separation} {_tested(both, n)}",
        Standing.SINGLE,
        float(rate["low"]),
        failed=failed,
    )


def _weak_rate(rate: Row | None, found: MembershipFinding) -> str:
    if rate is None:
        return "A false positive rate of 1% needs 100 held-out documents or more."
    finds = (
        f"At a false positive rate of 1% it finds {percent(rate['value'])} "
        f"({interval(rate['low'], rate['high'], percent)}; chance finds 1%)"
    )
    if found.corrected(rate) < SIGNIFICANCE:
        return f"{finds}, which text alone might find too."
    return (
        f"{finds}, which does not reach the threshold: {p_value(found.corrected(rate))}"
        f"{_for(found.n_rankings)}."
    )


def _for(n_rankings: int) -> str:
    return f" corrected for {n_rankings} rankings (Holm)" if n_rankings > 1 else ""


def _tested(p: str, n_rankings: int) -> str:
    """p-values with what they are corrected for, and their threshold."""
    corrected = f",{_for(n_rankings)}" if n_rankings > 1 else ""
    return f"{p}{corrected}; threshold {SIGNIFICANCE}."


def _text_alone(rows: MetricTable) -> str:
    blind = rows.get(BLIND, Metric.MEMBERSHIP_AUC)
    if blind is None:
        return ""
    return f" and text alone, which sees no model, gives {in_sentence(blind)}"


def _main_strategy(rows: MetricTable, strategy: Strategy) -> str | None:
    """That the selection's own ranking is another matter, where it fails."""
    auc = rows.get(strategy, Metric.MEMBERSHIP_AUC)
    if auc is None or auc["p_value"] < SIGNIFICANCE or is_drawn(rows, strategy):
        return None
    return (
        f"{possessive(strategy.shown_as)} ranking does not distinguish training documents from "
        "held-out "
        f"ones: AUC {in_sentence(auc)}, where chance gives 0.5; {p_value(auc['p_value'])}, "
        f"threshold {SIGNIFICANCE}."
    )


def _failed(rows: MetricTable, strategy: Strategy) -> tuple[str, ...]:
    """Of the main strategy's selection, what came out no better than chance."""
    tried = (
        (Metric.RECALL, located_sentence),
        (Metric.MEMBERSHIP_PRECISION, members_sentence),
    )
    return tuple(
        sentence
        for metric, said in tried
        if (row := rows.get(strategy, metric))
        and row["p_value"] >= SIGNIFICANCE
        and (sentence := said(rows, strategy))
    )


def _untested(
    rows: MetricTable, strategy: Strategy, counts: AuditCounts, failed: tuple[str, ...]
) -> Answer:
    recall = rows.get(strategy, Metric.RECALL)
    if recall is not None and recall["p_value"] < SIGNIFICANCE and not is_drawn(rows, strategy):
        sentence = located_sentence(rows, strategy)
        assert sentence is not None
        return Answer(
            Question.TOLD,
            f"Unknown: {strategy.shown_as} finds the subject of the training documents, and there "
            "are no held-out documents to show whether it finds more.",
            sentence,
            Standing.RELATIVE,
            failed=failed,
        )
    if not counts.n_reference:
        why = "Not tested: the training documents are not known, so no ranking can be checked."
    elif not counts.n_leaked:
        why = "Not tested: no training document is in the seed corpus."
    else:
        why = "Not tested: there are no held-out documents to compare with."
    return Answer(Question.TOLD, why, _DOMAIN, Standing.UNKNOWN, failed=failed)
