"""Diffs of decompressions whose models' knowledge is known exactly."""

from __future__ import annotations

import dataclasses
import hashlib
import json

import numpy as np
import pytest
from support.endings import assert_ends_for_people
from support.known_decompressions import CHANGED, MODEL_A, MODEL_B, knowledge, write_run

from assay.cache.diffs.read import list_diffs, read_diff_branches, read_diff_examples
from assay.cache.files.manifest import changed_tables
from assay.cache.files.sealed import read_result
from assay.cache.store import Store
from assay.core.diff.compare import compare
from assay.core.diff.decompressions import read_run
from assay.core.diff.embedded_names import Names
from assay.core.diff.noise_runs import check_alike, found_noise, given_noise
from assay.core.diff.significance import judged_branches, judged_examples, judged_topics
from assay.core.errors import InputError
from assay.core.specs.commands import DECOMPRESS, command_line
from assay.core.specs.decompression import DecompressionSpec
from assay.core.specs.diff import Change, Quantity
from assay.core.specs.results.diff import DiffResult


@pytest.fixture
def store():
    return Store.default()


def apart(texts):
    """An embedding in which texts that differ are far from each other, and equal ones are one."""
    seeds = [int(hashlib.sha256(text.encode()).hexdigest()[:8], 16) for text in texts]
    vectors = np.stack([np.random.default_rng(seed).normal(size=64) for seed in seeds])
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def compared(first, second):
    return compare(read_run(first), read_run(second), Names(apart, 0.9), apart)


def reported(judged):
    return [row for row in judged.models if row["is_reported"]]


def test_two_runs_of_one_model_report_nothing(store):
    """Whatever the seeds, runs of one model differ by nothing that is reported, in topics, branches
    and examples alike, or in at most one of five; nor does a run from itself."""
    runs = [write_run(store, f"run-{seed}", knowledge(), seed) for seed in range(7)]
    noise = [compared(runs[0], runs[1])]
    assert not reported(judged_topics(compared(runs[0], runs[0]), noise))
    n_runs = 0
    for other in runs[2:]:
        models = compared(runs[0], other)
        n_runs += any(
            reported(judged)
            for judged in (
                judged_topics(models, noise),
                judged_examples(models, noise),
                *(judged_branches(models, noise, quantity) for quantity in Quantity),
            )
        )
    assert n_runs <= 1


def test_planted_changes_are_reported_for_what_they_are(store):
    """Topics that a model lost, gained, moved and holds less are reported as that, and no other."""
    first, again = (write_run(store, f"a-{seed}", knowledge(), seed) for seed in (0, 1))
    second = write_run(store, "b", CHANGED, 2, MODEL_B)
    judged = judged_topics(compared(first, second), [compared(first, again)])
    found = {(row["first_name"] or row["second_name"], row["change"]) for row in reported(judged)}
    assert found == {
        ("music one", "moved"),  # from music to weather
        ("music seven", "gained"),
        ("chess two", "lost"),
        ("geology one", "shifted"),
    }
    (moved, _) = sorted(
        (row for row in reported(judged) if row["change"] == "moved"),
        key=lambda row: row["difference"],
    )
    assert moved["elsewhere"] == ("weather", "music one")
    assert all(abs(row["difference"]) > judged.facts.floor.value for row in reported(judged))


def test_without_noise_nothing_is_reported(assay, store, tmp_path):
    """With no second run of either model there is no floor, no difference, and the command that
    makes one; --out still writes every compared topic, with a manifest that names the diff."""
    write_run(store, "a", knowledge(), 0)
    write_run(store, "b", CHANGED, 0, MODEL_B)
    out = tmp_path / "topics.jsonl"
    said = json.loads(assay("diff", "a", "b", "--out", out, "--json").out)
    assert said["noise"] == []
    assert said["floor"] is None
    assert said["reported"] == []
    assert "No difference can be reported" in said["says"][0]
    assert said["make_noise_with"] == "assay decompress --expansion 6 --seed 1"
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert len(rows) == said["n_topics"]
    assert not any(row["is_reported"] for row in rows)
    described = json.loads((tmp_path / "topics.jsonl.manifest.json").read_text())
    assert (described["diff"], described["n_rows"]) == (said["diff"], len(rows))
    assert assay("diff", "a", "b", "--out", tmp_path / "topics.doc").status == 2
    told = assay("diff", "a", "b").out
    assert_ends_for_people(told, "diff")
    assert said["make_noise_with"] in told


