"""Data files that a visitor uploads: checked, kept in the store and offered in the form."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from tempfile import TemporaryDirectory

import streamlit as st

from assay.cache.store import Store
from assay.core.data.formats import is_supported, supported_formats
from assay.core.data.preview import preview_files
from assay.core.errors import InputError
from assay.pages.components.escaping import markdown_safe
from assay.pages.components.new_job.offers import forget_found

_UPLOAD_MB = 100
_ALL_UPLOADS_BYTES = 2_000_000_000
_ENDINGS = ["parquet", "jsonl", "ndjson", "json", "csv", "tsv", "gz", "zst"]


def show_upload(store: Store) -> None:
    """A place to upload data files; each is kept in the store and offered in the form."""
    with st.expander("Upload a data file", icon=":material/upload:"):
        given = st.file_uploader(
            f"{supported_formats()}, at most {_UPLOAD_MB} MB",
            type=_ENDINGS,
            max_upload_size=_UPLOAD_MB,
            key="new job: upload",
        )
        if given is None:
            return
        # Once a file: every run of the form has it again.
        is_new = st.session_state.get("new job: uploaded") != given.file_id
        try:
            kept = keep_upload(store, given.name, given.getvalue())
        except InputError as error:
            st.error(markdown_safe(str(error)))
            return
        st.write(f"Kept. Choose **{markdown_safe(str(kept.relative_to(store.root)))}** above.")
        st.session_state["new job: uploaded"] = given.file_id
        if is_new:
            forget_found()  # the lists above were made without it
            st.rerun()


def keep_upload(store: Store, name: str, content: bytes) -> Path:
    """Keep an uploaded file, in a folder that its contents name.

    InputError for one that is too large, of another kind or unreadable, or if there are too many.
    """
    store.require_writing()
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", Path(name.replace("\\", "/")).name).lstrip(".-")[-80:]
    if not is_supported(Path(plain)):
        raise InputError(f"a data file ({supported_formats()})", repr(name[:80]), "convert it")
    if len(content) > _UPLOAD_MB * 1_000_000 * 1.05:
        raise InputError(
            f"a file of at most {_UPLOAD_MB} MB",
            f"{len(content) / 1e6:,.0f} MB",
            "put it into a folder of --roots and name it",
        )
    uploads = store.data / "uploads"
    uploads.mkdir(mode=0o700, exist_ok=True)
    kept = uploads / hashlib.sha256(content).hexdigest()[:12] / plain
    if kept.exists():
        return kept
    taken = sum(file.stat().st_size for file in uploads.rglob("*") if file.is_file())
    if taken + len(content) > _ALL_UPLOADS_BYTES:
        raise InputError(
            f"uploads of at most {_ALL_UPLOADS_BYTES / 1e9:.0f} GB in all",
            f"{taken / 1e9:.1f} GB that are kept already",
            f"delete some from {uploads}",
        )
    with TemporaryDirectory(dir=uploads, prefix=".") as folder:
        partial = Path(folder) / plain
        partial.write_bytes(content)
        if not preview_files(str(partial), None).rows:
            raise InputError(f"documents in {plain!r}", "no rows", "choose another file")
        kept.parent.mkdir(mode=0o700, exist_ok=True)
        partial.replace(kept)
    return kept
