"""A size of memory, as people write it."""

from __future__ import annotations

import re

from assay.core.errors import InputError

MEMORY_HELP = (
    "Memory that the audit may take, such as 4GiB: more is read from disk, and the result is the "
    "same. An audit that certainly needs more is refused before a document is scored. Models and "
    "students take what they need; docs/SCALE.md says how much."
)
_UNITS = {
    **{f"{prefix}b": 1000**power for power, prefix in enumerate("kmgt", 1)},
    **{f"{prefix}ib": 1024**power for power, prefix in enumerate("kmgt", 1)},
}
_WRITTEN = re.compile(r"(\d{1,6}(?:\.\d{1,3})?)\s*([kmgt]i?b)", re.IGNORECASE)


def read_memory(text: str) -> int:
    """Bytes of ``4GiB``, ``1.5 GB`` or ``600MB``; InputError for anything else."""
    found = _WRITTEN.fullmatch(text.strip())
    n_bytes = round(float(found[1]) * _UNITS[found[2].lower()]) if found else 0
    if not n_bytes:
        raise InputError(
            "--memory with a size and its unit, such as 4GiB or 600MB",
            repr(text[:40]),
            "correct it, or leave it out",
        )
    return n_bytes


def shown_memory(n_bytes: float) -> str:
    """The same to read, rounded up."""
    return f"{-(-n_bytes * 100 // (1 << 30)) / 100:.2f} GiB"
