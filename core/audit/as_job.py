"""One audit as a job that shows its progress: how the command line and notebooks both ask."""

from __future__ import annotations

from collections.abc import Sequence

from assay.cache.store import Store
from assay.core.audit.durations import audit_plan
from assay.core.audit.run import run_audit
from assay.core.jobs.running_job import running_job
from assay.core.runtime.device import choose_compute
from assay.core.runtime.outcome import Outcome
from assay.core.specs.audit import AuditSpec
from assay.core.specs.audit_rules import title_of


def audit_as_job(
    spec: AuditSpec,
    store: Store,
    device: str | None,
    precision: str,
    command: Sequence[str],
    on_console: bool = True,
) -> Outcome:
    """Answer ``spec`` and say where it is; ``command`` is what resuming the job would run.

    With ``on_console`` progress goes to stderr. InputError for unusable input.
    """
    with running_job(store, command, title_of(spec), audit_plan(spec), on_console) as progress:
        compute = choose_compute(device, precision)
        return run_audit(spec, store, compute, progress, progress.attach_result)
