"""What an audit says of the input embeddings, of real tiny models from folder to sealed file."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import numpy as np
import pytest
from safetensors.torch import load_file, save_file
from scipy.stats import kstest
from support.command import ran
from support.half_vocabulary import KNOWN, half_vocabulary
from support.tiny_models import documents, save_gpt2, save_llama

from assay.cache.audits.arrays import read_corpus
from assay.cache.audits.evidence import read_evidence
from assay.cache.audits.read import read_facts, read_metrics
from assay.core.findings.answers.answer import Question, Standing
from assay.core.findings.answers.audit_answers import audit_answers
from assay.core.findings.finding import MetricTable
from assay.core.gradients.features import gradient_features
from assay.core.selection.greedy import select
from assay.core.specs.metrics import Metric
from assay.core.specs.strategies import Strategy
from assay.core.specs.vocabulary import Doubt
from assay.core.stats.auc import auc_with_interval

pytestmark = pytest.mark.usefixtures("tiny_encoder")

MATCH = str(Strategy.EMBEDDING_MATCH)
STRATEGIES = ("random", "loss-drop", "vocabulary-match", "embedding-select", "embedding-match")


@pytest.fixture(scope="module")
def half(tmp_path_factory):
    return half_vocabulary(tmp_path_factory.mktemp("half"))


def asked(half, *more, strategies=STRATEGIES, final=None):
    chosen = [part for strategy in strategies for part in ("--strategy", strategy)]
    corpora = [
        part
        for name in ("leaked", "held-out", "others")
        for part in ("--seed-corpus", half.folder / f"{name}.jsonl")
    ]
    return [
        *("audit", "--base", half.base, "--final", final or half.final, *corpora),
        *("--budget", 20, "--student-epochs", 0, "--no-map", "--json", *chosen, *more),
    ]


def known(half):
    return ("--reference", half.folder / "trained.jsonl", "--held-out-source", "held-out")


def sealed(result):
    assert result.status == 0, result.err
    return Path(json.loads(result.out)["path"])


def rows_of(path, query):
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute(query).fetchall()


@pytest.fixture(scope="module")
def audit(half):
    """Made once; its store is in the models' folder."""
    done = ran(half.folder / "home", *asked(half, *known(half)))
    assert done.returncode == 0, done.stderr
    return Path(json.loads(done.stdout)["path"])


def test_the_vocabulary_and_what_it_excludes_are_kept(audit, half):
    """Tokens that moved are those that occurred; no leaked document is excluded, each other is."""
    moved = rows_of(audit, "SELECT token FROM token_movement WHERE is_moved AND NOT is_special")
    assert {token for (token,) in moved} == KNOWN
    found = rows_of(
        audit,
        "SELECT text, in_reference, n_unmoved, unmoved, n_different FROM documents "
        "JOIN document_vocabulary USING (document_id)",
    )
    names = dict(rows_of(audit, "SELECT token_id, token FROM token_movement"))
    facts = read_facts(audit).meta.vocabulary
    for text, is_leaked, n_unmoved, unmoved, n_different in found:
        words = set(text.split()[: facts.longest_document - 2])
        assert {names[token] for token in unmoved} == words - KNOWN
        assert n_unmoved == len(unmoved)
        assert n_different == len(words)
        assert not (is_leaked and n_unmoved)
    assert facts.proves_absence
    assert facts.n_possible == sum(not row[2] for row in found) < facts.n_documents == len(found)
    counts = dict(rows_of(audit, "SELECT token, n_documents FROM token_movement"))
    n_words = facts.longest_document - 2
    assert counts["rain"] == sum("rain" in text.split()[:n_words] for text, *_ in found)


def test_a_corpus_that_cannot_have_been_trained_on_is_audited_all_the_same(half, assay):
    """Every document holds a token that never occurred, so a strategy selects none: it has no
    metric and no student, and the others have theirs."""
    done = assay(
        *("audit", "--base", half.base, "--final", half.final, "--budget", 10, "--no-map"),
        *("--seed-corpus", half.folder / "others.jsonl", "--student-epochs", 1),
        *("--strategy", "random", "--strategy", "loss-drop", "--strategy", "embedding-select"),
        *("--random-students", 2, "--json"),
    )
    path = sealed(done)
    for table, column in (
        ("selections", "strategy"),
        ("metrics", "subject"),
        ("student_epochs", "strategy"),
    ):
        found = {name for (name,) in rows_of(path, f"SELECT DISTINCT {column} FROM {table}")}
        assert "random" in found
        assert "embedding-select" not in found
    facts = read_facts(path).meta.vocabulary
    assert facts.n_possible == 0 < facts.n_documents


