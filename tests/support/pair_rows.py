"""Rows of a model pair's corpus ranking."""

from __future__ import annotations

from support.suspect_record import PAIR


def of_pair(builder, pair=PAIR):
    """An audit of the models that sample suspect tests are of."""
    builder.put_meta("provenance", {**builder.meta("provenance"), **pair})


def write_groups(builder):
    """Two sets and two classes, the first set with a hostile name."""
    for kind, names in (("source", ["<b>x</b>", "plain"]), ("class", ["0", "1"])):
        n = len(names)
        columns = {"cosine": 0.4, "low": 0.35, "high": 0.45, "null_low": 0.1, "null_high": 0.2}
        shares = {"share": 0.5, "share_low": 0.4, "share_high": 0.6, "centroid_share": 0.5}
        builder.write(
            "groups",
            {
                "kind": [kind] * n,
                "name": names,
                "n_documents": [200] * n,
                **{name: [value, value / 4] for name, value in columns.items()},
                **{name: [value] * n for name, value in shares.items()},
                "true_share": [None] * n if kind == "source" else [0.7, 0.3],
            },
        )
    builder.write(
        "source_students",
        {"source": ["<b>x</b>"], "seed": [0], "n_documents": [100], "cosine": [0.8]},
    )
