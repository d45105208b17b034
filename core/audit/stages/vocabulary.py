"""Which tokens occurred in fine-tuning, and which documents that excludes; no forward pass."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from assay.cache.audits.writer import AuditBuilder
from assay.cache.files.spilled import SpilledNumbers
from assay.core.audit.context import AuditContext
from assay.core.errors import InputError
from assay.core.models.text_reading import tokenizer_file_digest
from assay.core.models.training_vocabulary import TrainingVocabulary, read_training_vocabulary
from assay.core.specs.results.audit import AuditVocabulary
from assay.core.specs.vocabulary import VocabularyFacts
from assay.core.stats.training_vocabulary import (
    LEAST_KNOWN,
    counts_by_sample,
    vocabulary_match,
)

# Texts that are tokenized and written together.
_WINDOW = 2048
_TABLES = ("token_movement", "document_vocabulary", "vocabulary_scores")


def read_vocabulary(audit: AuditContext) -> None:
    """Fill ``token_movement``, ``document_vocabulary`` and ``vocabulary_scores``, and say in
    ``meta`` what they allow.

    All stay empty where the tables cannot be compared or no row is known to have stood still; the
    reason stands in ``meta``.
    """
    question, builder, progress = audit.question, audit.builder, audit.progress
    if builder.is_done("vocabulary"):
        return
    with audit.stage("vocabulary", audit.n_documents, in_parts=_TABLES):
        try:
            found = read_training_vocabulary(question.base, question.final)
        except InputError as error:
            progress.note(f"no training vocabulary: {error}")
            builder.put_meta("vocabulary", VocabularyFacts(problem=str(error)).to_plain())
            return
        facts = found.facts()
        if facts.is_assessable:
            facts = _write(audit, found, facts)
        else:
            facts = replace(facts, max_tokens=found.reader().limit(question.training.max_tokens))
            progress.note(f"no token can be ruled out ({', '.join(facts.doubts)})")
        known = AuditVocabulary(
            **vars(facts),
            reads_last=found.reads_last,
            tokenizer_folder=str(question.final),
            tokenizer_sha256=tokenizer_file_digest(question.final),
        )
        builder.put_meta("vocabulary", known.to_plain())


def _write(
    audit: AuditContext, found: TrainingVocabulary, facts: VocabularyFacts
) -> VocabularyFacts:
    reader, max_tokens = found.reader(), audit.training.max_tokens
    tokenizer = reader.tokenizer(max_tokens)
    frequencies, n_unmoved = found.frequencies([]), np.zeros(audit.n_documents, np.int64)
    read = SpilledNumbers(audit.store.building)
    for first in range(0, audit.n_documents, _WINDOW):
        texts = [document.text for document in audit.rows.documents(first, _WINDOW)]
        own = [encoded.ids for encoded in tokenizer.encode_batch(texts)]
        unmoved, tokens = reader.unmoved(own), [reader.read_tokens(ids) for ids in own]
        audit.builder.write(
            "document_vocabulary",
            {
                "document_id": range(first, first + len(own)),
                "n_different": [len(one) for one in tokens],
                "n_unmoved": [len(one) for one in unmoved],
                "unmoved": [one.astype(np.int32) for one in unmoved],
            },
        )
        frequencies += found.frequencies(own)
        n_unmoved[first : first + len(own)] = [len(one) for one in unmoved]
        read.append(tokens)
        audit.progress.advance(len(own))
    estimate = found.estimated_documents(frequencies, audit.n_documents)
    facts = facts.with_texts(reader.limit(max_tokens), n_unmoved.tolist(), estimate)
    _write_tokens(audit.builder, found, frequencies[found.token_ids], audit.n_documents, facts)
    _write_scores(audit.builder, found, frequencies, read)
    return facts


def _write_scores(
    builder: AuditBuilder,
    found: TrainingVocabulary,
    frequencies: NDArray[np.int64],
    read: SpilledNumbers,
) -> None:
    norms = np.zeros(len(frequencies), np.float32)
    norms[found.token_ids] = found.movement.norms
    n_documents = len(read)
    tokens = map(read.of, range(n_documents))
    builder.write(
        "vocabulary_scores",
        {
            "document_id": range(n_documents),
            "score": vocabulary_match(tokens, norms, frequencies, n_documents),
        },
    )


def _write_tokens(
    builder: AuditBuilder,
    found: TrainingVocabulary,
    frequencies: NDArray[np.int64],
    n_documents: int,
    facts: VocabularyFacts,
) -> None:
    counts = _counts(found, frequencies, n_documents, facts.n_estimated)
    builder.write(
        "token_movement",
        {
            "token_id": found.token_ids,
            "token": list(found.tokens),
            "is_special": found.is_special,
            "is_moved": found.movement.is_moved,
            "norm": found.movement.norms,
            "n_documents": frequencies,
            "n_estimated": _nullable(counts[:, 0]),
            "n_estimated_low": _nullable(counts[:, 1]),
            "n_estimated_high": _nullable(counts[:, 2]),
        },
    )


def _counts(
    found: TrainingVocabulary,
    frequencies: NDArray[np.int64],
    n_documents: int,
    n_estimated: float | None,
) -> NDArray[np.float64]:
    """The number of training documents that held each token, and a range, (V × 3).

    Assumes that they are like the seed corpus; NaN where it is not estimated.
    """
    ordinary_norms = np.where(found.is_special, 0, found.movement.norms).astype(np.float32)
    nothing = np.full((len(frequencies), 3), np.nan)
    n_known = ((ordinary_norms > 0) & (frequencies > 0)).sum()
    if n_estimated is None or n_known < LEAST_KNOWN:
        return nothing
    counts = counts_by_sample(ordinary_norms, frequencies, n_documents, n_estimated)
    return np.where(ordinary_norms[:, None] > 0, counts, nothing)


def _nullable(values: NDArray[np.float64]) -> list[float | None]:
    return [None if np.isnan(value) else float(value) for value in values]