def test_documents_are_scored_selected_and_judged(audit, half):
    """Excluded documents come last; the selection is the best scored; the AUC is the scores'."""
    rows = rows_of(
        audit,
        "SELECT score, agreement, n_unmoved, source, p_value, q_value, in_reference "
        "FROM embedding_scores JOIN documents USING (document_id) "
        "JOIN document_vocabulary USING (document_id) ORDER BY document_id",
    )
    excluded = [row[0] for row in rows if row[2]]
    others = [row[0] for row in rows if not row[2]]
    assert max(excluded) < min(others)
    assert all((row[1] is None) == bool(row[2]) for row in rows)
    assert all(-1 <= row[1] <= 1 for row in rows if row[1] is not None)
    for row in rows:
        assert np.isnan(row[4]) == (row[3] == "held-out") == np.isnan(row[5])
    chosen = [
        row[0]
        for row in rows_of(
            audit, f"SELECT document_id FROM selections WHERE strategy = '{MATCH}' ORDER BY rank"
        )
    ]
    scores = np.array([row[0] for row in rows])
    assert chosen == np.argsort(-scores, kind="stable")[:20].tolist()
    metrics = MetricTable(read_metrics(audit).to_dict("records"))
    trained, held_out = (
        scores[[row[6] if is_trained else row[3] == "held-out" for row in rows]]
        for is_trained in (True, False)
    )
    wanted = auc_with_interval(trained, held_out).auc.value
    assert metrics.get(MATCH, Metric.MEMBERSHIP_AUC)["value"] == pytest.approx(wanted)
    kept = rows_of(
        audit, f"SELECT score FROM membership_scores WHERE scorer = '{MATCH}' ORDER BY document_id"
    )
    assert [score for (score,) in kept] == scores.tolist()
    assert read_corpus(audit, "held-out").own_scores[MATCH].tolist() == scores.tolist()


def test_own_scores_follow_from_what_is_stored(audit):
    """The vocabulary's score is that of the stored movements and counts; the loss drop is the
    base's loss less the final model's. Both select and rank by it."""
    own = read_corpus(audit, "held-out").own_scores
    losses = rows_of(
        audit, "SELECT base_loss + ln(final_probability) FROM scores ORDER BY document_id"
    )
    assert own[Strategy.LOSS_DROP] == pytest.approx([drop for (drop,) in losses], abs=1e-5)
    tokens = rows_of(audit, "SELECT token, norm, n_documents FROM token_movement")
    n, matches = len(losses), own[Strategy.VOCABULARY_MATCH]
    worth = {token: norm * np.log(n / max(count, 1)) for token, norm, count in tokens}
    facts = read_facts(audit).meta.vocabulary
    n_words = facts.longest_document - 2
    texts = [text for (text,) in rows_of(audit, "SELECT text FROM documents ORDER BY document_id")]
    expected = [np.mean([worth[w] for w in set(text.split()[:n_words])]) for text in texts]
    assert matches == pytest.approx(expected, rel=1e-4, abs=1e-7)
    for strategy, scores in own.items():
        query = f"SELECT document_id FROM selections WHERE strategy = '{strategy}' ORDER BY rank"
        chosen = [document for (document,) in rows_of(audit, query)]
        assert (np.diff(scores[chosen]) <= 0).all()
        assert scores[chosen].min() >= np.delete(scores, chosen).max()
        kept = rows_of(
            audit,
            f"SELECT score FROM membership_scores WHERE scorer = '{strategy}' ORDER BY document_id",
        )
        assert [score for (score,) in kept] == scores.tolist()


