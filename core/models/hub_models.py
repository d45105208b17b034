"""Models on the hub: looked at by their lists of files, and nothing is fetched that is not read."""

from __future__ import annotations

import glob
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

import huggingface_hub
from huggingface_hub import ResolvedRevision
from huggingface_hub.errors import CachedRepoTreeNotFoundError
from huggingface_hub.hf_api import RepoFile
from huggingface_hub.utils.tqdm import tqdm

from assay.core.errors import InputError
from assay.core.hub.client import hub
from assay.core.hub.problems import hub_problem
from assay.core.models.folder_files import MOST_JSON_BYTES, json_object
from assay.core.models.model_config import CONFIG, TOKENIZER_SUFFIXES
from assay.core.models.training_record import INITIAL_HEAD
from assay.core.models.weight_files import (
    ADAPTER_CONFIG,
    ADAPTER_WEIGHTS,
    INDEX,
    MODEL_WEIGHTS,
    no_weights,
)

# Files that describe a model: none of them holds weights, and none is executed.
_SUFFIXES = (".json", ".txt", ".jinja", *TOKENIZER_SUFFIXES)
_TEMPLATES = "additional_chat_templates"
_EXPECTED = "a model folder, a built-in model or a hub name"
_T = TypeVar("_T")


def check_hub_model(name: str) -> None:
    """InputError unless the hub has a model of this name with weights in safetensors.

    Fetches its configuration and the list of its files.
    """
    explained(name, lambda: HubModel.of(name).checked().described((CONFIG, ADAPTER_CONFIG)))


def fetched_hub_model(name: str, check: Callable[[Path], object] | None = None) -> Path:
    """A folder with everything that is read of a model.

    ``check`` sees the folder of a whole model before its weights are fetched, which may take hours.
    """
    return explained(name, lambda: HubModel.of(name).checked().whole(check))


def downloaded_hub_model(name: str) -> Path | None:
    """The same if an earlier download left it on this machine; nothing is asked of the network."""
    try:
        return HubModel.of(name, is_offline=True).checked().whole()
    except Exception:  # the hub client raises many kinds; each means that it is not here
        return None


@dataclass(frozen=True)
class HubModel:
    """The files of a model's newest commit by name, with their sizes."""

    name: str
    revision: ResolvedRevision
    sizes: Mapping[str, int]
    is_offline: bool

    @classmethod
    def of(cls, name: str, is_offline: bool = False) -> HubModel:
        """``is_offline``: of an earlier download, with which the client kept the list."""
        revision = hub().resolve_revision(name, local_files_only=is_offline)
        try:
            listed = huggingface_hub.get_cached_repo_tree(name, revision=revision)
        except CachedRepoTreeNotFoundError:
            if is_offline:  # an older client kept none
                return cls(name, revision, _kept(name, revision), is_offline)
            at = revision.resolved
            tree = hub().list_repo_tree(name, recursive=True, revision=at)
            listed = [entry for entry in tree if isinstance(entry, RepoFile)]
        return cls(name, revision, {file.path: file.size for file in listed}, is_offline)

    def checked(self) -> HubModel:
        """The same; InputError for what no job could load, by the names and sizes of its files."""
        shown = self.name
        if CONFIG not in self.sizes and ADAPTER_CONFIG not in self.sizes:
            if any(name.endswith(".gguf") for name in self.sizes):
                raise InputError(
                    f"a model with {CONFIG}",
                    f"{shown!r}, which holds GGUF files",
                    "download one of them and give its path",
                )
            raise InputError(f"a model with {CONFIG}", f"{shown!r} without one", "check the name")
        for name in self.describing:
            if self.sizes[name] > MOST_JSON_BYTES:
                raise InputError(
                    f"a file {name[:80]!r} of {shown!r} of at most {MOST_JSON_BYTES:,} bytes",
                    f"one of {self.sizes[name]:,} bytes",
                    "use another model",
                )
        if not {MODEL_WEIGHTS, INDEX, ADAPTER_WEIGHTS} & self.sizes.keys():
            wanted = MODEL_WEIGHTS if CONFIG in self.sizes else ADAPTER_WEIGHTS
            raise no_weights(shown, wanted, self.sizes)
        return self

    def described(self, files: Collection[str] = ()) -> Path:
        """A folder with everything but weights, or with these files of it alone."""
        wanted = [name for name in self.describing if not files or name in files]
        return self._fetched(wanted)

    def whole(self, check: Callable[[Path], object] | None = None) -> Path:
        """A folder with everything that is read; ``check`` as in ``fetched_hub_model``."""
        folder = self.described()
        if check and {MODEL_WEIGHTS, INDEX} & self.sizes.keys():
            check(folder)
        return self._fetched([*self.describing, *self.weights(folder)], is_long=True)

    @property
    def describing(self) -> list[str]:
        """The names of all files but weights that are read of it."""
        return [name for name in self.sizes if _describes(PurePosixPath(name))]

    def _fetched(self, files: Collection[str], is_long: bool = False) -> Path:
        return Path(
            huggingface_hub.snapshot_download(
                self.name,
                revision=self.revision,
                allow_patterns=[glob.escape(file) for file in files],
                local_files_only=self.is_offline,
                tqdm_class=None if is_long else _Quiet,
            )
        )

    def weights(self, folder: Path) -> list[str]:
        """The files that loading reads: often the same weights are there in other files, too."""
        if MODEL_WEIGHTS in self.sizes:
            read = [MODEL_WEIGHTS]
        elif INDEX in self.sizes:
            places = json_object(folder, INDEX).get("weight_map")
            read = (
                sorted({str(name) for name in places.values()}) if isinstance(places, dict) else []
            )
        else:
            read = [ADAPTER_WEIGHTS]
        return [name for name in (*read, INITIAL_HEAD) if name in self.sizes]


def _describes(path: PurePosixPath) -> bool:
    """Whether a file is a model's own, and not one of another format or of a checkpoint below."""
    match path.parts:
        case (_,):
            return path.suffix in _SUFFIXES
        case (folder, name):  # the second: how sentence encoders pool
            return (folder == _TEMPLATES and path.suffix == ".jinja") or name == CONFIG
        case _:
            return False


def _kept(name: str, revision: ResolvedRevision) -> dict[str, int]:
    """The files that lie on this machine, with their sizes."""
    given = huggingface_hub.snapshot_download(name, revision=revision, local_files_only=True)
    files = [path for path in Path(given).rglob("*") if path.is_file()]
    return {path.relative_to(given).as_posix(): path.stat().st_size for path in files}


class _Quiet(tqdm):
    """No progress of what takes a moment."""

    def __init__(self, *given: Any, **options: Any) -> None:
        super().__init__(*given, **{**options, "disable": True})


def explained(name: str, ask: Callable[[], _T]) -> _T:
    """What ``ask`` gives; InputError, in one sentence, for whatever the hub's client raises."""
    try:
        return ask()
    except InputError:
        raise
    except Exception as error:  # the hub client raises many kinds, network errors among them
        raise hub_problem(_EXPECTED, name, error) from error
