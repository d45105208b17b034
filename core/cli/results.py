"""Commands on finished work: dashboard, open, list, verify, export, report, present and others."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assay.core.cli.declared_options import declared_command
from assay.core.cli.options import (
    JsonOption,
    Keeping,
    OverwriteOption,
    PortOption,
    StoreOption,
    as_job,
    open_store,
    out_folder,
    say,
    say_json,
    written,
)
from assay.core.data.object_store import here, is_remote
from assay.core.errors import InputError
from assay.core.runtime.access_token import TOKEN_VARIABLE, check_token, new_token
from assay.core.runtime.allowed_roots import AllowedRoots
from assay.core.specs.audit import AuditSpec
from assay.core.specs.commands import EXPORT, PRESENT, REPORT
from assay.core.specs.config_file import config_of
from assay.core.specs.decompression import DecompressionSpec
from assay.core.specs.export import ExportSpec
from assay.core.specs.report import PresentSpec, ReportSpec
from assay.core.specs.suspect import SuspectSpec

if TYPE_CHECKING:
    from assay.cache.store import Store

app = typer.Typer(add_completion=False)


TokenOption = Annotated[
    bool,
    typer.Option(
        "--token",
        help="Require a secret token, which is part of the printed address. Taken from the "
        "variable "
        f"{TOKEN_VARIABLE}, else generated.",
    ),
]


@app.command()
def dashboard(
    port: PortOption = None,
    read_only: Annotated[
        bool,
        typer.Option(
            "--read-only", help="Allow no changes: no deleting, starting, cancelling or marking."
        ),
    ] = False,
    token: TokenOption = False,
    roots: Annotated[
        list[Path] | None,
        typer.Option(
            "--roots",
            metavar="FOLDER",
            help="Folder with models and data that jobs started in the browser may read, besides "
            "the store. Repeat for several (default: the working folder).",
        ),
    ] = None,
    store: StoreOption = None,
) -> None:
    """Serve the dashboard on this machine."""
    place = open_store(store)
    allowed = AllowedRoots.of(roots or [Path.cwd()])
    how = replace(place, is_for_reading=True) if read_only else place
    serve_dashboard(how, port, token, roots=allowed)


@app.command("open")
def open_file(
    name: Annotated[
        str,
        typer.Argument(
            metavar="FILE",
            help="A sealed file, for example one from a colleague, or its address s3://….",
        ),
    ],
    port: PortOption = None,
    token: TokenOption = False,
) -> None:
    """Check a result file from elsewhere, and show it in a separate read-only dashboard."""
    from assay.cache.files.manifest import check_file
    from assay.cache.outside import store_with

    file = here(name)
    with store_with(file) as lodged:
        place, kind, name = lodged.store, lodged.kind, lodged.name
        (path,) = place.root.glob(f"*/{name}.duckdb")
        checked = check_file(path)
        if not checked.is_intact:
            raise InputError(
                "an unchanged sealed file",
                f"{file.name}: {checked.verdict}",
                "ask the sender for an intact copy",
            )
        page = {"audit": "overview", "decompression": "topics", "diff": "diff"}.get(kind, "")
        page = page or "experiments"
        parameter = f"?{kind}={name}" if kind in ("audit", "decompression") else ""
        serve_dashboard(place, port, token, f"{page}{parameter}")


@app.command("list")
def list_contents(store: StoreOption = None, as_json: JsonOption = False) -> None:
    """List all results in the store, and files that cannot be read."""
    from assay.cache.contents import contents

    found = contents(open_store(store))
    if as_json:
        say_json(found)
        return
    for kind, lines in found.items():
        for line in lines:
            if kind == "moved_aside":
                typer.echo(f"moved aside  {line['was']} to {line['now']}: {line['why']}")
                continue
            problem = f"  cannot be read: {line['problem']}" if line["problem"] else ""
            day = line["created_at"][:10]
            typer.echo(f"{kind.replace('_', ' ')}  {line['id']}  {day}  {line['title']}{problem}")


@app.command()
def verify(
    audit_id: Annotated[
        str | None,
        typer.Argument(
            help="An audit, experiment, decompression or diff in the store, or a sealed file "
            "anywhere, also s3://… "
            "(default: everything in the store)."
        ),
    ] = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check that sealed files are unchanged since they were written."""
    from assay.cache.files.manifest import check_file, file_digest, verify_audits
    from assay.cache.outside import is_file_name

    if audit_id is not None and is_file_name(audit_id):
        path = here(audit_id)
        if not path.is_file():
            raise InputError("an existing file", repr(audit_id), "check the path")
        checked = check_file(path)
        digest = {"sha256": file_digest(path)} if checked.is_intact else {}
        say({audit_id: checked.verdict, **digest}, as_json)
        if not checked.is_intact:
            raise typer.Exit(1)
        return
    results = verify_audits(open_store(store), audit_id)
    say({result.audit_id: result.verdict for result in results}, as_json)
    if not all(result.is_intact for result in results):
        raise typer.Exit(1)


@app.command()
def show_config(
    name: Annotated[
        str,
        typer.Argument(help="An audit, decompression or suspect test, as `assay list` shows it."),
    ],
    store: StoreOption = None,
) -> None:
    """Print a result's options as a TOML file for --config."""
    typer.echo(config_of(_asked(open_store(store), name)), nl=False)


