"""The parts of the Suspects page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import plotly.graph_objects as go

from assay.cache.audits.read import read_documents_of
from assay.core.findings.named_facts import fact_table
from assay.core.specs.data import Role
from assay.core.specs.results.suspect_test import SuspectResult
from assay.pages.components.charts import framed
from assay.pages.components.evidence_links import card_addresses
from assay.pages.components.palette import REFERENCE_LINE, ROLE_COLOURS

_N_BINS = 30


def score_plot(record: SuspectResult) -> go.Figure:
    """Suspects' and controls' combined scores, as shares of each set."""
    scores = record.scores
    figure = go.Figure()
    for name, colour in (
        ("controls", ROLE_COLOURS[Role.HELD_OUT]),
        ("suspects", ROLE_COLOURS[Role.TRAINED]),
    ):
        figure.add_trace(
            go.Histogram(
                x=getattr(scores, name),
                name=name,
                histnorm="percent",
                nbinsx=_N_BINS,
                marker={"color": colour},
                opacity=0.6,
                hovertemplate="%{x}: %{y:.1f}%<extra>" + name + "</extra>",
            )
        )
    figure.add_vline(x=0, line={"color": REFERENCE_LINE, "dash": "dot", "width": 1})
    figure.update_xaxes(title="combined score; the average over both sets is 0", zeroline=False)
    figure.update_yaxes(title="% of the set", zeroline=False)
    return framed(figure, 340, barmode="overlay")


def documents_table(record: SuspectResult, audits: Sequence[Path]) -> pd.DataFrame:
    """set, score and hash of every document, the highest first, with the address of its card.

    The card is in the first of ``audits`` whose seed corpus contains the document.
    """
    named, scored = record.documents, record.scores
    assert named is not None
    assert scored is not None
    sets = ["suspects"] * len(named.suspects) + ["controls"] * len(named.controls)
    hashes = [*named.suspects, *named.controls]
    scores = [*scored.suspects, *scored.controls]
    known: dict[str, str | None] = {}
    for path in reversed(audits):
        found = read_documents_of(path, hashes)
        addresses = card_addresses(path, found["document_id"])
        known |= dict(zip(found["text_hash"], addresses, strict=True))
    table = pd.DataFrame({"set": sets, "score": scores, "hash": hashes})
    table["evidence"] = [known.get(one) for one in hashes]
    # Shuffled first: suspects must not stand above controls with the same score.
    shuffled = table.sample(frac=1, random_state=0)
    return shuffled.sort_values("score", ascending=False, kind="stable", ignore_index=True)


def provenance_table(record: SuspectResult) -> pd.DataFrame:
    """Every fact about the test, in two columns."""
    facts = {**record.spec, **record.provenance}
    return fact_table(facts)
