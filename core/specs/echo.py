"""What an echo comparison holds two models' words against."""

from __future__ import annotations

from dataclasses import dataclass

from assay.core.specs.options import option


@dataclass(frozen=True)
class EchoSpec:
    """A decompression of an audit's final model, one of its base model, and the audit."""

    decompression: str = option(
        is_argument=True, help="Of the audit's final model, as the Topics page names it."
    )
    control: str = option(help="A decompression of the base model, asked with the same options.")
    audit: str = option(help="The audit of the two models.")
    seed: int = option(0, minimum=0)


@dataclass(frozen=True)
class EchoTarget:
    """Documents that two models' words are held against.

    kind: seed-corpus, reference, held-out, or selection, which has a strategy.
    """

    kind: str
    strategy: str | None = None
