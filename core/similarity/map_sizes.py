"""How large a map is drawn in which way; also read where UMAP itself may not be imported."""

from __future__ import annotations

# With fewer points, compiling UMAP takes longer than the rest of an audit.
MIN_UMAP = 500
# UMAP is fitted to at most this many points, which takes a minute; others are placed among them.
MAX_FITTED = 12_000
