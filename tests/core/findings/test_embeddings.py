"""What input embeddings find and rule out, in words from the rows."""

from __future__ import annotations

from assay.core.findings.embeddings import embedding_finding
from assay.core.findings.finding import MetricTable
from assay.core.specs.metrics import Metric
from assay.core.specs.strategies import BLIND, Strategy
from assay.core.specs.vocabulary import Doubt, VocabularyFacts

VOCABULARY = VocabularyFacts(
    proves_absence=True,
    n_tokens=1000,
    n_moved=300,
    max_tokens=40,
    n_documents=1600,
    n_possible=396,
)


def rows(auc=0.95, p_value=1e-9, found=0.8, blind=0.5):
    """A ranking of 160 trained documents."""
    common = {"low": auc - 0.02, "high": auc + 0.02, "p_value": p_value, "n": 800}
    return MetricTable(
        [
            {
                "subject": Strategy.EMBEDDING_MATCH,
                "metric": Metric.MEMBERSHIP_AUC,
                "value": auc,
                **common,
            },
            {
                "subject": Strategy.EMBEDDING_MATCH,
                "metric": Metric.MEMBERSHIP_TPR,
                **common,
                "value": found,
                "low": found - 0.1,
                "high": found + 0.1,
                "n": 160,
            },
            {"subject": BLIND, "metric": Metric.MEMBERSHIP_AUC, **common, "value": blind},
        ]
    )


def test_the_headline_counts_what_is_found_and_what_is_ruled_out():
    """One plain sentence with both numbers, from the rows."""
    found = embedding_finding(rows(), VOCABULARY)
    assert found.headline == (
        "Input embeddings find 128 of 160 training documents at a false positive rate of 1%, "
        "and prove that 1,204 of 1,600 documents were not trained on."
    )
    said = " ".join(found.sentences)
    assert "0.950" in said
    assert "At most 396 of 1,600 documents of the seed corpus can have been trained on" in said


def test_chance_and_text_alone_are_no_finding():
    """Nothing is claimed of an AUC that chance explains, or that words alone reach."""
    assert embedding_finding(rows(p_value=0.4), None) is None
    assert embedding_finding(rows(blind=0.94), None) is None
    assert embedding_finding(MetricTable([]), None) is None
    assert "find" not in embedding_finding(rows(p_value=0.4), VOCABULARY).headline


def test_rounding_and_tied_tables_prove_nothing():
    """Without proof no document is said to be ruled out."""
    for doubtful in (
        VocabularyFacts(doubts=(Doubt.TIED,)),
        VocabularyFacts(doubts=(Doubt.COARSE_STORAGE,), n_documents=10, n_possible=4),
        VocabularyFacts(problem="no table"),
        None,
    ):
        found = embedding_finding(rows(), doubtful)
        assert "prove" not in found.headline
        assert found.headline.startswith("Input embeddings find 128 of 160")
