"""What a page's form names, checked before a job may read it.

A form is filled in by whoever reaches the dashboard. So a job that it starts reads what lies in the
allowed folders, what the store holds, built-in parts, the hub and servers, and nothing else. Every
path is handed on without links and from the root, and never begins with a dash.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from assay.cache.store import Store
from assay.core.data.formats import is_supported
from assay.core.data.object_store import is_remote
from assay.core.data.shards import files_at
from assay.core.data.sources import BUILTINS
from assay.core.errors import InputError, OptionConflict
from assay.core.hub.client import is_hub_name
from assay.core.runtime.allowed_roots import AllowedRoots
from assay.core.specs.addresses import has_password, is_address, read_address
from assay.core.specs.data import DECOMPRESSION, DataRef
from assay.core.specs.options import CommandOption, Names
from assay.core.specs.place import Columns, data_ref

BUILTIN_MODELS = ("builtin:minilm", "builtin:smollm2")
# The columns of a command that names none.
USUAL = Columns(DataRef.text_column, "label", None)
_MOST_CHARACTERS = 4096
_MOST_FILES = 100_000


@dataclass(frozen=True)
class NameChecker:
    """Checks what options name against the allowed folders and the store."""

    roots: AllowedRoots
    store: Store

    def checked(self, one: CommandOption, value: str) -> str:
        """What stands for the text on a command line; InputError for one that is not allowed.

        Nothing begins with a dash: it could be taken for an option.
        """
        names = one.declared.names
        is_clean = all(part.isprintable() for part in ([value] if names else value.split("\n")))
        if len(value) > _MOST_CHARACTERS or not is_clean or value.startswith("-"):
            raise InputError(
                f"at most {_MOST_CHARACTERS:,} printable characters for {one.key}, the first of "
                "them no dash",
                repr(value[:60]),
                "correct it",
            )
        rules: dict[Names, Callable[[str], str]] = {
            Names.MODEL: self.model,
            Names.SPEAKER: self.speaker,
            Names.NAMED_MODEL: self.named_model,
            Names.DOCUMENTS: self.documents,
            Names.CORPUS: self.corpus,
            Names.DATA_FOLDER: lambda name: str(self.roots.resolved(name)),
            Names.NEW_FILE: lambda name: str(self.roots.new_file(name)),
        }
        if names in rules:
            return rules[names](value)
        # Names in the store and of recipes: letters, digits and dashes.
        is_name = value.replace("-", "").replace("_", "").isalnum()
        if (one.declared.is_argument or names) and not is_name:
            raise InputError(f"a name for {one.key}", repr(value[:60]), "choose one")
        return value

    def model(self, name: str) -> str:
        """A built-in model, a folder or GGUF file inside, or a hub name."""
        if name.startswith("builtin:"):
            if name not in BUILTIN_MODELS:
                raise InputError(" or ".join(BUILTIN_MODELS), repr(name), "choose one of them")
            return name
        if found := self._inside(name):
            return str(found)
        if not _may_be_a_hub_name(name):
            raise self.roots.refusal(name)
        return name

    def named_model(self, text: str) -> str:
        """``NAME=MODEL`` with a model as in :meth:`model`."""
        name, mark, place = text.partition("=")
        if not name.replace("_", "").isalnum() or not place:
            raise InputError("NAME=PLACE", repr(text[:60]), "write it as in gpt2_medium=FOLDER")
        return f"{name}{mark}{self.model(place)}"

    def speaker(self, name: str) -> str:
        """A model, or a server's address without a password."""
        if not is_address(name):
            return self.model(name)
        if has_password(name):
            raise OptionConflict(
                "A job stores its command, so the server's address must not contain a password",
                "an address with a password",
                "set ASSAY_API_KEY where the dashboard starts",
            )
        read_address(name)
        return name

    def corpus(self, place: str) -> str:
        """Documents, or ``decompression:NAME``."""
        if place.startswith(DECOMPRESSION):
            name = place.removeprefix(DECOMPRESSION)
            if not (self.store.decompressions / f"{name}.duckdb").is_file() or "/" in name:
                raise InputError("a decompression of this store", repr(place), "choose one")
            return place
        return self.documents(place)

    def documents(self, place: str) -> str:
        """A file, folder or pattern inside, with all of its files; built-in text; a hub set."""
        return self.named(self.located(place))

    def located(self, place: str, usual: Columns = USUAL) -> DataRef:
        """The same as a place and its columns, by default the usual ones."""
        ref = data_ref(place, usual.text, usual.label, None, usual.prompt)
        if is_remote(ref.location):
            # The dashboard's machine may have keys that a visitor has not.
            raise InputError(
                "documents in a folder that the dashboard may read, or on the hub",
                "an address in an object store",
                "start this job on the command line",
            )
        location, mark, split = ref.location.partition("#")
        if location.startswith("builtin:"):
            if ref.location not in BUILTINS:
                raise InputError(" or ".join(BUILTINS), repr(place), "choose one of them")
            return ref
        if glob.has_magic(location):
            return replace(ref, location=self._pattern(location) + mark + split)
        if found := self._inside(location):
            self._check_files(str(found), split or None)
            return replace(ref, location=str(found) + mark + split)
        is_file = is_supported(Path(location))
        if is_file or not _may_be_a_hub_name(location.partition(":")[0]):
            raise self.roots.refusal(location)
        return ref

    def named(self, ref: DataRef, usual: Columns = USUAL) -> str:
        """A place as a command line names it next to the usual columns."""
        return usual.name(ref)

    def _inside(self, name: str) -> Path | None:
        """An existing path inside; None for what can only be a name on the hub."""
        try:
            return self.roots.resolved(name)
        except InputError:
            if name.startswith((".", "/", "~", "-")) or name.count("/") > 1 or "\\" in name:
                raise
            return None

    def _pattern(self, pattern: str) -> str:
        """A pattern below an allowed folder, all of whose files are inside."""
        parts = Path(os.path.expanduser(pattern)).parts
        fixed = parts[: next(at for at, part in enumerate(parts) if glob.has_magic(part))]
        if ".." in parts:
            raise self.roots.refusal(pattern)
        top = self.roots.resolved(str(Path(*fixed)) if fixed else ".")
        below = str(Path(glob.escape(str(top)), *parts[len(fixed) :]))
        self._check_files(below, None)
        return below

    def _check_files(self, location: str, split: str | None) -> None:
        """InputError where a link leads from a place to a file elsewhere."""
        files = files_at(location, split).files
        if len(files) > _MOST_FILES:
            raise InputError(f"at most {_MOST_FILES:,} files", f"{len(files):,}", "give fewer")
        for file in files:
            if not self.roots.holds(file.resolve()):
                raise self.roots.refusal(str(file))


def _may_be_a_hub_name(name: str) -> bool:
    """OWNER/NAME, or the NAME of a set or model without owner, as the hub spells them."""
    return is_hub_name(name) and name.isascii() and not name.startswith("-")