def test_selection_by_embedding_gradients_is_select_over_what_is_kept(audit):
    """What it chooses is SELECT's choice of the stored gradients, without any excluded document;
    the stored lengths and alignments fit the stored projections, and it ranks by them."""
    corpus = read_corpus(audit, "held-out")
    features = gradient_features(corpus.embedding_gradients)
    chosen = rows_of(
        audit,
        "SELECT document_id, n_unmoved FROM selections "
        "JOIN document_vocabulary USING (document_id) "
        "WHERE strategy = 'embedding-select' ORDER BY rank",
    )
    assert [document for document, _ in chosen] == list(select(features, 20).documents)
    assert not any(n_unmoved for _, n_unmoved in chosen)
    estimated = (corpus.embedding_gradients["projected"][0] ** 2).sum(axis=1)
    exact = corpus.embedding_gradients["squared_norms"][0]
    asked = exact > 0
    assert 0 < asked.sum() < len(asked)
    assert np.median(estimated[asked] / exact[asked]) == pytest.approx(1, abs=0.2)
    assert not estimated[~asked].any()


def test_what_embeddings_rule_out_is_answered(audit):
    """The number of documents ruled out is that of documents with an unmoved token."""
    evidence = read_evidence(audit, [], 0)
    vocabulary = evidence.facts.meta.vocabulary
    n_out = vocabulary.n_documents - vocabulary.n_possible
    proven = audit_answers(evidence).to(Question.PROVEN)
    assert proven.headline.startswith(f"{n_out:,} of the {vocabulary.n_documents:,} documents")
    assert proven.standing is Standing.SINGLE


def test_a_second_audit_reads_the_cache(assay, half, audit, monkeypatch):
    """Another budget computes no embedding gradient again, and finds the same scores."""
    from assay.core.models.embedding_gradients import EmbeddingGradients

    def refused(self, documents):
        raise AssertionError("computed again")

    monkeypatch.setattr(EmbeddingGradients, "of", refused)
    monkeypatch.setenv("ASSAY_HOME", str(half.folder / "home"))
    arguments = asked(half, *known(half))
    arguments[arguments.index("--budget") + 1] = 10
    again = sealed(assay(*arguments))
    assert again != audit
    query = "SELECT score FROM embedding_scores ORDER BY document_id"
    assert rows_of(again, query) == rows_of(audit, query)


def frozen_copy(half, folder):
    """The final model with the base's embeddings put back."""
    from shutil import copytree

    copytree(half.final, folder)
    name = "bert.embeddings.word_embeddings.weight"
    tensors = load_file(folder / "model.safetensors")
    tensors[name] = load_file(half.base / "model.safetensors")[name]
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def test_frozen_embeddings_leave_the_strategy_out(assay, half, tmp_path):
    """The audit goes on without it, says so, and repeats what was asked."""
    final = frozen_copy(half, tmp_path / "frozen")
    path = sealed(assay(*asked(half, *known(half), final=final)))
    facts = read_facts(path)
    assert facts.strategies == [Strategy.RANDOM, Strategy.LOSS_DROP]
    assert sum("left out" in caveat for caveat in facts.meta.caveats) == 3
    assert "embedding-match" in facts.meta.command
    assert facts.meta.vocabulary.doubts == (Doubt.FROZEN,)
    assert rows_of(path, "SELECT count(*) FROM token_movement") == [(0,)]
    assert list(read_corpus(path, "held-out").own_scores) == [Strategy.LOSS_DROP]


def test_the_strategy_alone_is_refused_where_nothing_can_be_said(assay, half, tmp_path):
    """One sentence and exit status 2 instead of an audit of nothing."""
    final = frozen_copy(half, tmp_path / "frozen")
    result = assay(*asked(half, strategies=("embedding-match",), final=final))
    assert result.status == 2
    assert "only embedding-match" in result.err


def language_audit(assay, tmp_path, save, change=lambda base, final: None):
    """The sealed audit of a language model whose final model may have been changed."""
    texts, _ = documents(90, seed=5)
    texts = list(dict.fromkeys(texts))
    parts = {"train": texts[:40], "pool": texts[20:80]}
    for name, part in parts.items():
        rows = [json.dumps({"text": text}) for text in part]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(rows))
    base = save(tmp_path / "base")
    made = assay(
        *("finetune", "--task", "sft", "--base", base, "--data", tmp_path / "train.jsonl"),
        *("--out", tmp_path / "final", "--learning-rate", 3e-3, "--epochs", 3, "--max-tokens", 24),
    )
    assert made.status == 0, made.err
    change(base, tmp_path / "final")
    return sealed(
        assay(
            *("audit", "--task", "sft", "--base", base, "--final", tmp_path / "final"),
            *("--seed-corpus", tmp_path / "pool.jsonl", "--reference", tmp_path / "train.jsonl"),
            *("--budget", 10, "--student-epochs", 0, "--no-map", "--json"),
            *("--strategy", "random", "--strategy", "embedding-match"),
            *("--strategy", "layer-match"),
        )
    )


