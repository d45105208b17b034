"""The answers say what the evidence says, the strongest first, also when that is unwelcome."""

from __future__ import annotations

import random as python_random
from dataclasses import replace

import pytest
from support.evidence import STRATEGIES, distance, evidence, ranked_corpus, ranking, row, students
from support.suspect_record import write_sample_suspects

from assay.cache.store import Store
from assay.core.findings.answers.answer import Question, Standing
from assay.core.findings.answers.audit_answers import (
    answers_to_what_was_asked,
    audit_answers,
    audit_finding,
)
from assay.core.findings.class_shares import share_sentence
from assay.core.findings.finding import MetricTable
from assay.core.findings.vocabulary import estimated_sentence
from assay.core.specs.metrics import Metric
from assay.core.specs.strategies import BLIND, Baseline, Strategy, main_strategy
from assay.core.specs.vocabulary import Doubt, VocabularyFacts

EXACT = VocabularyFacts(
    proves_absence=True,
    n_tokens=1000,
    n_moved=300,
    max_tokens=40,
    n_documents=1600,
    n_possible=400,
)
COARSE = VocabularyFacts(
    doubts=(Doubt.COARSE_STORAGE,),
    n_tokens=1000,
    n_moved=300,
    chance_missed=0.1,
    n_documents=1600,
    n_possible=400,
)
TIED = VocabularyFacts(doubts=(Doubt.TIED,), n_tokens=1000, n_moved=1000, n_documents=1600)
RIVALS = (Strategy.SELECT, Strategy.TOP_K, Strategy.EMBEDDING_MATCH, Baseline.LOSS_RATIO)


@pytest.mark.parametrize(("low", "high"), [(480, 520), (480, None), (None, None)])
def test_the_range_of_an_estimate_says_what_it_is(low, high):
    """Where the number of training documents has a range, the sentence says of how many standard
    deviations; where it has none, nothing is said of it (the control)."""
    facts = replace(EXACT, n_estimated=500.0, n_estimated_low=low, n_estimated_high=high)
    said = estimated_sentence(facts)
    assert ("± 2 standard deviations" in said) == ("480" in said) == (low is not None)


def answered(question, *rows, **more):
    return audit_answers(evidence(rows, **more)).to(question)


def told(*rows, **more):
    return answered(Question.TOLD, *rows, **more)


def group(name, lead):
    return ranked_corpus(name, 0.4 + lead, 0.35 + lead, 0.45 + lead)


def made_up(rng):
    """An audit whose every piece of evidence is strong, weak or absent, at random."""
    rows = []
    if rng.random() < 0.7:
        for name in RIVALS:
            auc = rng.choice([0.5, 0.56, 0.7, 0.95]) + rng.random() / 1000
            rate = rng.choice([0.005, 0.02, 0.3, 0.8]) + rng.random() / 1000
            rows += ranking(
                name,
                auc,
                1e-8 if auc > 0.6 else rng.choice([0.004, 0.4]),
                rate,
                1e-6 if rate > 0.1 else rng.choice([0.004, 0.6]),
            )
        if rng.random() < 0.7:
            rows += ranking(BLIND, rng.choice([0.5, 0.68, 0.97]), 0.3, rng.choice([0.01, 0.5]))
    if rng.random() < 0.7:
        choice = [(0.6, 0.9), (0.62, 0.03), (0.7, 1e-4), (0.5, 1e-4)]
        rows += students(top_k=rng.choice(choice), select=rng.choice(choice))
    if rng.random() < 0.7:
        rows += [
            distance(name, *rng.choice([(1.25, 0.9), (1.1, 0.005), (1.1, 0.03), (1.4, 0.005)]))
            for name in STRATEGIES
        ]
    if rng.random() < 0.3:
        rows.append(row(rng.choice(RIVALS), Metric.EQUAL_SCORES, 1.0))
    sources = [group("news", rng.choice([0, 0.3])), group("mail", 0)] if rng.random() < 0.4 else []
    return evidence(rows, rng.choice([None, EXACT, COARSE, TIED]), sources=sources)


def value(rows, subject, metric, name="value"):
    found = [one[name] for one in rows if (one["subject"], one["metric"]) == (subject, metric)]
    return found[0] if found else None


def judged(rows):
    drawn = {one["subject"] for one in rows if one["metric"] is Metric.EQUAL_SCORES}
    return [one for one in RIVALS if value(rows, one, Metric.MEMBERSHIP_AUC) and one not in drawn]


def tells(rows, metric, name, n):
    """Whether one ranking passes by one measure, all rankings counted, and beats text alone."""
    blind = value(rows, BLIND, metric)
    return n * value(rows, name, metric, "p_value") < 0.01 and (
        blind is None or value(rows, name, metric, "low") > blind
    )


