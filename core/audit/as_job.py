"""One audit as a job that shows its progress; the command line and notebooks both use it."""

from __future__ import annotations

from collections.abc import Sequence

from assay.cache.store import Store
from assay.core.audit.durations import audit_plan
from assay.core.audit.run import run_audit
from assay.core.jobs.running_job import running_job
from assay.core.runtime.device import choose_compute
from assay.core.runtime.memory import UNBOUNDED, MemoryBound
from assay.core.runtime.outcome import Outcome
from assay.core.specs.audit import AuditSpec, title_of
from assay.core.specs.compute import HERE, Spread


def audit_as_job(
    spec: AuditSpec,
    store: Store,
    device: str | None,
    precision: str,
    command: Sequence[str],
    on_console: bool = True,
    spread: Spread = HERE,
    memory: MemoryBound = UNBOUNDED,
) -> Outcome:
    """Run the audit and say where it is; ``command`` is what resuming the job would run.

    With ``on_console`` progress goes to stderr. InputError for unusable input.
    """
    with running_job(store, command, title_of(spec), audit_plan(spec), on_console) as progress:
        compute = choose_compute(device, precision, may_split=True)
        return run_audit(spec, store, compute, progress, progress.attach_result, spread, memory)
