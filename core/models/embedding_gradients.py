"""How far rows of the embedding table moved along each document's own gradient.

Nothing couples the documents of a batch, so one backward pass of their summed loss gives every
document's gradient at its own input embeddings. A backward pass costs about as much as a forward
pass. The gradients themselves are let go; what stays is one number a token of a document, and
a projection of those at the middle checkpoint.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from assay.core.errors import InputError
from assay.core.gradients.embedding_agreement import (
    agreement,
    per_token,
    whitening,
    without_drift,
)
from assay.core.gradients.embedding_movement import Movement, RowMovement, differences, row_movement
from assay.core.gradients.embedding_sketch import (
    N_BUCKETS,
    N_DIRECTIONS,
    EmbeddingSketch,
)
from assay.core.models.causal_lm import LanguageModel
from assay.core.models.classifier import Classifier, SequenceClassifier
from assay.core.models.examples import Example, TextDocument
from assay.core.models.input_layer import embedded_rows, input_table, is_tied
from assay.core.models.loading import ModelPair, interpolated
from assay.core.models.output_gradients import output_gradients, own_tokens
from assay.core.models.text_model import Batches, TextModel, example_batches
from assay.core.runtime.parallel import side_by_side

# The points between base (0) and final (1) where gradients are taken, because it is unknown when a
# document was seen. Three points cover early, middle and late training (measured on classifiers:
# six add less than .001 to the AUC). A language model's gradients turn so little in one epoch that
# the middle alone does as well.
CHECKPOINTS = (0.1, 0.5, 1.0)
LANGUAGE_CHECKPOINTS = (0.5,)
# Every row of a tied table moves, and a large agreement of a single row comes from a token that a
# similar document shares. A trained document moves all its rows a little.
MOST_A_TIED_ROW = 0.1
# A backward pass keeps the results of the forward pass.
_TOKENS_PER_BATCH = 2048
# Documents (r), tokens (r), and the gradients at the tokens' rows for each label, each (r × d).
_Rows = tuple[Tensor, Tensor, list[Tensor]]


@dataclass(frozen=True)
class AgreementRows:
    """The agreements of n documents' tokens; a document's tokens are in ascending order.

    indices (n, int64): which documents; n_tokens (n, int64): how many different tokens each has;
    tokens (r, int32); agreements (r × L, float32 in [−1, 1]): how much of the token's movement
    descent along the document's gradients explains, 0 where the row stood still. L: 1 for a
    language model; 2 for a classifier, at the final model's likeliest label and at the next one,
    since a document may have been trained on with a label that the final model does not give.
    projected (n × k, float32): the rows of a document's own tokens of its gradient at the middle
    checkpoint and the likeliest label, for inner products among them; squared_norms (n) and
    alignment (n) with common · base − final, both exact, float64. pseudolabel (n, int64): of a
    classifier.
    """

    indices: NDArray[np.int64]
    n_tokens: NDArray[np.int64]
    tokens: NDArray[np.int32]
    agreements: NDArray[np.float32]
    projected: NDArray[np.float32]
    squared_norms: NDArray[np.float64]
    alignment: NDArray[np.float64]
    pseudolabel: NDArray[np.int64] | None = None


class EmbeddingGradients:
    """Checkpoints on the line from base to final, and the movements to compare with.

    A classifier has the final model's head at every checkpoint, because its initial head is unknown
    to an outsider. InputError if the input embeddings were not trained.
    """

    def __init__(self, pair: ModelPair, checkpoints: Sequence[float] = ()) -> None:
        self._final = pair.final
        is_language = isinstance(pair.final, LanguageModel)
        checkpoints = checkpoints or (LANGUAGE_CHECKPOINTS if is_language else CHECKPOINTS)
        before, after = (input_table(model) for model in (pair.base, pair.final))
        self.movement = table_movement(before, after)
        if self.movement.kind is Movement.FROZEN:
            raise InputError(
                "a final model whose input embeddings were trained",
                "unchanged ones (frozen, or not part of the adapter)",
                "remove --strategy embedding-match and embedding-select",
            )
        device = pair.base.compute.device
        moved = differences(_host(before), _host(after), self.movement)
        self._movements = torch.from_numpy(moved).to(device)
        self._adds_output_part = is_language and is_tied(pair.final)
        self._own_movements = self._movements
        if self._adds_output_part:
            self._own_movements = without_drift(self._movements, before.to(device).float())
        self._whitening = whitening(
            self._own_movements[torch.from_numpy(self.movement.is_moved).to(device)]
        )
        # Of what selection aims at: base − final, up to the common factor.
        self.target_norm = float(np.linalg.norm(moved))
        n_tokens, width = moved.shape
        self._sketch = EmbeddingSketch.draw(n_tokens, width, device)
        self._checkpoints = [_checkpoint(pair, fraction) for fraction in checkpoints]

    @property
    def most_a_row(self) -> float:
        """How much of a row's agreement counts for a document (``embedding_scores``)."""
        return MOST_A_TIED_ROW if self._adds_output_part else 1.0

    def of(self, documents: Sequence[TextDocument]) -> Iterator[AgreementRows]:
        """Rows of ``documents`` in batches of similar length; every index comes exactly once."""
        for indices, batch in self.batches(documents):
            yield replace(self.of_batch(batch), indices=np.asarray(indices))

    def batches(self, documents: Sequence[TextDocument]) -> Batches:
        """The batches of ``of``."""
        return example_batches(self._final.examples(documents), _TOKENS_PER_BATCH)

    def of_batch(self, batch: Sequence[Example]) -> AgreementRows:
        """Rows of one batch, in its order."""
        if not any(example.token_ids for example in batch):
            n_labels = 2 if isinstance(self._final, Classifier) else 1
            return _without_tokens(len(batch), n_labels)
        labels, made = self._at_checkpoints(batch)
        of_document, tokens, _ = made[0]
        found = list(zip(*(gradients for _, _, gradients in made), strict=True))
        moved = self._own_movements[tokens]
        agreements = [agreement(own, moved, self._whitening) for own in found]
        kept = self._kept(found[0], of_document, tokens, self._movements[tokens], len(batch))
        return AgreementRows(
            indices=np.arange(len(batch)),
            n_tokens=np.bincount(of_document.cpu().numpy(), minlength=len(batch)),
            tokens=tokens.cpu().numpy().astype(np.int32),
            agreements=_host(torch.stack(agreements, dim=1)),
            **kept,
            pseudolabel=None if labels is None else labels[:, 0].cpu().numpy(),
        )

    def _kept(
        self,
        gradients: Sequence[Tensor],
        of_document: Tensor,
        tokens: Tensor,
        movements: Tensor,
        n_documents: int,
    ) -> dict[str, NDArray]:
        """What selection needs of the gradients (r × d) at the middle checkpoint."""
        rows = gradients[len(gradients) // 2]

        def sums(of_rows: Tensor) -> NDArray[np.float64]:
            total = torch.zeros(n_documents, dtype=torch.float64, device=of_rows.device)
            return total.index_add_(0, of_document, of_rows.double()).cpu().numpy()

        return {
            "projected": _host(self._sketch.of(rows, tokens, of_document, n_documents)),
            "squared_norms": sums((rows**2).sum(dim=1)),
            "alignment": sums(-(rows * movements).sum(dim=1)),
        }

    def _at_checkpoints(self, batch: Sequence[Example]) -> tuple[Tensor | None, list[_Rows]]:
        """The final model's two likeliest labels (n × 2; None if it gives none), and the gradients
        of every checkpoint.

        The final model gives the labels, and is a checkpoint, too: one forward pass does for both.
        """
        if not isinstance(self._final, Classifier):
            at_each = [partial(self.gradients, model, batch, None) for model in self._checkpoints]
            return None, side_by_side(at_each, self._final.compute.device)
        own = _ForwardPass(self._final, batch)
        labels = own.logits.detach().topk(2, dim=-1).indices
        at_each = [
            partial(own.gradients, labels)
            if model is self._final
            else partial(self.gradients, model, batch, labels)
            for model in self._checkpoints
        ]
        return labels, side_by_side(at_each, self._final.compute.device)

    def gradients(self, model: TextModel, batch: Sequence[Example], labels: Tensor | None) -> _Rows:
        """Documents (r), tokens (r) and the gradients of their losses at the tokens' rows (r × d).

        For a classifier at each column of ``labels`` (n × L), from one forward pass. For a language
        model once, at its next tokens, including the output layer's part if it shares the table.
        """
        if labels is None:
            return self._at_next_tokens(model, batch)
        assert isinstance(model, Classifier)
        return _ForwardPass(model, batch).gradients(labels)

    def _at_next_tokens(self, model: TextModel, batch: Sequence[Example]) -> _Rows:
        assert isinstance(model, LanguageModel)
        token_ids, mask = model.pad([example.token_ids for example in batch])
        with torch.enable_grad(), embedded_rows(model) as embedded:
            states = model.states(token_ids, mask)
        own = own_tokens(token_ids, mask)
        at_states, outer = output_gradients(
            states.detach(), model.head(), model.cap, token_ids, batch, own
        )
        (at_positions,) = torch.autograd.grad(states, embedded, at_states)
        of_document, tokens, inner = per_token(at_positions.float(), token_ids, mask)
        if self._adds_output_part:
            places = torch.searchsorted(own[of_document], tokens[:, None])[:, 0]
            inner = inner + outer[of_document, places, : inner.shape[1]]
        return of_document, tokens, [inner]


class _ForwardPass:
    """A classifier's logits for a batch, (n × C), kept with what a backward pass needs."""

    def __init__(self, model: Classifier, batch: Sequence[Example]) -> None:
        self._n_labels = len(model.label_names)
        self._token_ids, self._mask = model.pad([example.token_ids for example in batch])
        with torch.enable_grad(), embedded_rows(model) as embedded:
            self.logits, _ = model.forward(self._token_ids, self._mask)
        self._embedded = embedded

    def gradients(self, labels: Tensor) -> _Rows:
        """At each column of ``labels`` (n × L). Once only: the pass is let go."""
        # With two labels, the gradient at one is the negative of that at the other.
        needed = labels[:, :1] if self._n_labels == 2 else labels
        with torch.enable_grad():
            losses = [
                functional.cross_entropy(self.logits, column, reduction="sum")
                for column in needed.T
            ]
            at_positions = [
                torch.autograd.grad(loss, self._embedded, retain_graph=loss is not losses[-1])
                for loss in losses
            ]
        rows = [per_token(at.float(), self._token_ids, self._mask) for (at,) in at_positions]
        found = [gradients for _, _, gradients in rows]
        found += [-found[0]] * (labels.shape[1] - len(found))
        return rows[0][0], rows[0][1], found


def _without_tokens(n_documents: int, n_labels: int) -> AgreementRows:
    return AgreementRows(
        np.arange(n_documents),
        np.zeros(n_documents, np.int64),
        np.zeros(0, np.int32),
        np.zeros((0, n_labels), np.float32),
        np.zeros((n_documents, N_BUCKETS * N_DIRECTIONS), np.float32),
        np.zeros(n_documents),
        np.zeros(n_documents),
    )


def table_movement(before: Tensor, after: Tensor) -> RowMovement:
    """The movement between two tables (V × d), on any device."""
    return row_movement(_host(before), _host(after))


def _checkpoint(pair: ModelPair, fraction: float) -> TextModel:
    """θ at a fraction of the way; a classifier's has the final model's head."""
    if fraction == 1:
        return pair.final
    model = interpolated(pair.base, pair.final, fraction)
    if not isinstance(pair.final, SequenceClassifier):
        return model
    if model is pair.base:
        model = model.copied()
    model.last_layer().load_state_dict(pair.final.last_layer().state_dict())
    return model


def _host(values: Tensor) -> NDArray[np.float32]:
    return values.detach().float().cpu().numpy()