@pytest.mark.parametrize("seed", range(8))
def test_the_strongest_evidence_leads_and_nothing_else_is_claimed(seed):
    """Over many made-up audits: every question is answered once, in the order of its evidence;
    single documents are said to be found where, and only where, a ranking passes both tests; a
    better student where, and only where, one passes its own."""
    rng = python_random.Random(seed)
    for _ in range(60):
        made = made_up(rng)
        rows, found = made.metrics, audit_answers(made)
        assert sorted(one.question for one in found.answers) == sorted(Question)
        order = [(-one.standing, -one.share) for one in found.answers]
        assert order == sorted(order)
        assert found.lead.standing == max(one.standing for one in found.answers)
        names = judged(rows)
        best = max(names, key=lambda one: value(rows, one, Metric.MEMBERSHIP_AUC), default=None)
        by_group = bool(best) and tells(rows, Metric.MEMBERSHIP_AUC, best, len(names))
        both = (Metric.MEMBERSHIP_AUC, Metric.MEMBERSHIP_TPR)
        by_single = any(all(tells(rows, m, one, len(names)) for m in both) for one in names)
        own = found.to(Question.TOLD)
        assert (own.standing is Standing.SINGLE) == by_single
        assert (own.standing is Standing.GROUP) == (by_group and not by_single)
        assert ("at a false positive rate of 1%." in own.headline) == by_single
        drawn = {one["subject"] for one in rows if one["metric"] is Metric.EQUAL_SCORES}
        leads = {
            one["subject"]: one["value"] if one["p_value"] <= 0.05 else 0
            for one in rows
            if one["metric"] is Metric.LEAD_OVER_RANDOM and one["subject"] not in drawn
        }
        headline = found.to(Question.CLOSE).headline
        assert headline.startswith("A student") == any(lead > 0 for lead in leads.values())
        proves = found.to(Question.PROVEN)
        assert ("were not trained on" in proves.headline) == (
            made.facts.meta.vocabulary is not None and made.facts.meta.vocabulary.proves_absence
        )
        if proves.standing is Standing.SINGLE and not by_single:
            assert found.lead is proves
        for one in found.answers:
            assert one.is_found or "threshold" in one.certainty or one.standing < 2


@pytest.mark.parametrize(
    "empty",
    [
        evidence(n_reference=0, n_leaked=0),
        evidence(vocabulary=TIED, labels=()),
        evidence(
            [
                *(line for name in RIVALS for line in ranking(name, 0.52, 0.2)),
                *students(top_k=(0.61, 0.7), select=(0.59, 0.8)),
                *(distance(name, 1.25, 0.9) for name in STRATEGIES),
            ],
            TIED,
        ),
    ],
)
def test_where_there_is_no_evidence_nothing_is_claimed(empty):
    """Audits of nothing, of tied models, and with every test failed have no answer that counts as
    found, and say neither that anything leaked nor that nothing did."""
    found = audit_answers(empty)
    assert not any(one.is_found for one in found.answers)
    said = audit_finding(empty)
    words = " ".join((said.headline, *said.sentences)).lower()
    for claim in ("were not trained on", "finds ", "closer in meaning", "no leak"):
        assert claim not in words.replace("no training document is", "")


def test_what_was_not_compared_is_not_said_to_show_nothing():
    """Without a look at the input embeddings an audit says so; after one, what they do not show."""
    without = answered(Question.KIND).certainty
    assert "input embeddings were not compared" in without
    assert "input embeddings do not show" in answered(Question.KIND, vocabulary=TIED).certainty
    assert "do not show" not in without


def test_labels_that_anybody_can_read_are_no_finding():
    """Where nothing was tested, the answer says that the classes are the final model's labels."""
    found = answered(Question.KIND)
    assert found.standing is Standing.UNKNOWN
    assert found.headline.startswith("Known from the final model's labels alone: texts of ")


def test_an_audit_that_cannot_be_assessed_answers_nothing():
    """Each question has the same answer: no documents were scored, and why."""
    made = evidence(ranking("select", 0.9, 1e-9), EXACT, verdict="not assessable")
    found = audit_answers(made)
    assert {one.headline for one in found.answers} == {
        "No documents were scored, so this does not show whether anything leaked."
    }
    assert audit_finding(made).sentences == ("The head moved.",)


def test_the_insiders_view_is_said_first():
    """What rests on something that no outsider has says so in the first sentence."""
    made = evidence(ranking("select", 0.9, 1e-9), initial_head="recorded")
    assert audit_finding(made).sentences[0].startswith("Evaluation only")
    assert "Evaluation only" not in str(audit_finding(evidence()))


