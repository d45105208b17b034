"""The folders that a job started from a page may read, and write reports to."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from assay.core.errors import InputError

ROOTS_VARIABLE = "ASSAY_ROOTS"


@dataclass(frozen=True)
class AllowedRoots:
    """Folders, links resolved. Relative names start at the first of them that has such a file."""

    folders: tuple[Path, ...]

    @classmethod
    def of(cls, folders: Sequence[Path]) -> AllowedRoots:
        """Existing folders; InputError for one that is none."""
        found = []
        for folder in folders:
            real = folder.expanduser().resolve()
            if not real.is_dir():
                raise InputError("a folder after --roots", repr(str(folder)), "check the path")
            found.append(real)
        return cls(tuple(dict.fromkeys(found)))

    @classmethod
    def from_environment(cls, store: Path) -> AllowedRoots:
        """What `assay dashboard` said, or else the working folder; and the store."""
        said = os.environ.get(ROOTS_VARIABLE)
        named = said.split(os.pathsep) if said else [os.getcwd()]
        wanted = [Path(name).resolve() for name in named if name] + [store.resolve()]
        return cls(tuple(dict.fromkeys(folder for folder in wanted if folder.is_dir())))

    def resolved(self, name: str) -> Path:
        """The real path of an existing file or folder inside.

        InputError for anything else, in the same words whether it is missing or elsewhere: what
        lies outside is nobody's to find out.
        """
        if name and "\0" not in name:
            path = Path(os.path.expanduser(name))
            for one in [path] if path.is_absolute() else [root / path for root in self.folders]:
                real = _real(one)
                if real is not None and self.holds(real):
                    return real
        raise self.refusal(name)

    def new_file(self, name: str) -> Path:
        """Where a new file of that name goes; InputError outside, or where there is one."""
        path = Path(os.path.expanduser(name))
        folder = self.resolved(str(path.parent)) if name and "\0" not in name else None
        if folder is None or path.name in ("", ".."):
            raise self.refusal(name)
        if os.path.lexists(folder / path.name):
            raise InputError("a new file", f"{path.name!r}, which is there", "choose another name")
        return folder / path.name

    def holds(self, real: Path) -> bool:
        """Whether a path without links lies inside."""
        return any(real.is_relative_to(folder) for folder in self.folders)

    def refusal(self, name: str) -> InputError:
        """What is said of a path that is not there, or not inside."""
        allowed = ", ".join(map(str, self.folders))
        return InputError(
            f"an existing path inside {allowed}",
            repr(name if len(name) <= 200 else f"{name[:200]}…"),
            "check it, or start the dashboard with --roots FOLDER",
        )


def _real(path: Path) -> Path | None:
    try:
        return path.resolve(strict=True)
    except (OSError, RuntimeError, ValueError):  # RuntimeError: links that lead in a circle
        return None