@pytest.mark.parametrize("save", [save_gpt2, save_llama])
def test_language_models_are_scored_tied_or_not(assay, tmp_path, save):
    """Tied embeddings exclude nothing and are scored; untied ones exclude no member. Linear layers
    score training documents higher, too."""
    path = language_audit(assay, tmp_path, save)
    facts = read_facts(path).meta.vocabulary
    assert (Doubt.TIED in facts.doubts) == (save is save_gpt2)
    for table in ("embedding_scores", "layer_scores"):
        rows = rows_of(
            path, f"SELECT score, in_reference FROM {table} JOIN documents USING (document_id)"
        )
        assert len(rows) == 60
        used, unused = (
            [score for score, is_used in rows if is_used == which] for which in (True, False)
        )
        assert np.mean(used) > np.mean(unused)
    excluded = rows_of(
        path,
        "SELECT count(*) FROM document_vocabulary JOIN documents USING (document_id) "
        "WHERE n_unmoved > 0 AND in_reference",
    )
    assert excluded == [(0,)]


def test_unmoved_linear_layers_leave_the_strategy_out(assay, tmp_path):
    """Only the embeddings and the last layer were trained: the audit goes on, and says why."""

    def put_back(base, final):
        starts, ends = (load_file(folder / "model.safetensors") for folder in (base, final))
        kept = {name: starts[name] if "layers" in name else ends[name] for name in ends}
        save_file(kept, final / "model.safetensors", metadata={"format": "pt"})

    path = language_audit(assay, tmp_path, save_llama, put_back)
    facts = read_facts(path)
    assert facts.strategies == [Strategy.RANDOM, Strategy.EMBEDDING_MATCH]
    assert sum("linear layers were trained" in caveat for caveat in facts.meta.caveats) == 1
    assert rows_of(path, "SELECT count(*) FROM layer_scores") == [(0,)]


@pytest.mark.slow
def test_p_values_are_uniform_where_neither_set_was_seen(assay, half, tmp_path):
    """A final model trained on other documents: candidates look like held-out ones."""
    from support.half_vocabulary import COMPUTE

    from assay.core.audit.finetune import finetune
    from assay.core.runtime.progress import SilentProgress
    from assay.core.specs.data import DataRef
    from assay.core.specs.training import FinetuneSpec, TrainingSpec

    draw = np.random.default_rng(1)
    p_values = []
    words = sorted(KNOWN)

    def texts(n):
        return [" ".join(draw.choice(words, 6)) for _ in range(n)]

    def write(name, rows):
        lines = [json.dumps({"text": text, "label": "weather"}) for text in rows]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(lines))
        return tmp_path / f"{name}.jsonl"

    for seed in range(3):
        labels = [
            json.dumps({"text": t, "label": ("weather", "kitchen", "music")[i % 3]})
            for i, t in enumerate(texts(60))
        ]
        (tmp_path / "seen.jsonl").write_text("\n".join(labels))
        training = TrainingSpec(
            learning_rate=3e-3, batch_size=8, n_epochs=4, max_tokens=24, seed=seed
        )
        spec = FinetuneSpec(
            str(half.base), DataRef(str(tmp_path / "seen.jsonl"), label_column="label"), training
        )
        final = tmp_path / f"final-{seed}"
        finetune(spec, final, tmp_path, COMPUTE, SilentProgress())
        candidates, held_out = write("candidates", texts(100)), write("kept", texts(100))
        path = sealed(
            assay(
                *("audit", "--base", half.base, "--final", final, "--seed-corpus", candidates),
                *("--seed-corpus", held_out, "--held-out-source", "kept", "--budget", 5),
                *("--student-epochs", 0, "--no-map", "--json"),
                *("--strategy", "random", "--strategy", "embedding-match"),
            )
        )
        own = rows_of(
            path,
            "SELECT p_value FROM embedding_scores JOIN documents USING (document_id) "
            "WHERE source = 'candidates'",
        )
        p_values.extend(p for (p,) in own)
        assert len(own) > 90
    assert kstest(p_values, "uniform").pvalue > 0.01
    assert 0.005 < np.mean(np.array(p_values) <= 0.1) < 0.2
