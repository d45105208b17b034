"""Commands on finished work: dashboard, verify, show-config, export, report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from assay.cache.store import Store
from assay.core.cli.options import JsonOption, OverwriteOption, StoreOption, open_store, say
from assay.core.specs.audit import AuditSpec, SuspectSpec
from assay.core.specs.config_file import config_of
from assay.core.specs.decompression import DecompressionSpec
from assay.core.specs.plain import from_plain
from assay.core.specs.strategies import Strategy

app = typer.Typer()


@app.command()
def dashboard(
    port: Annotated[
        int | None, typer.Option(help="Port [default: the first free from 8501]")
    ] = None,
    store: StoreOption = None,
) -> None:
    """Serve the dashboard on this machine."""
    serve_dashboard(open_store(store), port)


@app.command()
def verify(
    audit_id: Annotated[
        str | None,
        typer.Argument(help="An audit, experiment, decompression or comparison [default: all]."),
    ] = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Recount and redigest sealed files against their manifests."""
    from assay.cache.files.manifest import verify_audits

    results = verify_audits(open_store(store), audit_id)
    say({result.audit_id: result.verdict for result in results}, as_json)
    if not all(result.is_intact for result in results):
        raise typer.Exit(1)


@app.command()
def show_config(
    name: Annotated[
        str, typer.Argument(help="An audit, decompression or suspect test, as its page names it.")
    ],
    store: StoreOption = None,
) -> None:
    """Print what was asked as a TOML file for --config."""
    typer.echo(config_of(_asked(open_store(store), name)), nl=False)


@app.command()
def export(
    name: Annotated[
        str, typer.Argument(help="An audit or a decompression, as its page and file name it.")
    ],
    out: Annotated[
        Path,
        typer.Option(
            help="A .jsonl or .parquet file, or .csv for an audit; a folder for `datasets`, with "
            "a card, for a decompression."
        ),
    ],
    strategy: Annotated[Strategy, typer.Option(help="Of an audit.")] = Strategy.SELECT,
    chat: Annotated[
        bool, typer.Option("--chat", help="Of a decompression: as lists of messages.")
    ] = False,
    without_flagged: Annotated[
        bool, typer.Option("--without-flagged", help="Of a decompression: no flagged examples.")
    ] = False,
    only_accepted: Annotated[
        bool, typer.Option("--only-accepted", help="Of a decompression: those accepted by hand.")
    ] = False,
    overwrite: OverwriteOption = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write an audit's selection, or a decompression's examples, to a file."""
    place = open_store(store)
    if name in {path.stem for path in place.decompressions.glob("*.duckdb")}:
        from assay.cache.decompressions.export import ExportChoice, export_decompression

        choice = ExportChoice(chat, without_flagged, only_accepted)
        n_rows = export_decompression(place, name, out, choice, overwrite)
    else:
        from assay.cache.audits.read import audit_path
        from assay.cache.export import export_selection

        n_rows = export_selection(audit_path(place, name), strategy, out, overwrite)
    say({"out": str(out), "n_rows": n_rows}, as_json)


@app.command()
def report(
    audit_id: Annotated[str, typer.Argument(help="As the Audits page and `assay verify` name it")],
    out: Annotated[Path, typer.Option(help="The .html file to write.")],
    with_documents: Annotated[
        bool, typer.Option("--with-documents", help="Show the selected documents' text.")
    ] = False,
    overwrite: OverwriteOption = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write one audit as a self-contained page that prints to PDF."""
    from assay.cache.audits.read import audit_path
    from assay.core.report.write import write_report

    place = open_store(store)
    n_bytes = write_report(place, audit_path(place, audit_id), out, with_documents, overwrite)
    say({"out": str(out), "n_bytes": n_bytes}, as_json)


def _asked(place: Store, name: str) -> AuditSpec | DecompressionSpec | SuspectSpec:
    """The sealed spec of that name; InputError if the store holds none."""
    from assay.cache.audits.read import audit_path, read_facts
    from assay.cache.files.sealed import read_meta

    if (test := place.suspect_tests.read(name)) is not None:
        return from_plain(SuspectSpec, test["spec"])
    if name in {path.stem for path in place.decompressions.glob("*.duckdb")}:
        meta = read_meta(place.decompressions / f"{name}.duckdb")
        return from_plain(DecompressionSpec, meta["spec"])
    return read_facts(audit_path(place, name)).spec


def serve_dashboard(store: Store, port: int | None) -> None:
    """Serve until interrupted, then exit with the server's status."""
    from assay.core.cli.dashboard_server import serve

    raise typer.Exit(serve(store, port))
