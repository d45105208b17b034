"""The stage that reads data sources into the document tables of an audit file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, replace

from assay.core.audit.context import AuditContext
from assay.core.audit.memory_needs import of_a_file
from assay.core.audit.reader import Reader
from assay.core.data.document_rows import Document
from assay.core.data.labels import LabelMapping
from assay.core.data.sources import read_documents, sampled
from assay.core.errors import InputError
from assay.core.models.loading import ModelPair
from assay.core.specs.audit import AuditSpec
from assay.core.specs.audit_checks import check_budget
from assay.core.specs.data import Role, Task
from assay.core.specs.hashing import text_hash
from assay.core.specs.results.audit import AuditCounts

# A share of one document is all or nothing.
_MIN_LEAKED = 2
_OPTIONS = {
    Role.TRAINED: "--reference",
    Role.HELD_OUT: "--held-out",
    Role.OUT_OF_DOMAIN: "--out-of-domain",
}


def ingest(audit: AuditContext, reader: Reader) -> None:
    """Write seed corpus, reference set and test set; exact duplicates in the corpus are dropped.

    Each corpus is sampled with its own seed: otherwise two samples of one file would be the same
    documents. InputError if a pool is smaller than the budget, if a titration lacks documents of a
    role, or if a label is unknown to the final model.
    """
    builder = audit.builder
    mappings = _label_mappings(audit, reader)
    n_reference = _write_reference(audit, reader, mappings.get("reference"))
    read = _write_seed_corpus(audit, reader)
    n_leaked, n_held_out = int(audit.roles.is_trained.sum()), int(audit.roles.is_held_out.sum())
    _check_size(audit.spec, read.n_documents, n_leaked, n_held_out)
    n_test = _write_test(audit, reader, mappings.get("test"))
    for line in reader.skipped.lines():
        audit.progress.note(line)
    builder.put_meta("skipped_rows", reader.skipped.lines())
    counts = replace(
        read,
        n_rows_skipped=len(reader.skipped),
        n_reference=n_reference,
        n_leaked=n_leaked,
        n_held_out=n_held_out,
        n_test=n_test,
    )
    builder.put_meta("counts", asdict(counts))


def _check_size(spec: AuditSpec, n_documents: int, n_leaked: int, n_held_out: int) -> None:
    """InputError if a pool cannot fill its budget, or a titration lacks documents of a role."""
    if spec.held_out_source is not None and n_held_out == 0:
        raise InputError(
            f"held-out documents in {spec.held_out_source!r} that are not in the reference set",
            "none",
            "give other documents with --held-out"
            if spec.titration
            else "give documents that were not trained on, or remove --held-out-source",
        )
    smallest, what = n_documents, "the seed corpus"
    if spec.titration:
        n_others = n_documents - n_leaked
        n_of = {Role.TRAINED: n_leaked, Role.HELD_OUT: n_held_out}
        n_of[Role.OUT_OF_DOMAIN] = n_others - n_held_out
        for role, n_own in n_of.items():
            if n_own < 2:
                raise InputError(
                    f"at least two {role} documents that are in no other set",
                    f"{n_own}",
                    f"give others with {_OPTIONS[role]}",
                )
    if spec.grid:
        if n_leaked < _MIN_LEAKED:
            raise InputError(
                f"at least {_MIN_LEAKED} reference documents in the seed corpus",
                f"{n_leaked}",
                "remove --leaked-share, or add training documents to the seed corpus",
            )
        smallest = n_documents - n_leaked + round(min(spec.grid.leaked_shares) * n_leaked)
        what = "the smallest pool"
    check_budget(spec.budget, smallest, what)


def _label_mappings(audit: AuditContext, reader: Reader) -> dict[str, LabelMapping]:
    """What the labels of reference and test set mean.

    Decided once per file, before anything is computed, then shown and stored.
    """
    known = {"reference": audit.spec.reference, "test": audit.spec.test}
    found = {}
    for name, ref in known.items():
        mapping = reader.labels_of(ref) if ref else None
        if ref and mapping and mapping.indices:
            found[name] = mapping
            audit.progress.note(mapping.line(ref.location, reader.model.label_names))
    audit.builder.put_meta(
        "label_mappings",
        {name: {"by": own.by, "labels": dict(own.indices)} for name, own in found.items()},
    )
    return found


def _write_reference(audit: AuditContext, reader: Reader, labels: LabelMapping | None) -> int:
    spec = audit.spec
    if spec.reference is None:
        return 0
    n_rows = 0
    for window in reader.scored(spec.reference, spec.seed, labels):
        audit.builder.write(
            "reference_documents",
            {
                "reference_id": range(n_rows, n_rows + len(window)),
                "text_hash": [text_hash(document.text) for document in window],
                "text": [document.text for document in window],
                "label": [document.label for document in window],
            },
        )
        n_rows += len(window)
    return n_rows


def _write_seed_corpus(audit: AuditContext, reader: Reader) -> AuditCounts:
    """How many documents were read and dropped."""
    spec, reference = audit.spec, audit.rows.reference_hashes()
    seen: set[str] = set()
    n_rows = n_duplicates = n_unscored = 0
    stream: Iterator[Document] = (
        document
        for position, ref in enumerate(spec.seed_corpus)
        for document in read_documents(ref, spec.seed + position, reader.skipped)
    )
    if spec.n_candidates is not None:
        stream = sampled(stream, spec.n_candidates, spec.seed)
    for window in reader.windows(stream):
        fresh = []
        for source, document in window:
            if document is None:
                n_unscored += 1
                continue
            key = text_hash(document.text)
            if key in seen:
                n_duplicates += 1
            else:
                seen.add(key)
                fresh.append((key, source.source, document))
        audit.progress.advance(len(window))
        if not fresh:
            continue
        documents = [document for _, _, document in fresh]
        audit.builder.write(
            "documents",
            {
                "document_id": range(n_rows, n_rows + len(fresh)),
                "text_hash": [key for key, _, _ in fresh],
                "text": [document.text for document in documents],
                "source": [source for _, source, _ in fresh],
                "n_tokens": [len(e.token_ids) for e in reader.model.examples(documents)],
                "in_reference": [key in reference for key, _, _ in fresh],
                "n_prompt_characters": [d.n_prompt_characters for d in documents],
            },
        )
        n_rows += len(fresh)
        audit.builder.make_room(of_a_file(audit.memory, n_rows))
    return AuditCounts(n_rows, n_duplicates, n_unscored)


def _write_test(audit: AuditContext, reader: Reader, labels: LabelMapping | None) -> int:
    spec = audit.spec
    if spec.test is None:
        return 0
    n_rows = 0
    for window in reader.scored(spec.test, spec.seed, labels):
        if spec.task is Task.CLASSIFICATION and any(d.label is None for d in window):
            raise InputError(
                "a label for every test document",
                "one without a label",
                "give the label column with --label-column",
            )
        audit.builder.write(
            "test_documents",
            {
                "test_id": range(n_rows, n_rows + len(window)),
                "text": [document.text for document in window],
                "label": [document.label for document in window],
                "n_prompt_characters": [d.n_prompt_characters for d in window],
            },
        )
        n_rows += len(window)
    return n_rows


def ingest_documents(audit: AuditContext, pair: ModelPair) -> None:
    if audit.builder.is_done("documents"):
        return
    tables = ("documents", "reference_documents", "test_documents")
    with audit.stage("read documents", 0, "documents", tables):
        ingest(audit, Reader(pair.final, audit.spec.task, audit.spec.response_template))
