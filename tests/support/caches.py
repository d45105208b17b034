"""Files of a store's cache."""

from __future__ import annotations


def last_layer_caches(store):
    """Files that hold gradients, and not what else is kept beside them."""
    return [
        file
        for file in store.gradients.glob("*.duckdb")
        if not file.name.startswith(("embeddings-", "membership-", "sums-", "students-"))
    ]
