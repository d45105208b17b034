"""Options are declared on a spec's fields, and lead from options to spec and back."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest
from support.specs import PAIR, SPECS

from assay.core.errors import InputError
from assay.core.specs.audit import (
    CorporaSpec,
    GradientLayers,
)
from assay.core.specs.commands import (
    AUDIT,
    COMMANDS,
    DECOMPRESS,
    FINETUNE,
    RANK_CORPORA,
    TITRATE,
    command_line,
    command_of,
)
from assay.core.specs.data import Task
from assay.core.specs.decompression import DecompressionSpec
from assay.core.specs.option_groups import Lookups
from assay.core.specs.strategies import Strategy, strategies_for
from assay.core.specs.training import Optimizer, TrainingSpec


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: command_of(spec).name)
def test_options_and_spec_are_each_others_way_back(spec):
    """The options that a spec says of itself build that spec again."""
    command = command_of(spec)
    assert command.build(command.asked(spec)) == spec


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: command_of(spec).name)
def test_what_stands_at_its_default_is_not_said(spec):
    """Nothing is said that would stand without being said, but for the seed."""
    command = command_of(spec)
    said = command.asked(spec)
    for one in command.options:
        if one.name in said and one.name != "seed" and not one.is_required:
            fewer = {name: value for name, value in said.items() if name != one.name}
            assert command.build(fewer) != spec, one.name


@pytest.mark.parametrize("command", [TITRATE, RANK_CORPORA], ids=lambda one: one.name)
def test_a_spec_that_no_command_builds_says_what_it_has(command):
    """Files of others may lack documents that a command requires: all else is said, and building it
    again asks for what is missing."""
    (spec,) = [one for one in SPECS if command_of(one) is command]
    lacking = replace(spec, seed_corpus=())
    said = command.asked(lacking)
    assert said.items() < command.asked(spec).items()
    assert said["base"] == spec.base
    with pytest.raises(InputError, match="nothing"):
        command.build(said)


def test_the_seed_is_always_said():
    assert command_line(DecompressionSpec()) == "assay decompress --seed 0"


def test_every_field_of_a_spec_is_asked_for_by_some_command():
    """No field can only be set in code."""
    for spec in {one.spec for one in COMMANDS.values()}:
        asked = {
            group.field.name
            for one in COMMANDS.values()
            if one.spec is spec
            for group in one.groups
        }
        assert asked == {field.name for field in fields(spec)}


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({}, "--seed-corpus"),
        ({"seed_corpus": "x.csv"}, "seed-corpus"),
        ({"seed_corpus": ["x.csv"], "colour": 1}, "'colour'"),
        ({"seed_corpus": ["x.csv"], "batch_size": 0}, "batch-size"),
        ({"seed_corpus": ["x.csv"], "task": "poetry"}, "task"),
        ({"seed_corpus": ["x.csv"], "budget": "many"}, "budget"),
    ],
)
def test_what_does_not_fit_is_named(given, named):
    """A missing or unknown option, or a value that does not fit, is bad input that names it."""
    with pytest.raises(InputError) as error:
        AUDIT.build({**PAIR, **given})
    assert named in str(error.value)


def test_words_stand_for_choices():
    """A file or a page says a choice by its name."""
    asked = {**PAIR, "seed_corpus": ["x.csv"], "task": "sft", "strategy": ["select"]}
    spec = AUDIT.build(asked)
    assert (spec.task, spec.strategies) == (Task.SFT, (Strategy.SELECT,))


def test_strategies_and_labels_follow_the_task():
    """Without options for them, SFT has neither balanced strategies nor a label column."""
    asked = {**PAIR, "seed_corpus": ["x.csv"], "reference": "r.csv"}
    usual, sft = AUDIT.build(asked), AUDIT.build({**asked, "task": Task.SFT})
    assert usual.strategies == strategies_for(Task.CLASSIFICATION)
    assert sft.strategies == strategies_for(Task.SFT)
    assert (usual.reference.label_column, sft.reference.label_column) == ("label", None)
    assert "--strategy" not in command_line(sft)


def test_a_titration_adds_its_controls_and_counts_twice_given_once():
    """A titration's null and loss always run; of a share given twice there is one."""
    asked = {
        **PAIR,
        "reference": "r.csv",
        "held_out": "h.csv",
        "out_of_domain": ["x.csv"],
        "strategy": [Strategy.SELECT],
        "leaked_share": [0.5, 0.5, 1.0],
    }
    spec = TITRATE.build(asked)
    assert spec.strategies == (Strategy.RANDOM, Strategy.P_MIN, Strategy.SELECT)
    assert spec.titration.leaked_shares == (0.5, 1.0)
    assert spec.n_student_epochs == 0
    assert TITRATE.build({**asked, "students": True}).n_student_epochs == 10