def test_the_noise_run_that_is_asked_for_is_a_new_one(assay, store):
    """Of two runs of one model with the seeds 0 and 1 neither can be its own noise."""
    for seed in (0, 1):
        write_run(store, f"a-{seed}", knowledge(), seed)
    said = json.loads(assay("diff", "a-0", "a-1", "--json").out)
    assert said["make_noise_with"].endswith("--seed 2")


def test_noise_is_found_in_the_store_and_the_result_sealed_once(assay, store):
    """A run of either model with another seed becomes the noise; the file is intact, found again,
    and says the same of files that lie elsewhere."""
    for seed in (0, 1):
        write_run(store, f"a-{seed}", knowledge(), seed)
    write_run(store, "b", CHANGED, 0, MODEL_B)
    said = json.loads(assay("diff", "a-0", "b", "--json").out)
    assert said["noise"] == [["a-0", "a-1"]]
    assert 0 < len(said["reported"]) == sum(said[f"n_{change}"] for change in Change)
    twice = "a topic that moved counts both where it was and where it is"
    assert (twice in said["says"][0]) == (said["n_moved"] > 0)
    path = store.diffs / f"{said['diff']}.duckdb"
    assert changed_tables(path) == []
    assert not path.stat().st_mode & 0o222
    again = json.loads(assay("diff", "a-0", "b", "--noise", "a-1", "--json").out)
    assert (again["diff"], again["was_there"]) == (said["diff"], True)
    told = assay("diff", "a-0", "b").out
    assert_ends_for_people(told, "diff")
    assert all((row["first_name"] or row["second_name"]) in told for row in said["reported"])
    files = [store.decompressions / f"{name}.duckdb" for name in ("a-0", "b", "a-1")]
    elsewhere = store.root / "elsewhere"
    arguments = ("diff", files[0], files[1], "--noise", files[2], "--store", elsewhere)
    third = json.loads(assay(*arguments, "--json").out)
    assert (third["diff"], third["was_there"]) == (said["diff"], False)
    assert third["reported"] == said["reported"]
    (summary,) = list_diffs(store)
    assert (summary.first, summary.second, summary.has_floor) == ("a-0", "b", True)


@pytest.mark.parametrize(
    ("spec", "option"),
    [
        ({"n_samples": 8}, "--samples 16 and 8"),
        ({"depth": 1}, "--depth 2 and 1"),
        ({"temperature": 0.5}, "--temperature"),
        ({"merge_cosine": 0.8}, "--merge-cosine"),
    ],
)
def test_runs_asked_otherwise_are_refused(assay, store, spec, option):
    """Another setting of the questions ends with status 2 and names the option."""
    write_run(store, "a", knowledge(), 0)
    write_run(store, "b", knowledge(), 0, MODEL_B, **spec)
    result = assay("diff", "a", "b")
    assert result.status == 2
    assert option in result.err.splitlines()[-1]
    assert not list(store.diffs.iterdir())


def test_two_engines_are_refused_and_an_unknown_one_is_said(assay, store):
    """Runs through two engines of this process are no comparison; what runs behind a server is not
    known, so that a run from there is compared and the doubt said."""
    write_run(store, "a", knowledge(), 0)
    write_run(store, "b", knowledge(), 0, MODEL_B, backend="transformers")
    refused = assay("diff", "a", "b")
    assert refused.status == 2
    assert "--engine llama.cpp and transformers" in refused.err
    write_run(store, "c", knowledge(), 0, MODEL_B, backend="server at http://localhost:1/v1")
    said = json.loads(assay("diff", "a", "c", "--json").out)
    assert "may sample differently" in said["caveats"][0]


def test_runs_from_before_draws_had_limits_compare_among_themselves(store):
    """What transformers drew among all tokens is no comparison for what it draws among few: such a
    run is refused beside a new one, and not beside another of its kind."""
    old, other, new = (
        read_run(write_run(store, name, knowledge(), 0, model, backend="transformers"))
        for name, model in (("a", MODEL_A), ("b", MODEL_B), ("c", MODEL_B))
    )
    check_alike(old, other)
    new.meta.traits["honours_top_k"] = True
    with pytest.raises(InputError, match="drawing among all tokens, and transformers"):
        check_alike(old, new)


