"""`assay compare`: how two or more audits differ, and how sure that is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assay.core.cli.ending import say_line
from assay.core.cli.options import JsonOption, StoreOption, open_store, say_json

if TYPE_CHECKING:
    from assay.core.comparison.audits import Comparison
    from assay.core.comparison.differences import Difference
    from assay.core.comparison.overlaps import SelectionOverlap

app = typer.Typer(add_completion=False)

# More rows do not fit into a terminal; the page and --json have all.
_MOST_ROWS = 12


@app.command()
def compare(
    audits: Annotated[
        list[str],
        typer.Argument(
            metavar="AUDIT AUDIT …",
            help="Two to eight audits, as `assay list` shows them, or their files. The others "
            "are compared with the first.",
        ),
    ],
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare audits: settings, paired differences with intervals, and documents in common."""
    from assay.cache.audits.read import audit_path, read_facts_of_file
    from assay.cache.outside import is_file_name, store_with
    from assay.core.comparison.audits import check_number
    from assay.core.comparison.audits import compare as compared
    from assay.core.data.object_store import here

    check_number(len(set(audits)))
    with ExitStack() as lodgings:
        paths = []
        for name in dict.fromkeys(audits):
            if is_file_name(name):
                lodged = lodgings.enter_context(store_with(here(name)))
                (path,) = lodged.store.root.glob(f"*/{lodged.name}.duckdb")
            else:
                path = audit_path(open_store(store), name)
            read_facts_of_file(path)
            paths.append(path)
        found = compared(paths)
        if as_json:
            say_json(_figures(found))
            return
        for line in _lines(found):
            say_line(line)
    if not any(map(is_file_name, audits)):
        typer.echo(f"\nTo read on: assay dashboard, then /compare?audits={','.join(audits)}")


def _lines(found: Comparison) -> Iterator[str]:
    """The answer in two sentences, the audits, the settings that differ, and the differences."""
    from assay.core.findings.comparison import comparison_finding, letter, settings_sentence
    from assay.core.findings.comparison_tables import differences_table, settings_table
    from assay.core.findings.table_cells import as_text

    said = comparison_finding(found)
    yield f"{said.headline} {said.certainty}\n"
    for i, side in enumerate(found.sides):
        yield f"{letter(i)}  {side.facts.meta.title}  ({side.path.stem})"
    yield f"\n{settings_sentence(found)}"
    if found.differing:
        yield settings_table(found).to_string(index=False, max_colwidth=40)
    if said.sentences:
        yield "\n" + "\n".join(said.sentences)
    surest = sorted(found.differences, key=lambda one: (one.is_identical, one.p_value))[:_MOST_ROWS]
    if surest:
        table = as_text(differences_table(found, surest))
        yield f"\n{table.to_string(index=False)}"
        more = len(found.differences) - len(surest)
        if more:
            yield f"The surest {len(surest)} of {len(found.differences)}; the page has all."


def _figures(found: Comparison) -> dict[str, Any]:
    """Every number of the comparison."""
    from assay.core.findings.comparison import comparison_finding, letter, settings_sentence

    def named(ones: tuple[Difference, ...] | tuple[SelectionOverlap, ...]) -> list[dict[str, Any]]:
        return [{**asdict(one), "pair": list(map(letter, one.pair))} for one in ones]

    said = comparison_finding(found)
    return {
        "audits": [
            {
                "called": letter(i),
                "audit": side.path.stem,
                "title": side.facts.meta.title,
                "assessability": side.facts.assessability,
                "n_documents": side.n_documents,
                "metrics": side.metrics,
            }
            for i, side in enumerate(found.sides)
        ],
        "says": [said.headline, said.certainty, *said.sentences, settings_sentence(found)],
        "settings": [
            {"name": one.name, "values": one.values, "differs": one.differs}
            for one in found.settings
        ],
        "shared_documents": [
            {"audits": list(map(letter, pair)), "n": shared.n}
            for pair, shared in found.shared.items()
        ],
        "n_tests": found.n_tests,
        "differences": named(found.differences),
        "overlaps": named(found.overlaps),
    }
