"""What an echo comparison compares two models' answers with."""

from __future__ import annotations

from dataclasses import dataclass

from assay.core.specs.options import option


@dataclass(frozen=True)
class EchoSpec:
    """A decompression of an audit's final model, one of its base model, and the audit."""

    decompression: str = option(
        is_argument=True, help="A decompression of the final model, as `assay list` shows it."
    )
    control: str = option(help="A decompression of the base model, made with the same options.")
    audit: str = option(help="An audit of these two models, as `assay list` shows it.")
    seed: int = option(0, minimum=0, help="Random seed.")
