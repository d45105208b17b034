"""Which audits are cells of experiments; they are filed under these, and deleted with them.

A complete experiment names the audits that its values come from. The file of an unfinished one is
locked, so its audits are listed in a separate file until then.
"""

from __future__ import annotations

from contextlib import suppress

from assay.cache.deletions import note_deletion
from assay.cache.experiments.read import list_experiments
from assay.cache.files.sealed import delete_audit
from assay.cache.store import Store

_LIST = ".cells"


def file_cell(store: Store, experiment_id: str, audit_id: str) -> None:
    """Record that an unfinished experiment has this audit as a cell."""
    with (store.building / f"{experiment_id}{_LIST}").open("a", encoding="utf-8") as lines:
        lines.write(f"{audit_id}\n")


def forget_list(store: Store, experiment_id: str) -> None:
    """Delete the list of an experiment that is complete or abandoned."""
    (store.building / f"{experiment_id}{_LIST}").unlink(missing_ok=True)


def cells_by_experiment(store: Store) -> dict[str, frozenset[str]]:
    """The audits of every experiment, complete or unfinished."""
    under_way = {}
    for path in store.building.glob(f"*{_LIST}"):
        with suppress(OSError, UnicodeDecodeError):
            if path.is_file():
                names = path.read_text(encoding="utf-8").split()
                under_way[path.name.removesuffix(_LIST)] = frozenset(names)
    return under_way | {one.experiment_id: one.audit_ids for one in list_experiments(store)}


def own_cells(store: Store, experiment_id: str) -> frozenset[str]:
    """The audits that are cells of this experiment and of no other."""
    cells = cells_by_experiment(store)
    others = (own for name, own in cells.items() if name != experiment_id)
    return cells.get(experiment_id, frozenset()).difference(*others)


def delete_experiment(store: Store, experiment_id: str, with_audits: bool) -> None:
    """Delete a complete experiment and, if asked, its audits that belong to no other experiment."""
    store.require_writing()
    audits = own_cells(store, experiment_id) if with_audits else ()
    note_deletion(store.root, "experiment", experiment_id, {"with_audits": with_audits})
    (store.experiments / f"{experiment_id}.duckdb").unlink(missing_ok=True)
    forget_list(store, experiment_id)
    for audit_id in audits:
        delete_audit(store, audit_id)
