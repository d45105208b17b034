"""Documents as a model of a given task reads them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from assay.core.data.conversations import rendered, response_start
from assay.core.data.labels import label_index
from assay.core.data.sources import Document, read_documents
from assay.core.errors import InputError
from assay.core.models.examples import TextDocument
from assay.core.models.text_model import TextModel
from assay.core.specs.data import DataRef, Task

_WINDOW = 2048
_Read = tuple[Document, TextDocument | None]


class Reader:
    """Turns documents of a source into what a model is trained on and scored by."""

    def __init__(self, model: TextModel, task: Task, response_template: str | None) -> None:
        self.model, self._task, self._template = model, task, response_template

    def windows(self, documents: Iterable[Document], where: str) -> Iterator[list[_Read]]:
        """Documents beside what the model reads of each, some at a time.

        None for one that holds nothing to score (SFT). InputError for a label that the model does
        not know.
        """
        iterator = iter(documents)
        while window := list(islice(iterator, _WINDOW)):
            yield list(zip(window, self._read(window, where), strict=True))

    def scored(self, ref: DataRef, seed: int) -> Iterator[list[TextDocument]]:
        """The documents of ``ref`` with something to score; InputError if there are none."""
        n_scored = 0
        for window in self.windows(read_documents(ref, seed), ref.location):
            scored = [document for _, document in window if document is not None]
            n_scored += len(scored)
            if scored:
                yield scored
        if n_scored == 0:
            raise InputError(
                "at least one document with something to score",
                f"none in {ref.location!r}",
                "check --response-template and --max-tokens",
            )

    def _read(self, documents: Sequence[Document], where: str) -> list[TextDocument | None]:
        if self._task is Task.CLASSIFICATION:
            return [self._labelled(document, where) for document in documents]
        candidates = [self._with_prompt(document) for document in documents]
        marked = [candidate for candidate in candidates if candidate]
        examples = iter(self.model.examples(marked))
        return [
            candidate if candidate and next(examples).n_next_tokens else None
            for candidate in candidates
        ]

    def _labelled(self, document: Document, where: str) -> TextDocument:
        names, label = self.model.label_names, document.label
        return TextDocument(
            document.text, None if label is None else label_index(label, names, where)
        )

    def _with_prompt(self, document: Document) -> TextDocument | None:
        if document.messages:
            text, start = rendered(document.messages, self.model.tokenizer)
            return TextDocument(text, None, start)
        if self._template is None:
            return TextDocument(document.text)
        found = response_start(document.text, self._template)
        return None if found is None else TextDocument(document.text, None, found)