def test_an_expansion_keeps_equal_levels():
    """Widths that repeat are levels, not the same level twice."""
    assert DECOMPRESS.build({"expansion": [4, 4, 2]}).expansion == (4, 4, 2)


def test_students_of_inner_layers_are_none_unless_asked_for():
    """What stands where an option is not given may follow from another option."""
    asked = {**PAIR, "corpus": ["x.csv", "y.csv"]}
    inner = {**asked, "gradient_layers": GradientLayers.CHANGED}
    assert RANK_CORPORA.build(asked).corpora == CorporaSpec(2)
    assert RANK_CORPORA.build(inner).corpora == CorporaSpec(0)
    assert "--students" not in command_line(RANK_CORPORA.build(inner))
    assert "--students 0" in command_line(RANK_CORPORA.build({**asked, "students": 0}))


@pytest.mark.parametrize("optimizer", Optimizer)
def test_a_new_model_is_trained_with_its_optimizers_own_decay(optimizer):
    """Without an option for it, the decay is the optimizer's usual one."""
    made = FINETUNE.build({"base": "a", "data": "t.csv", "optimizer": optimizer})
    assert made.training.weight_decay == optimizer.usual_decay


def test_changes_stand_on_what_is_recorded():
    """What is known of a final model's training holds but for the options given."""

    class Recorded(Lookups):
        def recorded_training(self, base, final):
            return TrainingSpec(batch_size=7, n_epochs=9)

    asked = {**PAIR, "seed_corpus": ["x.csv"]}
    assert AUDIT.build(asked, Recorded()).training is None
    changed = AUDIT.build({**asked, "learning_rate": 0.5}, Recorded()).training
    assert changed == TrainingSpec(batch_size=7, n_epochs=9, learning_rate=0.5)


def test_a_pages_form_has_all_it_needs():
    """Each option says its kind, choices, minimum, default and what it means."""
    options = {one.key: one for one in AUDIT.options}
    assert options["task"].choices == ("classification", "sft")
    assert options["task"].default is Task.CLASSIFICATION
    assert options["batch-size"].declared.minimum == 1
    assert options["seed-corpus"].is_required
    assert options["seed-corpus"].is_repeated
    assert options["strategy"].declared.unset == "all"


@pytest.mark.parametrize(
    ("command", "name", "text", "value"),
    [
        (TITRATE, "leaked_share", "0, 0.5,1", (0.0, 0.5, 1.0)),
        (TITRATE, "budget", "1_000, 20", (1000, 20)),
        (DECOMPRESS, "expansion", "4,4", (4, 4)),
        (AUDIT, "label_words", "yes, no", ("yes", "no")),
        (AUDIT, "response_template", "\n### Answer:", "\n### Answer:"),
        (AUDIT, "base", " builtin:minilm ", "builtin:minilm"),
        (AUDIT, "title", "  ", None),
    ],
)
def test_what_is_typed_into_a_form_is_the_options_value(command, name, text, value):
    """Values with commas between them, numbers as people write them; a blank is nothing."""
    (one,) = [one for one in command.options if one.name == name]
    assert one.from_text(text) == value


@pytest.mark.parametrize(("name", "text"), [("leaked_share", "0,x"), ("budget", "1.5")])
def test_what_is_mistyped_names_the_option(name, text):
    """A number that is none is bad input that says which option it was for."""
    (one,) = [one for one in TITRATE.options if one.name == name]
    with pytest.raises(InputError, match=one.key):
        one.from_text(text)
