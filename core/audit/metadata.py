"""What an audit says about itself: its options, provenance and caveats."""

from __future__ import annotations

import datetime
from collections.abc import Mapping

from assay.core.audit.context import AuditContext
from assay.core.audit.metrics.null_draws import N_NULL_DRAWS
from assay.core.audit.provenance import environment
from assay.core.audit.resolved_audit import ResolvedAudit
from assay.core.audit.stages.answerable import what_was_left_out
from assay.core.specs.audit import INSIDERS_HEAD, AuditSpec, HeadStart, title_of
from assay.core.specs.commands import command_line
from assay.core.specs.hashing import content_key
from assay.core.specs.plain import to_plain
from assay.core.specs.results.audit import StudentTraining


def describe(
    audit: AuditContext,
    asked: AuditSpec,
    label_names: tuple[str, ...],
    caveats: tuple[str, ...],
    head_start: HeadStart,
    splits: Mapping[str, str],
) -> None:
    """The facts about the audit itself.

    ``asked``: the options, including the strategies that had to be left out. ``splits``: see
    ``ModelPair``.
    """
    question, spec, builder = audit.question, audit.spec, audit.builder
    if builder.is_done("describe"):
        return
    with builder.stage("describe"):
        builder.put_meta("spec", to_plain(spec))
        builder.put_meta("title", title_of(spec))
        builder.put_meta("created_at", datetime.datetime.now(datetime.UTC).isoformat())
        builder.put_meta("label_names", list(label_names))
        own = [*_caveats(question), *what_was_left_out(audit, asked.strategies), *_skipped(audit)]
        builder.put_meta("caveats", [*insiders_caveat(head_start), *caveats, *own])
        builder.put_meta("initial_head", str(head_start))
        training = StudentTraining(**vars(question.training), source=question.training_source)
        builder.put_meta("training", to_plain(training))
        builder.put_meta(
            "provenance",
            {
                **environment(question.compute),
                **splits,
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
    """The first caveat of an audit that knows more than an outsider can."""
    return (INSIDERS_HEAD,) if head_start is HeadStart.RECORDED else ()


def _caveats(question: ResolvedAudit) -> list[str]:
    caveats = []
    if question.training_source == "default":
        caveats.append(
            "The final model's hyperparameters are unknown; students were trained "
            "with Assay's defaults."
        )
    if question.compute.is_bf16:
        caveats.append(
            "Models ran in bf16, as requested. float32 would select some other documents, so "
            "statements about single documents may not hold in float32."
        )
    if question.spec.reference is None:
        caveats.append(
            "No reference set was given, so this audit cannot show whether selected documents "
            "were trained on."
        )
    elif question.spec.held_out_source is None:
        caveats.append(
            "The seed corpus has no held-out documents of the reference set's domain, so finding "
            "the domain cannot be distinguished from finding training documents."
        )
    if question.spec.student_note:
        caveats.append(question.spec.student_note)
    if question.spec.n_student_epochs:
        caveats.append(
            "One random seed: student accuracies also vary with the seed, which the intervals do "
            "not include."
        )
    if question.spec.grid:
        caveats.append(
            "One final model: the titration's seeds vary which training documents are in the "
            "pool, not the training run of the final model."
        )
    return caveats


def _skipped(audit: AuditContext) -> list[str]:
    """Which rows of the sources could not be read; nothing is read if a pair is not assessable."""
    builder = audit.builder
    return builder.meta("skipped_rows") if builder.has_meta("skipped_rows") else []
