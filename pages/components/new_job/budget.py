"""Whether the documents that a form names can fill the budget, as far as a look at them tells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from assay.core.errors import InputError
from assay.core.specs.audit import AuditSpec
from assay.core.specs.audit_checks import check_budget
from assay.core.specs.data import DataRef, Role
from assay.pages.components.new_job.documents import Sets

# The option that names the documents of each role.
OPTIONS = {
    Role.TRAINED: "reference",
    Role.HELD_OUT: "held_out",
    Role.OUT_OF_DOMAIN: "out_of_domain",
}


def budget_problem(spec: Any, found: Mapping[str, Sets]) -> str | None:
    """Why the job would refuse its budget; None where it would not, or where nobody knows yet.

    Documents that occur twice count twice here, so what is refused here the job refuses, too.
    """
    if not isinstance(spec, AuditSpec):
        return None
    most, what = _most_documents(spec, found)
    try:
        if most is not None:
            check_budget(spec.budget, most, what)
    except InputError as error:
        return error.sentence
    return None


def _most_documents(spec: AuditSpec, found: Mapping[str, Sets]) -> tuple[int | None, str]:
    if spec.titration and spec.grid:
        of_role = {
            role: _most(
                [ref for ref in spec.seed_corpus if ref.source == role], found.get(name, Sets())
            )
            for role, name in OPTIONS.items()
        }
        trained = of_role.pop(Role.TRAINED)
        if trained is None or None in of_role.values():
            return None, ""
        leaked = round(min(spec.grid.leaked_shares) * trained)
        return leaked + sum(filter(None, of_role.values())), "the smallest pool"
    name = "corpus" if spec.corpora else "seed_corpus"
    most = _most(spec.seed_corpus, found.get(name, Sets()))
    known = [n for n in (most, spec.n_candidates) if n is not None]
    return min(known, default=None), "the seed corpus"


def _most(refs: Sequence[DataRef], found: Sets) -> int | None:
    """As many as the sets hold, or as are sampled of them."""
    samples = [ref.sample for ref in refs if ref.sample is not None]
    sampled = sum(samples) if samples and len(samples) == len(refs) else None
    return min((n for n in (found.most_rows, sampled) if n is not None), default=None)
