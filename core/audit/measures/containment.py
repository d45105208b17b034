"""How much of the reference set's vocabulary a selection holds."""

from __future__ import annotations

from collections.abc import Sequence

from cache.writer import AuditBuilder
from core.audit.measures.draws import true_sample
from core.audit.measures.judge import Judge
from core.maths.overlap import vocabulary, vocabulary_containment
from core.models.text_model import TextModel
from core.specs import AuditSpec, Metric


class Containment(Judge):
    """Containment of token sets; at best, that of as many true documents."""

    metric = Metric.CONTAINMENT

    def __init__(self, builder: AuditBuilder, tokenizer: TextModel, spec: AuditSpec) -> None:
        texts = [row[0] for row in builder.rows("SELECT text FROM documents ORDER BY document_id")]
        self._documents = [frozenset(ids) for ids in tokenizer.tokenize(texts)]
        reference = [
            row[0]
            for row in builder.rows("SELECT text FROM reference_documents ORDER BY reference_id")
        ]
        self._reference = vocabulary(tokenizer.tokenize(reference))
        sample = true_sample(len(reference), spec)
        sampled = vocabulary(tokenizer.tokenize([reference[index] for index in sample]))
        self.ceiling = vocabulary_containment(sampled, self._reference)

    def measure(self, documents: Sequence[int]) -> tuple[float, str]:
        selected = vocabulary(self._documents[index] for index in documents)
        return vocabulary_containment(selected, self._reference), "token sets of the model"
