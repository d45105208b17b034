"""Whether a pair can be audited is decided by its weights, before any score."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest
import torch
from safetensors.torch import load_file, save_file
from support.arguments import audit_arguments
from support.tiny_models import save_bert

from assay.cache.files.manifest import changed_tables
from assay.core.audit.stages.assessability import ScoredPart, assess, lineage_cosine
from assay.core.gradients.weight_difference import (
    coarser,
    layer_difference,
    rounding_floor,
    stored_type,
)
from assay.core.specs.audit import Assessability

pytestmark = pytest.mark.usefixtures("tiny_encoder")


def matrix(seed, rows=120, columns=80):
    return torch.randn(rows, columns, generator=torch.Generator().manual_seed(seed))


def difference(base, final, stored_as=torch.float32):
    return layer_difference("tensor", base, final, stored_as)


def judge(base, final, stored_as=torch.float32, caveats=()):
    layer = difference(base, final, stored_as=stored_as)
    return assess([layer], ScoredPart.of("the last layer", [layer]), "'base'", caveats)


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16])
def test_the_floor_is_what_rounding_does(kind):
    """Rounding moves weights as far as the floor says; the floor of a finer type is far less."""
    values = matrix(0, 300, 300)
    error = float((values.to(kind).float() - values).norm())
    assert rounding_floor(values, kind) == pytest.approx(error, rel=0.03)
    assert rounding_floor(values, torch.float32) < error / 100


def test_the_stored_type_is_read_off_the_values():
    """Values that were rounded are recognised in whatever type they come; one that was not decides
    for all."""
    rounded = [matrix(seed).bfloat16().float() for seed in range(3)]
    assert stored_type(rounded) == torch.bfloat16
    assert stored_type([matrix(0).half().float()]) == torch.float16
    assert stored_type([*rounded, matrix(3)]) == torch.float32
    assert coarser(torch.float32, torch.bfloat16) == torch.bfloat16


def test_a_difference_of_low_rank_is_seen():
    """The spectrum of a product of two thin matrices ends at their width; noise has no such end."""
    thin = matrix(1, 120, 3) @ matrix(2, 3, 80)
    low, full = difference(matrix(0), matrix(0) + thin), difference(matrix(0), matrix(9))
    assert low.rank_90 <= 3 < 20 < full.rank_90 <= full.full_rank == 80
    assert sum(share**2 for share in low.spectrum[:3]) == pytest.approx(1, abs=1e-9)
    assert low.spectrum[3] < 1e-6 < full.spectrum[3]


def test_a_vector_has_no_spectrum():
    """Biases and unchanged tensors are compared without one."""
    base = torch.arange(5.0)
    assert difference(base, base + 1).full_rank == 0
    still = difference(matrix(0), matrix(0))
    assert (still.difference_norm, still.share_changed, still.spectrum) == (0, 0, ())


def test_an_unrelated_base_is_named():
    """Two models drawn apart have no lineage; the same model moved a little has."""
    found = judge(matrix(0), matrix(1))
    assert found.verdict is Assessability.NOT_ASSESSABLE
    assert "'base'" in found.reasons[0]
    moved = matrix(0) + 0.05 * matrix(1)
    assert judge(matrix(0), moved).verdict is Assessability.ASSESSABLE
    assert lineage_cosine([difference(matrix(0), moved)]) > 0.99


def test_a_last_layer_that_stood_still_is_not_called_clean():
    """Where others moved and it did not, nothing can be said by it, and the reason says so."""
    body, head = difference(matrix(0), matrix(0) + 0.1 * matrix(1)), matrix(2)
    still = difference(head, head)
    found = assess([body, still], ScoredPart.of("the last layer", [still]), "'base'", ())
    assert found.verdict is Assessability.NOT_ASSESSABLE
    assert "not evidence of no leak" in found.reasons[0]


def test_a_difference_that_is_rounding_is_limited():
    """A model that was only saved in half precision is doubted; one that moved further is not."""
    base = matrix(0)
    rounded = base.bfloat16().float()
    assert judge(base, rounded, torch.bfloat16).verdict is Assessability.LIMITED
    moved = (base + 0.1 * matrix(1)).bfloat16().float()
    assert judge(base, moved, torch.bfloat16).verdict is Assessability.ASSESSABLE


def test_what_loading_assumed_limits_what_can_be_said():
    """A caveat of loading is a reason for doubt."""
    moved = matrix(0) + 0.1 * matrix(1)
    found = judge(matrix(0), moved, caveats=("No head was given.",))
    assert found.verdict is Assessability.LIMITED
    assert found.reasons == ("No head was given.",)


@pytest.mark.parametrize(
    ("change", "hint"),
    [
        (-0.02 * matrix(0), "weight decay"),
        (0.01 * matrix(1).sign(), "steps of Adam"),
        (0.01 * matrix(1) ** 5, "plain gradient descent"),
        (0.01 * matrix(1, 120, 2) @ matrix(2, 2, 80), "low-rank adapter"),
    ],
    ids=["decay", "adam", "sgd", "low rank"],
)
def test_each_recipe_leaves_its_trace(change, hint):
    """Shrinking, equal steps, rare large ones and few directions are each told, and only then."""
    assert any(hint in line for line in judge(matrix(0), matrix(0) + change).hints)
    plain = judge(matrix(0), matrix(0) + 0.01 * matrix(1)).hints
    assert not any(hint in line for line in plain)


def test_rows_of_tokens_that_did_not_occur_are_no_trace_of_the_optimizer():
    """Large input embeddings of which few rows moved do not make normal updates look peaked."""
    moved = matrix(3, 2_000, 80)
    moved[200:] = 0
    table = difference(matrix(4, 2_000, 80), matrix(4, 2_000, 80) + 0.01 * moved)
    body = difference(matrix(0), matrix(0) + 0.01 * matrix(1))
    found = assess([table, body], ScoredPart.of("the last layer", [body]), "'base'", ())
    assert found.hints == (f"{(200 + 120) / 2_120:.0%} of all weights changed.",)


@pytest.fixture(scope="module")
def adapted(tiny, tmp_path_factory):
    """The tiny final model with its base's classification head: what an adapter leaves."""
    folder = tmp_path_factory.mktemp("adapted") / "final"
    folder.mkdir()
    for file in (tiny / "final").iterdir():
        if file.is_file() and file.name != "assay_training.json":
            (folder / file.name).write_bytes(file.read_bytes())
    base, final = (load_file(tiny / name / "model.safetensors") for name in ("base", "final"))
    head = {name: value for name, value in base.items() if name.startswith("classifier")}
    assert head
    save_file({**final, **head}, folder / "model.safetensors", {"format": "pt"})
    return folder


