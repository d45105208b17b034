"""A part of a seed corpus, as one of several machines computes it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from assay.core.errors import InputError

_WRITTEN = re.compile(r"(\d{1,6})/(\d{1,6})")


@dataclass(frozen=True)
class Shard:
    """Part ``number`` of ``n_shards``, counted from 1."""

    number: int = 1
    n_shards: int = 1

    @classmethod
    def read(cls, text: str) -> Shard:
        """``3/16``; InputError if it is written otherwise or there is no such part."""
        found = _WRITTEN.fullmatch(text)
        shard = cls(*map(int, found.groups())) if found else cls(0)
        if not 1 <= shard.number <= shard.n_shards:
            raise InputError(
                "--shard I/N with I from 1 to N, such as 3/16", repr(text), "correct it"
            )
        return shard

    def has(self, batch: int) -> bool:
        """Whether this part computes a batch; parts take turns."""
        return batch % self.n_shards == self.number - 1

    def __str__(self) -> str:
        return f"{self.number}/{self.n_shards}"


WHOLE = Shard()
