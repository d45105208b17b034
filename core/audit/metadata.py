"""What an audit says about itself: question, provenance, caveats."""

from __future__ import annotations

import datetime

from assay.cache.audits.writer import AuditBuilder
from assay.core.audit.metrics.null_draws import N_NULL_DRAWS
from assay.core.audit.provenance import environment
from assay.core.audit.resolved_audit import ResolvedAudit, title_of
from assay.core.audit.stages.embedding_agreement import what_was_left_out
from assay.core.specs.audit import INSIDERS_HEAD, AuditSpec, HeadStart
from assay.core.specs.commands import command_line
from assay.core.specs.hashing import content_key
from assay.core.specs.plain import to_plain


def describe(
    question: ResolvedAudit,
    asked: AuditSpec,
    builder: AuditBuilder,
    label_names: tuple[str, ...],
    caveats: tuple[str, ...],
    head_start: HeadStart,
) -> None:
    """The facts about the audit itself; ``asked``: the question before what cannot be answered was
    left out."""
    if builder.is_done("describe"):
        return
    spec = question.spec
    with builder.stage("describe"):
        builder.put_meta("spec", to_plain(spec))
        builder.put_meta("title", title_of(spec))
        builder.put_meta("created_at", datetime.datetime.now(datetime.UTC).isoformat())
        builder.put_meta("label_names", list(label_names))
        own = [*_caveats(question), *what_was_left_out(builder), *_skipped(builder)]
        builder.put_meta("caveats", [*insiders_caveat(head_start), *caveats, *own])
        builder.put_meta("initial_head", str(head_start))
        builder.put_meta(
            "training", {**to_plain(question.training), "source": question.training_source}
        )
        builder.put_meta(
            "provenance",
            {
                **environment(question.compute),
                "base_weights_sha256": question.base_sha256,
                "final_weights_sha256": question.final_sha256,
                "seed_corpus_sha256": content_key(question.data_sha256["seed_corpus"]),
                "reference_sha256": question.data_sha256["reference"],
                "test_sha256": question.data_sha256["test"],
                "command": command_line(asked),
                "n_null_draws": N_NULL_DRAWS,
            },
        )


def insiders_caveat(head_start: HeadStart) -> tuple[str, ...]:
    """What is said first of an audit that knows more than an outsider can."""
    return (INSIDERS_HEAD,) if head_start is HeadStart.RECORDED else ()


def _caveats(question: ResolvedAudit) -> list[str]:
    caveats = []
    if question.training_source == "default":
        caveats.append(
            "The final model's hyperparameters are unknown; students were trained "
            "with Assay's defaults."
        )
    if question.spec.reference is None:
        caveats.append(
            "No reference set was given, so nothing here says whether selected "
            "documents were trained on."
        )
    elif question.spec.held_out_source is None:
        caveats.append(
            "The seed corpus has no held-out documents of the reference set's own "
            "kind, so finding its domain cannot be told from finding its members."
        )
    if question.spec.n_student_epochs:
        caveats.append(
            "One random seed: student accuracies also vary with the seed, which their "
            "intervals do not show."
        )
    if question.spec.titration:
        caveats.append(
            "One final model: the titration's seeds draw which trained documents are in the pool, "
            "and do not show how figures vary between trainings."
        )
    return caveats


def _skipped(builder: AuditBuilder) -> list[str]:
    """What of the sources could not be read; of a pair that is not assessable nothing was."""
    rows = builder.rows("SELECT value FROM meta WHERE key = 'skipped_rows'")
    return builder.meta("skipped_rows") if rows else []
