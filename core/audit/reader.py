"""Documents in the form in which a model of a given task reads them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from assay.core.data.conversations import rendered, response_start
from assay.core.data.document_rows import Document
from assay.core.data.labels import LabelMapping, map_labels
from assay.core.data.skipped import SkippedRows, Unusable
from assay.core.data.sources import read_documents, read_labels
from assay.core.errors import InputError
from assay.core.models.examples import TextDocument
from assay.core.models.text_model import TextModel
from assay.core.specs.data import DataRef, Task

_WINDOW = 2048
_Read = tuple[Document, TextDocument | None]


class Reader:
    """Turns documents of a source into what a model is trained on and scored with.

    ``skipped``: rows of the sources that held no document.
    """

    def __init__(self, model: TextModel, task: Task, response_template: str | None) -> None:
        self.model, self._task, self._template = model, task, response_template
        self.skipped = SkippedRows()

    def windows(
        self, documents: Iterable[Document], labels: LabelMapping | None = None
    ) -> Iterator[list[_Read]]:
        """Batches of documents, each with what the model reads of it.

        None for a document with nothing to score (SFT). Without ``labels`` no labels are read.
        """
        iterator = iter(documents)
        while window := list(islice(iterator, _WINDOW)):
            yield list(zip(window, self._read(window, labels), strict=True))

    def labels_of(self, ref: DataRef) -> LabelMapping | None:
        """What the labels of a whole source mean; None if no labels are read.

        InputError if that is not clear.
        """
        if self._task is not Task.CLASSIFICATION or ref.label_column is None:
            return None
        known = read_labels(ref)
        names = self.model.label_names
        return map_labels(known.found, names, ref.location, known.class_names, ref.label_names)

    def scored(
        self, ref: DataRef, seed: int, labels: LabelMapping | None = None
    ) -> Iterator[list[TextDocument]]:
        """The documents of ``ref`` that have something to score; InputError if there are none."""
        n_scored = 0
        for window in self.windows(read_documents(ref, seed, self.skipped), labels):
            scored = [document for _, document in window if document is not None]
            n_scored += len(scored)
            if scored:
                yield scored
        if n_scored == 0:
            raise InputError(
                "at least one document with tokens to score",
                self.skipped.told(f"none in {ref.location!r}"),
                "check --response-template and --max-tokens",
            )

    def _read(
        self, documents: Sequence[Document], labels: LabelMapping | None
    ) -> list[TextDocument | None]:
        if self._task is Task.CLASSIFICATION:
            return [_labelled(document, labels) for document in documents]
        candidates = [self._with_prompt(document) for document in documents]
        marked = [candidate for candidate in candidates if candidate]
        examples = iter(self.model.examples(marked))
        return [
            candidate if candidate and next(examples).n_next_tokens else None
            for candidate in candidates
        ]

    def _with_prompt(self, document: Document) -> TextDocument | None:
        if document.messages:
            try:
                text, start = rendered(document.messages, self.model.tokenizer)
            except Unusable as reason:
                self.skipped.add(str(reason), *document.place)
                return None
            return TextDocument(text, None, start)
        if self._template is None:
            return TextDocument(document.text)
        found = response_start(document.text, self._template)
        return None if found is None else TextDocument(document.text, None, found)


def _labelled(document: Document, labels: LabelMapping | None) -> TextDocument:
    if labels is None or document.label is None:
        return TextDocument(document.text, None)
    return TextDocument(document.text, labels[document.label])