def ask(path, query):
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute(query).fetchall()


def with_models(tiny, base, final):
    arguments = [str(word) for word in audit_arguments(tiny, "--json")]
    arguments[arguments.index("--base") + 1] = str(base)
    arguments[arguments.index("--final") + 1] = str(final)
    return arguments


def test_a_pair_that_cannot_be_assessed_is_sealed_unscored(tiny, adapted, assay):
    """The answer is an audit of its own: verdict, reasons and layers, and no score at all."""
    arguments = with_models(tiny, tiny / "base", adapted)
    first = assay(*arguments)
    assert first.status == 3, first.err
    said = json.loads(first.out)
    assert said["assessability"] == "not assessable"
    assert "--gradient-layers changed" in said["reasons"][0]
    assert changed_tables(Path(said["path"])) == []
    for table in ("documents", "scores", "selections", "metrics"):
        assert ask(said["path"], f"SELECT count(*) FROM {table}") == [(0,)]
    moved = dict(ask(said["path"], "SELECT name, difference_norm FROM layers"))
    assert moved["classifier.weight"] == 0
    assert max(moved.values()) > 0
    assert json.loads(assay(*arguments).out) == {**said, "was_there": True}


def test_another_models_base_is_refused_before_any_score(tiny, assay, tmp_path):
    """A base of the same shape that the final model does not come from is named in the reason."""
    stranger = save_bert(tmp_path / "stranger", seed=5)
    said = json.loads(assay(*with_models(tiny, stranger, tiny / "final")).out)
    assert said["assessability"] == "not assessable"
    assert "'stranger'" in said["reasons"][0]
    assert ask(said["path"], "SELECT count(*) FROM scores") == [(0,)]


def test_inner_layers_say_what_the_last_cannot(tiny, adapted, assay):
    """With gradients of the layers that changed, the same pair is assessable and selected from,
    and SELECT's sum points to the difference better than random sums do."""
    arguments = with_models(tiny, tiny / "base", adapted)
    more = ["--gradient-layers", "changed", "--strategy", "random", "--strategy", "select"]
    more += ["--student-epochs", "0"]
    first = assay(*arguments, *more)
    assert first.status == 0, first.err
    said = json.loads(first.out)
    assert said["assessability"] == "assessable"
    assert "the layers that changed" in said["reasons"][0]
    ((cosine, null_high),) = ask(
        said["path"],
        "SELECT value, null_high FROM metrics WHERE metric = 'cosine' AND subject = 'select'",
    )
    assert cosine > null_high
    ((command,),) = ask(said["path"], "SELECT value->>'command' FROM meta WHERE key = 'provenance'")
    assert "--gradient-layers changed" in command
