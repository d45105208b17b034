"""Stages that compare documents' gradients with how a part of the model moved.

Not every pair of models allows it: the part may not have been trained. Then the strategies that
need it are left out, and the audit says why.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from assay.core.audit.context import AuditContext
from assay.core.errors import InputError
from assay.core.specs.strategies import Strategy

_Prepared = TypeVar("_Prepared")


@dataclass(frozen=True)
class TrainedPart:
    """``stage``: its name; ``meta``: the key of the reason why nothing could be compared;
    ``strategies``: those that need the stage."""

    stage: str
    meta: str
    strategies: tuple[Strategy, ...]

    def compare(
        self,
        audit: AuditContext,
        prepare: Callable[[], _Prepared],
        score: Callable[[_Prepared], None],
        in_parts: Sequence[str] = (),
    ) -> None:
        """Run the stage where a strategy asks for it: ``score`` with what ``prepare`` returns, or
        keep the reason of its InputError. ``in_parts``: see ``FileBuilder.stage``."""
        if not self._is_asked(audit) or audit.builder.is_done(self.stage):
            return
        with audit.stage(self.stage, audit.n_documents, in_parts=in_parts):
            problem = None
            try:
                prepared = prepare()
            except InputError as error:
                problem = str(error)
            else:
                score(prepared)
            audit.builder.put_meta(self.meta, {"problem": problem})

    def prepared(self, audit: AuditContext, prepare: Callable[[], _Prepared]) -> _Prepared | None:
        """What the stage compares with; None where it compares nothing."""
        if not self._is_asked(audit):
            return None
        try:
            return prepare()
        except InputError:
            return None

    def why_not(self, audit: AuditContext) -> str | None:
        """Why no document has a score; None where they have, or none was asked for."""
        return (
            audit.builder.meta(self.meta)["problem"] if audit.builder.has_meta(self.meta) else None
        )

    def _is_asked(self, audit: AuditContext) -> bool:
        return not set(self.strategies).isdisjoint(audit.spec.strategies)