def test_documents_found_come_with_rate_interval_correction_and_threshold():
    """The answer names the false positive rate; its certainty the interval, chance, the number of
    rankings, the threshold, and text alone."""
    found = told(
        *ranking("embedding-match", 0.95, 1e-9, 0.8, 1e-9),
        *ranking("select", 0.5, 0.5),
        *ranking(BLIND, 0.52, 0.3),
    )
    assert found.headline == (
        "Input embeddings find 128 of 160 training documents at a false positive rate of 1%."
    )
    for part in ("56.0–96.0", "chance finds 1%", "corrected for 2 rankings", "threshold 0.01"):
        assert part in found.certainty
    assert "text alone, which sees no model, gives 0.520" in found.certainty
    assert "SELECT's ranking does not distinguish" in found.failed[0]


def test_a_ranking_that_finds_no_single_document_is_not_crowned():
    """A clear AUC with a true positive rate of chance is told of the group, not of documents."""
    found = told(*ranking("loss-ratio", 0.7, 1e-9, 0.006, 0.8), *ranking("select", 0.5, 0.5))
    assert found.headline.startswith("As a group only: loss ratio ranks training documents above")
    assert "does not reach the threshold: p = 1.000 corrected for 2" in found.certainty


@pytest.mark.parametrize(("auc", "blind"), [(0.52, 0.5), (0.75, 0.8)])
def test_nobody_wins_at_chance_or_below_text_alone(auc, blind):
    """The best of many at chance tells nothing, nor does one that words alone explain."""
    p_value = 1e-9 if auc > 0.6 else 0.2
    found = told(*ranking("select", auc, p_value), *ranking(BLIND, blind, 0.2))
    assert found.standing is Standing.NOT_FOUND
    assert found.headline.startswith("None of 1 rankings distinguishes")


def test_without_held_out_documents_only_the_subject_is_claimed():
    """Recall far above chance says nothing beyond the subject where no held-out documents are
    known."""
    recall = row("select", Metric.RECALL, 0.2, 0.1, 0.4, p_value=1e-30)
    lift = row("select", Metric.LIFT, 2.0, 1, 4, p_value=1e-30)
    found = told(recall, lift)
    assert found.headline.startswith("Unknown: SELECT finds the subject")
    assert "a selection that only finds the domain would look the same" in found.certainty
    chance = told({**recall, "p_value": 0.4}, lift)
    assert chance.headline == "Not tested: there are no held-out documents to compare with."
    assert "not significantly better than chance (p = 0.400, threshold 0.01" in chance.failed[0]


def test_failures_of_the_selection_name_its_size():
    """Sentences on a selection name its budget, so that two pages cannot contradict each other."""
    rows = [
        row("select", Metric.COSINE, 0.5, n=320),
        row("select", Metric.RECALL, 0.1, 0.05, 0.2, p_value=0.5),
        row("select", Metric.LIFT, 1.0, 0.5, 2, p_value=0.5),
        row("select", Metric.MEMBERSHIP_PRECISION, 0.2, 0.1, 0.3, p_value=0.5, n=77),
        *ranking("select", 0.5, 0.5),
    ]
    failed = told(*rows).failed
    assert len([one for one in failed if "selection of 320 documents" in one]) == 2
    assert "20.0% of the 77 that it selected there" in failed[-1]


def test_proof_of_absence_is_counted_and_conditional():
    """The number of documents ruled out stands in the answer, the assumptions in its certainty;
    coarse storage proves nothing, and tied models rule nothing out."""
    exact = answered(Question.PROVEN, vocabulary=EXACT)
    assert exact.headline == (
        "1,200 of the 1,600 documents of the seed corpus were not trained on."
    )
    assert exact.certainty.startswith("Certain under the four assumptions")
    assert exact.share == 0.75
    coarse = answered(Question.PROVEN, vocabulary=COARSE)
    assert coarse.headline.startswith("Nothing is proven, but 1,200 of the 1,600")
    assert "10.0%" in coarse.certainty
    assert coarse.standing is Standing.GROUP
    tied = answered(Question.PROVEN, vocabulary=TIED)
    assert tied.headline.startswith("No token can be ruled out")
    assert tied.standing is Standing.UNKNOWN


@pytest.mark.parametrize(("p_value", "is_evidence"), [(0.002, True), (0.006, False)])
def test_suspect_tests_count_together(p_value, is_evidence):
    """A suspect test of the same models is evidence of presence where it passes, corrected for all
    tests of the pair, and is named as tried where it does not."""
    sample = write_sample_suspects(Store.default())
    tests = [replace(sample, p_value=one) for one in (p_value, 0.9)]
    found = answered(Question.PROVEN, vocabulary=TIED, tests=tests)
    assert (found.standing is Standing.GROUP) == is_evidence
    assert ("Fine-tuning favours the suspects" in found.headline) == is_evidence
    assert len(found.failed) == (1 if is_evidence else 2)


