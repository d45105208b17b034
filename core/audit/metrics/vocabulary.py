"""How much vocabulary a selection shares with the reference set."""

from __future__ import annotations

from collections.abc import Sequence

from assay.core.audit.context import AuditContext
from assay.core.audit.metrics.base import MixtureMetric
from assay.core.audit.metrics.null_draws import true_sample
from assay.core.models.text_model import Tokenization
from assay.core.similarity.vocabulary import vocabulary, vocabulary_containment
from assay.core.specs.metrics import Metric


class Containment(MixtureMetric):
    """Containment of token sets; at best, that of as many reference documents."""

    metric = Metric.CONTAINMENT

    def __init__(self, audit: AuditContext, tokenization: Tokenization) -> None:
        texts = audit.rows.texts("seed-corpus")
        self._documents = [frozenset(ids) for ids in tokenization.tokenize(texts)]
        true = audit.rows.texts("reference")
        self._true = [frozenset(ids) for ids in tokenization.tokenize(true)]
        self._reference = vocabulary(self._true)
        self.n_reference = len(true)
        self.ceiling, _ = self.mixed(true_sample(len(true), audit.spec), [])

    def mixed(self, true: Sequence[int], documents: Sequence[int]) -> tuple[float, str]:
        own = vocabulary(self._true[index] for index in true)
        own |= vocabulary(self._documents[index] for index in documents)
        return vocabulary_containment(
            own, self._reference
        ), "sets of tokens, by the model's tokenizer"
