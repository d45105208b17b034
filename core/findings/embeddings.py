"""What input embeddings show about an audit's documents: trained on, or excluded."""

from __future__ import annotations

from assay.core.findings.finding import Finding, MetricTable, Row
from assay.core.findings.formatting import p_value, percent
from assay.core.findings.vocabulary import possible_sentence, vocabulary_finding
from assay.core.specs.metrics import Metric
from assay.core.specs.strategies import BLIND, Strategy
from assay.core.specs.vocabulary import VocabularyFacts
from assay.core.stats.intervals import SIGNIFICANCE

CORPUS = "documents of the seed corpus"
_MATCH = Strategy.EMBEDDING_MATCH


def embedding_finding(rows: MetricTable, vocabulary: VocabularyFacts | None) -> Finding | None:
    """A headline about what is found or excluded, and its numbers; None if that is nothing."""
    found, excluded = _found(rows), _excluded(vocabulary)
    parts = [part for part in (found, excluded) if part]
    if not parts:
        return None
    sentences: list[str | None] = [_rates(rows)] if found else []
    if vocabulary is not None and vocabulary.is_assessable:
        sentences += [
            vocabulary_finding(vocabulary).headline,
            possible_sentence(vocabulary, CORPUS),
        ]
    return Finding(
        f"Input embeddings {', and '.join(parts)}.",
        tuple(sentence for sentence in sentences if sentence),
    )


def _found(rows: MetricTable) -> str | None:
    """How well they find training documents, if better than chance and than text alone."""
    auc, blind = rows.get(_MATCH, Metric.MEMBERSHIP_AUC), rows.get(BLIND, Metric.MEMBERSHIP_AUC)
    if auc is None or auc["p_value"] >= SIGNIFICANCE or auc["value"] <= 0.5:
        return None
    if blind is not None and auc["low"] <= blind["value"]:
        return None
    rate = rows.get(_MATCH, Metric.MEMBERSHIP_TPR)
    if rate is None or rate["p_value"] >= SIGNIFICANCE:
        return f"distinguish training documents from held-out ones (AUC {auc['value']:.2f})"
    return (
        f"find {_number_found(rate):,} of {rate['n']:,} training documents at a false positive "
        "rate "
        "of 1%"
    )


def _excluded(vocabulary: VocabularyFacts | None) -> str | None:
    if vocabulary is None or not vocabulary.proves_absence:
        return None
    if vocabulary.n_documents is None or vocabulary.n_possible is None:
        return None
    n_out = vocabulary.n_documents - vocabulary.n_possible
    if not n_out:
        return None
    were = "was" if n_out == 1 else "were"
    return f"prove that {n_out:,} of {vocabulary.n_documents:,} documents {were} not trained on"


def _rates(rows: MetricTable) -> str:
    auc, rate = (rows.get(_MATCH, m) for m in (Metric.MEMBERSHIP_AUC, Metric.MEMBERSHIP_TPR))
    assert auc is not None
    sentence = (
        "Scored by how input embeddings moved, training documents rank above held-out ones with "
        "an "
        f"AUC of {auc['value']:.3f} ({auc['low']:.3f}–{auc['high']:.3f}, "
        f"{p_value(auc['p_value'])}; 0.5 is chance)"
    )
    if rate is not None:
        sentence += (
            f"; at a false positive rate of 1%, {percent(rate['value'])} are found "
            f"({100 * rate['low']:.1f}–{100 * rate['high']:.1f})"
        )
    return sentence + "."


def _number_found(rate: Row) -> int:
    return round(rate["value"] * rate["n"])
