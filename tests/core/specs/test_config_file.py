"""Options as a TOML file."""

from __future__ import annotations

import pytest
from support.specs import SPECS

from assay.core.errors import InputError
from assay.core.specs.commands import AUDIT, TITRATE, command_of
from assay.core.specs.config_file import config_text, read_config


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: command_of(spec).name)
def test_a_config_builds_the_spec_it_was_written_from(spec, tmp_path):
    """Whatever a spec asks goes through the file unchanged."""
    command, file = command_of(spec), tmp_path / "asked.toml"
    file.write_text(config_text(command, command.asked(spec)))
    assert command.build(read_config(file, command)) == spec


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("colour = 1", "'colour'"),
        ('budget = "many"', "budget"),
        ("budget = 1.5", "budget"),
        ("budget = true", "budget"),
        ("batch-size = 0", "batch-size"),
        ('task = "poetry"', "task"),
        ('seed-corpus = "x.csv"', "seed-corpus"),
        ("seed-corpus = [1]", "seed-corpus"),
        ("strategy = []", "strategy"),
        ("map = 1", "map"),
        ('command = "titrate"', "`assay titrate`"),
        ("budget = = 1", "TOML"),
    ],
)
def test_what_does_not_fit_is_named(text, named, tmp_path):
    """An unknown key, another type or another command's file is bad input that says which."""
    file = tmp_path / "asked.toml"
    file.write_text(text)
    with pytest.raises(InputError) as error:
        read_config(file, AUDIT)
    assert named in str(error.value)


def test_a_file_that_is_not_there_is_bad_input(tmp_path):
    with pytest.raises(InputError, match=r"gone\.toml"):
        read_config(tmp_path / "gone.toml", TITRATE)
