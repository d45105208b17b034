"""A report as text."""

from __future__ import annotations

from cache.audits.model_pair import same_pair
from cache.audits.repeats import repeats_of
from core.report.render import render_report


def rendered(store, path, with_documents=False):
    return render_report(
        store, path.stem, same_pair(store, path), repeats_of(store, path), with_documents
    )
