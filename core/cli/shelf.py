"""Commands on finished audits: dashboard, verify, export."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cache.home import Store
from core.cli.options import JsonOption, StoreOption, open_store, say
from core.specs import Strategy

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
    audit_id: Annotated[str | None, typer.Argument(help="One audit [default: all].")] = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Recount and redigest audit files against their manifests."""
    from cache.manifest import verify_audits

    results = verify_audits(open_store(store), audit_id)
    say({result.audit_id: result.verdict for result in results}, as_json)
    if not all(result.is_intact for result in results):
        raise typer.Exit(1)


@app.command()
def export(
    audit_id: Annotated[str, typer.Argument(help="As the Audits page and `assay verify` name it")],
    out: Annotated[Path, typer.Option(help="A .csv, .jsonl or .parquet file to write.")],
    strategy: Annotated[Strategy, typer.Option()] = Strategy.SELECT,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write one strategy's selection to a file."""
    from cache.export import export_selection

    n_rows = export_selection(open_store(store), audit_id, strategy, out)
    say({"out": str(out), "n_rows": n_rows}, as_json)


@app.command()
def report(
    audit_id: Annotated[str, typer.Argument(help="As the Audits page and `assay verify` name it")],
    out: Annotated[Path, typer.Option(help="The .html file to write.")],
    with_documents: Annotated[
        bool, typer.Option("--with-documents", help="Show the selected documents' text.")
    ] = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write one audit as a self-contained page that prints to PDF."""
    from cache.read import audit_path
    from core.report.render import render_report

    page = render_report(audit_path(open_store(store), audit_id), with_documents)
    out.write_text(page, encoding="utf-8")
    say({"out": str(out), "n_bytes": len(page.encode())}, as_json)


def serve_dashboard(store: Store, port: int | None) -> None:
    """Serve until interrupted, then exit with the server's status."""
    from core.dashboard import serve

    raise typer.Exit(serve(store, port))
