"""Files of a store's cache."""

from __future__ import annotations


def last_layer_caches(store):
    """Files that hold gradients, not agreements of input embeddings, lengths of sums or students."""
    return [
        file
        for file in store.gradients.glob("*.duckdb")
        if not file.name.startswith(("embeddings-", "sums-", "students-"))
    ]
