"""The command line: `assay COMMAND`.

Progress goes to stderr; stdout holds the result, with ``--json`` one JSON object and nothing
else. Exit status: 0 done, 1 failed, 2 bad usage or bad input.
"""

from __future__ import annotations

import errno
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from cache.home import Store
from core.errors import AssayError, Cancelled, InputError
from core.specs import AuditSpec, DataRef, Optimizer, Strategy, TrainingSpec

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="What a released language model's weights reveal about its fine-tuning data.",
)
jobs_app = typer.Typer(no_args_is_help=True, help="List, follow, cancel and resume jobs.")
app.add_typer(jobs_app, name="jobs")

StoreOption = Annotated[
    Path | None, typer.Option("--store", help="Where audits are kept [default: ASSAY_HOME].")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
DeviceOption = Annotated[
    str | None, typer.Option(help="cpu, cuda, cuda:1 … [default: the fastest there is].")
]
PrecisionOption = Annotated[str, typer.Option(help="auto, bf16 or fp32 for forward passes.")]
LabelWordsOption = Annotated[
    str | None, typer.Option(help="For causal models: one word a label, separated by commas.")
]
TextColumnOption = Annotated[str, typer.Option(help="The column that holds the text.")]


def main() -> None:
    """Run one command and exit with its status."""
    with _explained():
        app(standalone_mode=True)


@app.command()
def demo(
    serve: Annotated[bool, typer.Option(help="Serve the dashboard afterwards.")] = True,
    store: StoreOption = None,
    as_json: JsonOption = False,
    port: Annotated[int | None, typer.Option(help="Port of the dashboard.")] = None,
) -> None:
    """Audit a small model made here, offline, then serve the dashboard."""
    from core.audit.demo import DEMO_PLAN, run_demo

    place = _store(store)
    with _job(place, "Embedded demo", DEMO_PLAN) as progress:
        outcome = run_demo(place, progress)
    _say(_outcome(outcome), as_json)
    if serve:
        _serve(place, port)


@app.command()
def finetune(
    base: Annotated[str, typer.Option(help="Base model: folder, hub name or builtin:minilm.")],
    data: Annotated[str, typer.Option(help="Training data: file, folder, hub set or builtin.")],
    out: Annotated[Path, typer.Option(help="Folder to write the final model to.")],
    text_column: TextColumnOption = "text",
    label_column: Annotated[str, typer.Option(help="The column that holds the label.")] = "label",
    sample: Annotated[int | None, typer.Option(help="Train on this many, at random.")] = None,
    optimizer: Annotated[Optimizer, typer.Option()] = Optimizer.ADAM,
    learning_rate: Annotated[float, typer.Option()] = TrainingSpec.learning_rate,
    batch_size: Annotated[int, typer.Option(min=1)] = TrainingSpec.batch_size,
    epochs: Annotated[int, typer.Option(min=1)] = TrainingSpec.n_epochs,
    weight_decay: Annotated[float, typer.Option(min=0)] = 0.0,
    momentum: Annotated[float, typer.Option(min=0, help="For sgd.")] = 0.0,
    max_tokens: Annotated[int, typer.Option(min=1)] = TrainingSpec.max_tokens,
    label_words: LabelWordsOption = None,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    device: DeviceOption = None,
    precision: PrecisionOption = "auto",
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a final model whose training data is known."""
    from core.audit.finetune import finetune as run
    from core.audit.plan import finetune_plan
    from core.device import choose_compute

    training = TrainingSpec(
        optimizer, learning_rate, batch_size, epochs, weight_decay, momentum, max_tokens, seed
    )
    ref = DataRef(data, text_column, label_column, sample)
    with _job(_store(store), f"Fine-tune {out.name}", finetune_plan(sample, epochs)) as progress:
        record, was_there = run(
            base,
            ref,
            out,
            training,
            choose_compute(device, precision),
            progress,
            _words(label_words),
        )
    _say(
        {
            "final": str(out),
            "was_there": was_there,
            "n_documents": record.n_documents,
            "labels": list(record.label_names),
            "train_loss": record.epochs[-1]["train_loss"],
        },
        as_json,
    )


@app.command()
def audit(
    base: Annotated[str, typer.Option(help="Model before fine-tuning: folder, hub or builtin.")],
    final: Annotated[str, typer.Option(help="Model after fine-tuning.")],
    seed_corpus: Annotated[
        list[str], typer.Option(help="Public candidates; repeat for several. FILE#SPLIT works.")
    ],
    task: Annotated[str, typer.Option(help="What the final model does.")] = "classification",
    budget: Annotated[int, typer.Option(help="How many documents a strategy selects.")] = 500,
    reference: Annotated[
        str | None, typer.Option(help="True fine-tuning data, for evaluation only.")
    ] = None,
    test: Annotated[str | None, typer.Option(help="Labelled documents to test on.")] = None,
    strategy: Annotated[
        list[Strategy] | None, typer.Option(help="Repeat for several [default: all].")
    ] = None,
    text_column: TextColumnOption = "text",
    label_column: Annotated[
        str, typer.Option(help="Label column of reference and test.")
    ] = "label",
    candidates: Annotated[
        int | None, typer.Option(help="Keep this many of the seed corpus, at random.")
    ] = None,
    reference_sample: Annotated[int | None, typer.Option(help="As finetune --sample.")] = None,
    test_sample: Annotated[int | None, typer.Option()] = None,
    held_out_source: Annotated[
        str | None,
        typer.Option(help="The corpus (file stem) of documents like the reference, not used."),
    ] = None,
    label_words: LabelWordsOption = None,
    optimizer: Annotated[Optimizer | None, typer.Option(help="Of the final model.")] = None,
    learning_rate: Annotated[float | None, typer.Option()] = None,
    batch_size: Annotated[int | None, typer.Option(min=1)] = None,
    weight_decay: Annotated[float | None, typer.Option(min=0)] = None,
    momentum: Annotated[float | None, typer.Option(min=0)] = None,
    max_tokens: Annotated[int | None, typer.Option(min=1)] = None,
    student_epochs: Annotated[int, typer.Option(min=1, help="At most, per student.")] = 10,
    checkpoints: Annotated[int, typer.Option(help="Synthetic checkpoints.")] = 1,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    title: Annotated[str, typer.Option(help="Shown in the dashboard.")] = "",
    device: DeviceOption = None,
    precision: PrecisionOption = "auto",
    queue: Annotated[bool, typer.Option("--queue", help="Run in the background.")] = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find the documents of a seed corpus that a weight difference points to."""
    given = {
        "optimizer": optimizer,
        "learning_rate": learning_rate,
        "batch_size": batch_size,
        "weight_decay": weight_decay,
        "momentum": momentum,
        "max_tokens": max_tokens,
    }
    spec = AuditSpec(
        base=base,
        final=final,
        seed_corpus=tuple(DataRef(place, text_column) for place in seed_corpus),
        n_candidates=candidates,
        task=task,
        budget=budget,
        strategies=tuple(strategy or Strategy),
        reference=_known(reference, text_column, label_column, reference_sample),
        test=_known(test, text_column, label_column, test_sample),
        held_out_source=held_out_source,
        label_words=_words(label_words),
        training=_training(final, {name: v for name, v in given.items() if v is not None}),
        n_student_epochs=student_epochs,
        n_checkpoints=checkpoints,
        seed=seed,
        title=title,
    )
    place = _store(store)
    from core.audit.run import title_of

    if queue:
        _queue(place, title_of(spec), as_json)
        return
    from core.audit.plan import audit_plan
    from core.audit.run import run_audit
    from core.device import choose_compute

    with _job(place, title_of(spec), audit_plan(spec)) as progress:
        outcome = run_audit(
            spec, place, choose_compute(device, precision), progress, progress.attach_audit
        )
    _say(_outcome(outcome), as_json)


@app.command()
def dashboard(
    port: Annotated[
        int | None, typer.Option(help="Port [default: the first free from 8501]")
    ] = None,
    store: StoreOption = None,
) -> None:
    """Serve the dashboard on this machine."""
    _serve(_store(store), port)


@app.command()
def verify(
    audit_id: Annotated[str | None, typer.Argument(help="One audit [default: all].")] = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Recount and redigest audit files against their manifests."""
    from cache.manifest import verify_audits

    results = verify_audits(_store(store), audit_id)
    _say({result.audit_id: result.verdict for result in results}, as_json)
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

    n_rows = export_selection(_store(store), audit_id, strategy, out)
    _say({"out": str(out), "n_rows": n_rows}, as_json)


@jobs_app.command("list")
def list_jobs(store: StoreOption = None, as_json: JsonOption = False) -> None:
    """Every job, newest first."""
    from cache.jobs import JobTable

    table = JobTable(_store(store))
    table.sweep_lost()
    _say(
        {
            job.job_id: f"{job.state} {job.progress:.0%} {job.title}"
            + (f": {job.error}" if job.error else "")
            for job in table.all()
        },
        as_json,
    )


@jobs_app.command()
def cancel(job_id: int, store: StoreOption = None) -> None:
    """Ask a job to stop; what it has computed is kept."""
    _job_table(store, job_id).request_cancel(job_id)


@jobs_app.command()
def log(job_id: int, n_lines: int = 50, store: StoreOption = None) -> None:
    """The last lines of a job's log."""
    typer.echo(_job_table(store, job_id).log_tail(job_id, n_lines))


@jobs_app.command()
def resume(job_id: int, store: StoreOption = None) -> None:
    """Queue an ended job again; it continues where it was."""
    from core.jobs.worker import ensure_worker

    _job_table(store, job_id).requeue(job_id)
    ensure_worker(_store(store))


def _store(path: Path | None) -> Store:
    store = Store(path.expanduser().absolute()) if path else Store.default()
    try:
        store.root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            "a folder that can be written for the store",
            f"{store.root} ({error})",
            "name another with --store",
        ) from error
    return store


def _job(store: Store, title: str, plan: dict[str, float]) -> Any:
    from core.jobs.running import running_job

    return running_job(store, sys.argv[1:], title, plan)


def _job_table(store: Path | None, job_id: int) -> Any:
    from cache.jobs import JobTable

    table = JobTable(_store(store))
    if table.get(job_id) is None:
        raise InputError("the number of a job", str(job_id), "see `assay jobs list`")
    return table


def _queue(store: Store, title: str, as_json: bool) -> None:
    from cache.jobs import JobTable
    from core.jobs.worker import ensure_worker

    command = [word for word in sys.argv[1:] if word != "--queue"]
    job_id = JobTable(store).submit(command, title)
    ensure_worker(store)
    _say({"job_id": job_id}, as_json)


def _serve(store: Store, port: int | None) -> None:
    from core.dashboard import serve

    raise typer.Exit(serve(store, port))


def _known(
    location: str | None, text_column: str, label_column: str, sample: int | None
) -> DataRef | None:
    return DataRef(location, text_column, label_column, sample) if location else None


def _words(option: str | None) -> tuple[str, ...] | None:
    return tuple(word.strip() for word in option.split(",")) if option else None


def _training(final: str, given: dict[str, Any]) -> TrainingSpec | None:
    """What was given, on top of what `assay finetune` recorded; None if nothing was."""
    if not given:
        return None
    from core.models.record import TrainingRecord
    from core.models.resolve import resolve_model

    record = TrainingRecord.read(resolve_model(final))
    return replace(record.training if record else TrainingSpec(), **given)


def _outcome(outcome: Any) -> dict[str, Any]:
    return {"audit": outcome.audit_id, "path": str(outcome.path), "was_there": outcome.was_there}


def _say(result: dict[Any, Any], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(result))
        return
    for key, value in result.items():
        typer.echo(f"{key}: {value}")


@contextmanager
def _explained() -> Iterator[None]:
    """Errors in one sentence on stderr, with the exit status that says whose they are."""
    try:
        yield
    except InputError as error:
        _fail(str(error), 2)
    except (Cancelled, KeyboardInterrupt):
        _fail("Cancelled; what was computed so far is kept and the same command continues.", 1)
    except AssayError as error:
        _fail(str(error), 1)
    except Exception as error:
        if _is_out_of_space(error):
            _fail(
                "Expected room on the disk, but got none left; free some space or name another "
                "place with --store. What was computed so far is kept.",
                2,
            )
        raise


def _is_out_of_space(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            return True
        if "no space left on device" in str(error).lower():
            return True
        error = error.__cause__ or error.__context__
    return False


def _fail(message: str, status: int) -> None:
    print(message, file=sys.stderr)
    raise SystemExit(status)
