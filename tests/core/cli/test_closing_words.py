"""What `assay audit` ends with: the answers, in words."""

from __future__ import annotations

import pytest
from support.audit_file import write_sample_audit
from support.evidence import evidence, ranked_corpus, ranking
from support.titration_audit import write_sample_titration

from assay.cache.audits.read import read_facts, read_titration
from assay.cache.store import Store
from assay.core.cli.pair_commands import closing_words, figures_table, say_answers
from assay.core.findings.answers.audit_answers import audit_answers
from assay.core.findings.table_cells import as_text
from assay.core.runtime.outcome import Outcome
from assay.core.specs.data import Task
from assay.core.specs.strategies import strategies_for


def test_an_audit_ends_with_its_leading_answer_and_then_every_question():
    """First the answer with its certainty, then each other question with its answer, those of the
    page; no Python value in brackets."""
    made = evidence(ranking("select", 0.9, 1e-9, 0.5, 1e-9))
    first, *others = closing_words(made)
    answers = audit_answers(made).answers
    assert first == f"{answers[0].headline} {answers[0].certainty}"
    for one, words in zip(answers[1:], others, strict=True):
        assert one.question in words
        assert one.headline in words
    assert not any(mark in " ".join((first, *others)) for mark in ("[", "False", "None:"))


@pytest.mark.parametrize("start", ["recorded", "unknown"])
def test_the_insiders_view_comes_before_any_answer(start):
    """Whoever reads only the first line learns that no outsider could make this audit."""
    words = list(closing_words(evidence(initial_head=start)))
    assert words[0].startswith("Evaluation only") == (start == "recorded")


def test_where_nothing_was_scored_only_that_is_said():
    """An audit that cannot be assessed ends with that and the reasons, once."""
    (words,) = closing_words(evidence(verdict="not assessable"))
    assert words.startswith("No documents were scored")
    assert words.endswith("The head moved.")


def test_labels_cannot_command_a_terminal(capsys):
    """A label's control characters are left out; where to read on is named."""
    store = Store.default()
    path = write_sample_audit(store, label_names=["\x1b[31mred\x07", "b", "c", "d"])
    say_answers(store, Outcome(path.stem, path, was_there=False), as_json=False)
    said = capsys.readouterr().out
    assert "[31mred" in said
    assert all(one.isprintable() or one == "\n" for one in said)
    assert "/overview?audit=sample" in said


def test_the_figures_of_each_strategy_are_a_small_table(capsys):
    """Each strategy has a line with its recall, as the page shows it, at most 100 characters wide;
    an audit without figures has no table."""
    store = Store.default()
    path = write_sample_audit(store)
    say_answers(store, Outcome(path.stem, path, was_there=False), as_json=False)
    lines = capsys.readouterr().out.splitlines()
    (head,) = [line for line in lines if line.split()[:1] == ["strategy"]]
    table = lines[lines.index(head) : lines.index("", lines.index(head))]
    assert "recall" in head
    ran = strategies_for(Task.CLASSIFICATION)
    assert all(any(one.shown_as in line for line in table) for one in ran)
    assert max(map(len, table)) <= 100
    assert figures_table(evidence(verdict="not assessable")) is None


def test_a_ranking_of_corpora_ends_with_each_corpus_and_its_null():
    """A line each, with cosine, chance and share; a ranking without corpora has no table."""
    spec = {**evidence().facts.meta.spec, "corpora": {"n_students": 0}}
    sources = [
        {**ranked_corpus(name, 0.4, 0.35, 0.45), "centroid_share": 0.5, "true_share": None}
        for name in ("news", "mail")
    ]
    table = as_text(figures_table(evidence(sources=sources, spec=spec)))
    assert table["corpus"].tolist() == ["news", "mail"]
    assert table["cosine"].tolist() == ["0.400 [0.350–0.450]"] * 2
    assert table["chance"].tolist() == ["0.100–0.200"] * 2
    assert figures_table(evidence(spec=spec)) is None


def test_a_titration_ends_with_recall_at_each_leaked_share(capsys):
    """A line each, for the strategy that the finding is about and the controls, at the nearest
    budget that was measured, as the page shows it, and at most 100 characters wide."""
    store = Store.default()
    path = write_sample_titration(store)
    say_answers(store, Outcome(path.stem, path, was_there=False), as_json=False)
    lines = capsys.readouterr().out.splitlines()
    (head,) = [line for line in lines if line.strip().startswith("recall, % at")]
    table = lines[lines.index(head) : lines.index("", lines.index(head))]
    assert all(name in head for name in ("SELECT", "random", "P-min", "text alone"))
    assert max(map(len, table)) <= 100
    grid = read_titration(path)
    own = grid[(grid["metric"] == "recall") & (grid["strategy"] == "select")]
    at = own[(own["leaked_share"] == 1.0) & (own["budget"] == read_facts(path).spec.budget)]
    assert table[-1].split()[:3] == ["100%", "leaked", f"{100 * at['value'].mean():.1f}"]