@declared_command(app, EXPORT)
def export(spec: ExportSpec, how: Keeping, overwrite: OverwriteOption = False) -> None:
    """Write an audit's selection, or a decompression's examples, to a file."""
    # Without an ending it is a folder, which is created.
    is_file = Path(spec.out).suffix or is_remote(spec.out)
    written_to = written(spec.out, overwrite) if is_file else nullcontext(Path(spec.out))
    with written_to as out, _located(spec.name, how.store) as (place, known):
        if known in {path.stem for path in place.decompressions.glob("*.duckdb")}:
            from assay.cache.decompressions.export import ExportChoice, export_decompression

            choice = ExportChoice(spec.chat, spec.without_flagged, spec.only_accepted)
            n_rows = export_decompression(place, known, out, choice, overwrite)
        else:
            from assay.cache.audits.read import audit_path
            from assay.cache.export import export_annotated, export_selection

            path = audit_path(place, known)
            n_rows = (
                export_annotated(place, path, out, overwrite)
                if spec.marked
                else export_selection(place, path, spec.strategy, out, overwrite)
            )
    if how.as_json:
        say_json({"out": spec.out, "n_rows": n_rows})
    else:
        typer.echo(f"Wrote {n_rows:,} {'row' if n_rows == 1 else 'rows'} to {spec.out}")


@declared_command(app, REPORT)
def report(spec: ReportSpec, how: Keeping, overwrite: OverwriteOption = False) -> None:
    """Write an audit as one self-contained page, .html or .pdf; or all audits as a folder."""
    from assay.cache.audits.read import audit_path
    from assay.cache.files.manifest import file_digest
    from assay.core.findings.formatting import listed
    from assay.core.report.write import write_report

    if spec.every:
        _report_on_all(spec, how, overwrite)
        return
    with ExitStack() as files:
        outs = [files.enter_context(written(name, overwrite)) for name in _named(spec).values()]
        place, known = files.enter_context(_located(str(spec.audit), how.store))
        path = audit_path(place, known)
        digest = file_digest(path)
        n_bytes = write_report(place, path, outs, spec.with_documents, overwrite)
    if how.as_json:
        say_json({**_named(spec), "n_bytes": n_bytes, "audit_sha256": digest})
    else:
        typer.echo(f"Wrote {listed(list(_named(spec).values()))}")
        typer.echo(f"SHA-256 of the audit's file, printed on every page: {digest}")


def _report_on_all(spec: ReportSpec, how: Keeping, overwrite: bool) -> None:
    from assay.core.report.site import INDEX, write_site

    folder = out_folder(str(spec.every))
    with as_job(how.place, spec.job_title, {"reports": 60.0}) as progress:
        lines = write_site(how.place, folder, progress, spec.with_documents, overwrite)
    missing = {one.audit_id: one.problem for one in lines if one.problem}
    n_reports = len(lines) - len(missing)
    if how.as_json:
        said = {"out": str(folder / INDEX), "n_reports": n_reports}
        say_json({**said, **({"missing": missing} if missing else {})})
        return
    reports = "report" if n_reports == 1 else "reports"
    typer.echo(f"Wrote {n_reports:,} {reports}, listed in {folder / INDEX}")
    for audit_id, problem in missing.items():
        typer.echo(f"No report on {audit_id}: {problem}")


@declared_command(app, PRESENT)
def present(
    spec: PresentSpec,
    how: Keeping,
    overwrite: OverwriteOption = False,
) -> None:
    """Write an audit as a presentation for a projector: .html, .pdf, and its figures."""
    from assay.cache.audits.read import audit_path
    from assay.core.findings.formatting import listed
    from assay.core.report.story import write_story

    figures = out_folder(spec.figures) if spec.figures else None
    with ExitStack() as files:
        outs = [files.enter_context(written(name, overwrite)) for name in _named(spec).values()]
        place, known = files.enter_context(_located(spec.audit, how.store))
        n_figures = write_story(place, audit_path(place, known), outs, figures, overwrite)
    if how.as_json:
        more = {"figures": spec.figures, "n_figures": n_figures} if figures else {}
        say_json({**_named(spec), **more})
        return
    if outs:
        typer.echo(f"Wrote {listed(list(_named(spec).values()))}")
    if figures:
        typer.echo(f"Wrote {n_figures:,} figures, each as .svg and .png, to {spec.figures}")


def _named(spec: ReportSpec | PresentSpec) -> dict[str, str]:
    return {name: file for name, file in (("out", spec.out), ("pdf", spec.pdf)) if file}


def _asked(place: Store, name: str) -> AuditSpec | DecompressionSpec | SuspectSpec:
    """The sealed spec with that name; InputError if the store has none."""
    from assay.cache.audits.read import audit_path, read_facts
    from assay.cache.decompressions.read import read_decompression

    if (test := place.suspect_tests.read(name)) is not None:
        return test.asked
    if name in {path.stem for path in place.decompressions.glob("*.duckdb")}:
        return read_decompression(place.decompressions / f"{name}.duckdb").asked
    return read_facts(audit_path(place, name)).spec


@contextmanager
def _located(name: str, store: Path | None) -> Iterator[tuple[Store, str]]:
    """The store that holds what was named, and its name there; a file gets a store of its own."""
    from assay.cache.outside import is_file_name, store_with

    if not is_file_name(name):
        yield open_store(store), name
        return
    with store_with(here(name)) as lodged:
        yield lodged.store, lodged.name


def serve_dashboard(
    store: Store,
    port: int | None,
    is_asking: bool = False,
    page: str = "",
    roots: AllowedRoots | None = None,
) -> None:
    """Serve until interrupted, then exit with the server's status."""
    from assay.core.cli.dashboard_server import Serving, serve

    token = check_token(os.environ.get(TOKEN_VARIABLE) or new_token()) if is_asking else None
    raise typer.Exit(serve(store, Serving(port, token, page, roots.folders if roots else ())))
