"""A page that fails shows one sentence, which names a log with the details."""

from __future__ import annotations

import logging
import os
import traceback
import uuid
from collections.abc import Callable
from logging.handlers import RotatingFileHandler
from pathlib import Path

import streamlit as st

from assay.core.errors import AssayError
from assay.pages.components.escaping import markdown_safe

_MAX_BYTES, _N_OLDER = 5_000_000, 2


def logging_to(path: Path) -> Callable[[Exception], bool]:
    """Streamlit calls this when a page raises an error; everything goes to ``path``."""
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
    handler = RotatingFileHandler(path, maxBytes=_MAX_BYTES, backupCount=_N_OLDER)
    handler.setFormatter(logging.Formatter("%(asctime)s  %(message)s"))
    log = logging.getLogger("assay.pages")
    log.addHandler(handler)
    log.propagate = False

    def failed(error: Exception) -> bool:
        if isinstance(error, AssayError):
            # The error itself says what is wrong, and what to do.
            log.warning("%s", error)
            st.warning(markdown_safe(str(error)), icon=":material/report:")
            return True
        reference = uuid.uuid4().hex[:8]
        log.error("%s\n%s", reference, "".join(traceback.format_exception(error)))
        st.error(
            markdown_safe(f"This page failed. The log {path} says why, under {reference}."),
            icon=":material/error:",
        )
        return True

    return failed
