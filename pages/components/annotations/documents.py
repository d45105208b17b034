"""What people said about the documents of an audit, as its pages need it."""

from __future__ import annotations

from pathlib import Path

from assay.cache.annotations.annotations import Annotated
from assay.cache.annotations.documents import document_annotations
from assay.cache.store import Store
from assay.core.specs.annotations import Annotation
from assay.pages.components.annotations.choices import tags_of
from assay.pages.components.annotations.editor import show_annotation


def said_of(path: Path) -> dict[int, Annotation]:
    """By the documents' numbers, as it is now."""
    return document_annotations(Store.default(), path)


def show_document_annotation(path: Path, document_id: int, text_hash: str) -> None:
    """What was said about a document, and the means to change it."""
    said = said_of(path)
    one = said.get(document_id, Annotation())
    show_annotation(Annotated.audit(path.stem), text_hash, one, tags_of(said))
