"""What a user gives as data: a place, and which of its columns hold what."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass

from assay.core.errors import InputError
from assay.core.specs.data import DataRef

_COLUMN = r"(?:text|label|prompt)=[^,]*"
_SUFFIX = re.compile(rf":({_COLUMN}(?:,{_COLUMN})*)$")


def data_ref(
    place: str,
    text_column: str = DataRef.text_column,
    label_column: str | None = None,
    sample: int | None = None,
    prompt_column: str | None = None,
    source: str | None = None,
    label_names: tuple[str, ...] | None = None,
) -> DataRef:
    """A place with its columns. ``FILE:text=body,label=topic`` names its own; other places use
    those given here. ``prompt=`` with nothing after it means no prompt column.

    InputError for a label column if labels are not read (``label_column`` None).
    """
    found = None if os.path.exists(os.path.expanduser(place)) else _SUFFIX.search(place)
    if found is None:
        return DataRef(place, text_column, label_column, sample, prompt_column, source, label_names)
    own = dict(part.split("=", 1) for part in found.group(1).split(","))
    if "label" in own and label_column is None:
        raise InputError(
            "no label column, since the final model labels these documents",
            repr(place),
            "remove label=…",
        )
    for name in ("text", "label"):
        if own.get(name) == "":
            raise InputError(f"a column after {name}=", repr(place), "give one")
    return DataRef(
        place[: found.start()],
        own.get("text", text_column),
        own.get("label", label_column),
        sample,
        own.get("prompt", prompt_column) or None,
        source,
        label_names,
    )


def named_as(
    ref: DataRef, text_column: str, label_column: str | None, prompt_column: str | None
) -> str:
    """A place as a user would write it next to these columns; ``data_ref`` reads it back."""
    if ref.is_decompression:
        return ref.asked_as
    usual = {"text": text_column, "label": label_column, "prompt": prompt_column}
    own = {"text": ref.text_column, "label": ref.label_column, "prompt": ref.prompt_column}
    if ref.label_column is None:
        del own["label"]
    differing = [f"{name}={column or ''}" for name, column in own.items() if column != usual[name]]
    return ref.location + (f":{','.join(differing)}" if differing else "")


@dataclass(frozen=True)
class Columns:
    """The columns that a command names for all sources that do not name their own."""

    text: str
    label: str | None
    prompt: str | None

    @classmethod
    def of(cls, refs: Iterable[DataRef]) -> Columns:
        """Those of the first source; a decompressed model's answers have their own columns."""
        known = list(refs)
        own = next((ref for ref in known if not ref.is_decompression), DataRef(""))
        labels = (ref.label_column for ref in known if ref.label_column)
        return cls(own.text_column, next(labels, None), own.prompt_column)

    def name(self, ref: DataRef) -> str:
        """How a user writes a source next to these columns."""
        return named_as(ref, self.text, self.label, self.prompt)
