"""A report as text."""

from __future__ import annotations

from assay.cache.audits.model_pair import same_pair
from assay.cache.audits.repeats import repeats_of
from assay.core.report.render import render_report


def rendered(store, path, with_documents=False):
    return render_report(
        store, path, same_pair(store, path), repeats_of(store, path), with_documents
    )
