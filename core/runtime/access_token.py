"""The secret that a dashboard with a token requires: made here, checked by the server."""

from __future__ import annotations

import hashlib
import secrets

from assay.core.errors import InputError

TOKEN_VARIABLE = "ASSAY_TOKEN"
_SHORTEST = 16


def new_token() -> str:
    """A secret that cannot be guessed."""
    return secrets.token_urlsafe(24)


def check_token(token: str) -> str:
    """The token; InputError for one that could be guessed, or that cannot be in an address."""
    if len(token) < _SHORTEST or not all(c.isascii() and (c.isalnum() or c in "-_") for c in token):
        raise InputError(
            f"at least {_SHORTEST} letters, digits, - or _ in the variable {TOKEN_VARIABLE}",
            f"{len(token)} characters that do not fit",
            "unset it, and Assay generates a token",
        )
    return token


def cookie(token: str, port: int) -> tuple[str, str]:
    """The name and value of the cookie that shows that a browser knew the token.

    Browsers send cookies to every port of a machine, so each dashboard has its own name.
    """
    return f"assay-{port}", hashlib.sha256(f"assay {port} {token}".encode()).hexdigest()