def test_runs_that_only_went_on_further_are_alike(store):
    """Budgets, quotas and titles change no question, so they are no hindrance."""
    further = {"budget_calls": 500, "branch_quota": 3, "title": "B", "n_examples": 9}
    first = write_run(store, "a", knowledge(), 0)
    second = write_run(store, "b", knowledge(), 0, MODEL_B, **further)
    check_alike(read_run(first), read_run(second))


def test_what_is_no_second_run_is_no_noise(store):
    """Another model, the same seed, the very run, other questions, or answers word for word the
    same: each is refused as noise by name, and none is found in the store."""
    first = read_run(write_run(store, "a", knowledge(), 0))
    second = read_run(write_run(store, "b", knowledge(), 0, MODEL_B))
    write_run(store, "other", knowledge(), 1, "ef" * 32)
    write_run(store, "same-seed", knowledge(), 0)
    write_run(store, "repeats", knowledge(), 1, answer_seed=0)
    write_run(store, "fewer", knowledge(), 1, n_samples=8)
    for name in ("a", "other", "same-seed", "repeats", "fewer"):
        with pytest.raises(InputError):
            given_noise(name, first, second, store)
    assert found_noise(first, second, store) == []
    write_run(store, "again", knowledge(), 1)
    (pair,) = found_noise(first, second, store)
    assert (pair.first.name, pair.second.name) == ("a", "again")


def test_a_collapsed_branch_is_a_gap_and_a_changed_one_is_none(assay, store):
    """A branch of which a model names nothing with any constancy is a gap in it; one with other
    subtopics, as constant, is none, nor one whose second model never held it."""
    scattered = {f"cooking part {n}": 0.05 for n in range(90)}
    others = {f"geology side {n}": chance for n, chance in enumerate((0.9, 0.8, 0.6, 0.5, 0.4))}
    changed = knowledge(cooking=scattered, geology=others)
    for seed in (0, 1):
        write_run(store, f"a-{seed}", knowledge(), seed)
    write_run(store, "b", changed, 0, MODEL_B)
    said = json.loads(assay("diff", "a-0", "b", "--json").out)
    branches = read_diff_branches(store.diffs / f"{said['diff']}.duckdb")
    gaps = branches[branches["is_reported"]]
    assert gaps[["branch", "quantity"]].to_numpy().tolist() == [["cooking", "support"]]
    assert gaps["first_value"].item() > gaps["first_line"].item()
    assert gaps["second_value"].item() == pytest.approx(gaps["second_line"].item(), abs=0.1)


def test_changed_answers_are_reported_and_others_not(assay, store):
    """Of answers of which half say something else, those are reported and no other; of worse grades
    in one branch, that branch."""

    def confused(topic, rng):
        return f"{topic} is known." if "music" in topic else "Tax forms are due in April."

    def worse(topic, rng):
        return (0.2 if "chess" in topic else 2) + rng.normal() / 4

    for seed in (0, 1):
        write_run(store, f"a-{seed}", knowledge(), seed)
    write_run(store, "b", knowledge(), 2, MODEL_B, respond=confused, quality=worse)
    said = json.loads(assay("diff", "a-0", "b", "--json").out)
    path = store.diffs / f"{said['diff']}.duckdb"
    examples = read_diff_examples(path, 1000)
    is_confused = ~examples["topic"].str.contains("music")
    assert (examples["is_reported"] == is_confused).all()
    assert 0 < is_confused.sum() < len(examples)
    assert read_result(path, DiffResult).examples.auc.low > 0.5
    branches = read_diff_branches(path)
    gaps = branches[branches["is_reported"]]
    assert gaps[["branch", "quantity"]].to_numpy().tolist() == [["chess", "quality"]]


def test_a_command_asks_the_question_again(assay):
    """Every option of a decompression is in its command, and no default but the seed."""
    fields = {field.name for field in dataclasses.fields(DecompressionSpec)}
    assert set(DECOMPRESS.flags) == fields
    assert command_line(DecompressionSpec()) == "assay decompress --seed 0"
    spec = DecompressionSpec("my model", seed=3, expansion=(5, 2), title="a title")
    command = "assay decompress --model 'my model' --expansion 5 --expansion 2 --seed 3 "
    assert command_line(spec) == command + "--title 'a title'"
