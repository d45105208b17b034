"""What every command's last lines have in common."""

from __future__ import annotations


def assert_ends_for_people(said, page=None):
    """It begins with a sentence, holds no Python value, and ends with where to read on."""
    lines = said.rstrip("\n").splitlines()
    assert lines[0].endswith((".", "?")), lines[0]
    assert not any(mark in said for mark in ("{", "['", "False", "None", "was_there", "nan")), said
    if page is not None:
        assert lines[-1].startswith(f"To read on: assay dashboard, then /{page}?"), lines[-1]
