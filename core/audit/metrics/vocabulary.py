"""How much vocabulary a selection shares with the reference set."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice

import numpy as np

from assay.cache.files.spilled import SpilledNumbers
from assay.core.audit.context import AuditContext
from assay.core.audit.metrics.base import MixtureMetric
from assay.core.audit.metrics.null_draws import true_sample
from assay.core.models.text_model import Tokenization
from assay.core.similarity.vocabulary import vocabulary, vocabulary_containment
from assay.core.specs.metrics import Metric

_TEXTS_AT_ONCE = 2_048


class Containment(MixtureMetric):
    """Containment of token sets; at best, that of as many reference documents."""

    metric = Metric.CONTAINMENT

    def __init__(self, audit: AuditContext, tokenization: Tokenization) -> None:
        self._documents = _tokens_of(audit, "seed-corpus", tokenization)
        self._true = _tokens_of(audit, "reference", tokenization)
        self.n_reference = len(self._true)
        self._reference = _together(self._true, range(self.n_reference))
        self.ceiling, _ = self.mixed(true_sample(self.n_reference, audit.spec), [])

    def mixed(self, true: Sequence[int], documents: Sequence[int]) -> tuple[float, str]:
        own = _together(self._true, true) | _together(self._documents, documents)
        return vocabulary_containment(
            own, self._reference
        ), "sets of tokens, by the model's tokenizer"


def _tokens_of(audit: AuditContext, set_name: str, tokenization: Tokenization) -> SpilledNumbers:
    """The different tokens of every document of a set; on disk, since selections need few."""
    found = SpilledNumbers(audit.store.building)
    texts = audit.rows.each_text(set_name)
    while together := list(islice(texts, _TEXTS_AT_ONCE)):
        found.append(np.unique(ids) for ids in tokenization.tokenize(together))
    return found


def _together(tokens: SpilledNumbers, documents: Iterable[int]) -> set[int]:
    return vocabulary(tokens.of(number).tolist() for number in documents)