AHEAD = (group("news", 0.3), group("mail", 0))
ALIKE = (group("news", 0.05), group("mail", 0))
# Their intervals end at 0.15 and 0.2, and random samples have 0.1 to 0.2.
FAR = (group("news", -0.25), group("mail", -0.3))


def test_ranked_corpora_name_the_kind_only_where_one_is_ahead():
    """A corpus ahead of all others is named as the kind of data; two alike are called that, and one
    that stays below models trained on it does not explain the weights."""
    found = answered(Question.KIND, sources=AHEAD)
    assert found.headline.startswith("Of these corpora, news is the most aligned")
    alike = answered(Question.KIND, sources=ALIKE)
    assert alike.headline.startswith("news and mail are about equally aligned")
    below = answered(Question.KIND, sources=AHEAD, students_of=[{"source": "news", "cosine": 0.95}])
    assert below.headline.startswith("None of these corpora explains")


@pytest.mark.parametrize(
    ("sources", "students_of", "is_closer"),
    [
        (AHEAD, (), True),
        (ALIKE, (), True),
        (AHEAD, ({"source": "news", "cosine": 0.95},), True),
        (FAR, (), False),
    ],
)
def test_corpora_are_called_no_more_than_chance_only_where_they_are(
    sources, students_of, is_closer
):
    """What is called closer than chance lies above what random samples of all corpora have, with
    its interval widened for the number of corpora; what is called no more than chance does not."""
    found = answered(Question.KIND, sources=sources, students_of=students_of)
    assert found.standing is (Standing.RELATIVE if is_closer else Standing.NOT_FOUND)


@pytest.mark.parametrize("sources", [ALIKE, FAR])
def test_stronger_evidence_of_the_kind_leads_before_corpora_that_name_none(sources):
    """The training vocabulary leads where no corpus is ahead, and the ranking is said after it:
    among failures where it found no more than chance. A corpus ahead leads itself."""
    found = answered(Question.KIND, vocabulary=EXACT, sources=sources)
    assert found.headline.startswith("Texts that contain 300 of the 1,000 tokens")
    assert found.standing is Standing.GROUP
    ranked = answered(Question.KIND, sources=sources).headline
    place = found.failed if sources is FAR else found.sentences
    assert sum(ranked in one for one in place) == 1
    assert sum(ranked in one for one in (*found.failed, *found.sentences)) == 1
    ahead = answered(Question.KIND, vocabulary=EXACT, sources=AHEAD)
    assert ahead.headline.startswith("Of these corpora, news")


def test_who_asked_which_corpus_it_was_hears_it_first():
    """A ranking that names no corpus leads its own command's answer, where Overview leads with the
    training vocabulary."""
    spec = {**evidence().facts.meta.spec, "corpora": {"n_students": 0}}
    made = evidence(vocabulary=EXACT, sources=FAR, spec=spec)
    assert answers_to_what_was_asked(made).lead.headline.startswith("news and mail are")
    assert audit_answers(made).to(Question.KIND).headline.startswith("Texts that contain")


@pytest.mark.parametrize("is_known", [True, False])
def test_class_shares_count_only_beside_the_training_documents(is_known):
    """Class shares nearer to the reference set's labels than random ones say what kind of data it
    was; nearness to equal shares, measured where no labels are known, says nothing."""
    expected = "the reference set's labels" if is_known else "equal shares"
    method = f"total variation from {expected}"
    shares = [row(Strategy.SELECT, Metric.IMBALANCE, 0.0, p_value=0.003, method=method)]
    found = answered(Question.KIND, *shares)
    assert (found.standing is Standing.RELATIVE) == is_known
    said = " ".join((found.headline, found.certainty, *found.sentences, *found.failed))
    assert ("training documents" in said) == is_known
    sentence = share_sentence(MetricTable(shares), Strategy.SELECT)
    assert ("equal shares" in sentence) != is_known


def test_focus_is_select_where_it_ran():
    """The main strategy is SELECT, or the last one of those that ran."""
    assert main_strategy(STRATEGIES) is Strategy.SELECT
    assert main_strategy([Strategy.RANDOM, Strategy.TOP_K]) is Strategy.TOP_K


def test_who_asked_one_question_gets_its_answer_first():
    """A ranking of corpora leads with the kind of data and a titration with whether documents are
    told, also where other evidence is stronger."""
    sources = [group("news", 0.3), group("mail", 0)]
    made = evidence(vocabulary=EXACT, sources=sources)
    assert audit_finding(made).headline.startswith("1,200 of the 1,600")
    spec = {**made.facts.meta.spec, "corpora": {"n_students": 0}}
    asked = evidence(vocabulary=EXACT, sources=sources, spec=spec)
    assert audit_finding(asked).headline.startswith("Of these corpora, news is the most aligned")
