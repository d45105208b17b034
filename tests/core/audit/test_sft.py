"""Language models fine-tuned on documents and on instructions, audited through the command line."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest
import torch
from support.caches import last_layer_caches
from support.command import ran
from support.stages import stages_of
from support.tiny_models import WORDS, documents, save_bert, save_gpt2, save_llama

from assay.cache.audits.arrays import gradient_arrays
from assay.cache.audits.read import read_facts
from assay.cache.files.database import open_to_read
from assay.cache.store import Store
from assay.core.audit.durations import audit_plan
from assay.core.gradients.features import gradient_features
from assay.core.models.examples import TextDocument
from assay.core.models.loading import load_language_model
from assay.core.runtime.device import Compute
from assay.core.selection.matching_pursuit import weights_by_rank
from assay.core.specs.data import Task
from assay.core.specs.strategies import Strategy, strategies_for

pytestmark = pytest.mark.usefixtures("tiny_encoder")


def write(path: Path, **columns) -> Path:
    pd.DataFrame(columns).to_json(path, orient="records", lines=True)
    return path


def on_one_field(n, field, seed):
    """Sentences of one field's words in alphabetical order: what fine-tuning can learn."""
    rng = np.random.default_rng(seed)
    return [" ".join(sorted(rng.choice(WORDS[field], 8))) for _ in range(n)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("sft")
    save_llama(place / "base")
    write(place / "train.jsonl", text=on_one_field(120, "music", 0))
    write(place / "test.jsonl", text=on_one_field(60, "music", 1))
    alike, other = on_one_field(60, "music", 2), documents(140, seed=5)[0]
    write(place / "alike.jsonl", text=alike)
    write(place / "other.jsonl", text=other)
    return place


@pytest.fixture(scope="module")
def final(folder):
    from assay.core.audit.finetune import finetune
    from assay.core.runtime.device import Compute
    from assay.core.runtime.progress import SilentProgress
    from assay.core.specs.data import DataRef
    from assay.core.specs.training import FinetuneSpec, TrainingSpec

    training = TrainingSpec(learning_rate=3e-3, batch_size=16, n_epochs=6, max_tokens=32)
    spec = FinetuneSpec(
        str(folder / "base"), DataRef(str(folder / "train.jsonl")), training, Task.SFT
    )
    out = folder / "final"
    record, _ = finetune(spec, out, folder, Compute("cpu", False, 1), SilentProgress())
    assert record.epochs[-1]["train_loss"] < 0.8 * record.epochs[0]["train_loss"]
    return out


def arguments(folder, final, *more):
    return [
        *("audit", "--base", folder / "base", "--final", final, "--task", "sft"),
        *("--seed-corpus", folder / "alike.jsonl", "--seed-corpus", folder / "other.jsonl"),
        *("--budget", "40", "--student-epochs", "3", "--precision", "fp32", "--json"),
        *more,
    ]


def ask(path, query):
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute(query).fetchall()


@pytest.fixture(scope="module")
def audited(folder, final):
    options = ["--test", folder / "test.jsonl", "--reference", folder / "train.jsonl"]
    done = ran(folder / "home", *arguments(folder, final, *options))
    assert done.returncode == 0, done.stderr
    plan = audit_plan(read_facts(Path(json.loads(done.stdout)["path"])).spec)
    # No stage is one that the time left does not know, or comes after a later one.
    assert stages_of(done.stderr) == [stage for stage, seconds in plan.items() if seconds]
    return json.loads(done.stdout)["path"]


def test_an_sft_audit_holds_everything(audited):
    """Every strategy but the balanced one has a selection, a student and its perplexity."""
    metrics = {(s, m): v for s, m, v in ask(audited, "SELECT subject, metric, value FROM metrics")}
    for strategy in strategies_for(Task.SFT):
        assert metrics[strategy, "perplexity"] > 1
        assert -1 <= metrics[strategy, "weight-cosine"] <= 1
        assert metrics[strategy, "agreement"] <= 1
    assert metrics["final", "perplexity"] < metrics["base", "perplexity"]
    assert ("select", "imbalance") not in metrics
    assert Strategy.TOP_K_BALANCED not in strategies_for(Task.SFT)
    assert ask(audited, "SELECT count(*) FROM scores WHERE pseudolabel IS NOT NULL") == [(0,)]


def test_gradients_point_to_what_fine_tuning_was_like(audited):
    """Documents like the training data align best, and SELECT's sum aligns better than theirs."""
    alike = dict(
        ask(
            audited,
            "SELECT strategy, count(*) FROM selections JOIN documents USING (document_id) "
            "WHERE source = 'alike' GROUP BY 1",
        )
    )
    assert alike["top-k"] > 25 > alike["random"]
    assert alike["select"] > alike["random"]
    reached = dict(ask(audited, "SELECT subject, value FROM metrics WHERE metric = 'cosine'"))
    assert reached["select"] > max(reached[s] for s in ("top-k", "random", "p-min", "p-max")) + 0.02


def test_p_min_ranks_by_document_perplexity(audited):
    """P-min takes the documents with the lowest mean token loss under the base model."""
    ranked = ask(audited, "SELECT document_id FROM scores ORDER BY base_loss, document_id LIMIT 40")
    chosen = ask(audited, "SELECT document_id FROM selections WHERE strategy = 'p-min'")
    assert set(chosen) == set(ranked)


def test_smaller_projections_come_from_one_cache(assay, folder, final):
    """A second audit with a smaller projection computes no gradient again, and keeps the prefix."""
    options = ["--strategy", "select", "--strategy", "random", "--student-epochs", "0", "--no-map"]
    whole = assay(*arguments(folder, final, *options))
    small = assay(*arguments(folder, final, *options, "--projection-dimension", "256"))
    paths = [json.loads(result.out)["path"] for result in (whole, small)]
    widths = [ask(path, "SELECT DISTINCT width FROM factors") for path in paths]
    assert widths == [[(4096,)], [(256,)]]
    stores = last_layer_caches(Store(Path(paths[0]).parents[1]))
    assert len(stores) == 1
    exact = [ask(path, "SELECT alignment, squared_norms FROM scores") for path in paths]
    assert exact[0] == exact[1]


def cosine_of_sum(base, target, texts, weights):
    """With the target, of the weighted training gradients of the last layer, by autograd."""
    head = base.head().detach().clone().requires_grad_()
    with torch.no_grad():
        examples = base.examples([TextDocument(text) for text in texts])
        hidden, targets = base.predicting(examples)
    losses = torch.nn.functional.cross_entropy(hidden @ head.T, targets, reduction="none")
    lengths = torch.tensor([example.n_next_tokens for example in examples])
    counted = torch.tensor(np.asarray(weights), dtype=losses.dtype).repeat_interleave(lengths)
    (total,) = torch.autograd.grad((losses * counted).sum(), head)
    return float(((total * target).sum() / total.norm() / target.norm()).detach())


def gradients_of(path):
    with open_to_read(Path(path)) as connection:
        return gradient_features(gradient_arrays(connection))


def ask_ids(path, strategy):
    query = f"SELECT document_id FROM selections WHERE strategy = '{strategy}' ORDER BY rank"
    return [row[0] for row in ask(path, query)]


def test_the_cosine_shown_is_the_true_one(assay, folder, final):
    """At 16 dimensions SELECT believes in more than it reached; what is shown, curve and metric,
    is the cosine of the summed training gradient, and random selections' are too; of SELECT+ each
    rank's is with the weights of that rank."""
    strategies = ("select", "select-plus", "random")
    options = [*(word for one in strategies for word in ("--strategy", one))]
    options += ["--student-epochs", "0", "--no-map"]
    result = assay(*arguments(folder, final, *options, "--projection-dimension", "16"))
    path = json.loads(result.out)["path"]
    base, tuned = (
        load_language_model(Path(place), 512, Compute("cpu", False, 1))
        for place in (folder / "base", final)
    )
    target = base.head() - tuned.head()
    shown = {
        subject: (value, low, high)
        for subject, value, low, high in ask(
            path,
            "SELECT subject, value, null_low, null_high FROM metrics WHERE metric = 'cosine'",
        )
    }
    for strategy in strategies:
        rows = ask(
            path,
            "SELECT text, objective, weight FROM selections JOIN documents USING (document_id) "
            f"WHERE strategy = '{strategy}' ORDER BY rank",
        )
        texts, reached, weights = zip(*rows, strict=True)
        expected = cosine_of_sum(base, target, texts, weights)
        assert shown[strategy][0] == pytest.approx(expected, abs=1e-3)
        assert reached[-1] == shown[strategy][0]
        if strategy == "select-plus":
            own = weights_by_rank(gradients_of(path), ask_ids(path, strategy))[2]
            at_third = cosine_of_sum(base, target, texts[:3], own[:3])
            assert reached[2] == pytest.approx(at_third, abs=1e-3)
            assert abs(reached[2] - cosine_of_sum(base, target, texts[:3], weights[:3])) > 1e-4
    ((said,),) = ask(path, "SELECT value FROM meta WHERE key = 'projection'")
    projection = json.loads(said)
    assert projection["dimension"] == 16
    assert 4 < projection["worth"] < 64
    assert projection["estimates"]["select"] > shown["select"][0] + 0.02
    assert shown["select"][1] - 0.1 < shown["random"][0] < shown["select"][2] + 0.1


def test_only_the_response_is_scored(assay, folder, tmp_path):
    """With a response template the final model learns responses, and documents without one are
    dropped and counted."""
    questions, answers = on_one_field(80, "weather", 0), on_one_field(80, "music", 1)
    texts = [f"Q: {q}\nA: {a}" for q, a in zip(questions, answers, strict=True)]
    write(tmp_path / "train.jsonl", text=texts)
    write(tmp_path / "pool.jsonl", text=[*texts[40:], *on_one_field(20, "kitchen", 3)])
    options = ("--task", "sft", "--response-template", "A: ", "--precision", "fp32", "--json")
    made = assay(
        *("finetune", "--base", folder / "base", "--data", tmp_path / "train.jsonl"),
        *("--out", tmp_path / "final", "--learning-rate", "3e-3", "--max-tokens", "48", *options),
    )
    assert made.status == 0, made.err
    result = assay(
        *("audit", "--base", folder / "base", "--final", tmp_path / "final", *options),
        *("--seed-corpus", tmp_path / "pool.jsonl", "--budget", "10", "--student-epochs", "1"),
        *("--strategy", "random", "--strategy", "select"),
    )
    assert result.status == 0, result.err
    path = json.loads(result.out)["path"]
    ((counts,),) = ask(path, "SELECT value FROM meta WHERE key = 'counts'")
    assert json.loads(counts)["n_unscored_dropped"] == 20
    rows = ask(path, "SELECT text, n_prompt_characters FROM documents")
    assert all(text[:n].endswith("A: ") for text, n in rows)


def test_prompts_and_turns_are_read(assay, folder, tmp_path):
    """A prompt column and a list of turns give the same documents, response scored alone."""
    questions, answers = on_one_field(30, "weather", 0), on_one_field(30, "music", 1)
    write(tmp_path / "columns.jsonl", question=questions, text=answers)
    turns = [
        [{"role": "user", "content": q}, {"role": "assistant", "content": a}]
        for q, a in zip(questions, answers, strict=True)
    ]
    write(tmp_path / "turns.jsonl", text=turns)
    made = assay(
        *("finetune", "--base", folder / "base", "--data", tmp_path / "turns.jsonl"),
        *("--out", tmp_path / "final", "--task", "sft", "--precision", "fp32", "--json"),
    )
    assert made.status == 0, made.err
    found = []
    for corpus, option in (("columns", ["--prompt-column", "question"]), ("turns", [])):
        result = assay(
            *("audit", "--base", folder / "base", "--final", tmp_path / "final"),
            *("--seed-corpus", tmp_path / f"{corpus}.jsonl", "--budget", "5", "--json"),
            *("--task", "sft", "--precision", "fp32", "--student-epochs", "0", "--no-map"),
            *("--strategy", "random", *option),
        )
        assert result.status == 0, result.err
        path = json.loads(result.out)["path"]
        found.append(ask(path, "SELECT text, n_prompt_characters FROM documents"))
    assert found[0] == found[1]
    text, n_prompt = found[0][0]
    assert text[:n_prompt].strip() == questions[0]
    assert text[n_prompt:] == answers[0]


def test_what_makes_no_sense_is_refused(assay, folder, final, tmp_path):
    """Labels to balance, label words, or a model that which is not one: one sentence each."""
    cases = {
        "needs labels": arguments(folder, final, "--strategy", "top-k-balanced"),
        "classification only": arguments(folder, final, "--label-words", "A,B"),
        "applies to language models": [
            *("audit", "--base", save_bert(tmp_path / "c")),
            *("--final", save_bert(tmp_path / "d", 1), "--strategy", "layer-match"),
            *("--seed-corpus", folder / "alike.jsonl", "--budget", "4"),
        ],
        "which is not one": [
            *(
                "audit",
                "--base",
                save_bert(tmp_path / "a"),
                "--final",
                save_bert(tmp_path / "b", 1),
            ),
            *("--task", "sft", "--seed-corpus", folder / "alike.jsonl", "--budget", "4"),
        ],
        "with tokens to score": [
            *("finetune", "--base", folder / "base", "--data", folder / "train.jsonl"),
            *("--task", "sft", "--response-template", "NEVER", "--out", tmp_path / "out"),
        ],
    }
    for expected, command in cases.items():
        result = assay(*command)
        assert result.status == 2, result.err
        assert expected in result.err
        assert "Traceback" not in result.err


def test_a_gpt2_pair_can_be_audited(assay, folder, tmp_path):
    """The other family, tied head and all, goes the same way."""
    save_gpt2(tmp_path / "a", 0)
    save_gpt2(tmp_path / "b", 1)
    result = assay(
        *("audit", "--base", tmp_path / "a", "--final", tmp_path / "b", "--task", "sft"),
        *("--seed-corpus", folder / "alike.jsonl", "--budget", "5", "--json"),
        *("--strategy", "select", "--student-epochs", "1"),
    )
    # Two models of nothing in common: asked to the end, and not assessable.
    assert result.status == 3, result.err
