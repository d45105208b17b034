"""What a form offers to choose from: models and data under the allowed folders, and the store's."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import streamlit as st

from assay.cache.audits.read import AuditSummary, list_audits
from assay.cache.decompressions.read import DecompressionSummary, list_decompressions
from assay.cache.store import Store
from assay.core.data.formats import is_supported
from assay.core.data.sources import BUILTINS
from assay.core.experiments.recipes import NAMES, load_recipe
from assay.core.findings.formatting import moment
from assay.core.jobs.checked_names import BUILTIN_MODELS
from assay.core.runtime.allowed_roots import AllowedRoots
from assay.core.specs.data import DECOMPRESSION
from assay.core.specs.options import Names
from assay.pages.components.labels import distinct_labels

_MOST_LEVELS, _MOST_ENTRIES, _MOST_OFFERS = 3, 3000, 200
_MODEL_FILES = ("config.json", "adapter_config.json")


def offers(names: Names, roots: AllowedRoots, store: Store) -> list[str]:
    """Names to choose from; others may be typed where ``takes_more``."""
    if names in (Names.DECOMPRESSION, Names.AUDIT, Names.EXPERIMENT):
        return list(titles(names, store))
    models, data = _found(roots.folders, str(store.root))
    said = [one.decompression_id for one in list_decompressions(store) if not one.problem]
    known: dict[Names, Callable[[], list[str]]] = {
        Names.MODEL: lambda: [*BUILTIN_MODELS, *models],
        Names.SPEAKER: lambda: [*BUILTIN_MODELS, *models],
        Names.DOCUMENTS: lambda: [*data, *BUILTINS],
        Names.CORPUS: lambda: [*data, *BUILTINS, *(DECOMPRESSION + name for name in said)],
        Names.DATA_FOLDER: lambda: sorted({str(Path(name).parent) for name in data}),
        Names.NEW_FILE: list,
        Names.NAMED_MODEL: list,
    }
    return known[names]()


def forget_found() -> None:
    """Look for files anew: one has just been added."""
    _found.clear()


def titles(names: Names, store: Store) -> dict[str, str]:
    """What a person calls the results and recipes among which an option chooses, by name."""
    if names is Names.EXPERIMENT:
        recipes = {name: load_recipe(name) for name in NAMES}
        return {name: f"{one.title} ({one.shows})" for name, one in recipes.items()}
    made: dict[str, AuditSummary | DecompressionSummary] = {}
    if names is Names.AUDIT:
        made = {one.audit_id: one for one in list_audits(store) if not one.problem}
    elif names is Names.DECOMPRESSION:
        made = {one.decompression_id: one for one in list_decompressions(store) if not one.problem}
    return distinct_labels(
        {name: f"{one.title} · {moment(one.created_at)}" for name, one in made.items()}
    )


def takes_more(names: Names) -> bool:
    """Whether a name that is not offered may be typed."""
    return names not in (Names.DECOMPRESSION, Names.AUDIT, Names.EXPERIMENT)


@st.cache_data(ttl="20s", max_entries=8, show_spinner=False)
def _found(folders: tuple[Path, ...], store: str) -> tuple[list[str], list[str]]:
    """Models and data files, as a person would name them; each once, also if roots overlap."""
    seen: set[Path] = set()
    models: list[str] = []
    data: list[str] = []
    for root in folders:
        tops = (
            [root / "data", root / "models"] if str(root) == str(Path(store).resolve()) else [root]
        )
        for top in tops:
            for folder, names in _walked(top):
                if folder in seen:
                    continue
                seen.add(folder)
                short = folder.relative_to(root)
                if any(name in names for name in _MODEL_FILES) and folder != root:
                    models.append(str(short))
                else:
                    data += [str(short / n) for n in names if is_supported(Path(n))]
                models += [str(short / name) for name in names if name.endswith(".gguf")]
    return sorted(models)[:_MOST_OFFERS], sorted(data)[:_MOST_OFFERS]


def _walked(top: Path) -> Iterator[tuple[Path, list[str]]]:
    n_entries = 0
    for folder, folders, names in os.walk(top):
        here = Path(folder)
        folders[:] = sorted(one for one in folders if not one.startswith((".", "_")))
        if len(here.relative_to(top).parts) >= _MOST_LEVELS or "config.json" in names:
            folders[:] = []
        n_entries += len(names) + len(folders)
        if n_entries > _MOST_ENTRIES:
            return
        yield here, [name for name in names if not name.startswith(".")]
