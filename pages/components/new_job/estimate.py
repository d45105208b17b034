"""How long the job will take and how much memory, said before it starts."""

from __future__ import annotations

import os
from collections.abc import Mapping

import psutil
import streamlit as st

from assay.cache.audits.read import AuditFacts, audit_path, list_audits, read_facts
from assay.cache.files.database import UnreadableFile
from assay.cache.store import Store
from assay.core.audit.estimates import Earlier, Estimate, Load, estimate_audit, training_passes
from assay.core.errors import AssayError
from assay.core.models.stored_facts import StoredFacts
from assay.core.runtime.settings import count_from
from assay.core.specs.audit import AuditSpec
from assay.core.specs.data import Task
from assay.core.specs.training import TrainingSpec
from assay.pages.components.escaping import markdown_safe
from assay.pages.components.jobs import in_words
from assay.pages.components.new_job.documents import Sets
from assay.pages.components.new_job.form_state import Filled
from assay.pages.components.new_job.kinds import JobKind, expected_s
from assay.pages.components.new_job.models import Found

_N_EARLIER = 5
# Gradients that took less than this a document were in the cache.
_CACHED_S = 0.0005
_FASTER, _SLOWER = 0.25, 3.0


def show_estimate(
    kind: JobKind,
    filled: Filled,
    models: Mapping[str, Found],
    sets: Mapping[str, Sets],
    store: Store,
) -> None:
    """One line with the range, and what it rests on."""
    if filled.spec is None:
        return
    if isinstance(filled.spec, AuditSpec):
        load = _load(filled.spec, models, sets)
        earlier = _earlier(store, filled.spec.task)
        _show(estimate_audit(filled.spec, load, earlier, _n_workers()))
        return
    seconds = expected_s(kind, filled.spec)
    if seconds is None:
        return
    rests_on = "rates measured on a server of two cores"
    if kind.runs_models:
        rests_on += " with a small model; larger ones take longer"
    _show(Estimate(_FASTER * seconds, _SLOWER * seconds, None, None, rests_on), kind.runs_models)


def _show(one: Estimate, runs_models: bool = True) -> None:
    memory = ""
    if one.low_bytes is not None and one.high_bytes is not None:
        free = psutil.virtual_memory().available
        memory = f" · memory: {one.low_bytes / 1e9:.1f}–{one.high_bytes / 1e9:.1f} GB"
        memory += f" ({free / 1e9:.1f} GB are free now)"
        if one.high_bytes > free:
            memory += " — this may not fit"
    times = f"{in_words(one.low_s)} to {in_words(one.high_s)}"
    st.markdown(f"**Estimate:** {markdown_safe(times + memory)}")
    faster = " A GPU makes it faster." if runs_models else ""
    st.caption(markdown_safe(f"It rests on {one.rests_on}.{faster}"))


def _load(spec: AuditSpec, models: Mapping[str, Found], sets: Mapping[str, Sets]) -> Load:
    known = [one for one in models.values() if isinstance(one, StoredFacts)]
    whole = [one for one in known if not one.is_adapter and one.n_parameters]
    largest = max(whole, key=lambda one: one.n_parameters or 0, default=None)
    recorded = next((one for one in known if one.training), None)
    training = spec.training or (recorded and recorded.training) or TrainingSpec()
    counts = {name: one.n_rows for name, one in sets.items()}
    n_trained = recorded.n_trained if recorded else counts.get("reference")
    return Load(
        _n_documents(spec, counts),
        largest.n_parameters if largest else None,
        training.max_tokens,
        largest.width if largest else None,
        len(known) < len(models),
        training_passes(n_trained, training),
    )


def _n_documents(spec: AuditSpec, counts: Mapping[str, int | None]) -> int | None:
    """Of the seed corpus, by what the form found in each option's sets and their samples."""
    parts: list[int | None] = []
    if spec.titration:
        by_role = {"trained": "reference", "held-out": "held_out", "out-of-domain": "out_of_domain"}
        seen = set()
        for ref in spec.seed_corpus:
            name = by_role.get(ref.source or "", "")
            if name not in seen or ref.sample is not None:
                found = counts.get(name)
                parts.append(min(filter(None, (ref.sample, found)), default=None))
            seen.add(name)
    else:
        found = counts.get("corpus" if spec.corpora else "seed_corpus")
        samples = [ref.sample for ref in spec.seed_corpus]
        most = sum(s for s in samples if s) if all(samples) else None
        parts.append(min(filter(None, (found, most, spec.n_candidates)), default=None))
    return None if None in parts else sum(part for part in parts if part) or None


def _earlier(store: Store, task: Task) -> list[Earlier]:
    """The newest audits of the task that computed their gradients."""
    found: list[Earlier] = []
    for summary in list_audits(store):
        if summary.problem or summary.task != task or len(found) == _N_EARLIER:
            continue
        try:
            one = _earlier_of(read_facts(audit_path(store, summary.audit_id)))
        except (AssayError, UnreadableFile):
            continue  # another's file says nothing of this machine
        if one is not None:
            found.append(one)
    return found


def _earlier_of(facts: AuditFacts) -> Earlier | None:
    took = dict(zip(facts.stages["name"], facts.stages["duration_s"], strict=True))
    n_documents = facts.meta.counts.n_documents
    if took.get("gradients", 0.0) < _CACHED_S * n_documents:
        return None
    n_parameters = facts.models.difference.n_parameters
    training = facts.meta.training
    n_passes = training_passes(facts.meta.counts.n_reference, training)
    load = Load(n_documents, n_parameters, training.max_tokens, n_passes=n_passes)
    return Earlier(facts.spec, load, float(sum(took.values())))


def _n_workers() -> int:
    """Students that are trained at the same time, as on a machine without a GPU."""
    n_cores = os.cpu_count() or 1
    try:
        return count_from("ASSAY_WORKERS") or n_cores
    except AssayError:
        return n_cores
