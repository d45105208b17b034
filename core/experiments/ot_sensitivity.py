"""How distances fall as a selection is replaced by training documents (paper fig. 4)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from statistics import fmean

import numpy as np

from assay.cache.audits.texts import Texts, read_reference, read_selected
from assay.core.models.pretrained import load_tokenizer
from assay.core.similarity.transport import transport_distance
from assay.core.similarity.vocabulary import vocabulary, vocabulary_containment
from assay.core.specs.metrics import Metric
from assay.core.specs.strategies import Strategy

SHARES = tuple(tenth / 10 for tenth in range(11))
# The number of draws of which documents are replaced, and by which; as in the paper.
N_TRIALS = 5


def replaced_by_truth(
    audit: Path, final: Path, strategy: Strategy, max_tokens: int, seed: int
) -> Iterator[tuple[float, Metric, float]]:
    """(share replaced, metric, mean over trials) of a selection against the whole reference set.

    Replaced documents and their replacements are drawn without replacement; if the reference set
    has fewer documents than are to be replaced, all of them are used. Tokens are those of the model
    in ``final``.
    """
    tokenizer = load_tokenizer(final)
    selected, reference = read_selected(audit, strategy), read_reference(audit)
    selected_tokens, reference_tokens = (
        tokenizer(list(known.texts), truncation=True, max_length=max_tokens)["input_ids"]
        for known in (selected, reference)
    )
    true_vocabulary = vocabulary(reference_tokens)
    generator = np.random.default_rng(seed)
    for share in SHARES:
        distances, contained = [], []
        for _ in range(N_TRIALS if share else 1):
            kept, added = _draw(selected, reference, share, generator)
            mixed = np.concatenate([selected.embeddings[kept], reference.embeddings[added]])
            distances.append(transport_distance(mixed, reference.embeddings).distance)
            tokens = [selected_tokens[i] for i in kept] + [reference_tokens[i] for i in added]
            contained.append(vocabulary_containment(vocabulary(tokens), true_vocabulary))
        yield share, Metric.TRANSPORT, fmean(distances)
        yield share, Metric.CONTAINMENT, fmean(contained)


def _draw(
    selected: Texts, reference: Texts, share: float, generator: np.random.Generator
) -> tuple[list[int], list[int]]:
    n_replaced = min(round(share * len(selected.texts)), len(reference.texts))
    kept = generator.permutation(len(selected.texts))[n_replaced:]
    added = generator.permutation(len(reference.texts))[:n_replaced]
    return kept.tolist(), added.tolist()
