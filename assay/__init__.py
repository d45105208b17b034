"""Assay shows what a released language model's weights reveal about its fine-tuning data."""

from __future__ import annotations

from importlib import metadata

__version__ = metadata.version("assay-audit")
