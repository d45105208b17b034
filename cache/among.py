"""Rows of a sealed file that are chosen by number, as a condition of a query."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from assay.core.specs.annotations import Annotation, AnnotationFilter


@dataclass(frozen=True)
class Among:
    """Only rows with these numbers or, with ``is_excluding``, only the others."""

    numbers: tuple[int, ...]
    is_excluding: bool = False

    @classmethod
    def annotated(cls, wanted: AnnotationFilter, said: Mapping[int, Annotation]) -> Among | None:
        """Those whose annotations match; None if all may. ``said``: of every annotated row."""
        if not wanted:
            return None
        # What nobody said anything about matches as an empty annotation does.
        is_excluding = wanted.matches(Annotation())
        return cls(
            tuple(
                sorted(
                    number for number, one in said.items() if wanted.matches(one) != is_excluding
                )
            ),
            is_excluding,
        )

    def also(self, other: Among | None) -> Among:
        """Rows that both leave."""
        if other is None:
            return self
        if self.is_excluding and not other.is_excluding:
            return other.also(self)
        mine, others = set(self.numbers), set(other.numbers)
        if self.is_excluding:
            return Among(tuple(sorted(mine | others)), is_excluding=True)
        return Among(tuple(sorted(mine - others if other.is_excluding else mine & others)))

    def condition(self, column: str) -> tuple[str, list[Any]]:
        """SQL that is true for these rows, with its parameter."""
        word = "NOT IN" if self.is_excluding else "IN"
        return f"{column} {word} (SELECT unnest(?::INTEGER[]))", [list(self.numbers)]
