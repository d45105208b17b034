"""The public interface: light to import, the same as its documentation and its spec."""

from __future__ import annotations

import inspect
import json
import re
import subprocess
import sys
from dataclasses import fields

import pytest
from support.paths import ROOT

import assay as library
from assay.core.specs.audit import AuditSpec

HEAVY = {"torch", "transformers", "duckdb", "streamlit", "pandas", "numpy", "typer"}
# Of a spec but not asked here: questions of other commands.
OTHER_QUESTIONS = {"titration", "corpora"}
# Asked here but not of the question: how documents are read, where and how it runs.
BESIDES = {
    "store",
    "device",
    "precision",
    "text_column",
    "prompt_column",
    "label_column",
    "label_names",
}


def loaded_after(code):
    """Names of the top-level modules that a fresh process holds after running code."""
    ask = f"import json, sys\n{code}\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", ask], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return set(json.loads(done.stdout))


def test_importing_loads_nothing_heavy():
    """`import assay` loads no library; the names that read audits load no model library; the
    command line waits for no library that its command does not need."""
    assert loaded_after("import assay; dir(assay)") & HEAVY == set()
    reading = loaded_after("import assay; assay.open_audit, assay.list_audits, assay.audit")
    assert reading & {"torch", "transformers", "streamlit"} == set()
    assert "pandas" in reading  # the check itself would see what is loaded
    command_line = loaded_after("import assay.core.cli")
    assert command_line & {"torch", "transformers", "streamlit", "scipy", "sklearn"} == set()


def test_every_name_is_there_and_no_other():
    """All public names resolve and are listed; an unknown one is an AttributeError."""
    assert set(library.__all__) <= set(dir(library))
    assert all(getattr(library, name) is not None for name in library.__all__)
    assert re.fullmatch(r"\d+\.\d+\.\d+", library.__version__)
    with pytest.raises(AttributeError, match="no attribute 'vanish'"):
        library.vanish  # noqa: B018


def test_audit_asks_for_every_field_of_its_spec():
    """The settings of `assay.audit` are the spec's fields, in order, with the spec's defaults."""
    settings = inspect.signature(library.audit).parameters
    known = {one.name: one.default for one in fields(AuditSpec) if one.name not in OTHER_QUESTIONS}
    assert [name for name in settings if name in known] == list(known)
    assert set(settings) - set(known) == BESIDES | {"progress"}
    differs = {
        name
        for name, one in settings.items()
        if name in known and one.default != known[name] and one.default is not one.empty
    }
    assert differs == {"strategies"}  # which depend on the task
    required = [name for name, one in settings.items() if one.default is one.empty]
    assert required == ["base", "final", "seed_corpus"]


def test_every_setting_is_explained():
    """Each setting of `assay.audit` is named in its help."""
    words = set(re.findall(r"\w+", inspect.getdoc(library.audit) or ""))
    assert set(inspect.signature(library.audit).parameters) - words == set()


def test_the_page_names_every_public_name():
    """The list of names in docs/notebook.md is the list in the package."""
    text = (ROOT / "docs/notebook.md").read_text().partition("## Every name")[2]
    named = re.findall(r"`assay\.(\w+)`", text.partition("These names")[0])
    assert sorted(named) == sorted(library.__all__)
